"""A receptor as the text that other programs read."""

from __future__ import annotations

import numpy as np

from molediff.docking.receptor import Receptor


def rigid_pdbqt(receptor: Receptor, atoms: np.ndarray) -> str:
    """Those atoms of a receptor as Vina reads a rigid one: positions and types; charges are 0, Vina ignores them."""
    return "".join(
        f"{atom_line(receptor, int(i), serial, 'ATOM')}    {0.0:6.3f} {receptor.types[i]:<2}\n"
        for serial, i in enumerate(atoms, 1)
    )


def atom_line(receptor: Receptor, i: int, serial: int, record: str) -> str:
    """Columns 1 to 66 of an atom's record, alike in PDB and PDBQT; the serial wraps at 100,000."""
    x, y, z = receptor.pos[i]
    name, element = receptor.name[i][:4], receptor.element[i]
    name = name if len(name) == 4 or len(element) == 2 else f" {name}"
    number = receptor.number[i]
    digits = number.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    insertion = number[len(digits) :][:1] or " "
    return (
        f"{record:<6}{serial % 100000:5d} {name:<4} {receptor.residue[i][:3]:>3} "
        f"{receptor.chain[i][:1] or 'A'}{digits[-4:]:>4}{insertion}   {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00"
    )
