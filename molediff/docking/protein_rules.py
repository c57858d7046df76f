"""The rules that clean a protein, one function each: residues in, residues out, a line in the log for each change.

A line reads 'rule: residue: what'. Heavy atoms only from `hydrogens` on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby, pairwise

import numpy as np

from molediff.chem.proteins import ProteinAtom, ProteinResidue
from molediff.chem.residue_table import (
    ADDITIVES,
    AMINO,
    IONS,
    METALS,
    OTHER_NAMES,
    SELENO,
    SIDE_CHAINS,
    WATERS,
    atoms_of,
)
from molediff.config import UserError

Residues = list[ProteinResidue]
OVERLAP = 1.2
"""A small molecule with a heavy atom this near to one of the reference ligand's is the ligand itself, angstrom."""
PEPTIDE = 2.0
"""Longest C-N of two joined residues, angstrom."""
COORDINATED = 2.8
"""Longest distance of a metal to an atom that it holds, angstrom."""


def chains(residues: Residues, wanted: Sequence[str], log: list[str]) -> Residues:
    """All chains, or those asked for.

    Raises:
        UserError: for a chain that is not there.
    """
    there = list(dict.fromkeys(r.chain for r in residues))
    missing = [c for c in wanted if c not in there]
    if missing:
        raise UserError(f"Chain '{missing[0]}' is not in the protein. Its chains: {', '.join(there)}.")
    if not wanted:
        if len(there) > 1:
            log.append(f"chains: all {len(there)} are used ({', '.join(there)})")
        return residues
    for chain in there:
        if chain not in wanted:
            log.append(f"chains: {chain}: dropped, {sum(r.chain == chain for r in residues)} residues, not asked for")
    return [r for r in residues if r.chain in wanted]


def alternatives(residues: Residues, log: list[str]) -> Residues:
    """Of several places or names for a residue, the one of highest occupancy; the first letter when they are equal."""
    kept = []
    for key, group in groupby(residues, key=lambda r: (r.chain, r.number)):
        group = list(group)
        rivals = [r for r in group if any(a.altloc for a in r.atoms)]
        if len(rivals) > 1:
            best = max(rivals, key=lambda r: np.mean([a.occupancy for a in r.atoms]))
            for r in rivals:
                if r is not best:
                    log.append(f"altloc: {r}: dropped, {best.name} at {key[0]}:{key[1]} has the higher occupancy")
            group = [r for r in group if r is best or r not in rivals]
        kept += [_one_place(r, log) for r in group]
    return kept


def _one_place(residue: ProteinResidue, log: list[str]) -> ProteinResidue:
    letters = sorted({a.altloc for a in residue.atoms} - {""})
    if not letters:
        return residue
    weight = {x: float(np.mean([a.occupancy for a in residue.atoms if a.altloc == x])) for x in letters}
    ranked = sorted(letters, key=lambda x: (-weight[x], x))
    best: dict[str, ProteinAtom] = {}
    for letter in ["", *ranked]:
        for atom in residue.atoms:
            if atom.altloc == letter:
                best.setdefault(atom.name, atom)
    if len(letters) > 1:
        log.append(f"altloc: {residue}: {ranked[0]} of {', '.join(letters)} (occupancy {weight[ranked[0]]:.2f})")
    chosen = {id(a) for a in best.values()}
    return residue.with_atoms([a for a in residue.atoms if id(a) in chosen])


def hydrogens(residues: Residues, log: list[str]) -> Residues:
    """Hydrogens of the file are taken off; those that show a protonation of HIS, ASP or GLU decide it."""
    kept, count = [], 0
    for residue in residues:
        names = {a.name for a in residue.atoms if a.element == "H"}
        count += sum(a.element == "H" for a in residue.atoms)
        heavy = residue.with_atoms([a for a in residue.atoms if a.element != "H"])
        if names:
            heavy.state = _shown(residue.name, names) or heavy.state  # LYN and CYM say it by their names
        if heavy.atoms:
            kept.append(heavy)
    if count:
        log.append(f"hydrogens: {count} of the file are replaced; they decide the protonation of HIS, ASP and GLU")
    return kept


def _shown(name: str, names: set[str]) -> str:
    if name == "HIS":
        return {(True, True): "HIP", (True, False): "HID", (False, True): "HIE"}.get(
            ("HD1" in names, "HE2" in names), ""
        )
    if name == "ASP":
        return "ASH" if names & {"HD1", "HD2"} else ""
    return "GLH" if name == "GLU" and names & {"HE1", "HE2"} else ""


def names(residues: Residues, log: list[str]) -> Residues:
    """Names of force fields become the common ones; selenium becomes the sulphur it stands for."""
    kept, renamed = [], Counter()
    for residue in residues:
        if residue.name in OTHER_NAMES:
            name, state = OTHER_NAMES[residue.name]
            renamed[f"{residue.name} read as {name}"] += 1
            residue = residue.with_atoms(residue.atoms, name=name, state=state or residue.state, polymer=True)
        elif residue.name in SELENO and residue.atom("CA"):
            name, old, new = SELENO[residue.name]
            atoms = [_sulphur(a, new) if a.name in (old, new) or a.element == "Se" else a for a in residue.atoms]
            log.append(f"non-standard: {residue}: read as {name}, selenium as sulphur")
            residue = residue.with_atoms(atoms, name=name, polymer=True)
        kept.append(residue)
    log += [f"names: {what}, {n} residues" for what, n in renamed.items()]
    for residue in kept:
        if residue.polymer and residue.atom("CA") and residue.name not in SIDE_CHAINS:
            log.append(f"non-standard: {residue}: kept as it is")
    return kept


def _sulphur(atom: ProteinAtom, name: str) -> ProteinAtom:
    return ProteinAtom(name, "S", atom.pos, atom.charge, atom.occupancy, atom.altloc)


def nonsense(residues: Residues, log: list[str]) -> Residues:
    """Atoms of no element and second atoms at the same place are dropped."""
    kept = []
    for residue in residues:
        atoms: list[ProteinAtom] = []
        for atom in residue.atoms:
            if atom.element == "X":
                log.append(f"no-element: {residue}: atom {atom.name} dropped")
            elif any(np.abs(atom.pos - a.pos).max() < 0.1 for a in atoms):
                log.append(f"twice: {residue}: atom {atom.name} dropped, another lies at its place")
            else:
                atoms.append(atom)
        if atoms:
            kept.append(residue.with_atoms(atoms))
    return kept


def waters(residues: Residues, keep: bool, log: list[str]) -> Residues:
    """Waters are dropped unless asked for."""
    found = [r for r in residues if r.name in WATERS and not r.atom("CA")]
    if keep or not found:
        if found:
            log.append(f"water: {len(found)} kept as asked")
        return residues
    log += [f"water: {r}: dropped" for r in found]
    return [r for r in residues if r not in found]


def unwanted(residues: Residues, keep: Sequence[str], drop: Sequence[str], log: list[str]) -> Residues:
    """Crystallisation additives are dropped unless asked for, and what was asked to be.

    Raises:
        UserError: for a name that is not there.
    """
    names = {r.name for r in residues}
    for what, asked in (("drop", drop), ("keep", keep)):
        missing = [name for name in asked if name not in names]
        if missing:
            there = sorted({r.name for r in residues if not r.polymer})
            raise UserError(
                f"No residue '{missing[0]}' to {what}. Small molecules of the protein: {', '.join(there) or '-'}."
            )
    kept = []
    for residue in residues:
        if residue.name in drop:
            log.append(f"asked: {residue}: dropped, {len(residue.atoms)} atoms")
        elif residue.name in ADDITIVES and residue.name not in keep:
            log.append(f"additive: {residue}: dropped, {len(residue.atoms)} atoms")
        else:
            kept.append(residue)
    return kept


def native_ligand(residues: Residues, ligand: np.ndarray | None, log: list[str]) -> Residues:
    """A small molecule, ion or water that overlaps the reference ligand is that ligand, and is dropped.

    Residues of a chain stay, and are named: the ligand may be a peptide of a chain of its own.

    Args:
        ligand: (n, 3) its heavy atoms, angstrom, or None.
    """
    if ligand is None:
        return residues
    kept = []
    for residue in residues:
        near = _nearest(residue.heavy(), ligand)
        if not residue.polymer and near < OVERLAP:
            log.append(f"native-ligand: {residue}: dropped, {near:.2f} A from the reference ligand")
        else:
            kept.append(residue)
            if near < OVERLAP:
                log.append(
                    f"overlap: {residue}: kept, {near:.2f} A from the reference ligand; --chains can leave it out"
                )
    return kept


def others(residues: Residues, log: list[str]) -> Residues:
    """Names the metals, ions and cofactors that stay."""
    for residue in residues:
        if residue.polymer or residue.name in WATERS:
            continue
        element = residue.atoms[0].element
        if len(residue.atoms) == 1 and element in IONS:
            log.append(f"{'metal' if element in METALS else 'ion'}: {residue}: kept")
        else:
            log.append(f"cofactor: {residue}: kept, {len(residue.atoms)} heavy atoms")
    return residues


def incomplete(residues: Residues, log: list[str]) -> Residues:
    """Missing atoms and gaps are named; hydrogens take the place of what is missing.

    Raises:
        UserError: when there is no protein, or only its C-alpha trace.
    """
    amino = [r for r in residues if r.polymer and r.atom("CA")]
    nucleic = [r for r in residues if r.polymer and r.atom("C1'")]
    if not amino and not nucleic:
        there = ", ".join(sorted({r.name for r in residues})[:8]) or "nothing"
        raise UserError(f"There is no protein in the file (it holds {there}). Give the receptor, not the ligand.")
    if amino and np.mean([len(r.atoms) <= 2 for r in amino]) > 0.5 and any(r.name != "GLY" for r in amino):
        raise UserError(
            "The protein is a trace of C-alpha atoms; docking needs all heavy atoms. Give an all-atom structure, or "
            "rebuild the side chains first (as with PULCHRA or SCWRL)."
        )
    for residue in amino:
        if residue.name in AMINO:
            missing = [a for a in atoms_of(residue.name) if not residue.atom(a)]
            if missing:
                log.append(f"missing-atoms: {residue}: without {' '.join(missing)}; hydrogens in their place")
    for first, second in pairwise(amino):
        if first.chain == second.chain and not joined(first, second):
            log.append(f"gap: between {first} and {second}: left open")
    return residues


def joined(first: ProteinResidue, second: ProteinResidue) -> bool:
    """Whether a peptide bond runs from the first to the second."""
    c, n = first.atom("C"), second.atom("N")
    return c is not None and n is not None and float(np.linalg.norm(c.pos - n.pos)) < PEPTIDE


def protonation(residues: Residues, ph: float, log: list[str]) -> Residues:
    """Where the file shows none: cysteines and histidines at a metal give up the hydrogen; histidines face acceptors.

    A histidine that is neutral at this pH has its hydrogen on NE2, but on ND1 when a metal holds NE2, or when an
    oxygen of the backbone or of ASP or GLU is in reach of ND1 (3.2 A) and none is of NE2.
    """
    metals = np.array([a.pos for r in residues for a in r.atoms if a.element in METALS]).reshape(-1, 3)
    oxygens = np.array(
        [
            a.pos
            for r in residues
            for a in r.atoms
            if r.polymer and (a.name in ("O", "OXT") or (r.name, a.name[:2]) in (("ASP", "OD"), ("GLU", "OE")))
        ]
    ).reshape(-1, 3)
    for residue in residues:
        if residue.name == "CYS" and (s := residue.atom("SG")) and _nearest(s.pos[None], metals) < COORDINATED:
            residue.state = "CYM"
            log.append(f"protonation: {residue}: thiolate, at a metal")
        if residue.name != "HIS" or residue.state:
            continue
        nd, ne = residue.atom("ND1"), residue.atom("NE2")
        if not nd or not ne:
            continue
        at_metal = [_nearest(a.pos[None], metals) < COORDINATED for a in (nd, ne)]
        if any(at_metal):
            residue.state = "HID" if at_metal[1] else "HIE"
            log.append(f"protonation: {residue}: {residue.state}, the other nitrogen is at a metal")
        elif ph >= 6.04:
            bonded = [_nearest(a.pos[None], oxygens) < 3.2 for a in (nd, ne)]
            residue.state = "HID" if bonded == [True, False] else "HIE"
            if residue.state == "HID":
                log.append(f"protonation: {residue}: HID, an acceptor is in reach of ND1")
    return residues


def short_names(residues: Residues, log: list[str]) -> Residues:
    """Chains, names and numbers that PDB has no columns for: free letters, three letters, the last four digits.

    Raises:
        UserError: for more chains than letters.
    """
    used = {r.chain for r in residues}
    free = iter([c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" if c not in used])
    new: dict[str, str] = {}
    for chain in [c for c in dict.fromkeys(r.chain for r in residues) if len(c) > 1]:
        new[chain] = next(free, "")
        if not new[chain]:
            raise UserError("More than 62 chains cannot be written as PDB. Choose some: --chains A,B")
        log.append(f"chains: {chain}: written as {new[chain]}")
    kept = []
    for residue in residues:
        digits = residue.number.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
        number = residue.number if len(digits) <= 4 else digits[-4:].lstrip("0") + residue.number[len(digits) :]
        if len(residue.name) > 3 or number != residue.number:
            log.append(f"names: {residue}: written as {residue.name[:3]} {number}")
        kept.append(
            residue.with_atoms(
                residue.atoms, name=residue.name[:3], number=number, chain=new.get(residue.chain, residue.chain)
            )
        )
    return kept


def _nearest(a: np.ndarray, b: np.ndarray) -> float:
    """Least distance of two sets of points, angstrom; inf when one is empty."""
    if not len(a) or not len(b):
        return float("inf")
    return float(np.sqrt(((a[:, None] - b) ** 2).sum(-1).min()))
