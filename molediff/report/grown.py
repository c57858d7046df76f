"""A picture of what grew from a fragment: the fragment in the middle, its atoms highlighted in all others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdDepictor
from rdkit.Geometry import Point2D
from rdkit.rdBase import BlockLogs

from molediff.config import UserError
from molediff.whole_files import write_whole

COLOUR = (0.98, 0.85, 0.55)
"""Of the known atoms and of the bonds among them."""
PIXELS = 260
KNOWN = "_known"
"""Property of the atoms of the file, which stays when hydrogens are removed."""


def draw_grown(
    fragment: Chem.Mol, mols: Sequence[Chem.Mol], known: int, legends: Sequence[str], path: Path, columns: int = 3
) -> Path:
    """Write a PNG: the fragment amid the molecules that grew from it, lying as it lies where that can be drawn.

    Args:
        fragment: the known atoms, sanitised; dummy atoms may show where it grows.
        mols: valid molecules whose first ``known`` atoms are those of the file.
        known: atoms of the file, hydrogens included.
        legends: a line under each cell, the fragment's first.
        path: of the PNG.
        columns: cells a row.

    Raises:
        UserError: for a number of legends that is not one more than that of the molecules, and where RDKit cannot draw.
    """
    if len(legends) != len(mols) + 1:
        raise UserError(f"draw_grown takes a legend a cell: {len(mols) + 1}, got {len(legends)}.")
    try:
        from rdkit.Chem.Draw import rdMolDraw2D
    except ImportError as error:
        # Draw links X libraries that bare servers lack.
        raise UserError(f"RDKit cannot draw here ({error}). Install the library that is missing.") from error
    with BlockLogs():
        core = Chem.RemoveHs(Chem.Mol(fragment))
        core.RemoveAllConformers()
        rdDepictor.Compute2DCoords(core)
        cells = [laid_out(mol, known, core) for mol in mols]
    middle = len(mols) // 2
    cells.insert(middle, core)
    lines = [*legends[1 : middle + 1], legends[0], *legends[middle + 1 :]]
    rows = -(-len(cells) // columns)
    drawer = rdMolDraw2D.MolDraw2DCairo(columns * PIXELS, rows * PIXELS, PIXELS, PIXELS)
    options = drawer.drawOptions()
    options.legendFontSize, options.padding, options.fixedBondLength = 18, 0.12, 32
    options.setHighlightColour(COLOUR)
    marks = [highlighted(mol) for mol in cells]
    drawer.DrawMolecules(
        cells, legends=lines, highlightAtoms=[a for a, _ in marks], highlightBonds=[b for _, b in marks]
    )
    drawer.FinishDrawing()
    write_whole(path, drawer.GetDrawingText())
    return path


def laid_out(mol: Chem.Mol, known: int, core: Chem.Mol) -> Chem.Mol:
    """A copy without hydrogens, its known atoms marked and drawn where the fragment has them."""
    flat = Chem.Mol(mol)
    flat.RemoveAllConformers()
    for atom in list(flat.GetAtoms())[:known]:
        atom.SetBoolProp(KNOWN, True)
    flat = Chem.RemoveHs(flat)
    mine = [a.GetIdx() for a in flat.GetAtoms() if a.HasProp(KNOWN)]
    theirs = [a.GetIdx() for a in core.GetAtoms() if a.GetAtomicNum() > 1]
    if len(mine) == len(theirs):
        places = np.array([core.GetConformer().GetPositions()[i, :2] for i in theirs])
        rdDepictor.Compute2DCoords(flat, coordMap={i: Point2D(*p) for i, p in zip(mine, places, strict=True)})
    else:
        rdDepictor.Compute2DCoords(flat)
    return flat


def highlighted(mol: Chem.Mol) -> tuple[list[int], list[int]]:
    """Known atoms, and the bonds among them."""
    atoms = {a.GetIdx() for a in mol.GetAtoms() if a.HasProp(KNOWN)}
    bonds = [b.GetIdx() for b in mol.GetBonds() if {b.GetBeginAtomIdx(), b.GetEndAtomIdx()} <= atoms]
    return sorted(atoms), bonds
