"""The judge's own table: oracle, data rows, floors and timings.

    python experiments/judge/run.py ../shared/data                        # all but the long timings
    python experiments/judge/run.py ../shared/data --only timing          # 10,000 QM9 molecules, one core
    python experiments/judge/run.py ../shared/data --only posebusters --molecules 1000 --workers 2
    python experiments/judge/run.py ../shared/data --only plain --molecules 30       # beside PoseBusters called plainly

Each run replaces its own rows of result.csv and leaves the others.
"""

import argparse
import csv
import resource
import time
from pathlib import Path

import numpy as np
from make_references import load

from molediff.evaluation import distances, evaluate
from molediff.evaluation.statistics import reference

HERE = Path(__file__).parent
OWN = ("strict", "edm", "midi", "revisited", "jodo")
DATA = {"qm9_dft_8heavy": None, "dft_9to12heavy": None, "qm9_ani2x": 10000, "druglike_ani2x": None}


def oracle(data: Path, _) -> list[tuple]:
    """G-SchNet's 10,000 samples against the published figures, and the reasons of `strict`."""
    report = evaluate(data / "oracle" / "gschnet_10k.npz", ("edm", "strict"), bootstrap=0)
    rows = []
    wanted = {"atom_stability": 95.71, "molecule_stability": 68.05, "validity": 85.45, "valid_unique": 80.31}
    for key, value in wanted.items():
        rows.append(("oracle", f"gschnet edm {key}", round(report.value("edm", key), 4), f"{value} +-0.01"))
    rows.append(("oracle", "gschnet edm uniqueness", round(report.value("edm", "uniqueness"), 4), "93.98"))
    rows.append(("oracle", "gschnet edm valid_connected", round(report.value("edm", "valid_connected"), 4), "85.05"))
    rows.append(("oracle", "gschnet strict", round(report.value("strict", "strict_validity"), 4), "68.2 +-0.3"))
    for reason, count in report.summary["protocols"]["strict"]["reasons"].items():
        rows.append(("oracle", f"gschnet strict reason {reason}", count, ""))
    return rows


def data_rows(data: Path, _) -> list[tuple]:
    """The data's own figures under every protocol that judges molecules with bonds."""
    published = {"atom_stability": "99.0", "molecule_stability": "95.2", "validity": "97.7"}
    rows = []
    for name, most in DATA.items():
        chosen = (lambda index: index > 1_000_000) if name == "druglike_ani2x" else None
        mols = load(data / "molecules" / f"{name}.npz", chosen)
        mols = [mols[i] for i in np.linspace(0, len(mols) - 1, most).astype(int)] if most else mols
        report = evaluate(mols, OWN, bootstrap=0, name=name)
        for protocol, held in report.summary["protocols"].items():
            for key, figure in held["figures"].items():
                if key not in ("connected", "uniqueness", "valid_unique"):
                    target = published.get(key, "") if protocol == "edm" and name != "druglike_ani2x" else ""
                    label = f"{name} n={figure['n']} {protocol} {key}"
                    rows.append(("data", label, round(figure["value"], 3), target and f"{target} (full QM9)"))
    return rows


def floors(data: Path, _) -> list[tuple]:
    """Distances of data to data: the published splits, the packaged halves, each file to the published test split."""
    rows = []
    for name in ("qm9", "geom"):
        sides = [reference(data / "reference" / f"{name}_{split}.json.gz") for split in ("train", "test")]
        rows += [("floor", f"{name} train-test {k}", f"{v:.3g}", "") for k, v in distances(*sides).items() if _main(k)]
    for name in ("qm9", "geom-drugs"):
        held = reference(name)["floor"]
        label = f"packaged {name} halves n={held['n']}"
        rows += [("floor", f"{label} {k}", f"{v:.3g}", "") for k, v in held["values"].items() if _main(k)]
    for name in DATA:
        if name == "dft_9to12heavy":
            continue  # no subset of QM9
        chosen = (lambda index: index > 1_000_000) if name == "druglike_ani2x" else None
        test = reference(data / "reference" / ("geom_test.json.gz" if chosen else "qm9_test.json.gz"))
        found = distances(load(data / "molecules" / f"{name}.npz", chosen), test)
        rows += [("floor", f"{name} to published test {k}", f"{v:.3g}", "") for k, v in found.items() if _main(k)]
    return rows


def _main(key: str) -> bool:
    return key in ("bond_w1", "angle_w1", "size_w1", "atom_type_js", "charge_js", "valence_js", "ring_size_js")


def timing(data: Path, args) -> list[tuple]:
    """edm + strict (and the statistics) on 10,000 QM9-size molecules with one worker."""
    mols = load(data / "molecules" / "qm9_ani2x.npz", lambda index: np.arange(len(index)) % 12 == 0)[:10000]
    wall, cpu, _ = _clock(lambda: evaluate(mols, ("edm", "strict"), workers=1, bootstrap=0))
    wall0, cpu0, _ = _clock(lambda: evaluate(mols, ("edm", "strict"), workers=0, bootstrap=0))
    return [
        ("timing", "edm+strict 10,000 QM9, 1 worker, wall s", round(wall, 1), "15 (quiet machine)"),
        ("timing", "edm+strict 10,000 QM9, 1 worker, CPU s of both processes", round(cpu, 1), "15"),
        ("timing", "edm+strict 10,000 QM9, in process, wall s", round(wall0, 1), "15 (quiet machine)"),
        ("timing", "edm+strict 10,000 QM9, in process, CPU s", round(cpu0, 1), "15"),
    ]


def posebusters(data: Path, args) -> list[tuple]:
    """PoseBusters on drug-like molecules."""
    mols = load(data / "molecules" / "druglike_ani2x.npz", lambda index: index > 1_000_000)
    mols = mols[:: max(1, len(mols) // args.molecules)][: args.molecules]
    rows = []
    for name, limit in (("posebusters-mol-fast", "60"), ("posebusters-mol", "480")):
        n = len(mols)
        wall, cpu, report = _clock(lambda name=name: evaluate(mols, (name,), workers=args.workers))
        figure = report.summary["protocols"][name]["figures"]["pass"]
        tail = f"{name} {args.workers} workers"
        rows.append(("posebusters", f"{tail} wall s for {n}", round(wall, 1), f"{limit} for 1,000 on 2 quiet cores"))
        rows.append(("posebusters", f"{tail} CPU s per 1,000", round(1000 * cpu / n, 1), f"{2 * int(limit)}"))
        rows.append(("posebusters", f"{tail} pass % of {n}", round(figure["value"], 2), ""))
    return rows


def plain(data: Path, args) -> list[tuple]:
    """PoseBusters called plainly and the judge's `posebusters-mol`: CPU time of each, and columns that differ."""
    from posebusters import PoseBusters
    from rdkit import Chem

    from molediff.evaluation.protocols import PROTOCOLS, Context
    from molediff.evaluation.record import from_mol

    mols = load(data / "molecules" / "druglike_ani2x.npz", lambda index: index > 1_000_000)
    mols = mols[:: max(1, len(mols) // args.molecules)][: args.molecules]
    judge, buster = PROTOCOLS["posebusters-mol"].judge, PoseBusters("mol", max_workers=0)
    buster.bust([Chem.Mol(mols[0])])  # imports
    _, own, rows = _clock(lambda: [judge(from_mol(mol, i), Context()) for i, mol in enumerate(mols)])
    _, theirs, tables = _clock(lambda: [buster.bust([Chem.Mol(mol)]) for mol in mols])
    differ = 0
    for row, table in zip(rows, tables, strict=True):
        for name, value in table.iloc[0].items():
            differ += row[name] is not (None if value != value else bool(value))
    n = len(mols)
    return [
        ("plain", f"PoseBusters called plainly, CPU s per molecule ({n})", round(theirs / n, 3), ""),
        ("plain", f"posebusters-mol of the judge, CPU s per molecule ({n})", round(own / n, 3), "0.96"),
        ("plain", f"columns that differ ({n})", differ, "0"),
    ]


def _clock(work) -> tuple:
    """Wall seconds, CPU seconds of this process and its children, and what the work returned."""
    begin, used = time.monotonic(), _cpu()
    found = work()
    return time.monotonic() - begin, _cpu() - used, found


def _cpu() -> float:
    held = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in held)


PARTS = {
    "oracle": oracle,
    "data": data_rows,
    "floor": floors,
    "timing": timing,
    "posebusters": posebusters,
    "plain": plain,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--molecules", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    path = HERE / "result.csv"
    for part in [args.only] if args.only else [name for name in PARTS if name not in ("posebusters", "plain")]:
        rows = PARTS[part](args.data, args)
        old = list(csv.reader(path.open()))[1:] if path.exists() else []
        kept = [row for row in old if row[0] != part]
        with path.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([("part", "what", "found", "wanted"), *kept, *rows])
        for row in rows:
            print(*row, sep=" | ", flush=True)


if __name__ == "__main__":
    main()
