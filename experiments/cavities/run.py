"""The cavity detector on the 58 receptors of DOCKSTRING: python experiments/cavities/run.py dockstring_58.tar.xz"""

from __future__ import annotations

import argparse
import csv
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np

from molediff.chem.proteins import read_protein
from molediff.chem.residue_table import WATERS
from molediff.docking.cavities import find_cavities

HERE = Path(__file__).parent
HIT, FIRST = 6.0, 3
"""A hit is within so many angstrom of the box's centre, among so many cavities."""


def main() -> None:
    """Write result.csv, one row a receptor, and print the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--out", type=Path, default=HERE / "result.csv")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(args.archive) as archive:
            archive.extractall(folder, filter="data")
        files = sorted(Path(folder).rglob("*_target.pdbqt"))
        rows = [row(path, "tuned" if k % 2 == 0 else "held out") for k, path in enumerate(files)]
    with args.out.open("w", newline="") as out:
        writer = csv.DictWriter(out, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for half in ("tuned", "held out", "all"):
        chosen = [r for r in rows if half in (r["half"], "all")]
        shares = {k: sum(r[k] for r in chosen) for k in ("hit_first", "hit_first_three", "hit_centroid")}
        print(half, len(chosen), {k: f"{v} ({100 * v / len(chosen):.0f} %)" for k, v in shares.items()})
    print(f"{sum(r['seconds'] for r in rows) / len(rows):.2f} s a receptor")


def row(path: Path, half: str) -> dict:
    """One receptor against its box."""
    name = path.name.removesuffix("_target.pdbqt")
    lines = path.with_name(f"{name}_conf.txt").read_text().splitlines()
    box = {key.strip(): float(value) for key, value in (line.split("=") for line in lines if "=" in line)}
    site = np.array([box[f"center_{axis}"] for axis in "xyz"])
    residues, _ = read_protein(path)
    pos = np.concatenate([r.heavy() for r in residues if r.name not in WATERS])
    began = time.perf_counter()
    found = find_cavities(pos)
    seconds = time.perf_counter() - began
    distance = [float(np.linalg.norm(c.centre - site)) for c in found]
    rank = next((k for k, d in enumerate(distance, 1) if d <= HIT), "")
    centroid = float(np.linalg.norm(pos.mean(0) - site))
    return {
        "receptor": name,
        "half": half,
        "heavy_atoms": len(pos),
        "cavities": len(found),
        "first": round(distance[0], 2),
        "nearest_of_three": round(min(distance[:FIRST]), 2),
        "rank_of_hit": rank,
        "hit_first": int(distance[0] <= HIT),
        "hit_first_three": int(min(distance[:FIRST]) <= HIT),
        "centroid": round(centroid, 2),
        "hit_centroid": int(centroid <= HIT),
        "seconds": round(seconds, 2),
    }


if __name__ == "__main__":
    main()
