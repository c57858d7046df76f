"""`<set>/<id>/{protein.pdb, ligand.sdf}`: one complex a folder, all poses in one file."""

from __future__ import annotations

from collections.abc import Sequence

from molediff.data.layouts.layout import Found

PROTEINS = ("protein.pdb", "protein.pdb.gz", "protein.ent", "protein.cif", "protein.cif.gz")
LIGANDS = ("ligand.sdf", "ligand.sdf.gz", "ligand.mol2")


def plain(files: Sequence[str]) -> list[Found]:
    """The complex of a folder, named by the folder."""
    protein = next((name for name in PROTEINS if name in files), None)
    ligand = tuple(name for name in LIGANDS if name in files)
    return [Found("", protein, (ligand,) if ligand else ())] if protein else []
