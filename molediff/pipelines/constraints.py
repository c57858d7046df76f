"""What estimates must hold to, by the settings of sampling."""

from __future__ import annotations

from molediff.chem.valences import amiss, most_bonds, valences
from molediff.config import UserError
from molediff.model import Model
from molediff.noise import Process
from molediff.sampling import Constrain, Denoise, SamplingConfig, joined, opened, time_grid, within_valence


def constraints(config: SamplingConfig, model: Model) -> Constrain:
    """Valences are kept first, then rings opened, so that pieces that this leaves come together.

    Where hydrogens are atoms no charge is changed: an ion would make a closed shell of nearly any wrong atom.

    Raises:
        UserError: for a size that no ring has.
    """
    if config.largest_ring and config.largest_ring < 3:
        raise UserError(
            f"--largest-ring takes the atoms of a ring, 3 or more, or 0 for any; got {config.largest_ring}."
        )
    process, explicit = model.process, model.config.explicit_hydrogens
    usual, most = valences(model.vocabulary), most_bonds(model.vocabulary)
    wrong, last = amiss(model.vocabulary, explicit), last_look(process, config)

    def constrained(denoise: Denoise) -> Denoise:
        if config.valence:
            denoise = within_valence(denoise, process, wrong, not explicit, last)
        if config.largest_ring:
            denoise = opened(denoise, process, config.largest_ring)
        return joined(denoise, process, usual, most) if config.join else denoise

    return constrained


def last_look(process: Process, config: SamplingConfig) -> float:
    """sigma / alpha at which the network is asked for the last time, in units of the coordinate scale."""
    rho = float(process.schedule.rho(time_grid(process, config)[-2]))
    churned = config.method == "churn" and config.churn_low <= rho <= config.churn_high
    return rho * (1 + config.churn) if churned else rho
