"""What the molecules of a run begin from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from rdkit import Chem
from rdkit.Geometry import Point3D
from torch import Tensor

from molediff.chem.fragments import Fragments
from molediff.chem.mols import classes
from molediff.model import Model, SizePrior
from molediff.pipelines.batching import blank
from molediff.pipelines.frame import Frame
from molediff.sampling import Denoise, SamplingConfig, draw_sizes, parse_atoms
from molediff.structures import Condition, Molecules


class Task:
    """De novo: nothing is given. The other tasks say what they do otherwise."""

    precise = False
    """Whether files need more than four decimals."""
    share = ""
    """Setting of the training whose share must be above 0 for the model to know the task; '' where all models do."""
    kind, kind_in_pocket = "free", "pocket"
    """Of the settings that models recommend, without a pocket and with one; see `molediff.model.Model.recommended`."""
    trained = True
    """Whether the model knows the task."""

    def __init__(self, frame: Frame | None = None):
        """What is common to all tasks.

        Args:
            frame: the pocket that the molecules are made in, and the origin of the sampler; None without a pocket.
        """
        self.frame = frame
        self.origin = np.zeros(3) if frame is None else frame.origin
        """(3,) angstrom: the sampler's origin in the frame of the file."""

    def sizes(self, model: Model, n: int, seed: int, atoms: str) -> list[int]:
        """Atoms of each of n molecules; that of molecule i depends on (seed, i) alone."""
        counts = self.counts(model)
        return draw_sizes(parse_atoms(atoms, counts) if atoms else counts, seed, range(n))

    def counts(self, model: Model) -> dict[int, float]:
        """Atoms of a molecule -> weight: as fills the pocket, or as in training."""
        return dict(self.frame.counts) if self.frame is not None and self.frame.counts else model.sizes.counts

    def seen(self, model: Model) -> SizePrior:
        """Sizes that the model was trained on where this task asks it: in a pocket those of complexes too."""
        return model.sizes.seen(self.frame is not None)

    @property
    def asked(self) -> str:
        """The kind of task that models are asked about."""
        return self.kind if self.frame is None else self.kind_in_pocket

    def usual(self, model: Model, steps: int) -> dict:
        """Settings where the user says nothing: those that the model recommends for this kind of task."""
        return model.recommended(steps, self.asked)

    def usual_steps(self, model: Model) -> int:
        """Steps where the user says nothing."""
        return model.usual_steps(self.asked)

    def settings(self, config: SamplingConfig, model: Model) -> SamplingConfig:
        """The settings as this task needs them: in a pocket noise begins at `REACH` times the spread of ligands."""
        return config if self.frame is None else started(config, model, self.frame.start(_scale(model), REACH))

    def given(self, sizes: Sequence[int], members: Sequence[int]) -> Molecules:
        """Molecules of these sizes with what is known, on the CPU; ``members`` are their numbers in the run."""
        return blank(sizes)

    def condition(self, part: Molecules, rows: list[int]) -> Condition:
        """What is known of molecules that `given` made."""
        return self.framed(Condition.nothing(part), part)

    def framed(self, condition: Condition, part: Molecules) -> Condition:
        """With the pocket, if there is one."""
        if self.frame is None:
            return condition
        return dataclasses.replace(condition, pocket=self.frame.pocket.expand(len(part)))

    def guided(self, denoise: Denoise) -> Denoise:
        """The denoiser under what this task knows beside its condition."""
        return denoise

    def place(self, mol: Chem.Mol) -> Chem.Mol:
        """A generated molecule in the frame of the file it began from."""
        return mol if self.frame is None else moved(mol, self.origin)

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
        return {} if self.frame is None else {"pocket_atoms": self.frame.atoms}


class FromFile(Task):
    """Tasks whose molecules begin with the atoms of a file, in its order."""

    def __init__(self, source: Fragments, model: Model, frame: Frame | None = None):
        """Take the atoms over; the origin is their centre, or that of the pocket.

        Args:
            source: atoms of the file.
            model: whose classes they get.
            frame: the pocket that the molecules are made in, in the frame of the same file.
        """
        super().__init__(frame)
        self.source, self.precise = source, source.precise
        self.count = len(source.z)
        told = model.source.about.get("training", {})
        self.trained = not self.share or told.get(self.share, 0.0) > 0
        self.origin = source.pos.mean(0) if frame is None else frame.origin  # (3,)
        self.first = first_atoms(source, model, self.origin)
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
        return moved(mol, self.origin)

    def about(self) -> dict:
        return super().about() | {"given_atoms": self.count, "hydrogens_added": self.source.added}

    def _exact_positions(self, mol: Chem.Mol) -> Chem.Mol:
        """The atoms of the file where the file has them, to the last digit."""
        for i, (x, y, z) in enumerate(self.source.pos.tolist()):
            mol.GetConformer().SetAtomPosition(i, Point3D(x, y, z))
        return mol

    def _kept(self, one: Molecules) -> bool:
        """Whether the sampler left the positions of the file's atoms alone, up to rounding (0.0001 angstrom)."""
        return bool(((one.pos[0, : self.count] - self.first.pos[0]).abs() < 1e-4).all())


def moved(mol: Chem.Mol, by: np.ndarray) -> Chem.Mol:
    """The same molecule, moved by (3,) angstrom."""
    conformer = mol.GetConformer()
    conformer.SetPositions(conformer.GetPositions() + by)
    return mol


def first_atoms(source: Fragments, model: Model, origin: np.ndarray) -> Molecules:
    """(1, K) the atoms of a file, in classes of the model, relative to the origin."""
    vocabulary, k = model.vocabulary, len(source.z)
    bond = torch.zeros(1, k, k, dtype=torch.long)
    for i, j, order in source.bonds.tolist():
        bond[0, i, j] = bond[0, j, i] = order
    return Molecules(
        pos=torch.tensor(source.pos - origin, dtype=torch.float32)[None],
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
    scale, known = _scale(model), first.pos.square().mean().item()
    return started(config, model, REACH * (scale**2 + known) ** 0.5 / scale)


def started(config: SamplingConfig, model: Model, start: float) -> SamplingConfig:
    """Begin at this noise, in units of the model's scale, unless the settings say where."""
    return config if config.start else dataclasses.replace(config, start=min(start, model.process.config.rho_max))


def _scale(model: Model) -> float:
    return model.process.config.scale
