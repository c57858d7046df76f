"""Bonds that lie in large rings alone go, the least sure one of each, their ends part; all else stays."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from molediff.config import UserError
from molediff.elements import Vocabulary
from molediff.geometry import random_rotations
from molediff.model import load
from molediff.noise import Process, ProcessConfig, Times
from molediff.pipelines import Generate
from molediff.pipelines.constraints import constraints
from molediff.sampling import SamplingConfig
from molediff.sampling.opened import ABOVE, APART, BELOW, cuts, opened, smallest_rings
from molediff.structures import Condition, Estimate, Molecules

VOCABULARY = Vocabulary(("C", "N", "O", "S"), (0, -1, 1))
PROCESS = Process.build(ProcessConfig(), (4, 3, 4))


def graph(seed: int, n: int, density: float, pad: int = 0) -> torch.Tensor:
    """(1, N, N) bool, a random graph with padding behind it."""
    draw = np.random.default_rng(seed)
    upper = np.triu(draw.random((n, n)) < density / n, 1)
    bonded = torch.zeros(1, n + pad, n + pad, dtype=torch.bool)
    bonded[0, :n, :n] = torch.from_numpy(upper | upper.T)
    return bonded


def by_rdkit(bonded: torch.Tensor) -> torch.Tensor:
    """What `smallest_rings` should say of one molecule, from RDKit's rings."""
    work = Chem.RWMol()
    for _ in range(len(bonded)):
        work.AddAtom(Chem.Atom(0))
    for i, j in bonded.triu(1).nonzero().tolist():
        work.AddBond(i, j, Chem.BondType.SINGLE)
    Chem.GetSymmSSSR(work)
    out = torch.full(bonded.shape, torch.inf)
    for bond in work.GetBonds():
        i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        out[i, j] = out[j, i] = work.GetRingInfo().MinBondRingSize(bond.GetIdx()) or torch.inf
    return out


@given(st.integers(0, 10_000), st.integers(1, 24), st.integers(0, 3), st.floats(0, 3))
@settings(max_examples=80, deadline=None)
def test_smallest_rings_are_those_of_rdkit(seed, n, pad, density):
    bonded = torch.cat([graph(seed, n, density, pad), graph(seed + 1, n, density / 2, pad)])
    for found, one in zip(smallest_rings(bonded), bonded, strict=True):
        assert torch.equal(found, by_rdkit(one))


@given(st.integers(0, 10_000), st.integers(3, 24), st.integers(3, 8), st.booleans())
@settings(max_examples=60, deadline=None)
def test_after_the_cuts_no_bond_lies_in_large_rings_alone_and_no_piece_comes_off(seed, n, largest, some_stay):
    bonded = graph(seed, n, 2.4)
    sure = torch.rand(1, n, n, generator=torch.Generator().manual_seed(seed))
    sure = sure + sure.mT
    stays = graph(seed + 1, n, n / 2 if some_stay else 0.0)
    cut = cuts(bonded, sure.masked_fill(stays, torch.inf), largest)
    assert torch.equal(cut, cut.mT) and not (cut & ~bonded).any() and not (cut & stays).any()
    left = smallest_rings(bonded & ~cut)
    assert not ((left > largest) & left.isfinite() & ~stays).any()
    reach = [torch.linalg.matrix_power((b[0].double() + torch.eye(n)), n) > 0 for b in (bonded, bonded & ~cut)]
    assert torch.equal(*reach)
    if not ((s := smallest_rings(bonded)).isfinite() & (s > largest)).any():
        assert not cut.any()


def ring(n: int = 12) -> tuple[Molecules, torch.Tensor]:
    """A ring of n carbons and one atom of padding, and their bonds."""
    turn = torch.arange(n, dtype=torch.float64) * 2 * torch.pi / n
    radius = 0.75 / np.sin(np.pi / n)
    pos = torch.zeros(1, n + 1, 3, dtype=torch.float64)
    pos[0, :n, 0], pos[0, :n, 1] = radius * turn.cos(), radius * turn.sin()
    bond = torch.zeros(1, n + 1, n + 1, dtype=torch.long)
    for i in range(n):
        bond[0, i, (i + 1) % n] = bond[0, (i + 1) % n, i] = 1
    mask = torch.arange(n + 1)[None] < n
    zero = torch.zeros(1, n + 1, dtype=torch.long)
    return Molecules(pos, zero, zero, bond, mask), bond


def says(molecules: Molecules, doubt: tuple[int, int] = (0, 1)):
    """A denoiser that says these molecules are clean, a bond of theirs less surely."""
    one = torch.nn.functional.one_hot
    logits = 10.0 * one(molecules.bond, 4).double()
    i, j = doubt
    logits[:, i, j] /= 2
    logits[:, j, i] /= 2
    atom, charge = one(molecules.atom, 4).double() * 10, one(molecules.charge, 3).double() * 10
    return lambda *_: Estimate(molecules.pos, atom, charge, logits)


def times(rho: float) -> Times:
    """Where positions have this noise, angstrom."""
    return Times.same(PROCESS.schedule.time_of(torch.tensor([rho / PROCESS.config.scale], dtype=torch.float64)))


def look(molecules, denoise, rho: float, largest: int = 8, **known) -> Estimate:
    nothing = Condition.nothing(molecules)
    condition = dataclasses.replace(nothing, known=dataclasses.replace(nothing.known, **known))
    return opened(denoise, PROCESS, largest)(molecules, times(rho), condition)


def test_the_least_sure_bond_goes_its_ends_part_and_the_centre_stays():
    molecules, bond = ring()
    found = look(molecules, says(molecules), 0.4)
    now = found.bond.argmax(-1)
    gone = (now != bond)[0].nonzero().tolist()
    assert gone == [[0, 1], [1, 0]]
    assert (found.pos[0, 0] - found.pos[0, 1]).norm().item() == pytest.approx(APART, abs=1e-9)
    assert torch.allclose(found.pos[0, :12].mean(0), molecules.pos[0, :12].mean(0), atol=1e-12)
    assert torch.equal(found.pos[0, 12], molecules.pos[0, 12])


@pytest.mark.parametrize("rho", [ABOVE * 0.9, BELOW * 1.1])
def test_outside_the_window_nothing_changes(rho):
    molecules, _ = ring()
    said = says(molecules)()
    assert look(molecules, lambda *_: said, rho) is said


def test_a_ring_of_the_largest_size_stays():
    molecules, _ = ring()
    said = says(molecules)()
    assert look(molecules, lambda *_: said, 0.4, largest=12) is said


def test_known_bonds_stay_and_known_positions_too():
    molecules, bond = ring()
    every = torch.ones_like(bond, dtype=torch.bool)
    said = says(molecules)()
    assert look(molecules, lambda *_: said, 0.4, bond=every) is said
    held = torch.zeros_like(molecules.mask)
    held[0, :2] = True
    found = look(molecules, says(molecules), 0.4, pos=held)
    assert torch.equal(found.pos[0, :2], molecules.pos[0, :2])
    assert (found.bond.argmax(-1) != bond).any()


def test_turned_molecules_are_opened_alike():
    molecules, _ = ring()
    turn = random_rotations(1, torch.Generator().manual_seed(0)).to(molecules.pos)[0]
    turned = molecules.replace(pos=molecules.pos @ turn.T)
    one, other = (look(m, says(m), 0.4) for m in (molecules, turned))
    assert torch.allclose(one.pos @ turn.T, other.pos, atol=1e-9)
    assert torch.equal(one.bond, other.bond)


@pytest.mark.parametrize("size", [-1, 1, 2])
def test_a_size_that_no_ring_has_is_refused(size):
    with pytest.raises(UserError, match=f"--largest-ring takes .*got {size}"):
        constraints(SamplingConfig(largest_ring=size), load("qm9"))


def test_a_bundled_model_makes_hardly_a_large_ring():
    found = Generate.from_pretrained("druglike")(n=8, seed=5, steps=36)
    assert found.about["largest_ring"] == 6
    mols = [mol for mol, ok in zip(found.mols, found.table[found.validity], strict=True) if ok]
    large = sum(any(len(ring) > 6 for ring in Chem.GetSymmSSSR(mol)) for mol in mols)
    assert len(mols) >= 7 and large <= 1
