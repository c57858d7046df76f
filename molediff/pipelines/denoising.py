"""How well a model of pockets recovers a pose from noise: the poses of one molecule, compared by one number each.

A diffusion model estimates the clean pose from a noisy one. Errors of such estimates sum up to a bound on the
likelihood (Ho et al., 2020, equation 5), and with the same noise for every candidate they tell candidates apart (Li et
al., 2023, "Your diffusion model is secretly a zero-shot classifier"). Here every size of noise counts by the logarithm
of its error, so that none outweighs the others. Together with Vina's score: experiments/docking_astex.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from rdkit import Chem

from molediff.config import UserError
from molediff.docking.rank import DENOISED, RANKS, RankRule, pose_table, rank
from molediff.docking.receptor import Receptor
from molediff.docking.site import Site
from molediff.docking.tasks import Judge
from molediff.model import Model
from molediff.noise import Times
from molediff.pipelines.frame import Frame, cut_pocket
from molediff.pipelines.tasks.pose import Pose
from molediff.structures import Molecules, take

LEVELS = (0.7, 1.2, 2.0, 3.5)
"""Sizes of the noise, angstrom: from a bond's length to the width of a small ligand."""
DRAWS = 8
"""Noises of each size, the same for every pose."""


@dataclass(frozen=True)
class DenoisingError:
    """(poses of a molecule) -> error of each."""

    model: Model
    """That reads pockets."""
    frame: Frame
    """The pocket, encoded by the model."""
    levels: Sequence[float] = LEVELS
    """Sizes of the noise, angstrom."""
    draws: int = DRAWS
    """Noises of each size."""
    seed: int = 0
    """Of the noise: the error of a pose depends on it and the pose alone."""

    def __call__(self, poses: Chem.Mol) -> np.ndarray:
        """Mean over the sizes of noise of ln(mean squared error of the estimate, angstrom^2); lower fits better.

        Args:
            poses: one molecule, its conformers in the receptor's frame. Hydrogens are left out.

        Returns:
            (conformers,) float64. They may be compared with one another, not with those of another molecule.

        Raises:
            UserError: for an element, charge or bond that the model does not know, and where there is no pose.
        """
        heavy = Chem.RemoveAllHs(poses)
        if not heavy.GetNumConformers():
            raise UserError("To compare poses there must be one; the molecule has no coordinates.")
        places = np.array([c.GetPositions() for c in heavy.GetConformers()])  # (P, N, 3)
        Chem.AssignStereochemistryFrom3D(heavy, heavy.GetConformer().GetId(), replaceExistingTags=True)
        task = Pose(heavy, self.model, self.frame)
        device = next(self.model.parameters()).device
        pos = torch.as_tensor(places - self.frame.origin, dtype=torch.float32, device=device)
        noise = torch.randn(
            len(self.levels), self.draws, pos.shape[1], 3, generator=torch.Generator().manual_seed(self.seed)
        ).to(device)
        with torch.no_grad():
            errors = [self._square(task, pos, float(level), eps) for level, eps in zip(self.levels, noise, strict=True)]
        return torch.stack(errors).double().log().mean(0).cpu().numpy()

    def _square(self, task: Pose, pos: torch.Tensor, level: float, noise: torch.Tensor) -> torch.Tensor:
        """(P,) mean squared error at one size of noise, angstrom^2.

        Args:
            task: of the molecule.
            pos: (P, N, 3), relative to the origin of the frame.
            level: standard deviation, angstrom.
            noise: (draws, N, 3), standard normal.
        """
        process, few = self.model.process, pos.shape[0]
        clean: Molecules = take(task.first, [0] * few).to(pos.device).replace(pos=pos)
        condition = task.condition(clean, [0] * few)
        rho = torch.full((few,), level / self.model.config.process.scale, device=pos.device)
        times = Times.same(process.schedule.time_of(rho))
        alpha, sigma = process.alpha_sigma(times.pos)
        total = pos.new_zeros(few)
        for eps in noise:
            estimate = self.model(clean.replace(pos=alpha * pos + sigma * eps), times, condition)
            total += (estimate.pos.float() - pos).square().sum(-1).mean(-1)
        return total / len(noise)


def asks_model(order: str, model: Model | None) -> bool:
    """Whether an order of poses asks a diffusion model about them.

    Args:
        order: one of `molediff.docking.rank.RANKS`.
        model: that was given for it.

    Raises:
        UserError: when the model is missing, or reads no pockets.
    """
    if order not in DENOISED:
        return False
    if model is None:
        raise UserError(f"rank='{order}' asks a model of pockets about every pose. Give model=load('pocket').")
    if not model.reads_pockets:
        raise UserError(
            f"rank='{order}' needs a model that reads pockets; '{model.source.name}' reads none. "
            "'molediff models' says which do."
        )
    return True


@dataclass(frozen=True)
class Review:
    """What the order of `DENOISED` adds to a ligand's result (see `molediff.docking.tasks.DockTask`)."""

    denoising: DenoisingError
    """Compares poses."""
    rule: RankRule
    """That puts them in order."""
    judge: Judge | None
    """PoseBusters, for the pose that comes first; None where it is not asked for."""

    @classmethod
    def of(cls, model: Model, order: str, receptor: Receptor, site: Site, check: bool) -> Review:
        """For poses in a receptor. The pocket is cut round the centre of the site, whatever ligand defined it.

        Args:
            model: that reads pockets.
            order: one of `DENOISED`.
            receptor, site: where the poses lie.
            check: whether PoseBusters looks at the pose that comes first.

        Raises:
            UserError: when no residue is near the centre.
        """
        frame = Frame.of(model, cut_pocket(receptor, site)[0])
        return cls(DenoisingError(model, frame), RANKS[order], Judge(receptor, site) if check else None)

    def __call__(self, result: dict) -> dict:
        """Its figures with ``denoising_error``, and ``pb_valid`` and ``pb_failed`` of the pose that comes first.

        A molecule that the model does not know keeps the engine's order, and its note says so.
        """
        if not result["poses"]:
            return result
        poses = Chem.MolFromMolBlock(result["poses"][0], removeHs=False)
        for block in result["poses"][1:]:
            poses.AddConformer(Chem.MolFromMolBlock(block, removeHs=False).GetConformer(), assignId=True)
        figures, note = [dict(one) for one in result["figures"]], result["note"]
        try:
            for one, error in zip(figures, self.denoising(poses).tolist(), strict=True):
                one["denoising_error"] = round(error, 4)
        except UserError as error:
            note = "; ".join(filter(None, (note, f"poses in the engine's order: {error}")))
        if self.judge is not None:
            first = int(rank(pose_table(0, result["scores"], figures), self.rule)["pose"].iloc[0]) - 1
            id_ = poses.GetConformers()[first].GetId()
            figures[first]["pb_valid"], figures[first]["pb_failed"] = self.judge(Chem.Mol(poses, confId=id_))
        return result | {"figures": figures, "note": note}
