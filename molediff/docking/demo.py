"""The complexes that come along: four crystal structures inside the wheel of posebusters."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from molediff.config import UserError

NAMES = ("1ia1", "1s3v", "1uou", "1of6")
"""Dihydrofolate reductases with antifolates (1ia1, 1s3v), thymidine phosphorylase, DAHP synthase with tyrosine."""
DEMO = "1ia1"
"""The one that ``--demo`` takes: a small antifolate in a deep pocket, beside the cofactor NADPH."""
DEMO_CHAINS = ("B",)
"""Of `DEMO`: the chain that holds the ligand."""
DEMO_LIBRARY = (
    "Nc1nc(N)c2c(Sc3ccccc3)cccc2n1",
    "COc1cc(Cc2cnc(N)nc2N)cc(OC)c1OC",
    "CCc1nc(N)nc(N)c1-c1ccc(Cl)cc1",
    "CC(=O)Nc1ccc(O)cc1",
    "Cn1c(=O)c2c(ncn2C)n(C)c1=O",
)
"""SMILES: the ligand of 1ia1, trimethoprim, pyrimethamine, and two that bind elsewhere (paracetamol, caffeine)."""


def demo_complexes() -> dict[str, tuple[Path, Path]]:
    """Name -> (protein, ligand) of the embedded complexes.

    Raises:
        UserError: when posebusters does not bring them.
    """
    folder = Path(str(files("posebusters"))) / "datasets" / "pdb"
    found = {
        name: (folder / name / f"{name}_protein_one_lig_removed.pdb", folder / name / f"{name}_ligand.sdf")
        for name in NAMES
    }
    missing = [str(p) for pair in found.values() for p in pair if not p.is_file()]
    if missing:
        raise UserError(
            f"This posebusters does not bring '{missing[0]}'. Type: pip install --force-reinstall 'posebusters>=0.6'"
        )
    return found
