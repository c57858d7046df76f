"""What the molecules of a run begin from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pandas as pd
import torch
from rdkit import Chem
from rdkit.Geometry import Point3D
from torch import Tensor

from molediff.chem.fragments import Fragments
from molediff.chem.mols import classes
from molediff.model import Model
from molediff.pipelines.batching import blank
from molediff.sampling import SamplingConfig, draw_sizes, parse_atoms
from molediff.structures import Condition, Molecules


class Task:
    """De novo: nothing is given. The other tasks say what they do otherwise."""

    precise = False
    """Whether files need more than four decimals."""
    share = ""
    """Setting of the training whose share must be above 0 for the model to know the task; '' where all models do."""
    trained = True
    """Whether the model knows the task."""

    def sizes(self, model: Model, n: int, seed: int, atoms: str) -> list[int]:
        """Atoms of each of n molecules; that of molecule i depends on (seed, i) alone."""
        counts = model.sizes.counts
        return draw_sizes(parse_atoms(atoms, counts) if atoms else counts, seed, range(n))

    def settings(self, config: SamplingConfig, model: Model) -> SamplingConfig:
        """The settings as this task needs them."""
        return config

    def given(self, sizes: Sequence[int], members: Sequence[int]) -> Molecules:
        """Molecules of these sizes with what is known, on the CPU; ``members`` are their numbers in the run."""
        return blank(sizes)

    def condition(self, part: Molecules, rows: list[int]) -> Condition:
        """What is known of molecules that `given` made."""
        return Condition.nothing(part)

    def place(self, mol: Chem.Mol) -> Chem.Mol:
        """A generated molecule in the frame of the file it began from."""
        return mol

    def columns(self, made: Sequence[Molecules], mols: Sequence[Chem.Mol | None], table: pd.DataFrame) -> dict:
        """Further columns of the table, one value a molecule; those of bools are counted.

        Args:
            made: as sampled, in the frame of the sampler.
            mols: in the frame of the file; None where sampling failed.
            table: so far.
        """
        return {}

    def lost(self, table: pd.DataFrame) -> int:
        """Molecules that are not what was asked for, beside those that failed."""
        return 0

    def about(self) -> dict:
        """For the record."""
        return {}


class FromFile(Task):
    """Tasks whose molecules begin with the atoms of a file, in its order."""

    def __init__(self, source: Fragments, model: Model):
        """Take the atoms over; the origin is their centre.

        Args:
            source: atoms of the file.
            model: whose classes they get.
        """
        self.source, self.precise = source, source.precise
        self.count = len(source.z)
        told = model.source.about.get("training", {})
        self.trained = not self.share or told.get(self.share, 0.0) > 0
        self.origin = source.pos.mean(0)  # (3,)
        self.first = first_atoms(source, model)
        self.hydrogen = model.config.hydrogen
        self.marked = bool(told.get("hydrogens_marked", False))
        self.heavy: list[int] = []  # new heavy atoms of each molecule of the run

    def given(self, sizes: Sequence[int], members: Sequence[int]) -> Molecules:
        out, k = blank(sizes), self.count
        out.pos[:, :k] = self.first.pos
        # New tensors: the three of `blank` share their zeros.
        atom, charge, bond = out.atom.clone(), out.charge.clone(), out.bond.clone()
        atom[:, :k], charge[:, :k], bond[:, :k, :k] = self.first.atom, self.first.charge, self.first.bond
        for row, i in enumerate(members):
            # New atoms: first the heavy ones, whose class says no more than that; then hydrogens.
            new = self.heavy[i] if self.heavy else 0
            atom[row, k : k + new] = int(self.hydrogen == 0)
            atom[row, k + new : sizes[row]] = self.hydrogen or 0
        return out.replace(atom=atom, charge=charge, bond=bond)

    def new_hydrogens(self, part: Molecules) -> Tensor:
        """(B, N) bool, new atoms that `given` made hydrogens; none where the model was trained without such marks."""
        new = part.mask & (torch.arange(part.mask.shape[1], device=part.mask.device) >= self.count)
        return (
            new & (part.atom == self.hydrogen) if self.hydrogen is not None and self.marked else torch.zeros_like(new)
        )

    def place(self, mol: Chem.Mol) -> Chem.Mol:
        conformer = mol.GetConformer()
        conformer.SetPositions(conformer.GetPositions() + self.origin)
        return mol

    def about(self) -> dict:
        return {"given_atoms": self.count, "hydrogens_added": self.source.added}

    def _exact_positions(self, mol: Chem.Mol) -> Chem.Mol:
        """The atoms of the file where the file has them, to the last digit."""
        for i, (x, y, z) in enumerate(self.source.pos.tolist()):
            mol.GetConformer().SetAtomPosition(i, Point3D(x, y, z))
        return mol

    def _kept(self, one: Molecules) -> bool:
        """Whether the sampler left the positions of the file's atoms alone, up to rounding (0.0001 angstrom)."""
        return bool(((one.pos[0, : self.count] - self.first.pos[0]).abs() < 1e-4).all())


def first_atoms(source: Fragments, model: Model) -> Molecules:
    """(1, K) the atoms of a file, in classes of the model, round their centre."""
    vocabulary, k = model.vocabulary, len(source.z)
    bond = torch.zeros(1, k, k, dtype=torch.long)
    for i, j, order in source.bonds.tolist():
        bond[0, i, j] = bond[0, j, i] = order
    return Molecules(
        pos=torch.tensor(source.pos - source.pos.mean(0), dtype=torch.float32)[None],
        atom=torch.tensor([classes(source.z, vocabulary.atomic_numbers, "atomic number")]),
        charge=torch.tensor([classes(source.charge, vocabulary.charges, "formal charge")]),
        bond=bond,
        mask=torch.ones(1, k, dtype=torch.bool),
    )


REACH = 3.0
"""Largest noise where the origin is the centre of what is known, in units of the atoms' spread round it."""


def anchored_start(config: SamplingConfig, model: Model, first: Molecules) -> SamplingConfig:
    """Begin at REACH times the spread of the molecule round the centre of its known atoms.

    The spread: that of molecules as such, and that of the known atoms, as if the one were added to the other.
    """
    if config.start:
        return config
    c = model.process.config
    known = first.pos.square().mean().item()
    start = REACH * (c.scale**2 + known) ** 0.5 / c.scale
    return dataclasses.replace(config, start=min(start, c.rho_max))
