"""No atom gets more bonds than it has room for, whatever a network says; what fits and what is known stays."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from molediff.chem.valences import most_bonds
from molediff.elements import Vocabulary
from molediff.noise import MoleculeNoise, Process, ProcessConfig, Times
from molediff.sampling import SamplingConfig, joined, sample
from molediff.sampling.valence import BELOW, fitting, within_valence
from molediff.structures import Condition, Estimate, Known, Molecules

VOCABULARY = Vocabulary(("H", "C", "N", "O", "F", "S"), (0, -1, 1))
ROOM = most_bonds(VOCABULARY)
PROCESS = Process.build(ProcessConfig(), (6, 3, 4))


def random_words(seed: int, n: int, pad: int, scale: float = 3.0, bonds: float = 0.0) -> tuple[Estimate, Molecules]:
    """Logits of two molecules, of n and n + pad atoms, and their mask; ``bonds`` is added to those of any bond."""
    g = torch.Generator().manual_seed(seed)
    size = n + pad
    mask = torch.arange(size)[None] < torch.tensor([[n], [size]])
    atom, charge, bond = (scale * torch.randn(2, *s, generator=g) for s in ((size, 6), (size, 3), (size, size, 4)))
    bond = (bond + bond.transpose(1, 2)) / 2
    bond[..., 1:] += bonds
    zero = torch.zeros(2, size, dtype=torch.long)
    molecules = Molecules(torch.randn(2, size, 3, generator=g), zero, zero, torch.zeros(2, size, size).long(), mask)
    return Estimate(molecules.pos, atom, charge, bond), molecules


def classes(estimate: Estimate, pairs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return estimate.atom.argmax(-1), estimate.charge.argmax(-1), estimate.bond.argmax(-1) * pairs


def rows(batch, which: slice):
    """Some of a batch."""
    fields = {f.name: getattr(batch, f.name) for f in dataclasses.fields(batch)}
    return dataclasses.replace(batch, **{k: x[which] for k, x in fields.items() if x is not None})


def too_full(atom, charge, bond, mask) -> torch.Tensor:
    return (bond.sum(-1) > ROOM[atom, charge]) & mask


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(0, 4), st.floats(-4, 2))
@settings(max_examples=60, deadline=None)
def test_whatever_is_said_no_atom_is_too_full(seed, n, pad, bonds):
    said, molecules = random_words(seed, n, pad, bonds=bonds)
    atom, charge, bond = fitting(said, molecules.mask, Known.nothing(molecules), ROOM)
    assert not too_full(atom, charge, bond, molecules.mask).any()
    assert (bond == bond.transpose(1, 2)).all() and not (bond * ~molecules.pair_mask).any()
    before = classes(said, molecules.pair_mask)
    assert (bond <= before[2]).all()
    fine = ~too_full(*before, molecules.mask).any(1)  # molecules in which nothing was wrong
    for now, was in zip((atom, charge, bond), before, strict=True):
        assert (now[fine] == was[fine]).all()
    changed = (bond < before[2]).any(-1) | (atom != before[0]) | (charge != before[1])
    near = too_full(*before, molecules.mask)
    near = near | (near[:, None] & (before[2] > 0)).any(-1)  # the crowded ones and their neighbours
    assert not (changed & molecules.mask & ~near).any()


@given(st.integers(0, 10_000), st.integers(2, 5))
@settings(max_examples=60, deadline=None)
def test_one_bond_too_many_is_mended_at_the_least_cost(seed, n):
    """Against every single change there is, one by one."""
    said, molecules = random_words(seed, n, 0, bonds=1.0)
    said, molecules = rows(said, slice(1)), rows(molecules, slice(1))
    before = classes(said, molecules.pair_mask)
    excess = (before[2].sum(-1) - ROOM[before[0], before[1]]).clamp(min=0)
    if excess.sum() != 1:
        return
    logs = [getattr(said, k)[0].log_softmax(-1) for k in ("atom", "charge", "bond")]
    atom, charge, bond = (x[0] for x in before)
    (i,) = torch.nonzero(excess[0])[0].tolist()
    costs = [logs[2][i, j, bond[i, j]] - logs[2][i, j, bond[i, j] - 1] for j in range(n) if bond[i, j]]
    for e, q in itertools.product(range(6), range(3)):
        if ROOM[e, q] >= bond[i].sum():
            costs.append(logs[0][i, atom[i]] + logs[1][i, charge[i]] - logs[0][i, e] - logs[1][i, q])
    now = fitting(said, molecules.mask, Known.nothing(molecules), ROOM)
    paid = logs[0][i, atom[i]] - logs[0][i, now[0][0, i]] + logs[1][i, charge[i]] - logs[1][i, now[1][0, i]]
    for j in range(n):
        paid = paid + logs[2][i, j, bond[i, j]] - logs[2][i, j, now[2][0, i, j]]
    assert paid.item() == pytest.approx(min(costs).item(), abs=1e-5)


def test_order_of_atoms_and_company_do_not_matter():
    said, molecules = random_words(5, 8, 3, bonds=1.0)
    there = fitting(said, molecules.mask, Known.nothing(molecules), ROOM)
    p = torch.cat([torch.randperm(8, generator=torch.Generator().manual_seed(1)), torch.arange(8, 11)])
    turned = Estimate(said.pos[:, p], said.atom[:, p], said.charge[:, p], said.bond[:, p][:, :, p])
    moved = fitting(turned, molecules.mask[:, p], Known.nothing(molecules), ROOM)
    assert all((a == b).all() for a, b in zip(moved[:2], (there[0][:, p], there[1][:, p]), strict=True))
    assert (moved[2] == there[2][:, p][:, :, p]).all()
    only = rows(molecules, slice(1, 2))
    alone = fitting(rows(said, slice(1, 2)), only.mask, Known.nothing(only), ROOM)
    assert all((a == b[1:]).all() for a, b in zip(alone, there, strict=True))


def test_what_is_known_stays_even_where_it_is_wrong():
    said, molecules = random_words(3, 6, 0, bonds=2.0)
    molecules = molecules.replace(atom=torch.full_like(molecules.atom, 4), bond=2 * molecules.pair_mask.long())
    yes = torch.ones_like(molecules.mask)
    known = dataclasses.replace(Known.nothing(molecules), atom=yes, charge=yes, bond=molecules.pair_mask)
    wrapped = within_valence(lambda *_: said, PROCESS, ROOM, 0.0)
    condition = dataclasses.replace(Condition.nothing(molecules), known=known)
    got = wrapped(molecules, at(0.2), condition)
    assert torch.equal(got.atom, said.atom) and torch.equal(got.charge, said.charge)
    off = molecules.pair_mask[..., None].expand_as(said.bond)
    assert torch.equal(got.bond[off], said.bond[off])


def at(sigma: float, n: int = 2) -> Times:
    """Times at which positions have that noise, angstrom."""
    rho = torch.full((n,), sigma / PROCESS.config.scale, dtype=torch.float64)
    return Times.same(PROCESS.schedule.time_of(rho))


def test_only_late_and_only_where_it_must():
    said, molecules = random_words(11, 9, 2, scale=1.0)
    condition = Condition.nothing(molecules)
    wrapped = within_valence(lambda *_: said, PROCESS, ROOM, 0.0)
    assert wrapped(molecules, at(1.1 * BELOW), condition) is said
    got = wrapped(molecules, at(0.9 * BELOW), condition)
    assert got.said is said and torch.equal(got.pos, said.pos)
    assert too_full(*classes(said, molecules.pair_mask), molecules.mask).any()
    assert not too_full(*classes(got, molecules.pair_mask), molecules.mask).any()
    same = (got.bond == said.bond).all(-1)
    was, now = (e.bond.argmax(-1) for e in (said, got))
    assert (now[~same] < was[~same]).all() and same.float().mean() > 0.5


def test_at_the_last_look_there_is_no_doubt():
    said, molecules = random_words(2, 7, 3, scale=0.3, bonds=-1.0)
    last = PROCESS.config.rho_min
    wrapped = within_valence(lambda *_: said, PROCESS, ROOM, last)
    got = wrapped(molecules, at(last * PROCESS.config.scale), Condition.nothing(molecules))
    for name, where in (("atom", molecules.mask), ("charge", molecules.mask), ("bond", molecules.pair_mask)):
        assert getattr(got, name).softmax(-1).amax(-1)[where].min() > 0.9999


@pytest.mark.parametrize("method", ["churn", "ddpm", "heun"])
@pytest.mark.parametrize("join", [False, True])
def test_a_network_that_babbles_makes_no_atom_too_full(method, join):
    """Logits anew at every look, nearly alike: without the constraint nothing of it would fit."""
    _, molecules = random_words(0, 10, 2)
    g = torch.Generator().manual_seed(7)

    def babble(noisy, times, condition):
        b, n = noisy.mask.shape
        bond = torch.randn(b, n, n, 4, generator=g)
        atom, charge = (torch.randn(b, n, k, generator=g) for k in (6, 3))
        return Estimate(noisy.pos, atom, charge, bond + bond.transpose(1, 2))

    def constrained(denoise):
        kept = within_valence(denoise, PROCESS, ROOM, PROCESS.config.rho_min)
        return joined(kept, PROCESS, ROOM, ROOM) if join else kept

    def made(constrain):
        noise = MoleculeNoise(0, [0, 1], molecules.sizes.tolist())
        config = SamplingConfig(steps=6, method=method)
        condition = Condition.nothing(molecules)
        return sample(babble, PROCESS, molecules, condition, noise.next, config, constrain=constrain)

    got, free = made(constrained), made(None)
    assert not too_full(got.atom, got.charge, got.bond, got.mask).any()
    assert too_full(free.atom, free.charge, free.bond, free.mask).sum() > 10


def test_room_is_rdkits():
    """Every class with every number of single bonds to hydrogens, asked as a molecule with hydrogens."""
    for (e, number), (q, charge) in itertools.product(enumerate(VOCABULARY.atomic_numbers), enumerate((0, -1, 1))):
        if number == 1:
            continue
        for bonds in range(8):
            mol = Chem.RWMol()
            atom = Chem.Atom(number)
            atom.SetFormalCharge(charge)
            mol.AddAtom(atom)
            for k in range(bonds):
                mol.AddAtom(Chem.Atom(1))
                mol.AddBond(0, k + 1, Chem.BondType.SINGLE)
            refused = any(p.GetType() == "AtomValenceException" for p in Chem.DetectChemistryProblems(mol))
            assert not (bonds <= ROOM[e, q] and refused and bonds == ROOM[e, q])
            if bonds > ROOM[e, q]:
                assert refused, (number, charge, bonds)
    assert ROOM[:, 0].tolist() == [1, 4, 3, 2, 1, 6]
    assert ROOM[2].tolist() == [3, 2, 4]
