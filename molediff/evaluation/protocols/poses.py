"""`poses`, `strain`, `interactions`: a docked or generated ligand against the protein and the reference pose."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from rdkit import Chem
from rdkit.rdBase import BlockLogs

from .. import interactions, strain
from ..burial import burial
from ..clashes import clashes
from ..complexes import load_ligand, stamp, surroundings
from ..figures import Measure
from ..record import Record, molecule
from ..rmsd import SUCCESS, symmetric_rmsd
from .protocol import Context, Protocol, flags, numbers, ones, share

if TYPE_CHECKING:
    import pandas as pd

FAILED = {
    "rmsd": None,
    "within_2A": None,
    "clashes": None,
    "clashes_heavy": None,
    "clashes_close": None,
    "no_clash": False,
    "closest": None,
    "buried": None,
    "sasa": None,
}
NO_INTERACTIONS = {"interactions": None, "n_interactions": None, "similarity": None}


def judge(record: Record, context: Context) -> dict:
    """Clashes and buried fraction (see `clashes`, `burial`) and, with a reference pose, RMSD (see `rmsd`).

    `reason` is that of the RMSD: 'not_the_ligand' when the reference is another molecule.
    """
    mol, bonds = molecule(record)
    around = surroundings(context.protein)
    row = {"bonds": bonds, "reason": ""} | clashes(mol, around) | burial(mol, around)
    if context.ligand:
        row["rmsd"], row["reason"] = symmetric_rmsd(mol, load_ligand(context.ligand))
        row["within_2A"] = None if row["rmsd"] is None else row["rmsd"] <= SUCCESS
    return row


def measures(table: pd.DataFrame, prefix: str) -> list[Measure]:
    """Clash-free share, mean clashes and buried fraction and, where a reference pose was given, RMSD."""
    out = [share("no_clash", "no heavy-atom pair under 0.75 of the vdW sum / attempts", table, prefix + "no_clash")]
    kinds = {
        "clashes": ("mean clashes with hydrogens (PoseCheck)", ""),
        "clashes_heavy": ("mean clashes of heavy atoms (PoseCheck's rule)", ""),
        "buried": ("mean share of the ligand's surface that the protein covers, 0 to 1", ""),
    }
    for key, (definition, unit) in kinds.items():
        out += _mean(table, prefix, key, definition, unit)
    if prefix + "rmsd" in table and table[prefix + "rmsd"].notna().any():
        rmsd = numbers(table, prefix + "rmsd")
        known = np.isfinite(rmsd).astype(float)
        out += [
            Measure(
                "rmsd_below_2", "RMSD at most 2 A / attempts", "share", flags(table, prefix + "within_2A"), ones(table)
            ),
            Measure("rmsd_median", "median RMSD of poses of the reference molecule", "median", rmsd, known, unit="A"),
        ]
    return out


def judge_strain(record: Record, context: Context) -> dict:
    """See `strain.strain`."""
    mol, bonds = molecule(record)
    return strain.strain(mol) | {"bonds": bonds}


def strain_measures(table: pd.DataFrame, prefix: str) -> list[Measure]:
    """Median over those that have one; n says how many."""
    strains = numbers(table, prefix + "strain")
    known = np.isfinite(strains).astype(float)
    return [Measure("strain_median", f"median strain, {strain.RULE}", "median", strains, known, unit="kcal/mol")]


def judge_interactions(record: Record, context: Context) -> dict:
    """`interactions` as a line (see `interactions.text`), `n_interactions`, and their `similarity` to the reference's.

    Tanimoto over (residue, kind); None without a reference.
    """
    mol, bonds = molecule(record)
    with BlockLogs():
        try:
            whole = interactions.protonated(mol)
        except (ValueError, RuntimeError):
            return NO_INTERACTIONS | {"reason": "not_sanitised"}
        rows = interactions.contacts(whole, context.protein)
    row = {"interactions": interactions.text(rows), "n_interactions": len(rows), "similarity": None}
    if context.ligand:
        row["similarity"] = interactions.similarity(rows, _of_reference(context))
    return row | {"reason": "", "bonds": bonds}


def interaction_measures(table: pd.DataFrame, prefix: str) -> list[Measure]:
    """Means over the poses that sanitise."""
    return [
        *_mean(table, prefix, "n_interactions", "mean number of interactions (prolif, by residue and kind)", ""),
        *_mean(table, prefix, "similarity", "mean Tanimoto similarity to the reference's interactions", ""),
    ]


def _of_reference(context: Context) -> list[dict]:
    return _reference_contacts(context.ligand, stamp(context.ligand), context.protein, stamp(context.protein))


@lru_cache(maxsize=4)
def _reference_contacts(ligand: str, ligand_changed: int, protein: str, protein_changed: int) -> list[dict]:
    # its own hydrogens, where the file has them
    with BlockLogs():
        mol = next(iter(Chem.SDMolSupplier(ligand, removeHs=False)), None) or load_ligand(ligand)
        return interactions.contacts(interactions.protonated(mol), protein)


def _mean(table: pd.DataFrame, prefix: str, key: str, definition: str, unit: str) -> list[Measure]:
    if prefix + key not in table:
        return []
    values = numbers(table, prefix + key)
    known = np.isfinite(values).astype(float)
    return [Measure(key, definition, "mean", values, known, unit=unit)] if known.any() else []


POSES = Protocol(
    judge, FAILED, measures, "clashes: PoseCheck, PoseBusters; SASA: Shrake-Rupley; RDKit CalcRMS", needs=("protein",)
)
STRAIN = Protocol(judge_strain, strain.FAILED, strain_measures, "PoseCheck's strain (Harris et al. 2023), UFF")
INTERACTIONS = Protocol(
    judge_interactions,
    NO_INTERACTIONS,
    interaction_measures,
    "prolif (Bouysset and Fiorucci 2021)",
    needs=("protein",),
)
