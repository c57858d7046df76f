"""Molecules for the pockets of crossdocked_test: every pocket, every molecule asked for counts. Resumable per pocket.

    python experiments/crossdocked/run.py --data crossdocked_test --work work --n 100         # 100 a pocket: many hours
    python experiments/crossdocked/run.py --data crossdocked_test --work work --n 5 --pockets 20 --only plain
    python experiments/crossdocked/run.py --table                                              # the table alone

``--data`` is the folder of crossdocked_test.tar.xz, unpacked. Finished pockets are lines of results.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1])]

from molediff.docking.prepare import prepare_receptor  # noqa: E402
from molediff.docking.site import Site  # noqa: E402
from molediff.docking.sites import site_of_ligand  # noqa: E402
from molediff.evaluation.strain import strain  # noqa: E402
from molediff.model import load  # noqa: E402
from molediff.pipelines import Generate  # noqa: E402
from molediff.pipelines.frame import Frame, cut_pocket  # noqa: E402
from molediff.pipelines.guided import guided  # noqa: E402
from molediff.pipelines.in_pocket import InPocket  # noqa: E402
from molediff.pipelines.refine import Refine  # noqa: E402
from molediff.pipelines.score import Score  # noqa: E402
from molediff.pipelines.tasks import Task  # noqa: E402
from molediff.sampling import GuidanceConfig  # noqa: E402

ROWS = {
    "plain": (GuidanceConfig(), 0.0),
    "scale2": (GuidanceConfig(scale=2.0), 0.0),
    "vina": (GuidanceConfig(pull=0.5), 0.0),
    "vina+clash": (GuidanceConfig(pull=0.5), 5.0),
    "scale2+vina+clash": (GuidanceConfig(scale=2.0, pull=0.5), 5.0),
}
"""Row of the table -> (guidance, weight of the clash term in kcal/mol/A^2)."""
REFERENCE = "reference"
"""Row of the ligands that came with the pockets, judged by the same code."""
FIGURES = ("vina_score", "ligand_efficiency", "clashes", "pb_valid")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the complexes")
    parser.add_argument("--work", type=Path, default=Path("work"), help="folder for prepared receptors")
    parser.add_argument("--model", default="pocket", help="bundled name or folder")
    parser.add_argument("--n", type=int, default=100, help="molecules a pocket")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--pockets", type=int, default=100, help="an even choice of so many of the sorted set")
    parser.add_argument("--only", default=",".join((REFERENCE, *ROWS)), help=f"rows, of {REFERENCE}, {', '.join(ROWS)}")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="make result.csv from results.jsonl and stop")
    parser.add_argument("--results", type=Path, default=HERE / "results.jsonl")
    args = parser.parse_args()
    if not args.table:
        run(args)
    table = tabulate(pd.DataFrame(lines(args.results)))
    table.to_csv(HERE / "result.csv", index=False)
    print(table.to_string(index=False))


def lines(path: Path) -> list[dict]:
    """What is finished."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def chosen(data: Path, count: int) -> list[str]:
    """An even choice of the sorted complexes that have both files."""
    names = sorted(p.name for p in data.iterdir() if (p / "protein.pdb").is_file() and (p / "ligand.sdf").is_file())
    places = np.unique(np.linspace(0, len(names) - 1, min(count, len(names))).round().astype(int))
    return [names[k] for k in places]


def run(args: argparse.Namespace) -> None:
    """Every row of every pocket that is not finished."""
    model = load(args.model)
    done = {(one["row"], one["pocket"], one["n"], one["model"]) for one in lines(args.results)}
    args.work.mkdir(parents=True, exist_ok=True)
    names = chosen(args.data, args.pockets)
    for number, name in enumerate(names):
        for row in args.only.split(","):
            n, checksum = (1, "") if row == REFERENCE else (args.n, model.source.checksum[:8])
            if (row, name, n, checksum) in done:
                continue
            found = one_pocket(model, args, name, row) | {"row": row, "pocket": name, "n": n, "model": checksum}
            with open(args.results, "a") as f:
                f.write(json.dumps(found) + "\n")
            print(f"{number + 1}/{len(names)} {name} {row}: {found['seconds']} s", flush=True)


def one_pocket(model, args: argparse.Namespace, name: str, row: str) -> dict:
    """Figures of all molecules asked for in one pocket; None where one has none."""
    began = time.perf_counter()
    ligand = Chem.MolFromMolFile(str(args.data / name / "ligand.sdf"))
    receptor = prepared(args, name, ligand)
    site = site_of_ligand(receptor, ligand, f"{name}/ligand.sdf")
    if row == REFERENCE:
        return judged_reference(receptor, site, ligand, args) | {"seconds": round(time.perf_counter() - began, 1)}
    frame = Frame.of(model, cut_pocket(receptor, site, ligand)[0])
    config, clash = ROWS[row]
    atoms = ligand.GetNumHeavyAtoms()
    sizes = f"{max(3, atoms - 3)}-{atoms + 3}"
    pipeline = Generate(model, guided(model, receptor, frame, config, clash))
    with torch.no_grad():
        made = pipeline(n=args.n, seed=0, steps=args.steps, atoms=sizes, task=Task(frame))
    sampling = time.perf_counter() - began
    result = InPocket(workers=args.workers)(made, receptor, site, ligand)
    t = result.table
    out = {"atoms": t["atoms"].tolist(), "connected": t["connected"].tolist(), "smiles": t["smiles"].tolist()}
    out["valid"] = t["strict_heavy_valid"].tolist()
    for pose in ("raw", "relaxed"):
        for key in FIGURES:
            out[f"{key}_{pose}"] = plain(t[f"{key}_{pose}"])
    out |= {"qed": plain(t["qed"]), "sa": plain(t["sa"])}
    out["strain_relaxed"] = [None if m is None else strain(m)["strain"] for m in result.relaxed.mols]
    out["strain_raw"] = [None if m is None else strain(m)["strain"] for m in result.raw]
    return out | {"sampling": round(sampling, 1), "seconds": round(time.perf_counter() - began, 1)}


def judged_reference(receptor, site: Site, ligand: Chem.Mol, args: argparse.Namespace) -> dict:
    """The ligand that came with the pocket, by the same functions."""
    mol = Chem.AddHs(ligand, addCoords=True)
    out = {"atoms": [ligand.GetNumHeavyAtoms()], "connected": [True], "valid": [True]}
    out["smiles"] = [Chem.MolToSmiles(ligand)]
    relaxed = Refine("mmff")(receptor, [mol], args.workers)
    for pose, one in (("raw", mol), ("relaxed", relaxed.mols[0])):
        t = Score("fast")(receptor, site, [one], ligand, args.workers).table
        for key in FIGURES:
            out[f"{key}_{pose}"] = plain(t[key])
        out[f"strain_{pose}"] = [None if one is None else strain(one)["strain"]]
    return out | {"qed": plain(t["qed"]), "sa": plain(t["sa"])}


def prepared(args: argparse.Namespace, name: str, ligand: Chem.Mol):
    """The receptor, prepared once."""
    path = args.work / f"{name}.pkl"
    if not path.is_file():
        temporary = path.with_suffix(".tmp")
        temporary.write_bytes(pickle.dumps(prepare_receptor(args.data / name / "protein.pdb", ligand=ligand)))
        os.replace(temporary, path)
    return pickle.loads(path.read_bytes())


def plain(column: pd.Series) -> list:
    """Values that JSON holds; None for what is not finite."""
    return [None if v is None or (isinstance(v, float) and not np.isfinite(v)) else v for v in column.tolist()]


def tabulate(data: pd.DataFrame) -> pd.DataFrame:
    """A line for each row, model and pose: over ALL molecules asked for; what cannot be scored counts as 0 or as no."""
    table = []
    for (row, model, n), part in data.groupby(["row", "model", "n"], sort=False):
        for pose in ("raw", "relaxed"):
            table.append({"row": row, "model": model, "pose": pose} | figures(part, pose, int(n)))
    return pd.DataFrame(table)


def figures(part: pd.DataFrame, pose: str, n: int) -> dict:
    """Figures of one line of the table."""

    def values(key: str, missing: float = np.nan) -> np.ndarray:
        flat = [missing if v is None else float(v) for one in part[key] for v in one]
        return np.array(flat, float)

    score, valid = values(f"vina_score_{pose}"), values("valid")
    zero = np.nan_to_num(score)
    clashes, strains = values(f"clashes_{pose}"), values(f"strain_{pose}")
    return {
        "pockets": len(part),
        "molecules": len(valid),
        "connected": round(100 * values("connected").mean(), 1),
        "strict_heavy": round(100 * valid.mean(), 1),
        "pb_valid": round(100 * np.nan_to_num(values(f"pb_valid_{pose}", 0.0)).mean(), 1),
        "clashes": round(float(np.nanmean(clashes)), 2),
        "strain_median": round(float(np.nanmedian(strains)), 1),
        "vina_mean": round(float(zero.mean()), 2),
        "vina_median": round(float(np.median(zero)), 2),
        "vina_above_0": round(100 * float((zero > 0).mean()), 1),
        "unscorable": int(np.isnan(score).sum()),
        "efficiency": round(float(np.nanmedian(values(f"ligand_efficiency_{pose}"))), 3),
        "qed": round(float(np.nanmean(values("qed"))), 3),
        "sa": round(float(np.nanmean(values("sa"))), 2),
        "diversity": diversity(part["smiles"].tolist()) if n > 1 else np.nan,
        "atoms": round(float(values("atoms").mean()), 1),
        "seconds_a_pocket": round(float(part["seconds"].mean()), 1),
    }


def diversity(pockets: Sequence[Sequence[str]]) -> float:
    """1 - mean Tanimoto (Morgan, radius 2, 2048 bits) of the valid molecules of a pocket, averaged over pockets."""
    maker, out = rdFingerprintGenerator.GetMorganGenerator(2, fpSize=2048), []
    for smiles in pockets:
        mols = [m for s in smiles if s and (m := Chem.MolFromSmiles(s)) is not None]
        prints = [maker.GetFingerprint(m) for m in mols]
        alike = [s for k, p in enumerate(prints) for s in DataStructs.BulkTanimotoSimilarity(p, prints[:k])]
        if alike:
            out.append(1 - float(np.mean(alike)))
    return round(float(np.mean(out)), 3) if out else float("nan")


if __name__ == "__main__":
    main()
