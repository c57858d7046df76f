"""Fragments and positions as tasks: what is known, where the origin lies, and what stays as it was."""

import pytest
import torch
from rdkit import Chem

from molediff.chem import from_rdkit
from molediff.config import UserError
from molediff.elements import Vocabulary
from molediff.model import Model, SizePrior
from molediff.structures import Stereo
from molediff.training.module import TrainingModule
from molediff.training.plan import Plan
from molediff.training.tasks import Shares, bridges, components, cut_at, draw_cuts, heavy_atoms, positioned

SMILES = ["CCO", "c1ccccc1CO", "C1CC1C#N", "CC(C)(C)C=O", "O", "C1CC2CC1CC2", "NCC(=O)OC", "[H][H]", "CC"]
HYDROGEN = 0


@pytest.fixture(scope="module")
def batch():
    mols = [Chem.AddHs(Chem.MolFromSmiles(s, sanitize=True)) for s in SMILES]
    molecules, stereo = from_rdkit(mols, Vocabulary())
    noise = torch.randn(molecules.pos.shape, generator=torch.Generator().manual_seed(0))
    return molecules.replace(pos=noise * molecules.mask[..., None]), stereo, mols


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_bridges_are_the_bonds_outside_rings(batch):
    molecules, _, mols = batch
    found = bridges(molecules.bond > 0)
    for k, mol in enumerate(mols):
        for bond in mol.GetBonds():
            i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            assert bool(found[k, i, j]) == (not bond.IsInRing()), (SMILES[k], i, j)
        assert found[k].sum() <= 2 * mol.GetNumBonds()


def test_components_are_rdkits(batch):
    molecules, _, mols = batch
    no_carbon = molecules.mask & (molecules.atom != 1)
    label = components((molecules.bond > 0) & no_carbon[:, None] & no_carbon[:, :, None], no_carbon)
    for k, mol in enumerate(mols):
        rest = Chem.RWMol(mol)
        for atom in reversed([a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() == 6]):
            rest.RemoveAtom(atom)
        assert len(label[k][no_carbon[k]].unique()) == len(Chem.GetMolFrags(rest))


@pytest.mark.parametrize("seed", range(8))
def test_cuts_are_pieces_with_the_hydrogens_that_a_fragment_brings(batch, seed):
    molecules, _, mols = batch
    owner = draw_cuts(molecules, HYDROGEN, seeded(seed))
    heavy = heavy_atoms(molecules, HYDROGEN)
    for k, mol in enumerate(mols):
        known = set(torch.nonzero(owner[k] >= 0).flatten().tolist())
        atoms = [a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() > 1]
        if len(atoms) < 2:
            assert not known
            continue
        assert known & set(atoms)
        assert not set(atoms) <= known
        bare = not any(molecules.atom[k, i] == HYDROGEN for i in known)
        for i in known & set(atoms):
            around = [n.GetIdx() for n in mol.GetAtomWithIdx(i).GetNeighbors()]
            attached = any(bool(heavy[k, j]) and j not in known for j in around)
            hydrogens = {j for j in around if not heavy[k, j]}
            assert not hydrogens & known if attached or bare else hydrogens <= known
            assert all(owner[k, i] == owner[k, j] for j in around if j in known)
        rest = Chem.RWMol(mol)
        for atom in sorted(set(range(mol.GetNumAtoms())) - known, reverse=True):
            rest.RemoveAtom(atom)
        assert len(Chem.GetMolFrags(rest)) == len(owner[k][owner[k] >= 0].unique()) <= 2


def test_sizes_and_kinds_of_cuts_vary():
    molecules, _ = from_rdkit([Chem.AddHs(Chem.MolFromSmiles("CCCCCCO"))] * 300, Vocabulary())
    owner = draw_cuts(molecules, HYDROGEN, seeded())
    heavy = ((owner >= 0) & heavy_atoms(molecules, HYDROGEN)).sum(1)
    assert set(heavy.tolist()) == set(range(1, 7))
    pieces = torch.tensor([len(row[row >= 0].unique()) for row in owner])
    assert 0.05 < (pieces == 2).float().mean() < 0.3
    with_hydrogens = ((owner >= 0) & ~heavy_atoms(molecules, HYDROGEN)).any(1)
    assert 0.2 < with_hydrogens.float().mean() < 0.6


def test_rings_are_mostly_kept_whole():
    molecules, _ = from_rdkit([Chem.AddHs(Chem.MolFromSmiles("c1ccccc1CCCC"))] * 400, Vocabulary())
    known = (draw_cuts(molecules, HYDROGEN, seeded()) >= 0)[:, :6].sum(1)
    assert ((known == 0) | (known == 6)).float().mean() > 0.6
    assert ((known > 0) & (known < 6)).any()


def test_a_molecule_with_implied_hydrogens_is_cut_too():
    molecules, _ = from_rdkit([Chem.MolFromSmiles("CCCO")] * 20, Vocabulary(("C", "N", "O"), (0,)))
    owner = draw_cuts(molecules, None, seeded())
    assert ((owner >= 0).sum(1) >= 1).all()
    assert ((owner >= 0).sum(1) <= 3).all()


def test_closed_atoms_know_that_they_bond_to_nothing_new():
    molecules, stereo = from_rdkit([Chem.MolFromSmiles("CCCOCC=O")] * 600, Vocabulary(("C", "N", "O"), (0,)))
    none = torch.zeros(600, dtype=torch.bool)
    known = positioned(molecules, stereo, none, Shares(0.0, 1.0, 0.0, closed=True), None, seeded())[1].known
    within = known.pos[:, None] & known.pos[:, :, None] & molecules.pair_mask
    closed = known.pos & (known.bond | ~molecules.pair_mask).all(-1)  # every bond of theirs is given
    new = (~known.pos)[:, None] & molecules.pair_mask
    assert not (closed & ((molecules.bond > 0) & new).any(-1)).any()  # and none of it leads to a new atom
    assert not (known.bond & ~within & ~closed[:, None] & ~closed[:, :, None]).any()
    assert torch.equal(known.bond, known.bond.mT)
    could = known.pos & ~((molecules.bond > 0) & new).any(-1)
    some = could.any(1)
    share = (closed.sum(1) / could.sum(1).clamp(min=1))[some]
    assert 0.25 < (share == 1).float().mean() < 0.6
    assert 0.25 < (share == 0).float().mean() < 0.6
    assert ((share > 0) & (share < 1)).any()


def test_no_share_leaves_everything_alone(batch):
    molecules, stereo, _ = batch
    generator = seeded()
    before = generator.get_state()
    graph = torch.arange(len(molecules)) % 2 == 0
    clean, condition = positioned(molecules, stereo, graph, Shares(0.5, 0.0, 0.0), HYDROGEN, generator)
    assert clean is molecules
    assert torch.equal(generator.get_state(), before)
    assert not condition.known.pos.any()
    assert torch.equal(condition.known.atom, molecules.mask & graph[:, None])


@pytest.mark.parametrize("marked", [False, True])
def test_each_task_knows_what_it_should_and_is_centred_on_it(batch, marked):
    molecules, stereo, _ = batch
    none = torch.zeros(len(molecules), dtype=torch.bool)
    clean, condition = positioned(molecules, stereo, none, Shares(0.0, 1.0, 0.0, marked), HYDROGEN, seeded())
    known = condition.known
    assert torch.equal(known.pos, known.charge)
    light = molecules.mask & ~heavy_atoms(molecules, HYDROGEN)
    assert not (known.atom & ~known.pos & ~light).any()
    if marked:
        assert (known.atom | ~light | ~known.pos.any(1)[:, None]).all()
    else:
        assert torch.equal(known.atom, known.pos)
    both = known.pos[:, None] & known.pos[:, :, None]
    assert not (known.bond & ~both).any()
    for task in (Shares(0.0, 1.0, 0.0, marked), Shares(0.0, 0.0, 1.0, marked)):
        clean, condition = positioned(molecules, stereo, none, task, HYDROGEN, seeded())
        pos = condition.known.pos
        some = pos.any(1)
        mean = (clean.pos * pos[..., None]).sum(1)[some] / pos.sum(1)[some, None]
        assert mean.abs().max() < 1e-5
        assert torch.equal(clean.pos[~some], molecules.pos[~some])
        shift = (clean.pos - molecules.pos)[some]
        inside = molecules.mask[some]
        assert torch.allclose(shift[inside], shift[:, :1].expand_as(shift)[inside], atol=1e-5)
        assert (condition.stereo.centre == -1).all()
    assert torch.equal(pos, heavy_atoms(molecules, HYDROGEN))
    assert torch.equal(condition.known.atom, light & marked)
    assert not condition.known.bond.any()


def test_shares_are_of_the_whole_batch():
    molecules, stereo = from_rdkit([Chem.AddHs(Chem.MolFromSmiles("CCO"))] * 3000, Vocabulary())
    graph = torch.rand(3000, generator=seeded(1)) < 0.4
    shares = Shares(0.4, 0.3, 0.2, True)
    known = positioned(molecules, stereo, graph, shares, HYDROGEN, seeded())[1].known
    fragment, retyped = (known.pos & known.atom).any(1), known.pos.any(1) & ~(known.pos & known.atom).any(1)
    assert not (graph & (fragment | retyped)).any()
    assert fragment.float().mean() == pytest.approx(0.3, abs=0.03)
    assert retyped.float().mean() == pytest.approx(0.2, abs=0.03)


def test_a_cut_by_hand():
    """CH3-CH2-OH, the oxygen new: C2 is the attachment point, its hydrogens are new, those of C1 stay."""
    molecules, _ = from_rdkit([Chem.AddHs(Chem.MolFromSmiles("CCO"))], Vocabulary())
    chosen = torch.zeros_like(molecules.mask)
    chosen[0, :2] = True
    owner = cut_at(molecules, chosen, HYDROGEN, torch.tensor([False]))
    assert (owner[0] >= 0).tolist() == [True, True, False, True, True, True, False, False, False]
    assert (cut_at(molecules, chosen, HYDROGEN, torch.tensor([True]))[0] >= 0).sum() == 2


def module(configure, **changes):
    config = configure(**changes)
    return TrainingModule(Model(config.model, SizePrior({5: 1})), config, Plan(1, 10, 10))


def test_noise_and_times_of_a_step_do_not_hang_on_the_shares(configure, batch):
    molecules, stereo, _ = batch
    inputs = [
        module(configure, **shares).inputs((molecules, stereo))
        for shares in ({}, {"fragment_share": 0.4, "retype_share": 0.3})
    ]
    (_, plain, times, draws), (_, mixed, other_times, other_draws) = inputs
    assert torch.equal(times.pos, other_times.pos)
    assert torch.equal(draws.bond, other_draws.bond)
    graph = plain.known.atom.any(1)
    assert torch.equal(mixed.known.atom[graph], plain.known.atom[graph])
    assert mixed.known.pos.any()


def test_a_step_with_every_task_has_finite_losses(configure, batch):
    molecules, stereo, _ = batch
    shell = module(configure, fragment_share=0.5, retype_share=0.3)
    loss = shell.model.loss(*shell.inputs((molecules, stereo)))["loss"]
    loss.backward()
    assert torch.isfinite(loss)


@pytest.mark.parametrize("shares", [{"fragment_share": 0.9}, {"retype_share": -0.1}])
def test_shares_that_cannot_be_are_refused(configure, shares):
    with pytest.raises(UserError, match="fragment_share"):
        module(configure, **shares)


def test_tags_stay_with_known_graphs(batch):
    molecules, _, _ = batch
    tags = Stereo.unspecified(molecules)
    tags.centre[:, 0] = torch.tensor([0, 1, 2, 3])
    graph = torch.arange(len(molecules)) < 4
    condition = positioned(molecules, tags, graph, Shares(0.4, 0.6, 0.0), HYDROGEN, seeded())[1]
    assert torch.equal((condition.stereo.centre >= 0).any((1, 2)), graph)
