"""Atoms get the bonds they can have, whatever a network says; what fits and what is known stays."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from molediff.chem.valences import MOST, amiss, most_bonds
from molediff.elements import Vocabulary
from molediff.evaluation.build import build
from molediff.evaluation.strict import strict
from molediff.noise import MoleculeNoise, Process, ProcessConfig, Times
from molediff.sampling import SamplingConfig, joined, sample
from molediff.sampling.forbidden import NEVER
from molediff.sampling.valence import BELOW, fitting, within_valence
from molediff.structures import Condition, Estimate, Known, Molecules

VOCABULARY = Vocabulary(("H", "C", "N", "O", "F", "S"), (0, -1, 1))
ROOM = most_bonds(VOCABULARY)
IMPLIED, EXPLICIT = (amiss(VOCABULARY, explicit) for explicit in (False, True))
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
    atom, charge, bond = fitting(said, molecules.mask, Known.nothing(molecules), IMPLIED)
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


def all_wrong(table, atom, charge, bond, mask) -> torch.Tensor:
    """(B,) by how many bonds the atoms of each molecule are wrong."""
    total, last = bond.sum(-1), table.shape[-1] - 1
    slope = table[atom, charge, last] - table[atom, charge, last - 1]
    return ((table[atom, charge, total.clamp(max=last)] + (total - last).clamp(min=0) * slope) * mask).sum(1)


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(0, 4), st.floats(-4, 2))
@settings(max_examples=60, deadline=None)
def test_with_hydrogens_as_atoms_it_never_gets_worse(seed, n, pad, bonds):
    said, molecules = random_words(seed, n, pad, bonds=bonds)
    before = classes(said, molecules.pair_mask)
    now = fitting(said, molecules.mask, Known.nothing(molecules), EXPLICIT)
    wrong, left = (all_wrong(EXPLICIT, *each, molecules.mask) for each in (before, now))
    assert (left <= wrong).all() and ((left < wrong) | same(before, now)).all()
    assert ((now[2] > 0) <= (before[2] > 0)).all()  # bonds are not made
    assert (now[2] == now[2].transpose(1, 2)).all() and now[2].max() <= 3
    possible = EXPLICIT.amin(-1)[now[0], now[1]] == 0  # classes that some number of bonds suits
    assert not (too_full(*now, molecules.mask) & possible).any()  # too many is worse than too few elsewhere


def same(before, now) -> torch.Tensor:
    """(B,) whether nothing was changed."""
    return torch.stack([(a == b).flatten(1).all(1) for a, b in zip(before, now, strict=True)]).all(0)


@given(st.integers(0, 10_000), st.integers(2, 5), st.booleans())
@settings(max_examples=100, deadline=None)
def test_the_first_change_is_the_cheapest_for_what_it_mends(seed, n, explicit):
    """Against every single change there is, one by one; where one is enough it is the only one."""
    said, molecules = random_words(seed, n, 0, bonds=1.0)
    said, molecules = rows(said, slice(1)), rows(molecules, slice(1))
    table = EXPLICIT if explicit else IMPLIED
    before = classes(said, molecules.pair_mask)
    wrong = all_wrong(table, *before, molecules.mask).item()
    logs = [getattr(said, k)[0].log_softmax(-1) for k in ("atom", "charge", "bond")]
    best = (float("inf"), None)
    for changed, lost in single_changes(before, logs, table, n):
        mended = wrong - all_wrong(table, *changed, molecules.mask).item()
        if mended > 0:
            best = min(best, (lost / mended, changed), key=lambda x: x[0])
    if best[1] is None or all_wrong(table, *best[1], molecules.mask).item():
        return
    now = fitting(said, molecules.mask, Known.nothing(molecules), table)
    assert all((a == b).all() for a, b in zip(now, best[1], strict=True))


def single_changes(before, logs, table, n: int):
    """((atom, charge, bond), log-probability lost) of every change of one order or one wrong atom."""
    atom, charge, bond = before
    for i, j in itertools.combinations(range(n), 2):
        order = int(bond[0, i, j])
        for new in (order - 1, order + 1):
            if order and 0 <= new <= 3:
                other = bond.clone()
                other[0, i, j] = other[0, j, i] = new
                yield (atom, charge, other), (logs[2][i, j, order] - logs[2][i, j, new]).item()
    for i, e, q in itertools.product(range(n), range(6), range(3)):
        total = min(int(bond[0, i].sum()), MOST + 1)
        if table[atom[0, i], charge[0, i], total] and not table[e, q, total]:
            a, c = atom.clone(), charge.clone()
            a[0, i], c[0, i] = e, q
            was = logs[0][i, atom[0, i]] + logs[1][i, charge[0, i]]
            yield (a, c, bond), (was - logs[0][i, e] - logs[1][i, q]).item()


def test_ethene_with_a_single_bond_gets_its_double_one():
    """CH2-CH2: both carbons lack a bond, and one change gives it to both."""
    bond = torch.zeros(1, 6, 6, dtype=torch.long)
    for i, j in ((0, 1), (0, 2), (0, 3), (1, 4), (1, 5)):
        bond[0, i, j] = bond[0, j, i] = 1
    mask = torch.ones(1, 6, dtype=torch.bool)
    atom, charge = torch.tensor([[1, 1, 0, 0, 0, 0]]), torch.zeros(1, 6, dtype=torch.long)
    onehot = torch.nn.functional.one_hot
    said = Estimate(torch.zeros(1, 6, 3), 9.0 * onehot(atom, 6), 9.0 * onehot(charge, 3), 5.0 * onehot(bond, 4))
    molecules = Molecules(said.pos, atom, charge, bond, mask)
    now = fitting(said, mask, Known.nothing(molecules), EXPLICIT)
    assert now[2][0, 0, 1] == 2 and torch.equal(now[0], atom) and torch.equal(now[1], charge)
    assert same((atom, charge, bond), fitting(said, mask, Known.nothing(molecules), IMPLIED)).all()
    wrapped = within_valence(lambda *_: said, PROCESS, EXPLICIT, False, 0.0)
    got = wrapped(molecules, at(0.2, 1), Condition.nothing(molecules))
    assert got.bond[0, 0, 1].argmax() == 2 and got.bond[0, 0, 1].softmax(-1)[:2].sum() == 0


def test_order_of_atoms_and_company_do_not_matter():
    said, molecules = random_words(5, 8, 3, bonds=1.0)
    there = fitting(said, molecules.mask, Known.nothing(molecules), IMPLIED)
    p = torch.cat([torch.randperm(8, generator=torch.Generator().manual_seed(1)), torch.arange(8, 11)])
    turned = Estimate(said.pos[:, p], said.atom[:, p], said.charge[:, p], said.bond[:, p][:, :, p])
    moved = fitting(turned, molecules.mask[:, p], Known.nothing(molecules), IMPLIED)
    assert all((a == b).all() for a, b in zip(moved[:2], (there[0][:, p], there[1][:, p]), strict=True))
    assert (moved[2] == there[2][:, p][:, :, p]).all()
    only = rows(molecules, slice(1, 2))
    alone = fitting(rows(said, slice(1, 2)), only.mask, Known.nothing(only), IMPLIED)
    assert all((a == b[1:]).all() for a, b in zip(alone, there, strict=True))


def test_what_is_known_stays_even_where_it_is_wrong():
    said, molecules = random_words(3, 6, 0, bonds=2.0)
    molecules = molecules.replace(atom=torch.full_like(molecules.atom, 4), bond=2 * molecules.pair_mask.long())
    yes = torch.ones_like(molecules.mask)
    known = dataclasses.replace(Known.nothing(molecules), atom=yes, charge=yes, bond=molecules.pair_mask)
    wrapped = within_valence(lambda *_: said, PROCESS, IMPLIED, True, 0.0)
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
    wrapped = within_valence(lambda *_: said, PROCESS, IMPLIED, True, 0.0)
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
    wrapped = within_valence(lambda *_: said, PROCESS, IMPLIED, True, last)
    got = wrapped(molecules, at(last * PROCESS.config.scale), Condition.nothing(molecules))
    for name, where in (("atom", molecules.mask), ("charge", molecules.mask), ("bond", molecules.pair_mask)):
        assert getattr(got, name).softmax(-1).amax(-1)[where].min() > 0.9999


def babbled(table=None, join: bool = False, **settings) -> Molecules:
    """What is sampled of a network that says something new at every look, each class about as likely as another."""
    _, molecules = random_words(0, 10, 2)
    g = torch.Generator().manual_seed(7)

    def babble(noisy, times, condition):
        b, n = noisy.mask.shape
        bond = torch.randn(b, n, n, 4, generator=g)
        atom, charge = (torch.randn(b, n, k, generator=g) for k in (6, 3))
        return Estimate(noisy.pos, atom, charge, bond + bond.transpose(1, 2))

    def constrained(denoise):
        kept = within_valence(denoise, PROCESS, table, table is IMPLIED, PROCESS.config.rho_min)
        return joined(kept, PROCESS, ROOM, ROOM) if join else kept

    noise = MoleculeNoise(0, [0, 1], molecules.sizes.tolist())
    config, condition = SamplingConfig(**{"steps": 6} | settings), Condition.nothing(molecules)
    return sample(
        babble, PROCESS, molecules, condition, noise.next, config, constrain=None if table is None else constrained
    )


@pytest.mark.parametrize("method", ["churn", "ddpm", "heun"])
@pytest.mark.parametrize("join", [False, True])
def test_a_network_that_babbles_makes_no_atom_too_full(method, join):
    got, free = babbled(IMPLIED, join, method=method), babbled(method=method)
    assert not too_full(got.atom, got.charge, got.bond, got.mask).any()
    assert too_full(free.atom, free.charge, free.bond, free.mask).sum() > 10


@pytest.mark.parametrize("table", [IMPLIED, EXPLICIT])
def test_elements_and_bonds_left_out_stay_out(table):
    """Biases as `--elements C,O` makes them, and no double bond."""
    few = babbled(table, atom_bias=(0.0, 0.0, NEVER, 0.0, NEVER, NEVER), bond_bias=(0.0, 0.0, NEVER, 0.0))
    assert set(few.atom[few.mask].tolist()) <= {0, 1, 3}
    # An order changes by one at a time, so that a triple bond stays one here.
    assert 2 not in few.bond.unique().tolist()


def test_charges_stay_where_they_shall():
    said, molecules = random_words(4, 12, 0, bonds=-1.0)
    before = classes(said, molecules.pair_mask)
    now = fitting(said, molecules.mask, Known.nothing(molecules), EXPLICIT, ions=False)
    assert (now[1] == before[1]).all() and not same(before, now).all()
    free = fitting(said, molecules.mask, Known.nothing(molecules), EXPLICIT, ions=True)
    assert (free[1] != before[1]).any()


def test_a_known_element_may_still_change_its_charge_and_the_reverse():
    """Hydrogens that are marked have a known element alone."""
    said, molecules = random_words(9, 12, 0, bonds=-0.5)
    none, yes = Known.nothing(molecules), molecules.mask
    before = classes(said, molecules.pair_mask)
    atom, charge, _ = fitting(said, yes, dataclasses.replace(none, atom=yes), IMPLIED)
    assert (atom == before[0]).all() and (charge != before[1]).any()
    atom, charge, _ = fitting(said, yes, dataclasses.replace(none, charge=yes), IMPLIED)
    assert (charge == before[1]).all() and (atom != before[0]).any()


def test_what_fits_is_what_the_judge_calls_valid():
    """Every class with every number of hydrogens, as a molecule before `strict` and `strict_heavy`."""
    for (e, number), (q, charge) in itertools.product(enumerate(VOCABULARY.atomic_numbers), enumerate((0, -1, 1))):
        for bonds in range(1, MOST + 1):
            z, pos = [number] + [1] * bonds, [[float(k), 0.0, 0.0] for k in range(bonds + 1)]
            mol = build(z, pos, [(0, k + 1, 1) for k in range(bonds)], [charge] + [0] * bonds)
            if number == 1 and charge:
                assert EXPLICIT[e, q, bonds] and IMPLIED[e, q, bonds]
            else:
                assert strict(mol)["strictly_valid"] is (EXPLICIT[e, q, bonds].item() == 0), (number, charge, bonds)
                refused = strict(mol)["reason"] == "valence"
                assert not (refused and bonds == ROOM[e, q]) and (refused or bonds <= ROOM[e, q])
                assert (IMPLIED[e, q, bonds] == 0) == (bonds <= ROOM[e, q])
    assert ROOM[:, 0].tolist() == [1, 4, 3, 2, 1, 6] and ROOM[2].tolist() == [3, 2, 4]
    assert (EXPLICIT[0, 1:] > 0).all() and EXPLICIT[0, 0, :3].tolist() == [1, 0, 2]
