"""PDBbind (Wang et al., 2004): `<id>/<id>_protein.pdb` (or `<id>_pocket.pdb`), `<id>_ligand.sdf` and `.mol2`."""

from __future__ import annotations

from collections.abc import Sequence

from molediff.data.layouts.layout import Found

PROTEINS = ("_protein.pdb", "_pocket.pdb")
LIGANDS = ("_ligand.sdf", "_ligand.sdf.gz", "_ligand.mol2")


def pdbbind(files: Sequence[str]) -> list[Found]:
    """The complexes of a folder; the whole protein goes before its pocket, SD files before MOL2."""
    there = set(files)
    names = sorted({name[: -len(end)] for name in files for end in PROTEINS if name.endswith(end)})
    found = []
    for name in names:
        protein = next(name + end for end in PROTEINS if name + end in there)
        ligand = tuple(name + end for end in LIGANDS if name + end in there)
        found.append(Found(name, protein, (ligand,) if ligand else ()))
    return found
