"""Receptors prepared without a failure, and our PDBQT against meeko's.

python experiments/receptors/run.py prepare FOLDER_OF_COMPLEXES    # of *.tar.xz; writes prepared.csv
python experiments/receptors/run.py meeko FOLDER_OF_COMPLEXES      # writes meeko.csv
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from molediff.config import UserError
from molediff.docking.pdbqt import pdbqt_text
from molediff.docking.prepare import prepare_receptor
from molediff.docking.receptor import Receptor
from molediff.docking.receptor_files import pdb_text
from molediff.docking.reference import read_reference
from molediff.docking.sites import site_of_ligand

HERE = Path(__file__).parent
SETS = ("astex_diverse", "crossdocked_test", "unifep")
WANTED = 20


def main() -> None:
    """One of the two questions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("question", choices=("prepare", "meeko"))
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = {}
        for name in SETS if args.question == "prepare" else SETS[:1]:
            with tarfile.open(args.folder / f"{name}.tar.xz") as archive:
                archive.extractall(scratch, filter="data")
            found[name] = sorted((Path(scratch) / name).iterdir())
        if args.question == "prepare":
            listed = Counter(row["set"] for row in csv.DictReader((args.folder / "index.csv").open()))
            prepare(found, listed)
        else:
            meeko(found[SETS[0]], Path(scratch))


def prepare(found: dict[str, list[Path]], listed: Counter) -> None:
    """A row a receptor."""
    rows = []
    for name, folders in found.items():
        for folder in folders:
            rows.append({"set": name, "id": folder.name} | prepared(folder))
            if len(rows) % 50 == 0:
                print(len(rows), flush=True)
            if rows[-1]["failure"]:
                print(name, folder.name, rows[-1]["failure"], flush=True)
    write(HERE / "prepared.csv", rows)
    for name, folders in found.items():
        own = [r for r in rows if r["set"] == name]
        good = sum(not r["failure"] for r in own)
        whole = sum(not r["failure"] and not r["without_template"] and not r["bare_atoms"] for r in own)
        seconds = np.mean([r["seconds"] for r in own])
        print(
            f"{name}: {listed[name]} listed, {len(folders)} in the archive, {good} prepared, {whole} with every",
            end=" ",
        )
        print(f"hydrogen placed by template, {seconds:.2f} s each")


def prepared(folder: Path) -> dict:
    """What became of one; a failure is an error or a fault."""
    began, failure, receptor = time.perf_counter(), "", None
    try:
        ligand = read_reference(folder / "ligand.sdf")
        receptor = prepare_receptor(folder / "protein.pdb", ligand=ligand)
        site_of_ligand(receptor, ligand)
        pdbqt_text(receptor)
        failure = faults(receptor)
    except UserError as error:
        failure = str(error)
    except Exception as error:  # the question is whether there are any
        failure = f"{type(error).__name__}: {error}"
    rules = Counter(line.partition(":")[0] for line in receptor.log) if receptor else Counter()
    heavy = sum(e != "H" for e in receptor.element) if receptor else 0
    return {
        "failure": failure,
        "heavy_atoms": heavy,
        "hydrogens": len(receptor) - heavy if receptor else 0,
        **{rule.replace("-", "_"): rules[rule] for rule in ("altloc", "non-standard", "missing-atoms", "gap", "water")},
        **{rule.replace("-", "_"): rules[rule] for rule in ("additive", "metal", "cofactor", "native-ligand")},
        "without_template": rules["no-template"],
        "bare_atoms": rules["no-fragment"],
        "seconds": round(time.perf_counter() - began, 2),
    }


def faults(receptor: Receptor) -> str:
    """What is wrong with a prepared receptor; '' when nothing is."""
    hydrogen = np.array([e == "H" for e in receptor.element])
    i, j = receptor.bonds.T
    to_hydrogen = hydrogen[i] | hydrogen[j]
    length = np.linalg.norm(receptor.pos[i] - receptor.pos[j], axis=1)[to_hydrogen]
    if to_hydrogen.sum() != hydrogen.sum():
        return "a hydrogen without one bond"
    if len(length) and (length.min() < 0.8 or length.max() > 1.5):
        return f"X-H of {length.min():.2f} to {length.max():.2f} A"
    if not all(receptor.types):
        return "an atom without a type"
    share = hydrogen.mean()
    return "" if 0.35 < share < 0.6 else f"{100 * share:.0f} % hydrogens"


def meeko(folders: list[Path], scratch: Path) -> None:
    """Both PDBQT of one protein under Vina, with the crystal ligand, until meeko has prepared `WANTED`."""
    tool = Path(sys.executable).with_name("mk_prepare_receptor.py")
    rows, tried = [], 0
    for folder in folders:
        ligand = read_reference(folder / "ligand.sdf")
        tried += 1
        whole = prepare_receptor(folder / "protein.pdb", ligand=ligand)
        ours = polymer(whole)
        source = scratch / "protein.pdb"
        lines = [line for line in pdb_text(ours).splitlines() if not line.startswith("CONECT")]
        source.write_text("\n".join(lines) + "\n")
        target = scratch / "meeko"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        run = subprocess.run(
            [sys.executable, str(tool), "--read_pdb", str(source), "-o", str(target / "rec"), "-p"],
            capture_output=True,
            text=True,
            timeout=300,
        )
        theirs = target / "rec.pdbqt"
        if run.returncode or not theirs.is_file():
            continue
        own = target / "own.pdbqt"
        own.write_text(pdbqt_text(ours))
        scores = [vina_score(path, ligand, scratch) for path in (own, theirs)]
        if None in scores:
            continue
        rows.append({"id": folder.name, "own": scores[0], "meeko": scores[1], "off": round(scores[0] - scores[1], 3)})
        print(rows[-1], flush=True)
        if len(rows) == WANTED:
            break
    write(HERE / "meeko.csv", rows)
    off = np.abs([r["off"] for r in rows])
    print(f"meeko prepared {len(rows)} of {tried}; worst {off.max():.3f}, median {np.median(off):.4f} kcal/mol")


def polymer(receptor: Receptor) -> Receptor:
    """Without metals and cofactors, which meeko has no templates for."""
    kept = np.flatnonzero(~receptor.hetero)
    place = {int(k): n for n, k in enumerate(kept)}
    bonds = [(place[i], place[j]) for i, j in receptor.bonds.tolist() if i in place and j in place]
    fields = ("element", "name", "residue", "chain", "number", "types")
    return replace(
        receptor,
        pos=receptor.pos[kept],
        hetero=receptor.hetero[kept],
        bonds=np.array(bonds),
        **{f: tuple(getattr(receptor, f)[k] for k in kept) for f in fields},
    )


def vina_score(receptor: Path, mol, scratch: Path) -> float | None:
    """Vina's score of the crystal pose as it lies, kcal/mol; in a child process, as Vina may end it."""
    from meeko import MoleculePreparation, PDBQTWriterLegacy
    from rdkit import Chem

    whole = Chem.AddHs(Chem.RemoveHs(mol), addCoords=True)
    text, fine, _ = PDBQTWriterLegacy.write_string(MoleculePreparation().prepare(whole)[0])
    if not fine:
        return None
    pose = scratch / "pose.pdbqt"
    pose.write_text(text)
    centre = whole.GetConformer().GetPositions().mean(0).tolist()
    code = (
        "import sys; from vina import Vina; v = Vina(sf_name='vina', seed=1, cpu=1, verbosity=0); "
        f"v.set_receptor({str(receptor)!r}); v.compute_vina_maps(center={centre}, box_size=[30, 30, 30]); "
        f"v.set_ligand_from_file({str(pose)!r}); print(v.score()[0])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    return round(float(run.stdout.split()[-1]), 3) if run.returncode == 0 and run.stdout.split() else None


def write(path: Path, rows: list[dict]) -> None:
    """A table."""
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
