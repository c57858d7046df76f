"""Strain of a pose under PoseCheck's rule."""

from __future__ import annotations

import math
import time

import numpy as np
import rdkit
from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers
from rdkit.rdBase import BlockLogs

from .strict import sanitise

SHIFT = 0.1  # angstrom an atom may move freely in the local relaxation
STIFF = 1.0  # kcal/mol/A^2 beyond that
CONFORMERS = 50
LIMIT = 20  # seconds for the conformers: of cages that no coordinates fit, RDKit tries for hours
STEPS = 200  # of every minimisation, RDKit's default
RULE = f"PoseCheck at 049301f: UFF, {SHIFT} A, k {STIFF:g}, {CONFORMERS} conformers; RDKit {rdkit.__version__}"
FAILED = {"strain": None, "strain_rule": RULE}


def strain(mol: Chem.Mol, conformers: int = CONFORMERS, seed: int = 7) -> dict:
    """E(pose relaxed locally) - E(best of `conformers` minimised conformers), kcal/mol, UFF.

    The rule of PoseCheck (Harris et al. 2023, arXiv:2308.07413) as its repository had it at commit 049301f
    (github.com/cch1999/posecheck, utils/strain.py): the pose is minimised for 200 steps with each atom held within
    0.1 A of its place (force constant 1 kcal/mol/A^2), then compared with conformers embedded by ETKDG and minimised
    for 200 steps. Earlier versions used another force constant and fewer conformers, and such figures do not compare;
    `strain_rule` says what was done. Two differences, both for the sake of repeatability: the seed is fixed, and
    conformers have the stereochemistry of the pose, perceived from its coordinates.

    Known faults: UFF, in vacuum, so that intramolecular salt bridges dominate; UFF minimisations of 200 steps do not
    all converge; hydrogens that are only implied are added first.

    Args:
        mol: with one conformer, angstrom. Not modified.
        conformers: to embed.
        seed: of the embedding.

    Returns:
        `strain` (kcal/mol, or None), `strain_rule`, `reason` ('' or disconnected, a reason of `strict`,
        no_uff_parameters, not_embedded, nonfinite_energy).
    """
    return strains(mol, conformers, seed)[0]


def strains(poses: Chem.Mol, conformers: int = CONFORMERS, seed: int = 7) -> list[dict]:
    """`strain` of every conformer of one molecule; the free conformers are embedded once.

    Args:
        poses: at least one conformer, all of the same stereochemistry. Not modified.
        conformers: to embed.
        seed: of the embedding.
    """
    count = max(1, poses.GetNumConformers())  # what is wrong with the molecule is said without one too
    work = Chem.RWMol(poses)
    reason = sanitise(work)
    if not reason and len(Chem.GetMolFrags(work)) > 1:
        reason = "disconnected"
    if reason:
        return [FAILED | {"reason": reason}] * count
    with BlockLogs():
        whole = Chem.AddHs(work, addCoords=True)
        Chem.AssignStereochemistryFrom3D(whole)
        if not rdForceFieldHelpers.UFFHasAllMoleculeParams(whole):
            return [FAILED | {"reason": "no_uff_parameters"}] * count
        local = [_local(Chem.Mol(whole, confId=c.GetId())) for c in whole.GetConformers()]
        best = _best(whole, conformers, seed)
    if best is None:
        return [FAILED | {"reason": "not_embedded"}] * count
    return [
        {"strain": energy - best, "strain_rule": RULE, "reason": ""}
        if np.isfinite(energy - best)
        else FAILED | {"reason": "nonfinite_energy"}
        for energy in local
    ]


def _local(mol: Chem.Mol) -> float:
    """UFF energy of the pose after relaxation in place; the restraints are not in it."""
    work = Chem.Mol(mol)
    field = rdForceFieldHelpers.UFFGetMoleculeForceField(work)
    field.Initialize()
    for i in range(work.GetNumAtoms()):
        field.UFFAddPositionConstraint(i, SHIFT, STIFF)
    field.Minimize(maxIts=STEPS)
    return rdForceFieldHelpers.UFFGetMoleculeForceField(work).CalcEnergy()


def _best(mol: Chem.Mol, conformers: int, seed: int) -> float | None:
    work = Chem.Mol(mol)
    work.RemoveAllConformers()
    settings = rdDistGeom.ETKDG()
    settings.randomSeed = seed
    _embed(work, conformers, settings)
    if not work.GetNumConformers():  # after a time-out the ids that come back are of no conformers
        settings.useRandomCoords = True
        _embed(work, conformers, settings)
    if not work.GetNumConformers():
        return None
    energies = [energy for _, energy in rdForceFieldHelpers.UFFOptimizeMoleculeConfs(work, maxIters=STEPS)]
    energies = [energy for energy in energies if np.isfinite(energy)]
    return min(energies) if energies else None


def _embed(work: Chem.Mol, conformers: int, settings) -> None:
    """Conformers within `LIMIT` seconds of computing; RDKit counts waiting too, so on a busy machine it gets longer."""
    settings.timeout, used = LIMIT, 0.0
    while used < LIMIT / 2:
        began, computed = time.monotonic(), time.process_time()
        rdDistGeom.EmbedMultipleConfs(work, conformers, settings)
        used = time.process_time() - computed
        if time.monotonic() - began < settings.timeout:
            return
        settings.timeout = math.ceil(settings.timeout * min(10.0, LIMIT / max(used, 0.1)))
