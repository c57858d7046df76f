"""Reference ligands as leads inside their pockets, retyped and changed: one row a setting in in_pocket_leads.csv.

python experiments/leads/in_pocket_leads.py --data crossdocked_test --work work --n 2
python experiments/leads/in_pocket_leads.py --data crossdocked_test --work work --n 2 --settings join=true valence=true

Every complex of the folder (clusters of crossdocked_test are left out of training); the molecules are made as
`generate --retype` and `--lead --change` make them, with Vina's pull. Shares are percent of all molecules asked for, a
lead that is refused counts with all of them; intervals are bootstraps over complexes. Rows that are there stay.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem

sys.path.insert(0, str(Path(__file__).parents[1] / "fragments"))
from in_pockets import counted, prepared

from molediff.config import UserError
from molediff.docking.sites import site_of_ligand
from molediff.model import Model, load
from molediff.pipelines import Generate
from molediff.pipelines.frame import Frame, cut_pocket
from molediff.pipelines.guided import PULL, guided
from molediff.pipelines.tasks import Optimise, Retype, Task
from molediff.sampling import GuidanceConfig

TABLE = Path(__file__).parent / "in_pocket_leads.csv"


def main() -> None:
    """Fill the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of complexes")
    parser.add_argument("--work", type=Path, default=Path("work"), help="folder for receptors")
    parser.add_argument("--model", default="pocket")
    parser.add_argument("--n", type=int, default=2, help="molecules a complex (default 2)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--changes", default="0.4,0.6")
    parser.add_argument("--settings", nargs="*", default=[], metavar="NAME=VALUE", help="of sampling, as bend=1")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    model = load(args.model)
    names = sorted(p.name for p in args.data.iterdir() if (p / "ligand.sdf").is_file())
    kinds = {"retype": lambda path, frame: Retype(path, model, frame)}
    for change in map(float, args.changes.split(",")):
        kinds[f"lead {change:g}"] = lambda path, frame, change=change: Optimise(path, model, change, frame)
    rows = pd.read_csv(TABLE).to_dict("records") if TABLE.is_file() else []
    label = {"model": f"{model.source.name} {model.source.checksum[:8]}", "complexes": len(names), "n": args.n}
    label |= {"steps": args.steps, "seed": args.seed, "settings": " ".join(args.settings) or "none"}
    for kind, read in kinds.items():
        about = {"task": kind} | label
        if any(all(row[k] == v for k, v in about.items()) for row in rows):
            continue
        table = pd.concat([of_complex(args, model, name, read) for name in names])
        rows.append(about | shares(table))
        pd.DataFrame(rows).to_csv(TABLE, index=False)
        print(rows[-1], flush=True)


def of_complex(args: argparse.Namespace, model: Model, name: str, read) -> pd.DataFrame:
    """One row a molecule."""
    path = args.data / name / "ligand.sdf"
    ligand, receptor = Chem.MolFromMolFile(str(path)), prepared(args, name)
    settings = dict(word.split("=", 1) for word in args.settings)
    settings = {k: v == "true" if v in ("true", "false") else float(v) for k, v in settings.items()}
    try:
        frame = Frame.of(model, cut_pocket(receptor, site_of_ligand(receptor, ligand, name), ligand)[0])
        task: Task = read(path, frame)
        denoise = guided(model, receptor, frame, GuidanceConfig(pull=PULL))
        made = Generate(model, denoise)(n=args.n, seed=args.seed, steps=args.steps, task=task, **settings)
    except UserError as error:
        row = {"strict_heavy_valid": False, "connected": False, "another": False, "refused": str(error)}
        return pd.DataFrame([row | {"complex": name}] * args.n)
    smiles = Chem.CanonSmiles(Chem.MolToSmiles(ligand, isomericSmiles=False))
    another = made.table.strict_heavy_valid & (made.table.smiles.map(flat) != smiles)
    return made.table.assign(another=another, refused="", complex=name)


def flat(smiles: str) -> str:
    """Without stereo, as `molediff` has compared them."""
    mol = Chem.MolFromSmiles(smiles)
    return "" if mol is None else Chem.CanonSmiles(Chem.MolToSmiles(mol, isomericSmiles=False))


def shares(table: pd.DataFrame) -> dict:
    """Percentages of all molecules; medians over the valid ones."""
    found: dict = {}
    for key, column in (("valid", "strict_heavy_valid"), ("connected", "connected"), ("another", "another")):
        share, interval = counted(table, column)
        found |= {key: share, f"{key}_interval": interval}
    valid = table[table.strict_heavy_valid.astype(bool)]
    for key in ("tanimoto_to_lead", "rmsd_to_lead"):
        found[key] = round(float(np.nanmedian(valid[key])), 3) if key in valid and len(valid) else float("nan")
    return found | {"refused": int((table.refused != "").sum())}


if __name__ == "__main__":
    main()
