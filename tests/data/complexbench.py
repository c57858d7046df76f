"""Small complexes for the tests, cut out of the crystal structures of posebusters' wheel."""

import shutil
import tarfile
from pathlib import Path

import numpy as np
from rdkit import Chem

from molediff.docking.demo import demo_complexes

AROUND = 12.0
ATOMS = ("ATOM", "HETATM")


def place(line: str) -> np.ndarray:
    return np.array([float(line[k : k + 8]) for k in (30, 38, 46)])


def heavy(mol: Chem.Mol) -> np.ndarray:
    """(n, 3) of the heavy atoms."""
    return mol.GetConformer().GetPositions()[[a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() > 1]]


def cut_protein(path: Path, ligand: np.ndarray) -> str:
    """Whole residues near the ligand, as they are in the file."""
    lines = [line for line in path.read_text().splitlines() if line.startswith(ATOMS)]
    close = {line[17:27] for line in lines if np.linalg.norm(place(line) - ligand, axis=1).min() < AROUND}
    return "\n".join([*(line for line in lines if line[17:27] in close), "END", ""])


def write_demo(folder: Path) -> Path:
    """The four demo complexes as `demo/<id>/{protein.pdb, ligand.sdf}`."""
    for name, (protein, ligand) in demo_complexes().items():
        mol = Chem.MolFromMolFile(str(ligand))
        here = folder / "demo" / name
        here.mkdir(parents=True)
        (here / "protein.pdb").write_text(cut_protein(protein, heavy(mol)))
        shutil.copy(ligand, here / "ligand.sdf")
    return folder / "demo"


def read_ligand(folder: Path) -> Chem.Mol:
    return next(iter(Chem.SDMolSupplier(str(folder / "ligand.sdf"))))


def write_poses(path: Path, mols: list[Chem.Mol]) -> None:
    path.write_text("".join(Chem.MolToMolBlock(mol) + "$$$$\n" for mol in mols))


def moved(mol: Chem.Mol, shift: np.ndarray) -> Chem.Mol:
    """A copy, elsewhere."""
    mol = Chem.Mol(mol)
    mol.GetConformer().SetPositions(mol.GetConformer().GetPositions() + shift)
    return mol


def packed(folder: Path, archive: Path) -> Path:
    """A .tar.xz of a folder."""
    with tarfile.open(archive, "w:xz") as file:
        file.add(folder, arcname=folder.name)
    return archive


def contents(folder: Path) -> dict[str, bytes]:
    """Name -> bytes of every file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
