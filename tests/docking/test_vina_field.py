"""Vina's intermolecular energy with its gradient by hand, against the differentiable one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from dockbench import small_pocket
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from molediff.docking.torch_vina import LigandTerms, intermolecular
from molediff.docking.torch_vina.maps import receptor_terms
from molediff.docking.vina_field import VinaField

REACH = 4.0


@pytest.fixture(scope="module")
def world():
    """(ligand, receptor, positions) as the energy wants them."""
    receptor, _, ligand = small_pocket()
    mol = Chem.AddHs(ligand, addCoords=True)
    return LigandTerms.of(mol), receptor_terms(receptor), mol.GetConformer().GetPositions()


def by_autograd(ligand, receptor, pos: np.ndarray) -> tuple[float, np.ndarray]:
    x = torch.tensor(pos[None], requires_grad=True)
    energy = intermolecular(x, ligand, receptor).sum()
    (gradient,) = torch.autograd.grad(energy, x)
    return float(energy.detach()), gradient[0].numpy()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_energy_and_gradient_are_those_of_the_differentiable_function(world, seed, noise):
    ligand, receptor, start = world
    field = VinaField.of(ligand, receptor, start, REACH)
    shift = np.random.default_rng(seed).normal(scale=noise, size=start.shape)
    pos = start + shift * np.minimum(1, REACH / np.linalg.norm(shift, axis=1, keepdims=True).clip(1e-9))
    (a, da), (b, db) = field(pos), by_autograd(ligand, receptor, pos)
    assert a == pytest.approx(b, rel=1e-10, abs=1e-10)
    assert np.allclose(da, db, rtol=1e-9, atol=1e-9)


def test_overlaps_are_bounded_and_still_pushed(world):
    ligand, receptor, start = world
    pos, heavy = start.copy(), int(ligand.heavy[0])
    pos[heavy] = receptor.pos[(receptor.pos - torch.tensor(start[heavy])).pow(2).sum(-1).argmin()].numpy() + 0.05
    field = VinaField.of(ligand, receptor, pos, REACH)
    (a, da), (b, db) = field(pos), by_autograd(ligand, receptor, pos)
    assert a == pytest.approx(b, rel=1e-10) and np.allclose(da, db, rtol=1e-9, atol=1e-8)
    assert np.abs(da[heavy]).max() > 1


def test_hydrogens_and_what_is_far_away_feel_nothing(world):
    ligand, receptor, start = world
    field = VinaField.of(ligand, receptor, start, REACH)
    light = np.setdiff1d(np.arange(len(start)), ligand.heavy.numpy())
    assert len(light) and not field(start)[1][light].any()
    energy, gradient = VinaField.of(ligand, receptor, start + 500.0, REACH)(start + 500.0)
    assert energy == 0 and not gradient.any()
