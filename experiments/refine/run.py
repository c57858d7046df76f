"""PB-valid before and after `molediff refine`, and how far and how long the poses go.

    python experiments/refine/run.py --data astex_diverse --complexes 40 --methods mmff,vina
    python experiments/refine/run.py --data astex_diverse --docked work --complexes 20   # poses of docking_astex too
    python experiments/refine/run.py --table                                             # result.csv alone

Poses are made from the crystal ligand with hydrogens, seeded by the complex's place in the sorted set: ``placed``, an
ETKDG conformer, not minimised, laid over the crystal pose by its heavy atoms; ``rattled``, the crystal pose with each
atom moved by a Gaussian of 0.15 A along every axis, as a careless generator would give it; ``crystal``; and with
``--docked`` the first two poses of the row vina8-seed1. PB-valid is PoseBusters' `dock_fast`. A pose that cannot be
refined counts as not valid. Finished poses are lines of poses.csv; a run that was cut off goes on there.
"""

from __future__ import annotations

import argparse
import csv
import pickle
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem, RDLogger
from rdkit.Chem import AllChem, rdMolAlign

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from molediff.docking.prepare import prepare_receptor  # noqa: E402
from molediff.docking.refine import RefineConfig, refine  # noqa: E402
from molediff.docking.site import Site  # noqa: E402
from molediff.docking.tasks import Judge  # noqa: E402

COLUMNS = ("complex", "kind", "pose", "method", "valid_raw", "failed_raw", "valid", "failed", "moved", "rmsd_raw")
COLUMNS += ("rmsd", "vina_raw", "vina", "seconds", "note", "reason")
RATTLE = 0.15
"""Of each coordinate, angstrom."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the complexes")
    parser.add_argument("--complexes", type=int, default=40, help="the first so many of the sorted set (default 40)")
    parser.add_argument("--methods", default="mmff")
    parser.add_argument("--docked", type=Path, help="folder of poses that docking_astex/run.py wrote")
    parser.add_argument("--table", action="store_true", help="make result.csv from poses.csv and stop")
    args = parser.parse_args()
    RDLogger.DisableLog("rdApp.*")
    if not args.table:
        measure(args)
    table = summary(pd.read_csv(HERE / "poses.csv", keep_default_na=False, na_values={"moved": "", "rmsd": ""}))
    table.to_csv(HERE / "result.csv", index=False)
    print(table.to_string(index=False))


def measure(args: argparse.Namespace) -> None:
    """Append to poses.csv what is not there yet, complex by complex."""
    path = HERE / "poses.csv"
    if not path.is_file():
        path.write_text(",".join(COLUMNS) + "\n")
    with open(path, encoding="utf-8") as f:
        there = {tuple(line[k] for k in COLUMNS[:4]) for line in csv.DictReader(f)}
    names = sorted(p.name for p in args.data.iterdir() if (p / "ligand.sdf").is_file())[: args.complexes]
    for place, name in enumerate(names):
        crystal = Chem.MolFromMolFile(str(args.data / name / "ligand.sdf"))
        todo = [(*one, m) for one in made(args, name, crystal, place) for m in args.methods.split(",")]
        todo = [(kind, k, mol, m) for kind, k, mol, m in todo if (name, kind, str(k), m) not in there]
        if not todo:
            continue
        known = None if args.docked is None else args.docked / f"{name}.receptor.pkl"
        if known is not None and known.is_file():
            receptor = pickle.loads(known.read_bytes())
        else:
            receptor = prepare_receptor(str(args.data / name / "protein.pdb"), ligand=crystal)
        judge = Judge(receptor, Site(crystal.GetConformer().GetPositions().mean(0), np.full(3, 25.0), "ligand"))
        raw = {}
        for kind, k, mol, method in todo:
            raw[kind, k] = raw.get((kind, k)) or judge(mol)
            line = one_pose(receptor, judge, crystal, mol, method, raw[kind, k])
            line |= {"complex": name, "kind": kind, "pose": k, "method": method}
            with open(path, "a", encoding="utf-8", newline="") as f:
                csv.DictWriter(f, COLUMNS, lineterminator="\n").writerow(line)
            print(name, kind, k, method, line["valid_raw"], line["valid"], line["seconds"], line["reason"], flush=True)


def made(args: argparse.Namespace, name: str, crystal: Chem.Mol, place: int) -> list[tuple[str, int, Chem.Mol]]:
    """(kind, number, pose)"""
    whole = Chem.AddHs(crystal, addCoords=True)
    out = [("crystal", 1, whole)]
    placed = Chem.Mol(whole)
    if AllChem.EmbedMolecule(placed, randomSeed=1000 + place) == 0:
        heavy = [(a.GetIdx(), a.GetIdx()) for a in whole.GetAtoms() if a.GetAtomicNum() > 1]
        rdMolAlign.AlignMol(placed, whole, atomMap=heavy)
        out.append(("placed", 1, placed))
    rattled = Chem.Mol(whole)
    noise = np.random.default_rng(1000 + place).normal(0, RATTLE, (whole.GetNumAtoms(), 3))
    rattled.GetConformer().SetPositions(whole.GetConformer().GetPositions() + noise)
    out.append(("rattled", 1, rattled))
    path = None if args.docked is None else args.docked / f"vina8-seed1-{name}.sdf"
    if path is not None and path.is_file():
        out += [("docked", k + 1, m) for k, m in enumerate(Chem.SDMolSupplier(str(path), removeHs=False)) if k < 2]
    return out


def one_pose(receptor, judge: Judge, crystal: Chem.Mol, mol: Chem.Mol, method: str, raw: tuple[bool, str]) -> dict:
    """Figures of one pose, raw (judged before) and refined."""
    began = time.process_time()
    done = refine(receptor, mol, RefineConfig(method))
    seconds = time.process_time() - began
    line = {"valid_raw": raw[0], "failed_raw": raw[1], "valid": False, "failed": "", "moved": "", "rmsd": ""}
    line |= {"rmsd_raw": rmsd(mol, crystal), "seconds": round(seconds, 2), "note": done.note, "reason": done.reason}
    if done.mol is not None:
        line["valid"], line["failed"] = judge(done.mol)
        line |= {"moved": round(done.figures["moved"], 3), "rmsd": rmsd(done.mol, crystal)}
        line |= {"vina_raw": round(done.figures["vina_raw"], 3), "vina": round(done.figures["vina_relaxed"], 3)}
    return line


def rmsd(mol: Chem.Mol, crystal: Chem.Mol) -> float:
    """Symmetric, over heavy atoms, not superposed, angstrom."""
    return round(rdMolAlign.CalcRMS(Chem.RemoveAllHs(mol), Chem.Mol(crystal)), 3)


def summary(poses: pd.DataFrame) -> pd.DataFrame:
    """One line a kind and method; shares over all poses that were begun, percent."""
    out = []
    for (kind, method), group in poses.groupby(["kind", "method"]):
        valid = {key: group[key].astype(str) == "True" for key in ("valid_raw", "valid")}
        numbers = {key: pd.to_numeric(group[key], errors="coerce") for key in ("moved", "rmsd_raw", "rmsd", "seconds")}
        scores = {key: pd.to_numeric(group[key], errors="coerce") for key in ("vina_raw", "vina")}
        line = {"kind": kind, "method": method, "complexes": group["complex"].nunique(), "poses": len(group)}
        line |= {key: round(100 * value.mean(), 1) for key, value in valid.items()}
        line["lost"] = int((valid["valid_raw"] & ~valid["valid"]).sum())
        line["failed"] = int((group["reason"] != "").sum())
        line |= {f"{key}_median": round(value.median(), 2) for key, value in (numbers | scores).items()}
        line["seconds_mean"] = round(numbers["seconds"].mean(), 2)
        out.append(line)
    return pd.DataFrame(out)


if __name__ == "__main__":
    main()
