"""What estimates must hold to, by the settings of sampling."""

from __future__ import annotations

from molediff.chem.valences import amiss, most_bonds, valences
from molediff.model import Model
from molediff.sampling import Constrain, Denoise, SamplingConfig, joined, within_valence


def constraints(config: SamplingConfig, model: Model) -> Constrain:
    """Valences are kept first, so that pieces that this leaves come together."""
    process, last = model.process, config.end or model.process.config.rho_min
    usual, most = valences(model.vocabulary), most_bonds(model.vocabulary)
    wrong = amiss(model.vocabulary, model.config.explicit_hydrogens)

    def constrained(denoise: Denoise) -> Denoise:
        if config.valence:
            denoise = within_valence(denoise, process, wrong, last)
        return joined(denoise, process, usual, most) if config.join else denoise

    return constrained
