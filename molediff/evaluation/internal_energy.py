"""PoseBusters' check `internal_energy`, with only as many conformers as its verdict needs.

PoseBusters (Buttenschoen et al. 2024) divides the UFF energy of a pose by the mean energy of 50 conformers (ETKDGv3
from fixed seeds, then UFF) and fails a ratio above 100. Sound molecules have ratios near 1.5, so the verdict is safe
long before the fiftieth conformer. Here the same conformers are made one after another, until

- one cannot be embedded: then PoseBusters has no ratio either (certain), or
- no energies of the rest could bring the mean down to a hundredth of the pose's energy, and the rest will embed, both
  but for a chance below `RISK` (`settles`, `embeds`), or
- all 50 are there: then the ratio is PoseBusters' own.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, comb, isfinite

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers, rdmolops

RISK = 1e-8  # per conformer at which the verdict may be given, so below 1e-6 a molecule
FIRST = 8  # conformers made at once; fewer never decide, and one at a time costs a tenth more
SEED = 42  # PoseBusters'; RDKit gives conformer k of a set the seed (k + 1) * SEED
TRIES = 10  # attempts per atom after which RDKit gives a conformer up
# UFF's bonded terms are squares or 1 - cos for these, never negative; not for the inversions of P, nor for metals
KNOWN = frozenset({1, 5, 6, 7, 8, 9, 14, 16, 17, 35, 53})
ORDERS = (Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE, Chem.BondType.AROMATIC)


def internal_energy(mol: Chem.Mol, threshold: float = 100.0, n: int = 50) -> bool | None:
    """PoseBusters' verdict on the energy of a pose.

    Args:
        mol: with one conformer, angstrom; it is not changed.
        threshold: largest ratio that passes.
        n: conformers of PoseBusters' ensemble.

    Returns:
        True or False, or None where PoseBusters gives none (no sanitising, no InChI, no UFF parameters, a conformer
        that does not embed).
    """
    # imported when asked for: it takes longer to import than RDKit
    from posebusters.modules.energy_ratio import check_energy_ratio

    energy, inchi = _pose(mol)
    ensemble = _ensemble(inchi) if inchi and isfinite(energy) and energy > 0 else None
    if ensemble is None:
        # rare: nothing is known of such a molecule beforehand, so PoseBusters decides
        found = check_energy_ratio(mol, threshold, n, num_threads=1)["results"]["energy_ratio_passes"]
        return None if found != found else bool(found)
    while not ensemble.failed and ensemble.size < n:
        if ensemble.size and _settled(ensemble, energy / threshold, n):
            return True
        ensemble.grow()
    if ensemble.failed:
        return None
    mean = sum(ensemble.energies[:n]) / n or 1e-10
    return energy / mean <= threshold if isfinite(energy / mean) else None


def settles(lowest: float, seen: int, n: int, limit: float, floor: float) -> bool:
    """Whether a mean of n energies at or below `limit` is out of the question, but for a chance below RISK.

    Were the mean so low, at least J = n (lowest - limit) / (lowest - floor) of the n energies would lie below `lowest`,
    since none is below `floor`. That none of J is among `seen` drawn at random (conformers differ by their seeds alone)
    has the chance C(n - J, seen) / C(n, seen), which is 0 once J exceeds n - seen.

    Args:
        lowest: of the energies seen, kcal/mol.
        seen: how many were seen.
        n: how many there are.
        limit: kcal/mol.
        floor: no energy is below it, kcal/mol.
    """
    if not lowest > limit:
        return False
    below = ceil(n * (lowest - limit) / (lowest - floor) - 1e-9)
    return comb(n - below, seen) <= RISK * comb(n, seen)


def embeds(attempts: int, seen: int, n: int, most: int) -> bool:
    """Whether all of the n - seen conformers to come will embed, but for a chance below RISK.

    With p the chance of one attempt, `seen` successes within `attempts` have a chance of at most (e attempts p / seen)
    to the power of seen, and a conformer is given up with at most exp(-p most). The product is largest at
    p = seen / most, where it is (attempts / most) to the power of seen.

    Args:
        attempts: made for the conformers seen.
        seen: conformers, all embedded.
        n: conformers there are to be.
        most: attempts after which a conformer is given up.
    """
    return (n - seen) * (attempts / most) ** seen <= RISK


def energy_floor(mol: Chem.Mol) -> float | None:
    """A UFF energy (kcal/mol) below which no geometry can go; None where none is known.

    Every bonded term is at least 0, and a pair that is neither bonded nor bonded to a common atom at least minus the
    depth of its Lennard-Jones well, sqrt(D_i D_j) (Rappe et al. 1992).
    """
    if not all(atom.GetAtomicNum() in KNOWN for atom in mol.GetAtoms()):
        return None
    if not all(bond.GetBondType() in ORDERS for bond in mol.GetBonds()):
        return None
    if not rdForceFieldHelpers.UFFHasAllMoleculeParams(mol):
        return None
    wells = [rdForceFieldHelpers.GetUFFVdWParams(mol, i, i) for i in range(mol.GetNumAtoms())]
    if None in wells:
        return None
    depth = np.sqrt([well[1] for well in wells])
    apart = np.triu(rdmolops.GetDistanceMatrix(mol) > 2.5)
    return -float((np.outer(depth, depth) * apart).sum())


class Ensemble:
    """PoseBusters' conformers of a molecule, made one at a time.

    Attributes:
        energies: of the conformers so far, minimised, kcal/mol.
        attempts: embeddings tried for them.
        most: attempts after which RDKit gives one up.
        floor: see `energy_floor`, kcal/mol.
        failed: a conformer could not be embedded.
    """

    def __init__(self, mol: Chem.Mol, floor: float):
        self.mol, self.floor, self.most = mol, floor, TRIES * mol.GetNumAtoms()
        self.energies: list[float] = []
        self.attempts, self.failed = 0, False

    @property
    def size(self) -> int:
        return len(self.energies)

    def grow(self) -> None:
        """Embed and minimise the next conformers as the set of all would hold them: FIRST together, then each alone."""
        count = 1 if self.energies else FIRST
        settings = rdDistGeom.ETKDGv3()
        settings.randomSeed = SEED * (self.size + 1)
        settings.useRandomCoords = True
        settings.numThreads = 1
        settings.trackFailures = True
        mol = Chem.Mol(self.mol)
        if len(rdDistGeom.EmbedMultipleConfs(mol, count, settings)) != count:
            self.failed = True
            return
        self.attempts += count + sum(settings.GetFailureCounts())
        self.energies += [energy for _, energy in rdForceFieldHelpers.UFFOptimizeMoleculeConfs(mol, numThreads=1)]


def _settled(ensemble: Ensemble, limit: float, n: int) -> bool:
    lowest, seen = min(ensemble.energies), ensemble.size
    return settles(lowest, seen, n, limit, ensemble.floor) and embeds(ensemble.attempts, seen, n, ensemble.most)


def _pose(mol: Chem.Mol) -> tuple[float, str]:
    """UFF energy (kcal/mol) and InChI as PoseBusters takes them; an empty InChI where it gets none."""
    from posebusters.tools.inchi import get_inchi
    from posebusters.tools.molecules import add_hydrogens_with_uff_positions

    mol = Chem.Mol(mol)
    if mol.GetNumConformers() == 0 or Chem.SanitizeMol(mol, catchErrors=True):
        return float("nan"), ""
    try:
        mol, _, energy = add_hydrogens_with_uff_positions(mol)
        if not rdForceFieldHelpers.UFFHasAllMoleculeParams(mol):
            return float("nan"), ""
        return energy, get_inchi(mol)
    except Exception:  # RDKit throws what it likes; PoseBusters is asked again and names it
        return float("nan"), ""


@lru_cache(maxsize=1024)
def _ensemble(inchi: str) -> Ensemble | None:
    """The ensemble of an InChI, shared by all poses of a ligand; None where no floor of its energy is known."""
    mol = Chem.MolFromInchi(inchi)
    if mol is None:
        return None
    mol = Chem.AddHs(mol, addCoords=True)
    Chem.AssignStereochemistryFrom3D(mol, replaceExistingTags=True)
    mol.RemoveAllConformers()
    floor = energy_floor(mol)
    return None if floor is None else Ensemble(mol, floor)
