"""Make the tiny set: 3D molecules of `smiles.txt` by ETKDG and MMFF94, all hydrogens, always the same.

python datasets/tiny/make.py            # writes tiny.sdf.gz beside this file
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

HERE = Path(__file__).resolve().parent
SEED = 20_240_229


def read_smiles() -> list[str]:
    """The list, one a line."""
    return (HERE / "smiles.txt").read_text().split()


def embed(smiles: str) -> Chem.Mol:
    """One conformer with all hydrogens.

    ETKDG (version 3, fixed seed), then up to 2,000 steps of MMFF94; molecules for which MMFF94 has no types (CO, some
    ions) stay as embedded.

    Args:
        smiles: of a molecule whose stereochemistry is specified.

    Raises:
        ValueError: when it cannot be parsed or embedded.
    """
    mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        raise ValueError(f"Not a SMILES: {smiles}")
    mol = Chem.AddHs(mol)
    settings = rdDistGeom.ETKDGv3()
    settings.randomSeed = SEED
    if rdDistGeom.EmbedMolecule(mol, settings) < 0:
        settings.useRandomCoords = True
        if rdDistGeom.EmbedMolecule(mol, settings) < 0:
            raise ValueError(f"Cannot be embedded: {smiles}")
    if rdForceFieldHelpers.MMFFHasAllMoleculeParams(mol):
        rdForceFieldHelpers.MMFFOptimizeMolecule(mol, maxIters=2000)
    mol.SetProp("_Name", smiles)
    return mol


def sd_text(mol: Chem.Mol) -> str:
    """The record of a molecule in an SD file; the title is its SMILES. Kekulised, so that every reader agrees."""
    return Chem.MolToMolBlock(mol, kekulize=True) + "$$$$\n"


def main() -> int:
    """Write `tiny.sdf.gz`."""
    text = "".join(sd_text(embed(smiles)) for smiles in read_smiles())
    # no time in the file: the same molecules give the same bytes
    (HERE / "tiny.sdf.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    return 0


if __name__ == "__main__":
    sys.exit(main())
