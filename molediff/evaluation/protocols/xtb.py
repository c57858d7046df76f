"""`xtb`: GFN2-xTB strain through tblite, when it is installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from rdkit import Chem
from rdkit.rdBase import BlockLogs
from scipy.optimize import minimize

from ..errors import InputError
from ..figures import Measure
from ..record import Record, molecule
from ..strict import sanitise
from ..topology import ends, same_topology
from . import energy
from .protocol import Context, Protocol

if TYPE_CHECKING:
    import pandas as pd

BOHR = 0.529177210903  # angstrom
HARTREE = 627.5094740631  # kcal/mol
FORCE = 1e-3  # hartree / bohr: largest component at which a relaxation has converged


def relax(z: np.ndarray, pos: np.ndarray, bonds: np.ndarray, charge: int, steps: int = 500) -> dict:
    """GFN2-xTB (Bannwarth et al. 2019) strain and relaxation RMSD of one molecule, by tblite and L-BFGS.

    `strain` = E(as generated) - E(relaxed to the nearest minimum), kcal/mol; `rmsd` of heavy atoms in angstrom after
    the best superposition; `same_topology`: whether the relaxed geometry has the bonds (E, 2) and no others, by
    distances (`topology.same_topology`). Only relaxations below 1e-3 hartree/bohr have figures. Closed shell is
    assumed.
    """
    from tblite.interface import Calculator

    def energy_and_gradient(x: np.ndarray) -> tuple[float, np.ndarray]:
        calculator = Calculator("GFN2-xTB", z, x.reshape(-1, 3), charge=float(charge), uhf=0)
        calculator.set("verbosity", 0)
        found = calculator.singlepoint()
        return float(found.get("energy")), np.asarray(found.get("gradient")).reshape(-1)

    start = np.asarray(pos, dtype=np.float64).reshape(-1) / BOHR
    try:
        before, _ = energy_and_gradient(start)
        options = {"maxiter": steps, "gtol": FORCE}
        end = minimize(energy_and_gradient, start, jac=True, method="L-BFGS-B", options=options)
    except RuntimeError:
        return energy.FAILED | {"reason": "scf_not_converged"}
    if np.abs(end.jac).max() > FORCE:
        return energy.FAILED | {"reason": "not_converged"}
    heavy = z > 1 if (z > 1).any() else z > 0
    first, last = (side.reshape(-1, 3)[heavy] * BOHR for side in (start, end.x))
    strain = (before - float(end.fun)) * HARTREE
    same = same_topology(z, end.x.reshape(-1, 3) * BOHR, bonds)
    return {
        "converged": True,
        "strain": strain,
        "rmsd": superposed(first, last),
        "same_topology": same,
        "reason": "",
    }


def superposed(first: np.ndarray, second: np.ndarray) -> float:
    """RMSD in angstrom of (N, 3) positions after the best rotation and shift (Kabsch 1976; no reflection)."""
    a, b = first - first.mean(0), second - second.mean(0)
    u, s, vt = np.linalg.svd(a.T @ b)
    s[-1] *= np.sign(np.linalg.det(u @ vt))
    square = ((a**2).sum() + (b**2).sum() - 2 * s.sum()) / len(a)
    return float(np.sqrt(max(square, 0.0)))


def judge(record: Record, context: Context) -> dict:
    """See `relax`. Asks for hydrogens in the record."""
    if find_spec("tblite") is None:
        raise InputError("The protocol 'xtb' needs tblite. Type: pip install -e '.[xtb]' in the clone of molediff")
    mol, bonds = molecule(record)
    with BlockLogs():
        reason = sanitise(Chem.RWMol(mol))
    if reason or len(Chem.GetMolFrags(mol)) > 1:
        return energy.FAILED | {"reason": reason or "disconnected", "bonds": bonds}
    charge = sum(atom.GetFormalCharge() for atom in mol.GetAtoms())
    return relax(record.z, record.pos, ends(mol), charge) | {"bonds": bonds}


def measures(table: pd.DataFrame, prefix: str) -> list[Measure]:
    """As for MMFF94."""
    return energy.measures(table, prefix)


XTB = Protocol(judge, energy.FAILED, measures, "GFN2-xTB (Bannwarth et al. 2019) by tblite", "generated")
