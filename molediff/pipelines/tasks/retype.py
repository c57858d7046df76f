"""Retyping: other elements and bonds at the positions of a lead's heavy atoms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch
from rdkit import Chem

from molediff.chem.fragments import read_lead
from molediff.chem.similarity import tanimoto
from molediff.config import UserError
from molediff.model import Model
from molediff.noise import molecule_generator
from molediff.noise.draws import HYDROGENS
from molediff.pipelines.frame import Frame
from molediff.pipelines.tasks.task import FromFile, anchored_start
from molediff.sampling import SamplingConfig
from molediff.structures import Condition, Known, Molecules, Stereo

MORE_OR_LESS = (-2, -1, -1, 0, 0, 0, 1, 1, 2)
"""Hydrogens more than the lead has, drawn alike: another element brings another number of them."""


class Retype(FromFile):
    """Known: the positions of the heavy atoms. Where hydrogens are atoms they are new."""

    share = "retype_share"
    kind = kind_in_pocket = "retype"

    def __init__(self, path: Path | str, model: Model, frame: Frame | None = None):
        """A lead.

        Args:
            path: SDF file with one molecule.
            model: that makes the molecules.
            frame: the pocket that the lead lies in, if any.
        """
        lead = read_lead(path, model.vocabulary, model.config.explicit_hydrogens)
        heavy = lead.z > 1
        none = lead.bonds[:0]
        super().__init__(
            replace(
                lead,
                z=lead.z[heavy],
                charge=lead.charge[heavy],
                bonds=none,
                pos=lead.pos[heavy],
                owner=lead.owner[heavy],
                attach=lead.attach[heavy],
            ),
            model,
            frame,
        )
        self.lead, self.hydrogens = lead, int((~heavy).sum())

    def sizes(self, model: Model, n: int, seed: int, atoms: str) -> list[int]:
        """As many heavy atoms as the lead has, and about as many hydrogens."""
        if atoms:
            raise UserError("--atoms makes no sense with --retype: the atoms are the lead's. Leave it out.")
        atoms_there = self.count + (self.hydrogens if model.config.explicit_hydrogens else 0)
        seen = self.seen(model)
        if seen.counts and atoms_there > seen.range[1]:
            raise UserError(
                f"The lead has {atoms_there} atoms; the largest molecule that this model was trained on has "
                f"{seen.range[1]}. Give a smaller lead or another --model."
            )
        if not model.config.explicit_hydrogens:
            return [self.count] * n
        return [self.count + max(0, self.hydrogens + self._more(seed, i)) for i in range(n)]

    def _more(self, seed: int, i: int) -> int:
        drawn = torch.randint(len(MORE_OR_LESS), (1,), generator=molecule_generator(seed, i, stream=HYDROGENS))
        return MORE_OR_LESS[int(drawn)]

    def settings(self, config: SamplingConfig, model: Model) -> SamplingConfig:
        return anchored_start(config, model, self.first) if self.frame is None else super().settings(config, model)

    def condition(self, part: Molecules, rows: list[int]) -> Condition:
        which = (torch.arange(part.mask.shape[1], device=part.mask.device) < self.count).expand(part.mask.shape)
        known = Known.positions(part, which, self.new_hydrogens(part))
        return self.framed(Condition(known, Stereo.unspecified(part)), part)

    def place(self, mol: Chem.Mol) -> Chem.Mol:
        return self._exact_positions(super().place(mol))

    def columns(self, made: Sequence[Molecules], mols: Sequence[Chem.Mol | None], table: pd.DataFrame) -> dict:
        """known_exact (positions), retyped (heavy atoms with another element), tanimoto_to_lead."""
        z = self.source.z.tolist()
        return {
            "known_exact": [mol is not None and self._kept(one) for one, mol in zip(made, mols, strict=True)],
            "retyped": [
                0 if mol is None else sum(mol.GetAtomWithIdx(i).GetAtomicNum() != k for i, k in enumerate(z))
                for mol in mols
            ],
            "tanimoto_to_lead": tanimoto(self.lead, table.smiles),
        }

    def lost(self, table: pd.DataFrame) -> int:
        return int((~table.known_exact).sum())
