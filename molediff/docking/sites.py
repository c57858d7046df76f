"""A box to dock in, from each of its four definitions: a ligand, residues, numbers, or the largest cavity."""

from __future__ import annotations

import numpy as np
from rdkit import Chem
from scipy.spatial import cKDTree

from molediff.chem.residue_table import WATERS
from molediff.config import UserError
from molediff.docking.cavities import find_cavities
from molediff.docking.prepare import heavy_atoms
from molediff.docking.receptor import Receptor
from molediff.docking.site import Site

EDGE = 25.0
"""Of a box, unless said, angstrom."""
LEAST = 20
"""Heavy atoms of the receptor in the box, or in one of half edge `ROUND` where it is smaller, fewer of which make no
pocket."""
ROUND = 8.0, 15.0
"""Half edges in which atoms are counted: at least and at most, angstrom."""
SMALLEST, LARGEST = 5.0, 60.0
"""Edges allowed, angstrom."""


def site_of_ligand(receptor: Receptor, mol: Chem.Mol, name: str = "", edge: float = EDGE) -> Site:
    """A cube round the centre of the heavy atoms of a reference ligand.

    Raises:
        UserError: when the ligand does not lie at the receptor.
    """
    heavy = heavy_atoms(mol)
    if heavy is None or not len(heavy):
        raise UserError(
            f"The reference ligand {name or ''} has no atoms. Give its pose in the protein, as an SDF file."
        )
    return checked(receptor, _cube(heavy.mean(0), edge, f"ligand {name}".strip()))


def site_of_residues(receptor: Receptor, text: str, edge: float = EDGE) -> Site:
    """A cube round the centre of the side chains of residues, as 'A:85,A:168'.

    Raises:
        UserError: for a text that cannot be read or a residue that is not there.
    """
    points = []
    for word in filter(None, (w.strip() for w in text.split(","))):
        chain, colon, number = word.partition(":")
        if not colon or not chain or not number:
            raise UserError(
                f"'{word}' names no residue. Write CHAIN:NUMBER, several with commas: --residues A:85,A:168"
            )
        there = [c == chain and n == number for c, n in zip(receptor.chain, receptor.number, strict=True)]
        if not any(there):
            raise UserError(f"There is no residue {word} in the receptor. {_numbers(receptor, chain)}")
        heavy = np.array(there) & receptor.heavy
        side = heavy & np.array([n not in ("N", "CA", "C", "O") for n in receptor.name])
        points.append(receptor.pos[side if side.any() else heavy].mean(0))
    if not points:
        raise UserError("No residues were given. Write CHAIN:NUMBER, several with commas: --residues A:85,A:168")
    return checked(receptor, _cube(np.mean(points, 0), edge, f"residues {text}"))


def _numbers(receptor: Receptor, chain: str) -> str:
    found = list(dict.fromkeys(n for c, n in zip(receptor.chain, receptor.number, strict=True) if c == chain))
    if not found:
        return f"Its chains: {', '.join(dict.fromkeys(receptor.chain))}."
    return f"Chain {chain} runs from {found[0]} to {found[-1]} ({len(found)} residues)."


def site_of_box(receptor: Receptor, text: str) -> Site:
    """A cube from 'x,y,z,edge' or a box from 'x,y,z,edge_x,edge_y,edge_z', angstrom.

    Raises:
        UserError: for a text that cannot be read, edges that are not allowed, or a box off the receptor.
    """
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (4, 6) or not np.isfinite(numbers).all():
        raise UserError(f"'{text}' is no box. Write its centre and edge in angstrom: --box=12.5,-3,40,25")
    size = numbers[3:] * (3 if len(numbers) == 4 else 1)
    return checked(receptor, Site(np.array(numbers[:3]), np.array(size), f"box {text}"))


def site_of_cavity(receptor: Receptor, rank: int = 1, edge: float = EDGE) -> Site:
    """A cube round the cavity of that rank, the likeliest being 1.

    Raises:
        UserError: when there are fewer cavities.
    """
    heavy = receptor.heavy & np.array([r not in WATERS for r in receptor.residue], dtype=bool)
    found = find_cavities(receptor.pos[heavy])
    if not 1 <= rank <= len(found):
        raise UserError(f"There is no cavity of rank {rank}; {len(found)} were found. Type --detect, or --detect 2.")
    return checked(receptor, _cube(found[rank - 1].centre, edge, f"detect {rank} of {len(found)} cavities"))


def _cube(centre: np.ndarray, edge: float, how: str) -> Site:
    return Site(np.round(np.asarray(centre, dtype=float), 3), np.full(3, float(edge)), how)


def checked(receptor: Receptor, site: Site) -> Site:
    """The same site.

    Raises:
        UserError: for edges that are not allowed, and for a box that holds no pocket.
    """
    if (site.size < SMALLEST).any() or (site.size > LARGEST).any():
        given = "x".join(f"{x:g}" for x in site.size)
        raise UserError(
            f"A box of {given} A cannot be used. Edges of {SMALLEST:g} to {LARGEST:g} A are allowed: --edge 25"
        )
    heavy = receptor.pos[receptor.heavy]
    inside = (np.abs(heavy - site.centre) <= np.clip(site.size / 2, *ROUND)).all(1)
    nearest = float(cKDTree(heavy).query(site.centre)[0])
    if inside.sum() >= LEAST and nearest < max(site.size.max() / 2, 8):
        return site
    low, high = heavy.min(0), heavy.max(0)
    reach = " to ".join(f"({x[0]:.0f}, {x[1]:.0f}, {x[2]:.0f})" for x in (low, high))
    x, y, z = site.centre
    raise UserError(
        f"There is no pocket at ({x:.1f}, {y:.1f}, {z:.1f}) ({site.how}): {inside.sum()} heavy atoms of the protein "
        f"lie there, the nearest {nearest:.1f} A from its centre. The protein spans {reach}. "
        "Is the site in the frame of this protein? --detect looks for one."
    )
