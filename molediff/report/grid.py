"""A page of molecules as 2D depictions."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path

from rdkit import Chem
from rdkit.Chem import rdDepictor
from rdkit.rdBase import BlockLogs

from molediff.whole_files import whole_file, write_whole

COLOURS = {
    "O": "#d62728",
    "N": "#1f4fd6",
    "F": "#2ca02c",
    "S": "#b58900",
    "Cl": "#2ca02c",
    "P": "#ff7f0e",
    "Br": "#8c2d04",
}
PIXELS = 220


def draw_grid(mols: Sequence[Chem.Mol | None], legends: Sequence[str], path: Path, columns: int = 6) -> Path:
    """Write a PNG of 2D depictions, by RDKit's Draw, or by matplotlib where Draw cannot be imported.

    Args:
        mols: molecules, sanitised or not; None leaves an empty cell.
        legends: a line under each.
        path: of the PNG.
        columns: molecules a row.
    """
    with BlockLogs():  # broken molecules are drawn too; their reason stands in the legend
        flat = [depicted(mol) for mol in mols]
    columns = max(1, min(columns, len(flat)))
    try:
        from rdkit.Chem import Draw
    except ImportError:
        # Draw links X libraries that bare servers lack.
        return grid_by_matplotlib(flat, legends, path, columns)
    blank = Chem.Mol()
    image = Draw.MolsToGridImage(
        [mol or blank for mol in flat],
        molsPerRow=columns,
        subImgSize=(PIXELS, PIXELS),
        legends=list(legends),
        returnPNG=False,
    )
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    write_whole(path, buffer.getvalue())
    return path


def depicted(mol: Chem.Mol | None) -> Chem.Mol | None:
    """A copy without explicit hydrogens and with 2D coordinates; hydrogens stay where the molecule is broken."""
    if mol is None:
        return None
    flat = Chem.Mol(mol)
    flat.RemoveAllConformers()
    try:
        flat = Chem.RemoveHs(flat)
    except (Chem.MolSanitizeException, RuntimeError):
        flat.UpdatePropertyCache(strict=False)
        Chem.FastFindRings(flat)
    rdDepictor.Compute2DCoords(flat)
    return flat


def grid_by_matplotlib(mols: Sequence[Chem.Mol | None], legends: Sequence[str], path: Path, columns: int) -> Path:
    """The same page drawn by matplotlib from RDKit's 2D coordinates."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = math.ceil(len(mols) / columns)
    figure = Figure(figsize=(columns * PIXELS / 100, rows * PIXELS / 100), dpi=100)
    FigureCanvasAgg(figure)
    for k in range(rows * columns):
        axes = figure.add_subplot(rows, columns, k + 1)
        axes.axis("off")
        if k < len(mols) and mols[k] is not None:
            _draw_on(axes, mols[k])
            axes.set_title(legends[k], fontsize=7, y=-0.05)
    figure.tight_layout(pad=0.5)
    with whole_file(path) as file:
        figure.savefig(file, format="png", facecolor="white")
    return path


def _draw_on(axes, mol: Chem.Mol) -> None:
    """Bonds as lines, hetero atoms as letters."""
    pos = mol.GetConformer().GetPositions()[:, :2]
    for bond in mol.GetBonds():
        a, b = pos[bond.GetBeginAtomIdx()], pos[bond.GetEndAtomIdx()]
        order = round(bond.GetBondTypeAsDouble() + 0.1) if not bond.GetIsAromatic() else 2
        normal = (b - a)[::-1] * (1, -1) * 0.06
        for k in range(order):
            shift = normal * (2 * k - order + 1)
            axes.plot(*zip(a + shift, b + shift, strict=True), color="#333333", linewidth=1.1, zorder=1)
    for atom, (x, y) in zip(mol.GetAtoms(), pos, strict=True):
        label = atom_label(atom)
        if label:
            colour = COLOURS.get(atom.GetSymbol(), "#333333")
            box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
            axes.text(x, y, label, color=colour, fontsize=8, ha="center", va="center", bbox=box, zorder=2)
    axes.set_aspect("equal")
    axes.margins(0.15)


def atom_label(atom: Chem.Atom) -> str:
    """Symbol with hydrogens and charge; empty for a plain carbon in a chain."""
    if atom.GetSymbol() == "C" and atom.GetFormalCharge() == 0 and atom.GetDegree() > 0:
        return ""
    hydrogens = atom.GetTotalNumHs()
    h = "" if not hydrogens else "H" if hydrogens == 1 else f"H$_{hydrogens}$"
    charge = {0: "", 1: "$^+$", -1: "$^-$"}.get(atom.GetFormalCharge(), f"$^{{{atom.GetFormalCharge():+d}}}$")
    return f"{atom.GetSymbol()}{h}{charge}"
