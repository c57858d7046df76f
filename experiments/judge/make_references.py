"""Statistics that are packaged with molediff, computed by its own code from the shared data.

python experiments/judge/make_references.py ../shared/data
"""

import gzip
import json
import sys
from pathlib import Path

import numpy as np

from molediff.evaluation import make_reference
from molediff.evaluation.build import build
from molediff.evaluation.statistics import write

PACKAGED = Path(__file__).resolve().parents[2] / "molediff" / "evaluation" / "reference"


def load(path: Path, chosen=None) -> list:
    """Molecules of one of the shared npz files; `chosen` picks by the array `index`."""
    with np.load(path, allow_pickle=False) as held:
        a = {name: held[name] for name in ("index", "natoms", "nbonds", "z", "charge", "bonds")}
        pos = held["pos"] / 1e3 if "pos" in held.files else held["pos_1e4"] / 1e4
    atoms, bonds = (np.concatenate([[0], np.cumsum(a[name].astype(int))]) for name in ("natoms", "nbonds"))
    keep = range(len(atoms) - 1) if chosen is None else np.flatnonzero(chosen(a["index"]))
    return [
        build(
            a["z"][atoms[i] : atoms[i + 1]],
            pos[atoms[i] : atoms[i + 1]],
            a["bonds"][bonds[i] : bonds[i + 1]],
            a["charge"][atoms[i] : atoms[i + 1]],
        )
        for i in keep
    ]


def rounded(value):
    """Five significant digits, so that the files stay small."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def main(data: Path) -> None:
    jobs = {
        "qm9.json.gz": ("qm9_ani2x.npz", None, "QM9 molecules, ANI-2x geometries"),
        "geom_drugs.json.gz": (
            "druglike_ani2x.npz",
            lambda index: index > 1_000_000,
            "GEOM-Drugs test molecules, ANI-2x geometries",
        ),
    }
    PACKAGED.mkdir(exist_ok=True)
    for name, (file, chosen, source) in jobs.items():
        mols = load(data / "molecules" / file, chosen)
        stats = make_reference(mols, source, ("strict", "edm", "midi", "revisited"), figures_of=10000)
        write(rounded(stats), PACKAGED / name)
        print(name, stats["n_molecules"], (PACKAGED / name).stat().st_size, "bytes")
        print(json.dumps({k: v["value"] for p in stats["figures"].values() for k, v in p.items()}))
        print("floor", stats["floor"]["values"]["bond_w1"], stats["floor"]["values"]["angle_w1"])
        json.loads(gzip.decompress((PACKAGED / name).read_bytes()))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data"))
