"""`posebusters-*`: PoseBusters' modes over all attempts."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from rdkit import Chem
from rdkit.rdBase import BlockLogs

from ..complexes import load_ligand, load_protein_near
from ..figures import Measure
from ..internal_energy import internal_energy
from ..record import Record, molecule
from .protocol import Context, Protocol, share

if TYPE_CHECKING:
    import pandas as pd

MODES = ("mol", "mol_fast", "dock", "dock_fast", "redock", "redock_fast")
FAILED = {"pass": False}
ENERGY = "internal_energy"


def judge(record: Record, context: Context, mode: str) -> dict:
    """Every check of a PoseBusters mode (Buttenschoen et al. 2024) for one molecule.

    `pass` only if each check is True. A check that PoseBusters leaves empty (it does so when an earlier step, such as
    sanitising or the conformers of the energy ratio, failed) counts as not passed and is named in `reason`; published
    tables differ in this without saying so. Of the protein it sees the atoms near the molecule. The fast modes leave
    out the energy ratio; the others take PoseBusters' verdict of it from as many of its conformers as decide it (see
    `internal_energy`).
    """
    mol, bonds = molecule(record)
    protein = load_protein_near(context.protein, record.pos) if "dock" in mode else None
    crystal = load_ligand(context.ligand) if mode.startswith("redock") else None
    mol, (buster, energy, before) = Chem.Mol(mol), _buster(mode)
    with BlockLogs():
        found = buster.bust([mol], crystal, protein)
        items = list(checks_of(found).items())
        if energy is not None:
            items.insert(before, (ENERGY, internal_energy(mol, *energy)))
    row = dict(items)
    reason = not_passed(row)
    return row | {"pass": not reason, "reason": reason, "bonds": bonds}


def checks_of(found: pd.DataFrame) -> dict[str, bool | None]:
    """The checks of the first molecule in PoseBusters' answer; None (NaN, pd.NA) where one was not computed."""
    import pandas as pd  # PoseBusters has it loaded

    return {str(name): None if pd.isna(value) else bool(value) for name, value in found.iloc[0].items()}


def not_passed(checks: Mapping[str, bool | None]) -> str:
    """Names of the checks that are not True, with those that were not computed marked; '' when all are passed.

    Whoever judges poses by PoseBusters asks this, so that a check counts alike everywhere.
    """
    failed = [name if value is False else f"not_computed {name}" for name, value in checks.items() if value is not True]
    return ", ".join(failed)


@lru_cache(maxsize=8)
def _buster(mode: str):
    """PoseBusters without its energy ratio; (threshold, conformers) of that, or None; the columns before it."""
    # imported when asked for: it takes longer to import than RDKit
    from posebusters import PoseBusters

    # Its remarks carry RDKit's C++ traces; what could not be computed is named in `reason`.
    logging.getLogger("posebusters").setLevel(logging.CRITICAL)
    config = PoseBusters(mode).config
    modules = config["modules"]
    at = [i for i, module in enumerate(modules) if module["function"] == "energy_ratio"]
    if not at:
        return PoseBusters(config, max_workers=0), None, 0
    settings = modules[at[-1]]["parameters"]
    before = sum(len(module.get("chosen_binary_test_output", ())) for module in modules[: at[-1]])
    rest = [module for i, module in enumerate(modules) if i not in at]
    energy = (settings["threshold_energy_ratio"], settings["ensemble_number_conformations"])
    return PoseBusters(config | {"modules": rest}, max_workers=0), energy, before


def measures(table: pd.DataFrame, prefix: str) -> list[Measure]:
    """Pass rate over all attempts, then every check over all attempts."""
    skip = {"pass", "reason", "bonds"}
    checks = [name for name in table.columns if name.startswith(prefix) and name[len(prefix) :] not in skip]
    return [
        share("pass", "every check passed / attempts", table, prefix + "pass"),
        *(share(name[len(prefix) :], "check passed / attempts", table, name) for name in checks),
    ]


def _mode(mode: str) -> Protocol:
    needs = ("protein", "ligand") if mode.startswith("redock") else ("protein",) if "dock" in mode else ()
    return Protocol(Judge(mode), FAILED, measures, f"PoseBusters '{mode}' (Buttenschoen et al. 2024)", needs=needs)


class Judge:
    """`judge` with its mode, callable as (record, context)."""

    def __init__(self, mode: str):
        self.mode = mode

    def __call__(self, record: Record, context: Context) -> dict:
        return judge(record, context, self.mode)


POSEBUSTERS = {f"posebusters-{mode.replace('_', '-')}": _mode(mode) for mode in MODES}
