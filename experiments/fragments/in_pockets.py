"""Fragments of ligands grown again inside their pockets: one row a molecule in in_pockets_tasks.csv, shares in a table.

python experiments/fragments/in_pockets.py --data crossdocked_test --work work --model pocket --n 4

Every complex of the folder (clusters of crossdocked_test are left out of training): its ligand is cut once as training
cuts do, the pieces are read from an SDF file with dummy atoms at the cut bonds, and --n molecules are made from them in
the pocket as `generate --known` makes them, with as many new heavy atoms as were taken away. Shares, in percent of all
molecules asked for (a complex whose ligand is refused counts with all of them), are added to in_pockets.csv; the
interval is a bootstrap over complexes. ``--work`` keeps prepared receptors.
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem

sys.path.insert(0, str(Path(__file__).parent))

from run import LANDS, choose_cuts, cut_pieces, usual_rings

from molediff.config import UserError
from molediff.docking.prepare import prepare_receptor
from molediff.docking.sites import site_of_ligand
from molediff.model import Model, load
from molediff.pipelines import Generate
from molediff.pipelines.frame import Frame, cut_pocket
from molediff.pipelines.guided import CLASH, PULL, guided
from molediff.pipelines.tasks import Grow
from molediff.sampling import GuidanceConfig
from molediff.sampling.joined import GIVEN

HERE = Path(__file__).parent
FIGURES = {
    "known_exact": "known_exact",
    "connected_and_valid": "strict_heavy_valid",
    "attached": "attached_ok",
    "usual_rings": "usual_rings",
}
"""Column of the table -> column of a molecule's row; usual_rings is added to `Generate`'s here."""
RESAMPLES = 10_000


def main() -> None:
    """Cut, grow, count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of complexes")
    parser.add_argument("--work", type=Path, default=Path("work"), help="folder for receptors")
    parser.add_argument("--model", default="pocket")
    parser.add_argument("--n", type=int, default=4, help="molecules a complex (default 4)")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plain", action="store_true", help="without Vina's pull, which generate has")
    parser.add_argument("--settings", nargs="*", default=[], metavar="NAME=VALUE", help="of sampling, as bend=1")
    parser.add_argument("--complexes", type=int, default=10**6, help="the first so many")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    model = load(args.model)
    rows = []
    names = sorted(p.name for p in args.data.iterdir() if (p / "ligand.sdf").is_file())[: args.complexes]
    for number, name in enumerate(names):
        found = of_complex(args, model, name, number)
        rows += found
        good = sum(bool(row["strict_heavy_valid"]) for row in found)
        print(f"{name}: {good} of {args.n} connected and valid {found[0]['problem']}", flush=True)
    table = pd.DataFrame(rows)
    table.to_csv(HERE / "in_pockets_tasks.csv", index=False)
    shares = {"model": f"{model.source.name} {model.source.checksum[:8]}", "complexes": len(names)}
    shares |= {"molecules": len(table), "steps": args.steps, "pull": not args.plain, "seed": args.seed}
    put = model.recommended(args.steps, Grow.kind_in_pocket) | settings_of(args)
    shares |= {"settings": ",".join(f"{key}={value}" for key, value in put.items())}
    shares |= {"join": put.get("join", False), "begins": GIVEN, "lands": LANDS, "valence": put.get("valence", False)}
    for key, column in FIGURES.items():
        share, interval = counted(table, column)
        shares |= {key: share, f"{key}_interval": interval}
    shares |= {"refused": int(table.groupby("complex")["problem"].first().astype(bool).sum())}
    path = HERE / "in_pockets.csv"
    before = pd.read_csv(path).to_dict("records") if path.is_file() else []
    pd.DataFrame([*before, shares]).to_csv(path, index=False)
    print(shares)


def of_complex(args: argparse.Namespace, model: Model, name: str, number: int) -> list[dict]:
    """One row a molecule."""
    ligand = Chem.MolFromMolFile(str(args.data / name / "ligand.sdf"))
    lost = dict.fromkeys(FIGURES.values(), False)
    row = {"complex": name, "ligand": Chem.MolToSmiles(ligand), "known_heavy": 0, "new": 0, "problem": ""}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fragment.sdf"
        try:
            Chem.Kekulize(ligand, clearAromaticFlags=True)
            known = choose_cuts([ligand], model, args.seed + number, anywhere=False)[0]
            piece, gone = cut_pieces(ligand, known, marked=True)
            row |= {"known_heavy": len(known), "new": gone}
            path.write_text(Chem.MolToMolBlock(piece, kekulize=False) + "$$$$\n")
            receptor = prepared(args, name)
            frame = Frame.of(model, cut_pocket(receptor, site_of_ligand(receptor, ligand, name), ligand)[0])
            task = Grow.read(path, model, frame=frame)
            guidance = GuidanceConfig() if args.plain else GuidanceConfig(pull=PULL)
            denoise = guided(model, receptor, frame, guidance, 0.0 if args.plain else CLASH)
            made = Generate(model, denoise)(
                n=args.n, seed=args.seed, steps=args.steps, atoms=str(gone), task=task, **settings_of(args)
            )
        except UserError as error:
            return [row | {"problem": str(error).replace(folder, "")} | lost] * args.n
    columns = [*FIGURES.values(), "connected", "smiles", "new_heavy", "new_bonds_elsewhere"]
    made.table["usual_rings"] = made.table.strict_heavy_valid & made.table.smiles.map(usual_rings)
    return [row | one for one in made.table[columns].to_dict("records")]


def settings_of(args: argparse.Namespace) -> dict:
    """Of sampling, that were given."""
    return {key: json.loads(value) for key, value in (one.split("=", 1) for one in args.settings)}


def prepared(args: argparse.Namespace, name: str):
    """The receptor, prepared once."""
    path = args.work / f"{name}.pkl"
    if not path.is_file():
        ligand = Chem.MolFromMolFile(str(args.data / name / "ligand.sdf"))
        path.write_bytes(pickle.dumps(prepare_receptor(args.data / name / "protein.pdb", ligand=ligand)))
    return pickle.loads(path.read_bytes())


def counted(table: pd.DataFrame, column: str) -> tuple[float, str]:
    """(percent of all rows, its 95 % interval over complexes)."""
    share = table[column].fillna(False).astype(float).groupby(table["complex"]).mean().to_numpy()
    draws = np.random.default_rng(0).integers(0, len(share), (RESAMPLES, len(share)))
    low, high = np.percentile(share[draws].mean(1), [2.5, 97.5])
    return round(100 * float(share.mean()), 1), f"{100 * low:.1f} to {100 * high:.1f}"


if __name__ == "__main__":
    main()
