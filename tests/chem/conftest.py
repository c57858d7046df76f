"""The tiny set as molecules."""

import gzip
from pathlib import Path

import pytest
from rdkit import Chem

TINY = Path(__file__).resolve().parents[2] / "datasets" / "tiny"


@pytest.fixture(scope="session")
def tiny() -> list[tuple[str, Chem.Mol]]:
    """(SMILES, sanitised molecule with explicit hydrogens and 3D coordinates, no stereo tags) of the 200."""
    blocks = gzip.decompress((TINY / "tiny.sdf.gz").read_bytes()).decode().split("$$$$\n")[:-1]
    out = []
    for block in blocks:
        mol = Chem.MolFromMolBlock(block, removeHs=False)
        Chem.RemoveStereochemistry(mol)
        out.append((block.partition("\n")[0], mol))
    return out
