"""Geometries relaxed with GFN2-xTB through tblite, an extra."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from molediff.chem import mol_from_arrays
from molediff.chem.asked import graph_as_asked
from molediff.config import UserError
from molediff.data.record import Record, words

BOHR = 0.529177210903
"""Angstrom."""
FORCE = 1e-3
"""Hartree a bohr: the largest component of the gradient at which a relaxation has arrived (0.05 eV an angstrom)."""
STEPS = 1_000
EnergyAndGradient = Callable[[np.ndarray], tuple[float, np.ndarray]]
"""(n, 3) bohr -> hartree, (n, 3) hartree a bohr."""


def need_tblite() -> None:
    """Raises UserError when tblite is not installed."""
    if find_spec("tblite") is None:
        raise UserError(
            "--xtb needs tblite, which is not installed. Type: pip install -e '.[xtb]' in the clone of molediff"
        )


def gfn2(z: np.ndarray, charge: int, pos: np.ndarray) -> EnergyAndGradient:
    """GFN2-xTB (Bannwarth et al., J. Chem. Theory Comput. 15, 1652, 2019) of a closed shell.

    Args:
        z: (n,) atomic numbers.
        charge: of the molecule, elementary charge.
        pos: (n, 3) bohr, to begin with.
    """
    # one thread a worker; read when the library is loaded
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from tblite.interface import Calculator

    calculator = Calculator("GFN2-xTB", z, pos, charge=float(charge), uhf=0)
    calculator.set("verbosity", 0)

    def function(x: np.ndarray) -> tuple[float, np.ndarray]:
        calculator.update(positions=x)
        found = calculator.singlepoint()
        return float(found.get("energy")), np.asarray(found.get("gradient"))

    return function


def relaxed(record: Record, potential: Callable[..., EnergyAndGradient] = gfn2) -> Record:
    """A copy at the nearest minimum, or with a problem: 'not_relaxed', or 'bonds_differ' when a bond broke or formed.

    A record with coordinates whose problem is that MMFF94 could not relax it loses that problem.

    Args:
        record: with all hydrogens and coordinates; others come back as they are.
        potential: (z, charge, start in bohr) -> energy and gradient.
    """
    from scipy.optimize import minimize

    if record.pos is None or not len(record.z) or record.problem not in ("", "no_force_field", "not_relaxed"):
        return record
    if not np.isfinite(record.pos).all():
        return record
    start = np.asarray(record.pos, np.float64) / BOHR
    shape = start.shape
    try:
        function = potential(record.z, int(record.charge.sum()), start)

        def flat(x: np.ndarray) -> tuple[float, np.ndarray]:
            energy, gradient = function(x.reshape(shape))
            return energy, gradient.ravel()

        options = {"maxiter": STEPS, "gtol": FORCE, "ftol": 1e-14}
        end = minimize(flat, start.ravel(), jac=True, method="L-BFGS-B", options=options)
    except (RuntimeError, ValueError) as error:
        return dataclasses.replace(record, problem="not_relaxed", detail=f"GFN2-xTB: {words(error)}")
    if not np.abs(end.jac).max() <= FORCE:
        return dataclasses.replace(record, problem="not_relaxed", detail=f"GFN2-xTB, {int(end.nit)} steps")
    pos = end.x.reshape(shape) * BOHR
    if not graph_as_asked(mol_from_arrays(record.z, record.charge, record.bonds, pos)):
        return dataclasses.replace(record, problem="bonds_differ", detail="after GFN2-xTB")
    return dataclasses.replace(record, pos=pos, problem="", detail="")
