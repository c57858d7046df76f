"""Held-out molecules as leads: retyped, and changed by a little or a lot. One row a setting in result.csv.

python experiments/leads/run.py --data data/qm9_ani2x --model qm9 --leads 200

Each lead goes through an SDF file, as a user's would, and one molecule is asked of each. Rows of the table are not
made again: it goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import pandas as pd
from rdkit import Chem

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "qm9_free"))
from held_out import HELD_OUT
from together import run_together

from molediff.chem.valences import TOO_MANY
from molediff.data.shards import open_shards
from molediff.model import load
from molediff.pipelines.tasks import Optimise, Retype, Task
from molediff.sampling import SamplingConfig

SETTINGS = ("temperature", "bend", "end", "churn")
"""Options with which settings of `SamplingConfig` are tried."""


def read_all(mols: list[Chem.Mol], read) -> list[Task]:
    """A task of each lead."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lead.sdf"
        tasks = []
        for mol in mols:
            path.write_text(Chem.MolToMolBlock(mol, kekulize=False) + "$$$$\n")
            tasks.append(read(path))
    return tasks


def shares(table: pd.DataFrame, leads: list[Chem.Mol]) -> dict:
    """Percentages of all leads; medians over the valid molecules.

    ``another``: valid and not the lead itself. ``unique_valid``: different valid molecules.
    """
    valid = table["strictly_valid" if "strictly_valid" in table else "strict_heavy_valid"].astype(bool)
    names = [Chem.CanonSmiles(Chem.MolToSmiles(Chem.RemoveHs(Chem.Mol(lead)))) for lead in leads]
    other = valid & (table.smiles != pd.Series(names))
    found = {"valid": 100 * valid.mean(), "valid_and_another": 100 * other.mean()}
    found |= {"unique_valid": 100 * table.smiles[valid].nunique() / len(table)}
    tanimoto = table.tanimoto_to_lead[valid]
    found |= {"tanimoto_median": tanimoto.median(), "tanimoto_q25": tanimoto.quantile(0.25)}
    found |= {"tanimoto_q75": tanimoto.quantile(0.75), "tanimoto_of_others": table.tanimoto_to_lead[other].median()}
    if "rmsd_to_lead" in table:
        rmsd = table.rmsd_to_lead[valid]
        found |= {"rmsd_median": rmsd.median(), "rmsd_q25": rmsd.quantile(0.25), "rmsd_q75": rmsd.quantile(0.75)}
    if "retyped" in table:
        heavy = pd.Series([sum(a.GetAtomicNum() > 1 for a in lead.GetAtoms()) for lead in leads])
        found |= {"known_exact": 100 * table.known_exact.mean(), "retyped_share": 100 * (table.retyped / heavy).mean()}
    return {name: round(float(value), 3) for name, value in found.items()}


def main() -> None:
    """Fill the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="data/qm9_ani2x", help="prepared qm9_ani2x")
    parser.add_argument("--split", default="edm", choices=HELD_OUT, help="whose test part the leads are of")
    parser.add_argument("--model", default="qm9")
    parser.add_argument("--leads", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--method", default="churn")
    for name in SETTINGS:
        usual = getattr(SamplingConfig(), name)
        parser.add_argument(f"--{name}", type=float, default=usual, help=f"of SamplingConfig (default {usual})")
    parser.add_argument("--join", action="store_true", help="bring pieces together, see molediff.sampling.joined")
    parser.add_argument("--valence", action="store_true", help="keep valences, see molediff.sampling.valence")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--changes", default="0.2,0.4,0.6")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--table", type=Path, default=Path(__file__).parent / "result.csv")
    args = parser.parse_args()
    model = load(args.model)
    found = HELD_OUT[args.split](open_shards(args.data), 2 * args.leads, args.seed)
    leads = [m for m in found if sum(a.GetAtomicNum() > 1 for a in m.GetAtoms()) >= 4][: args.leads]
    settings = {name: getattr(args, name) for name in SETTINGS} | {"join": args.join, "valence": args.valence}
    config = SamplingConfig(steps=args.steps, method=args.method, precision=args.precision, **settings)
    kinds = {"retype": lambda path: Retype(path, model)}
    for change in map(float, args.changes.split(",")):
        kinds[f"lead {change:g}"] = lambda path, change=change: Optimise(path, model, change)
    rows = pd.read_csv(args.table).to_dict("records") if args.table.is_file() else []
    label = {"model": f"{model.source.name} {model.source.checksum[:8]}", "leads": len(leads), "steps": args.steps}
    label |= {"method": args.method, "precision": args.precision, "seed": args.seed, **settings}
    label |= {"too_many": TOO_MANY if args.valence else 0}
    for kind, read in kinds.items():
        about = {"task": kind} | label
        if any(all(row[k] == v for k, v in about.items()) for row in rows):
            continue
        _, table = run_together(model, read_all(leads, read), [""] * len(leads), config, args.seed, args.batch)
        rows.append(about | shares(table, leads))
        pd.DataFrame(rows).to_csv(args.table, index=False)
        print(rows[-1], flush=True)


if __name__ == "__main__":
    main()
