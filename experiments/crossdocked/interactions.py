"""Do generated molecules touch what the reference touches? Against other molecules of the same size docked there.

    python experiments/crossdocked/run.py --data crossdocked_test --work work --only plain --n 5 --pockets 93 --strain 2
    python experiments/crossdocked/interactions.py --data crossdocked_test --work work --made plain-MODEL-5-50-SETTINGS
    python experiments/crossdocked/interactions.py --table

``--made`` is the folder of a row's molecules that run.py left in ``--work``. Of each pocket the first --first molecules
are relaxed as `generate` relaxes them, and their interactions (prolif: residue and kind) are compared with those of the
reference ligand as it came: recovered = share of the reference's that the molecule has too; similarity = Tanimoto of
the two sets. A molecule that is not valid recovers nothing. Control: as many valid molecules that were made for other
pockets, each of the same number of heavy atoms or the nearest there is, docked into this one (`--engine torch`, first
pose). A line of interactions.jsonl is a pocket; interactions.csv has means over pockets and the paired difference with
its 95 % bootstrap interval over pockets.
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

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from made import check, options, relaxed  # noqa: E402

from molediff.docking.engines import engine  # noqa: E402
from molediff.docking.ligands import prepare, rows_of  # noqa: E402
from molediff.docking.receptor_files import pdb_text  # noqa: E402
from molediff.docking.settings import DockConfig  # noqa: E402
from molediff.docking.sites import site_of_ligand  # noqa: E402
from molediff.evaluation.errors import InputError  # noqa: E402
from molediff.evaluation.interactions import contacts, protonated, similarity  # noqa: E402

FIGURES = ("recovered", "similarity")
RESAMPLES = 10_000


def main() -> None:
    args = options(__doc__).parse_args()
    path = HERE / "interactions.jsonl"
    if not args.table:
        check(args)
        run(args, path)
    table = summary([json.loads(line) for line in path.read_text().splitlines()])
    table.to_csv(path.with_suffix(".csv"), index=False)
    print(table.to_string(index=False))


def run(args: argparse.Namespace, path: Path) -> None:
    """A line for every pocket that has none."""
    made = {one.stem: json.loads(one.read_text()) for one in sorted((args.work / args.made).glob("*.json"))}
    there = set()
    if path.is_file():
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        there = {one["pocket"] for one in lines if one["made"] == args.made and one["first"] == args.first}
    for number, pocket in enumerate(made):
        if pocket not in there:
            line = {"made": args.made, "first": args.first, "pocket": pocket} | of_pocket(args, made, pocket, number)
            with open(path, "a", encoding="utf-8") as f:
                f.write(json.dumps(line) + "\n")
            print(pocket, line["reference"], line["made_recovered"], line["other_recovered"], flush=True)


def of_pocket(args: argparse.Namespace, made: dict[str, dict], pocket: str, number: int) -> dict:
    """{'reference' (its interactions), 'made_recovered', 'other_recovered', ... (one entry a molecule)}."""
    receptor = pickle.loads((args.work / f"{pocket}.pkl").read_bytes())
    ligand = Chem.MolFromMolFile(str(args.data / pocket / "ligand.sdf"))
    site = site_of_ligand(receptor, ligand, pocket)
    mine = made[pocket]
    atoms = mine["atoms"][: args.first]
    out: dict = {f"{who}_{figure}": [] for who in ("made", "other") for figure in FIGURES} | {"reason": ""}
    with tempfile.TemporaryDirectory() as folder:
        protein = str(Path(folder) / "protein.pdb")
        Path(protein).write_text(pdb_text(receptor))
        try:
            reference = contacts(protonated(ligand), protein)
        except InputError as error:
            reference, out["reason"] = [], str(error).replace(folder, "")
        out["reference"] = len({(row["residue"], row["kind"]) for row in reference})
        if not reference:
            return out
        for k, block in enumerate(mine["blocks"][: args.first]):
            pose = relaxed(receptor, block)
            keep(out, "made", pose, protein, reference)
            other = another(made, pocket, atoms[k], args.first * number + k)
            config = DockConfig(seed=1, poses=1)
            docked = engine("torch")(receptor, site, prepare(rows_of([other])[0], config), config)
            keep(out, "other", docked.poses, protein, reference)
    return out


def another(made: dict[str, dict], pocket: str, atoms: int, number: int) -> str:
    """SMILES of a valid molecule of another pocket, of the same number of atoms or the nearest; by the number."""
    valid = [
        (abs(n - atoms), smiles)
        for name, one in made.items()
        if name != pocket
        for n, smiles, ok in zip(one["atoms"], one["smiles"], one["valid"], strict=True)
        if ok
    ]
    nearest = sorted({smiles for away, smiles in valid if away == min(valid)[0]})
    return nearest[np.random.default_rng(number).integers(len(nearest))]


def keep(out: dict, who: str, pose: Chem.Mol | None, protein: str, reference: list[dict]) -> None:
    """Add the figures of a pose; none at all recovers nothing."""
    rows = [] if pose is None else contacts(pose, protein)
    wanted, found = ({(row["residue"], row["kind"]) for row in side} for side in (reference, rows))
    out[f"{who}_recovered"].append(round(len(wanted & found) / len(wanted), 4))
    out[f"{who}_similarity"].append(round(similarity(rows, reference) or 0.0, 4))


def summary(lines: list[dict]) -> pd.DataFrame:
    """Means over pockets, and made less other, paired."""
    out = []
    for (made, first), part in pd.DataFrame(lines).groupby(["made", "first"], sort=False):
        told = part[part["reference"] > 0]
        for figure in FIGURES:
            a, b = (np.array([np.mean(v) for v in told[f"{who}_{figure}"]]) for who in ("made", "other"))
            draws = np.random.default_rng(0).integers(0, len(a), (RESAMPLES, len(a)))
            low, high = np.percentile((a - b)[draws].mean(1), [2.5, 97.5])
            out.append(
                {"made": made, "first": first, "pockets": len(told), "without_reference": len(part) - len(told)}
                | {"figure": figure, "made_mean": round(a.mean(), 3), "other_mean": round(b.mean(), 3)}
                | {"difference": round((a - b).mean(), 3), "low": round(low, 3), "high": round(high, 3)}
            )
    return pd.DataFrame(out)


if __name__ == "__main__":
    main()
