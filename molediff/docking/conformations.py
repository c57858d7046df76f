"""Conformers to start a docking from: seeded ETKDGv3, minimised, chosen for what docking cannot turn."""

from __future__ import annotations

import numpy as np
from rdkit import Chem
from rdkit.Chem import AllChem, rdDistGeom, rdMolTransforms

from molediff.docking.settings import row_seed

CANDIDATES = 4
"""Conformers embedded for each one kept, when more than one is asked for."""
WINDOW = 15.0
"""Candidates whose MMFF energy is above the lowest by more than this are not chosen while others remain, kcal/mol."""
AMIDE = Chem.MolFromSmarts("[#6,#1]~[CX3](=[O,S,N])-!@[NX3]~[#6,#1]")


def embed(mol: Chem.Mol, count: int, seed: int, row: int) -> tuple[Chem.Mol | None, int, str]:
    """Give a molecule conformers; the first is the same whatever ``count`` is.

    Bond lengths, angles, rings and amides are rigid in docking, so further conformers are picked, farthest first, by
    the torsions of their rings and amides.

    Args:
        mol: with explicit hydrogens; its conformers are not used.
        count: conformers, at least 1.
        seed: of the run.
        row: of the ligand.

    Returns:
        (molecule, stereo elements the input left open, '') or (None, 0, reason).
    """
    mol = Chem.Mol(mol)
    mol.RemoveAllConformers()
    wanted = Chem.MolToSmiles(Chem.RemoveHs(mol))
    open_before = unspecified(mol)
    first = _one(mol, row_seed(seed, row, 0))
    if first is None:
        return None, 0, "no conformer can be embedded"
    Chem.AssignStereochemistryFrom3D(first)
    if not open_before and Chem.MolToSmiles(Chem.RemoveHs(first)) != wanted:
        return None, 0, "no conformer with the stereochemistry asked for"
    if count > 1:
        bare = Chem.Mol(first)
        bare.RemoveAllConformers()
        others = [_one(bare, row_seed(seed, row, k)) for k in range(1, CANDIDATES * count)]
        chosen = _spread(first, [m for m in others if m is not None], count - 1)
        for m in chosen:
            first.AddConformer(m.GetConformer(), assignId=True)
    return first, open_before, ""


def unspecified(mol: Chem.Mol) -> int:
    """Stereo centres and double bonds that the molecule leaves open."""
    found = Chem.FindPotentialStereo(Chem.Mol(mol), cleanIt=False)
    return sum(s.specified == Chem.StereoSpecified.Unspecified for s in found)


def _one(mol: Chem.Mol, seed: int) -> Chem.Mol | None:
    """A copy with one minimised conformer, or None."""
    for random_start in (False, True):
        made = Chem.Mol(mol)
        params = rdDistGeom.ETKDGv3()
        params.randomSeed = seed
        params.useRandomCoords = random_start
        params.maxIterations = 50 if not random_start else 200
        params.clearConfs = True
        try:
            if rdDistGeom.EmbedMolecule(made, params) < 0:
                continue
        except (RuntimeError, ValueError):
            continue
        _minimise(made)
        return made
    return None


def _minimise(mol: Chem.Mol) -> None:
    """MMFF94s, UFF where it has no parameters, in place; the energy is kept as the property 'energy'."""
    if AllChem.MMFFHasAllMoleculeParams(mol):
        field = AllChem.MMFFGetMoleculeForceField(mol, AllChem.MMFFGetMoleculeProperties(mol, "MMFF94s"))
    elif AllChem.UFFHasAllMoleculeParams(mol):
        field = AllChem.UFFGetMoleculeForceField(mol)
    else:
        return
    field.Initialize()
    field.Minimize(maxIts=500)
    mol.SetDoubleProp("energy", field.CalcEnergy())


def _spread(first: Chem.Mol, others: list[Chem.Mol], count: int) -> list[Chem.Mol]:
    """``count`` of the others, each farthest from those before; high-energy ones last."""
    quads = rigid_torsions(first)
    if not quads:
        return others[:count]
    angle = [np.array([rdMolTransforms.GetDihedralDeg(m.GetConformer(), *q) for q in quads]) for m in (first, *others)]
    energy = np.array([m.GetDoubleProp("energy") if m.HasProp("energy") else 0.0 for m in others])
    strained = energy > energy.min(initial=np.inf) + WINDOW
    near = np.array([_apart(a, angle[0]) for a in angle[1:]])
    chosen: list[int] = []
    while len(chosen) < min(count, len(others)):
        value = np.where(strained, near - 1000.0, near)
        value[chosen] = -np.inf
        best = int(np.argmax(value))
        chosen.append(best)
        near = np.minimum(near, [_apart(a, angle[best + 1]) for a in angle[1:]])
    return [others[i] for i in chosen]


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    """Largest difference of two sets of angles, degree."""
    return float(np.abs((a - b + 180.0) % 360.0 - 180.0).max())


def rigid_torsions(mol: Chem.Mol) -> list[tuple[int, int, int, int]]:
    """Four atoms each, of torsions that a docking engine holds fixed and chemistry does not: rings and amides."""
    quads = [m[:2] + m[3:] for m in mol.GetSubstructMatches(AMIDE)]
    for ring in mol.GetRingInfo().AtomRings():
        if len(ring) > 4 and not all(mol.GetAtomWithIdx(i).GetIsAromatic() for i in ring):
            n = len(ring)
            quads += [tuple(ring[(i + k) % n] for k in range(4)) for i in range(n)]
    return quads
