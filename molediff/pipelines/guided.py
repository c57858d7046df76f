"""A model under guidance in a pocket: more of what the pocket asks for, and down Vina's energy in the late steps."""

from __future__ import annotations

from molediff.docking.pocket_energy import PocketEnergy
from molediff.docking.receptor import Receptor
from molediff.model import Model
from molediff.pipelines.frame import Frame
from molediff.sampling import Denoise, GuidanceConfig, guide
from molediff.structures import Estimate, Molecules

CLASH = 5.0
"""Weight of the clash term beside Vina's, kcal/mol/A^2."""

PULL = 4.0
"""Pull of Vina's gradient in a pocket when nothing is said, by the command as here: poses as generated score better by
half a kcal/mol, relaxed ones the same (`later+clash` of `experiments/crossdocked`)."""
USUAL = GuidanceConfig(pull=PULL)
"""Guidance when nothing is said."""


def guided(
    model: Model, receptor: Receptor, frame: Frame, config: GuidanceConfig = USUAL, clash: float = CLASH
) -> Denoise:
    """The denoiser of a model under guidance.

    Args:
        model: that makes the molecules.
        receptor: prepared protein, with hydrogens.
        frame: of the run.
        config: how much of which guidance.
        clash: weight of the clash term, kcal/mol/A^2.

    Raises:
        UserError: for settings that cannot be.
    """
    energy = PocketEnergy.of(receptor, frame.origin, model.vocabulary, clash=clash)

    def of_estimate(estimate: Estimate, noisy: Molecules):
        kinds = (estimate.atom.argmax(-1), estimate.charge.argmax(-1), estimate.bond.argmax(-1))
        return energy(estimate.pos, *kinds, noisy.mask)

    return guide(model, model.process, config, of_estimate)
