"""Bonds, charges and hydrogens of cleaned residues, by biotite and hydride (of ``molediff[dock]``)."""

from __future__ import annotations

import re
import warnings
from itertools import pairwise

import numpy as np
from rdkit import Chem
from scipy.spatial import cKDTree

from molediff.chem.proteins import ProteinResidue
from molediff.chem.residue_table import (
    C_TERMINUS,
    FIXED,
    ION_CHARGES,
    IONS,
    METALS,
    N_TERMINUS,
    SIDE_CHAINS,
    STATES,
    WATERS,
    bonds_of,
)
from molediff.config import UserError
from molediff.docking.protein_rules import joined

ITERATIONS = 100
"""Of hydride's relaxation: without a limit it does not return on some proteins."""
KINDS = {"-": "SINGLE", "=": "DOUBLE", "#": "TRIPLE", "~": "AROMATIC_SINGLE", ":": "AROMATIC_DOUBLE"}
LONGEST = 2.6
"""A longer bond than this, angstrom, shows that the names of a residue are not those of the dictionary."""
UNKNOWN = re.compile(r"Missing fragment for atom .* at position (\d+)")
"""What hydride warns of; the metal of a heme is among them, and needs none."""
Bond = tuple[int, int, str]


def dock_extra():
    """biotite.structure and hydride.

    Raises:
        UserError: when they are not installed.
    """
    try:
        import biotite.structure as structure
        import hydride
    except ImportError as error:
        raise UserError(
            f'Hydrogens of a protein need biotite and hydride ({error}). Type: pip install -e ".[dock]" in the clone'
        ) from error
    return structure, hydride


def with_hydrogens(residues: list[ProteinResidue], ph: float, log: list[str]):
    """A biotite AtomArray with bonds, formal charges and hydrogens; hetero says which atoms belong to no polymer.

    Args:
        residues: heavy atoms, one place each.
        ph: decides the charges of amino acids; small molecules have those of the CCD, acids deprotonated.
        log: gets a line for each residue whose bonds are unknown.
    """
    structure, hydride = dock_extra()
    bonds, charge = connect(residues, ph, log)
    atoms = [(r, a) for r in residues for a in r.atoms]
    array = structure.AtomArray(len(atoms))
    array.coord = np.array([a.pos for _, a in atoms], dtype=np.float32)
    array.element = np.array([a.element.upper() for _, a in atoms])
    array.atom_name = np.array([a.name for _, a in atoms], dtype="U6")
    array.res_name = np.array([r.name for r, _ in atoms], dtype="U5")
    array.chain_id = np.array([r.chain for r, _ in atoms], dtype="U4")
    array.hetero = np.array([not r.polymer for r, _ in atoms])
    array.res_id = np.array([k for k, r in enumerate(residues) for _ in r.atoms])  # place in the list, not the number
    array.set_annotation("charge", charge)
    rows = [(i, j, int(getattr(structure.BondType, KINDS.get(kind, "ANY")))) for i, j, kind in bonds]
    array.bonds = structure.BondList(len(atoms), np.array(rows, dtype=np.int64).reshape(-1, 3))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        full, relaxed = _added(hydride, array)
    if np.isfinite(relaxed).all():
        full.coord = relaxed
    else:
        log.append("hydrogens: not relaxed, the relaxation did not end in numbers")
    bare = [k for w in caught for k in map(int, UNKNOWN.findall(str(w.message)))]
    bare = [f"{array.res_name[k]} {array.atom_name[k]}" for k in bare if array.element[k].capitalize() not in METALS]
    if bare:
        log.append(f"no-fragment: {', '.join(bare[:8])}: bonds that hydride does not know, {len(bare)} atoms got none")
    return full


def _added(hydride, array):
    """The array with hydrogens, and its relaxed coordinates."""
    try:
        full, _ = hydride.add_hydrogen(array)
        return full, hydride.relax_hydrogen(full, iterations=ITERATIONS)
    except ValueError as error:
        if "dtype mismatch" not in str(error):
            raise
        raise UserError(
            f"hydride does not work with this biotite ({error}; hydride 1.2.3 needs biotite below 1.7). "
            'Type: pip install -e ".[dock]" in the clone of molediff'
        ) from error


def connect(residues: list[ProteinResidue], ph: float, log: list[str]) -> tuple[list[Bond], np.ndarray]:
    """Bonds (i, j, kind) between the atoms in order, metals unbonded, and their formal charges (n,)."""
    starts = np.cumsum([0, *(len(r.atoms) for r in residues)])
    charge = np.zeros(starts[-1], dtype=int)
    bonds: list[Bond] = []
    for start, residue in zip(starts.tolist(), residues, strict=False):
        found, own = _within(residue, ph, log)
        bonds += [(start + i, start + j, kind) for i, j, kind in found]
        charge[start : start + len(own)] = own
    between = _between(residues, starts.tolist())
    _termini(residues, starts.tolist(), ph, charge)
    names = [(r.name, a.name) for r in residues for a in r.atoms]
    for i, j, _ in between:  # a sulphur that is bonded to another residue is no thiolate
        for k in (i, j):
            if names[k] == ("CYS", "SG"):
                charge[k] = 0
    return bonds + between, charge


def _within(residue: ProteinResidue, ph: float, log: list[str]) -> tuple[list[Bond], list[int]]:
    """Bonds and charges of one residue, by its places in the list of its atoms."""
    place = {a.name: k for k, a in enumerate(residue.atoms)}
    if residue.name in SIDE_CHAINS and residue.polymer:
        words = bonds_of(residue.name)
        if residue.state == "HID":
            words = [(a, b, {"ND1CE1": "~", "CE1NE2": ":"}.get(a + b, kind)) for a, b, kind in words]
        charges = {atom: _at(ph, *values) for (name, atom), values in STATES.items() if name == residue.name}
        charges |= FIXED.get(residue.state, {})
        bonds = [(place[a], place[b], kind) for a, b, kind in words if a in place and b in place]
        return bonds, [charges.get(a.name, 0) for a in residue.atoms]
    if len(residue.atoms) == 1:
        element = residue.atoms[0].element
        return [], [ION_CHARGES.get(element, 2) if element in IONS else 0]
    known = _of_dictionary(residue, place)
    if known is None:
        log.append(f"no-template: {residue}: bonds by distance, no hydrogens")
        return _by_distance(residue), [0] * len(residue.atoms)
    bonds, charges = known
    return bonds, _deprotonated(residue, bonds, charges, ph)


def _at(ph: float, pka: float, below: int, above: int) -> int:
    return below if ph < pka else above


def _of_dictionary(residue: ProteinResidue, place: dict[str, int]) -> tuple[list[Bond], list[int]] | None:
    """Of the chemical component dictionary inside biotite, by names or else by the graph; None when neither fits."""
    from biotite.structure import info

    try:
        template = info.residue(residue.name)
    except (KeyError, ValueError):
        return None
    template = template[template.element != "H"]
    rows = [(i, j, _kind(order)) for i, j, order in template.bonds.as_array().tolist()]
    names, symbols = template.atom_name.tolist(), template.element.tolist()
    own = [a.element.upper() for a in residue.atoms]
    where = {k: place[n] for k, n in enumerate(names) if n in place}  # atom of the template -> atom of the residue
    by_name = len(where) == len(own) and all(symbols[k] == own[i] for k, i in where.items())
    if not by_name or _longest(residue, where, rows) > LONGEST:
        where = _by_graph(residue, symbols, rows)
        if where is None:
            return None
    metal = {k for k, symbol in enumerate(symbols) if symbol.capitalize() in METALS}
    bonds = [(where[i], where[j], kind) for i, j, kind in rows if i in where and j in where and not metal & {i, j}]
    charges = [0] * len(own)
    for k, i in where.items():
        charges[i] = int(template.charge[k])
    return bonds, charges


def _longest(residue: ProteinResidue, where: dict[int, int], rows: list[Bond]) -> float:
    pos = residue.heavy()
    lengths = [np.linalg.norm(pos[where[i]] - pos[where[j]]) for i, j, _ in rows if i in where and j in where]
    return max(lengths, default=0.0)


def _by_graph(residue: ProteinResidue, symbols: list[str], rows: list[Bond]) -> dict[int, int] | None:
    """Atom of the template -> atom of the residue, whose bonds by distance must be a part of the template's."""
    small = _graph([a.element for a in residue.atoms], _by_distance(residue))
    large = _graph([s.capitalize() for s in symbols], rows)
    match = large.GetSubstructMatch(small)
    return {k: i for i, k in enumerate(match)} if match else None


def _graph(elements: list[str], bonds: list[Bond]) -> Chem.Mol:
    """Elements and what is joined, nothing else."""
    mol = Chem.RWMol()
    for element in elements:
        mol.AddAtom(Chem.Atom(element))
    for i, j, _ in bonds:
        mol.AddBond(i, j, Chem.BondType.SINGLE)
    return mol


def _kind(order: int) -> str:
    """As in `KINDS`."""
    from biotite.structure import BondType

    return {name: sign for sign, name in KINDS.items()}.get(BondType(order).name, "?")


def _deprotonated(residue: ProteinResidue, bonds: list[Bond], charges: list[int], ph: float) -> list[int]:
    """Acids of small molecules give up their hydrogen above pH 4: O at P or S, and O at a C that has another =O."""
    if ph < 4.0:
        return charges
    degree = [0] * len(residue.atoms)
    double: set[int] = set()  # carbons with a terminal =O
    for i, j, _ in bonds:
        degree[i] += 1
        degree[j] += 1
    element = [a.element for a in residue.atoms]
    ends = [(o, x, kind) for i, j, kind in bonds for o, x in ((i, j), (j, i)) if element[o] == "O" and degree[o] == 1]
    for _, x, kind in ends:
        if kind == "=":
            double.add(x)
    out = list(charges)
    for o, x, kind in ends:
        full = degree[x] == (4 if element[x] in ("P", "S") else 3)  # else atoms are missing, or it is no acid
        if kind == "-" and out[o] == 0 and full and (element[x] in ("P", "S") or (element[x] == "C" and x in double)):
            out[o] = -1
    return out


def _by_distance(residue: ProteinResidue) -> list[Bond]:
    pos = residue.heavy()
    pairs = cKDTree(pos).query_pairs(2.3)
    return [(i, j, "?") for i, j in sorted(pairs) if _touch(residue.atoms[i], residue.atoms[j])]


def _touch(a, b) -> bool:
    """Bonded by distance: nearer than 1.95 A, 2.1 with one S or P, 2.3 with two; no metals, no lone ions."""
    if a.element in METALS or b.element in METALS:
        return False
    large = (a.element in ("S", "P", "Se", "Cl", "Br", "I")) + (b.element in ("S", "P", "Se", "Cl", "Br", "I"))
    return 0.8 < float(np.linalg.norm(a.pos - b.pos)) < (1.95, 2.1, 2.3)[large]


def _between(residues: list[ProteinResidue], starts: list[int]) -> list[Bond]:
    """Peptide bonds, disulphides, and what joins a residue that is no common amino acid to another."""
    bonds: dict[tuple[int, int], str] = {}
    for k, (first, second) in enumerate(pairwise(residues)):
        if first.polymer and second.polymer and first.chain == second.chain and joined(first, second):
            i = starts[k] + next(n for n, a in enumerate(first.atoms) if a.name == "C")
            j = starts[k + 1] + next(n for n, a in enumerate(second.atoms) if a.name == "N")
            bonds[i, j] = "-"
    owner = [k for k, r in enumerate(residues) for _ in r.atoms]
    atoms = [a for r in residues for a in r.atoms]
    common = [r.name in SIDE_CHAINS and r.polymer for r in residues]
    alone = [len(r.atoms) == 1 or r.name in WATERS for r in residues]
    if not atoms:
        return []
    for i, j in sorted(cKDTree(np.array([a.pos for a in atoms])).query_pairs(2.3)):
        p, q = owner[i], owner[j]
        if p == q or alone[p] or alone[q]:
            continue
        disulphide = atoms[i].name == atoms[j].name == "SG"
        if (disulphide or not (common[p] and common[q])) and _touch(atoms[i], atoms[j]):
            bonds.setdefault((i, j), "-")
    return [(i, j, kind) for (i, j), kind in bonds.items()]


def _termini(residues: list[ProteinResidue], starts: list[int], ph: float, charge: np.ndarray) -> None:
    """The first N of a chain and every OXT are charged; the ends at a gap are not."""
    seen: set[str] = set()
    for start, residue in zip(starts, residues, strict=False):
        if not residue.polymer or residue.name not in SIDE_CHAINS:
            seen.add(residue.chain)
            continue
        for k, atom in enumerate(residue.atoms):
            if atom.name == "N" and residue.chain not in seen and residue.name != "NME":
                charge[start + k] = _at(ph, *N_TERMINUS)
            if atom.name == "OXT":
                charge[start + k] = _at(ph, *C_TERMINUS)
        seen.add(residue.chain)
