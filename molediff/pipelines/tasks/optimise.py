"""Changing a lead: noise on all of it up to some time, and the steps back from there (as SDEdit, Meng et al., 2022)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rdkit import Chem

from molediff.chem.fragments import read_lead
from molediff.chem.similarity import superposed_rmsd, tanimoto
from molediff.config import UserError
from molediff.model import Model
from molediff.pipelines.frame import Frame
from molediff.pipelines.tasks.task import FromFile
from molediff.sampling import SamplingConfig
from molediff.structures import Molecules

CHANGE = 0.4
"""Share of the steps that is run, when nothing is said."""


class Optimise(FromFile):
    """Nothing is known; sampling begins at the lead. Atom i of the result comes from atom i of the lead."""

    kind = kind_in_pocket = "lead"

    def __init__(self, path: Path | str, model: Model, change: float = CHANGE, frame: Frame | None = None):
        """A lead.

        Args:
            path: SDF file with one molecule.
            model: that makes the molecules.
            change: share of the steps that is run, above 0 and up to 1.
            frame: the pocket that the lead lies in, if any.
        """
        lead = read_lead(path, model.vocabulary, model.config.explicit_hydrogens)
        super().__init__(lead, model, frame)
        if not 0 < change <= 1:
            raise UserError(f"--change takes the share of the steps to run, above 0 and up to 1, got {change}.")
        self.change = change

    def sizes(self, model: Model, n: int, seed: int, atoms: str) -> list[int]:
        """As many as the lead has."""
        if atoms:
            raise UserError("--atoms makes no sense with --lead: the atoms are the lead's. Leave it out.")
        seen = self.seen(model)
        if seen.counts and self.count > seen.range[1]:
            raise UserError(
                f"The lead has {self.count} atoms, the largest molecule that this model was trained on "
                f"{seen.range[1]}. Give a smaller lead or another --model."
            )
        return [self.count] * n

    def settings(self, config: SamplingConfig, model: Model) -> SamplingConfig:
        return dataclasses.replace(super().settings(config, model), change=self.change)

    def columns(self, made: Sequence[Molecules], mols: Sequence[Chem.Mol | None], table: pd.DataFrame) -> dict:
        """tanimoto_to_lead, rmsd_to_lead (heavy atoms of the lead, same atoms, best superposition, angstrom)."""
        heavy = self.source.z > 1
        return {
            "tanimoto_to_lead": tanimoto(self.source, table.smiles),
            "rmsd_to_lead": [
                float("nan")
                if mol is None
                else superposed_rmsd(mol.GetConformer().GetPositions()[heavy], self.source.pos[heavy])
                for mol in mols
            ],
        }

    def about(self) -> dict:
        return super().about() | {"change": self.change}
