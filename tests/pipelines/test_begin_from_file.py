"""Fragments, positions and leads: what stays exact, what is allowed, and that training sees what generation asks."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from rdkit import Chem
from rdkit.Chem import AllChem

from molediff.chem import from_rdkit
from molediff.chem.fragments import Fragments, bonds_elsewhere, fragments_used, read_fragments
from molediff.chem.similarity import superposed_rmsd, tanimoto
from molediff.cli.main import main
from molediff.config import UserError
from molediff.elements import Vocabulary
from molediff.geometry import centre_on, random_rotations
from molediff.model import Model, ModelConfig, SizePrior, load, save
from molediff.pipelines import Generate
from molediff.pipelines.tasks import Grow, Optimise, Retype
from molediff.sampling import SteeringConfig
from molediff.structures import Known, Molecules
from molediff.training.tasks import cut_at

NETWORK = {"layers": 1, "width": 16, "vectors": 4, "pair": 8, "hidden": 8, "heads": 4}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return Model(ModelConfig(network=NETWORK), SizePrior(dict.fromkeys(range(3, 30), 1))).eval()


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    return save(model, tmp_path_factory.mktemp("models") / "small", {"summary": "untrained"})


def molecule(smiles, shift=(10.0, -4.0, 2.5)):
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMolecule(mol, randomSeed=3)
    mol.GetConformer().SetPositions(np.round(mol.GetConformer().GetPositions() + np.array(shift), 4))
    return mol


@pytest.fixture
def write(tmp_path):
    def sdf(*mols, name="in.sdf", v3000=False):
        blocks = [Chem.MolToMolBlock(m, forceV3000=v3000) for m in mols]
        path = tmp_path / name
        path.write_text("".join(f"{b}$$$$\n" for b in blocks))
        return path

    return sdf


def read(path, attach="", vocabulary=None, explicit=True) -> Fragments:
    return read_fragments(path, attach, vocabulary or Vocabulary(), explicit)


def symbols(fragments):
    return "".join(Chem.GetPeriodicTable().GetElementSymbol(int(z)) for z in fragments.z)


def test_unmarked_any_atom_with_a_hydrogen_is_open_and_all_hydrogens_go(write):
    got = read(write(molecule("c1ccoc1")))
    assert symbols(got) == "CCCOC"
    assert got.attach.tolist() == [True, True, True, False, True]
    assert got.slots == 4
    assert len(got.bonds) == 5
    assert set(got.owner) == {0}


def test_numbers_open_only_what_they_name(write):
    got = read(write(molecule("CCO")), "2")
    assert symbols(got) == "CCOHHHH"  # the two of atom 2 are gone
    assert got.attach.nonzero()[0].tolist() == [1]
    assert got.slots == 2


def test_dummy_atoms_open_their_neighbours_and_go(write):
    got = read(write(molecule("*CCO")))
    assert symbols(got) == "CCOHHH"
    assert got.attach.nonzero()[0].tolist() == [0]
    assert got.slots == 3  # the dummy and two hydrogens


def test_several_records_are_several_fragments_numbered_through(write):
    path = write(molecule("CO"), molecule("CN", (14.0, -4.0, 2.5)))
    got = read(path, "1,7")  # CO has six atoms
    assert symbols(got) == "COHCNHH"
    assert got.owner.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert got.attach.nonzero()[0].tolist() == [0, 3]
    one_marked = read(path, "1")
    assert one_marked.attach.nonzero()[0].tolist() == [0, 3, 4]  # the other: any atom with a hydrogen


def test_pieces_of_one_record_are_fragments_too(write):
    got = read(write(Chem.CombineMols(molecule("C"), molecule("O", (15.0, 0.0, 0.0)))))
    assert got.owner.tolist() == [0, 1]


def test_hydrogens_that_the_file_implies_are_placed_and_counted(write):
    got = read(write(Chem.RemoveHs(molecule("CCO"))), "3")
    assert symbols(got) == "CCOHHHHH"
    assert got.added == 6
    assert got.slots == 1
    near = np.linalg.norm(got.pos[3:] - got.pos[:2, None], axis=-1).min(0)
    assert ((near > 0.9) & (near < 1.2)).all()


def test_models_with_implied_hydrogens_take_heavy_atoms(write):
    got = read(write(molecule("CCO")), "1", Vocabulary(("C", "N", "O"), (0,)), explicit=False)
    assert symbols(got) == "CCO"
    assert got.attach.tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("smiles", "attach", "message"),
    [
        ("C[Si](C)(C)C", "", "holds Si. This model knows H, C, N, O, F"),
        ("CCO", "12", "atoms 1 to 9.*hydrogen to give: 1, 2, 3"),
        ("CCO", "0", "atoms 1 to 9"),
        ("CCO", "x", "--attach 3,7"),
        ("CC#N", "2", "C 2 .* has no hydrogen.*: 1"),
        ("CCO", "4", "is a hydrogen. Give the atom it sits on: --attach 1"),
        ("FC(F)(F)F", "", "no hydrogen to give"),
        ("[Ca+2]", "", "holds Ca"),
        ("*CO", "1", "dummy atom"),
        ("C[N+](C)(C)C", "", None),
        ("C[N+2]", "", "formal charge"),
        ("[H][H]", "", "no heavy atom"),
    ],
)
def test_bad_fragments_are_refused_in_words(write, smiles, attach, message):
    path = write(molecule(smiles))
    if message is None:
        assert read(path, attach).charge.tolist().count(1) == 1
        return
    with pytest.raises(UserError, match=message):
        read(path, attach)


def test_bad_files_are_refused_in_words(write, tmp_path):
    with pytest.raises(UserError, match="There is no file"):
        read(tmp_path / "no.sdf")
    (tmp_path / "empty.sdf").write_text("")
    with pytest.raises(UserError, match="no molecule"):
        read(tmp_path / "empty.sdf")
    (tmp_path / "words.sdf").write_text("this is\nno SDF\nat all\nreally\n$$$$\n")
    with pytest.raises(UserError, match="Record 1"):
        read(tmp_path / "words.sdf")
    flat = Chem.MolFromSmiles("CCO")
    AllChem.Compute2DCoords(flat)
    with pytest.raises(UserError, match="no 3D coordinates"):
        read(write(flat))
    five = Chem.RWMol(molecule("CC"))
    five.AddBond(0, 5, Chem.BondType.SINGLE)
    with pytest.raises(UserError, match="cannot be sanitised"):
        read(write(five))


def test_known_parts_are_exact_to_the_digit_and_in_place(write, model, tmp_path):
    path = write(molecule("c1ccoc1"))
    out = Generate(model)(n=4, steps=3, atoms="2-3", task=Grow.read(path, model, "1"), trajectory=0)
    assert out.table.known_exact.all()
    assert out.counts["known_exact"] == 4
    out.save(tmp_path / "o")
    text = (tmp_path / "in.sdf").read_text().splitlines()
    given = [line[:34] for line in text[4:9]] + [line[:34] for line in text[10:13]]  # less the hydrogen at atom 1
    for block in (tmp_path / "o" / "molecules.sdf").read_text().split("$$$$\n")[:4]:
        assert [line[:34] for line in block.splitlines()[4:12]] == given
    for mol in out.mols:
        assert {tuple(sorted((b.GetBeginAtomIdx(), b.GetEndAtomIdx()))) for b in mol.GetBonds()} >= {(0, 1), (3, 4)}
    lines = (tmp_path / "o" / "trajectory-0.xyz").read_text().splitlines()
    last = [[float(x) for x in line.split()[1:]] for line in lines[-out.mols[0].GetNumAtoms() :]]
    assert np.abs(np.array(last) - out.mols[0].GetConformer().GetPositions()).max() < 1e-3  # in the same frame


def test_six_digits_stay_six_digits(write, model, tmp_path):
    mol = molecule("CO")
    mol.GetConformer().SetAtomPosition(0, (1.123456, -2.000001, 0.5))
    out = Generate(model)(n=1, steps=2, task=Grow.read(write(mol, v3000=True), model, "2"))
    out.save(tmp_path / "o")
    assert "1 C 1.123456 -2.000001 0.500000" in (tmp_path / "o" / "molecules.sdf").read_text()


def test_a_sampler_that_forgets_what_is_known_is_found_out(write, model):
    task = Grow.read(write(molecule("CCO")), model, "1")
    one = task.given([task.count + 2], [0])
    assert task._exact(one)
    for broken in (
        one.replace(pos=one.pos + 1e-3),
        one.replace(atom=torch.roll(one.atom, 1, 1)),
        one.replace(bond=torch.zeros_like(one.bond)),
        one.replace(charge=one.charge + 1),
    ):
        assert not task._exact(broken)


def test_bonds_elsewhere_are_counted():
    mol = Chem.MolFromSmiles("CC.CC.O.[H]", sanitize=False)  # fragments 0-1 and 2-3, new atoms 4 and 5
    owner, attach = [0, 0, 1, 1], [True, False, True, False]

    def judged(*bonds):
        new = Chem.RWMol(mol)
        for i, j in bonds:
            new.AddBond(i, j, Chem.BondType.SINGLE)
        return bonds_elsewhere(new, owner, attach), fragments_used(new, owner, attach)

    assert judged((0, 4), (2, 4)) == (0, True)
    assert judged((0, 2)) == (0, True)
    assert judged((0, 4)) == (0, False)  # the second fragment is left alone
    assert judged((0, 5), (2, 4)) == (0, False)  # a hydrogen is no growth
    assert judged((0, 4), (2, 4), (1, 5)) == (1, True)
    assert judged((0, 3), (1, 2)) == (2, True)
    assert judged((4, 5)) == (0, False)


@pytest.mark.parametrize("smiles", ["CCO", "CC(=O)NCC1CC1", "c1ccccc1CO", "N#CC1CC1C=O"])
@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("marked", [False, True])
def test_training_sees_what_generation_asks(write, model, smiles, bare, marked):
    """Cut a molecule as in training; give the same cut as a file with dummies (or bare): condition and values agree."""
    mol = molecule(smiles)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    whole, _ = from_rdkit([mol], model.vocabulary)
    heavy = [a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() > 1]
    kept = heavy[: len(heavy) // 2 + 1]
    chosen = torch.zeros_like(whole.mask)
    chosen[0, kept] = True
    owner = cut_at(whole, chosen, 0, torch.tensor([bare]))
    known = Known.fragments(whole, owner, (whole.atom == 0) & (owner < 0) & marked)
    clean = whole.replace(pos=centre_on(whole.pos, whole.mask, known.pos))

    piece = Chem.RWMol(mol)
    for i in reversed(heavy):
        if i in kept:
            continue
        for n in [n.GetIdx() for n in piece.GetAtomWithIdx(i).GetNeighbors() if n.GetAtomicNum() == 1]:
            piece.GetAtomWithIdx(n).SetAtomicNum(2)  # marked to be removed
        if any(n.GetIdx() in kept for n in piece.GetAtomWithIdx(i).GetNeighbors()):
            piece.GetAtomWithIdx(i).SetAtomicNum(0)
            for n in [n.GetIdx() for n in piece.GetAtomWithIdx(i).GetNeighbors() if n.GetIdx() not in kept]:
                piece.RemoveBond(i, n)
        else:
            piece.GetAtomWithIdx(i).SetAtomicNum(2)
    for i in reversed(range(piece.GetNumAtoms())):
        if piece.GetAtomWithIdx(i).GetAtomicNum() == 2:
            piece.RemoveAtom(i)
    if bare:  # every atom with a hydrogen is marked too
        carriers = [a.GetIdx() for a in piece.GetAtoms() if a.GetTotalNumHs(includeNeighbors=True)]
        attach = ",".join(str(i + 1) for i in carriers if piece.GetAtomWithIdx(i).GetAtomicNum() > 1)
    else:
        attach = ""
    task = Grow.read(write(piece), model, attach)
    task.heavy, task.marked = [len(heavy) - len(kept)], marked
    given = task.given([int(whole.sizes[0])], [0])
    asked = task.condition(given, [0]).known

    new = owner[0] < 0
    places = [~new, new & (whole.atom[0] > 0), new & (whole.atom[0] == 0)]
    order = torch.cat([p.nonzero()[:, 0] for p in places])
    count = int((owner[0] >= 0).sum())
    assert task.count == count
    assert torch.equal(given.atom[0][asked.atom[0]], clean.atom[0, order][asked.atom[0]])
    for field in ("pos", "atom", "charge"):
        assert torch.equal(getattr(asked, field)[0], getattr(known, field)[0, order])
        there, here = getattr(given, field)[0, :count], getattr(clean, field)[0, order[:count]]
        assert torch.allclose(there.double(), here.double(), atol=2e-6)
    pairs = known.bond[0][order][:, order]
    assert torch.equal(asked.bond[0], pairs)
    assert torch.equal(given.bond[0][pairs], clean.bond[0][order][:, order][pairs])


def test_new_heavy_atoms_are_what_atoms_counts(write, model):
    task = Grow.read(write(molecule("c1ccoc1")), model, "1")
    sizes = task.sizes(model, 200, 0, "3")
    new = torch.tensor(sizes) - task.count - 3
    assert (new >= 0).all()
    assert 1 < new.float().mean() < 6
    assert task.sizes(model, 50, 0, "3") == sizes[:50]
    assert task.heavy == [3] * 50
    part = task.given(sizes[:50], range(50))
    assert not task.marked  # this model was not told
    assert (task.condition(part, list(range(50))).known.atom.sum(1) == task.count).all()
    task.marked = True
    typed = task.condition(part, list(range(50))).known.atom
    assert (typed.sum(1) == part.sizes - 3).all()
    free = task.sizes(model, 300, 0, "")
    assert len(set(free)) > 5
    assert max(free) <= 29 + 8


@pytest.mark.parametrize("kind", ["known", "retype", "lead"])
def test_steered_from_a_file_groups_begin_with_the_same(write, model, kind):
    path = write(molecule("c1ccoc1"))
    task = {"known": lambda: Grow.read(path, model, "1"), "retype": lambda: Retype(path, model),
            "lead": lambda: Optimise(path, model, 0.5)}[kind]()  # fmt: skip
    wish = {"want": ["rings=0..", "logp=..0"], "steering": SteeringConfig(group=4)}
    out = Generate(model)(n=8, seed=1, steps=8, task=task, **wish)
    sizes = out.table.atoms.tolist()
    assert len(set(sizes[:4])) == len(set(sizes[4:])) == 1
    if kind != "lead":
        assert out.table.known_exact.all()
    assert set(out.table.as_wanted) <= {True, False}


def test_sampling_begins_at_three_times_the_spread(write, model):
    task = Grow.read(write(molecule("CCO")), model, "1")
    config = task.settings(Generate(model)(n=1, steps=1) and _config(), model)
    spread = (model.process.config.scale**2 + task.first.pos.square().mean().item()) ** 0.5
    assert config.start == pytest.approx(3 * spread / model.process.config.scale)


def _config():
    from molediff.sampling import SamplingConfig

    return SamplingConfig()


def test_a_fragment_as_large_as_the_model_has_seen_is_refused(write):
    small = Model(ModelConfig(network=NETWORK), SizePrior({5: 1}))
    with pytest.raises(UserError, match="largest molecule that this model was trained on"):
        Generate(small)(n=1, task=Grow.read(write(molecule("c1ccoc1")), small))


def test_retype_keeps_positions_and_types_are_free(write, model):
    path = write(molecule("CC(=O)OCC"))
    out = Generate(model)(n=6, steps=3, task=Retype(path, model))
    lead = Chem.SDMolSupplier(str(path), removeHs=False)[0].GetConformer().GetPositions()[:6]
    assert out.table.known_exact.all()
    for mol in out.mols:
        assert np.array_equal(mol.GetConformer().GetPositions()[:6], lead)
    assert out.table.retyped.max() > 0
    assert {"tanimoto_to_lead"} <= set(out.table)
    assert len({m.GetNumAtoms() for m in out.mols}) > 1


def test_a_lead_changes_more_the_more_steps_are_run(write, model):
    path = write(molecule("CC(=O)OCC"))

    def moved(change):
        return Generate(model)(n=6, steps=50, task=Optimise(path, model, change)).table.rmsd_to_lead.mean()

    assert moved(0.02) < 0.05 < moved(0.6) < moved(1.0) + 1.0
    out = Generate(model)(n=2, steps=50, task=Optimise(path, model, 0.4))
    assert out.about["evaluations"] == 20
    assert out.table.atoms.tolist() == [14, 14]
    centre = Chem.SDMolSupplier(str(path), removeHs=False)[0].GetConformer().GetPositions().mean(0)
    assert np.allclose(out.mols[0].GetConformer().GetPositions().mean(0), centre, atol=1e-3)


def test_a_perfect_denoiser_gives_the_lead_back(write, model):
    path = write(molecule("CC(=O)OCC"))
    task = Optimise(path, model, 0.5)

    def perfect(noisy, times, condition):
        first: Molecules = task.first
        e = model(noisy, times, condition)
        sure = [50.0 * torch.nn.functional.one_hot(x, k).float() for x, k in
                ((first.atom, 5), (first.charge, 3), (first.bond, 4))]  # fmt: skip
        return e.replace(pos=first.pos.expand_as(e.pos), atom=sure[0].expand_as(e.atom),
                         charge=sure[1].expand_as(e.charge), bond=sure[2].expand_as(e.bond))  # fmt: skip

    out = Generate(model, perfect)(n=3, steps=10, task=task)
    assert out.table.strictly_valid.all()
    assert (out.table.tanimoto_to_lead == 1).all()
    assert out.table.rmsd_to_lead.max() < 1e-4


def test_rmsd_is_of_the_best_proper_superposition():
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(7, 3, generator=generator, dtype=torch.float64)
    turned = a @ random_rotations(1, generator, torch.float64)[0].T + 5
    assert superposed_rmsd(a.numpy(), turned.numpy()) == pytest.approx(0, abs=1e-6)
    assert superposed_rmsd(a.numpy(), -a.numpy()) > 0.3
    assert superposed_rmsd(a[:2].numpy(), 2 * a[:2].numpy()) == pytest.approx((a[0] - a[1]).norm().item() / 2)


def test_tanimoto_is_one_for_the_lead_and_nan_for_nothing(write):
    lead = read(write(molecule("CCO")))
    whole = Fragments(lead.z, lead.charge, lead.bonds, lead.pos, lead.owner, lead.attach)
    got = tanimoto(whole, ["CCO", "", "c1ccccc1"])
    assert got[0] == 1
    assert np.isnan(got[1])
    assert got[2] < 0.3


def generate(folder, out, *more):
    return main(["generate", "--model", str(folder), "--n", "3", "--steps", "3", "--quiet", "--out", str(out), *more])


def test_known_from_the_command_line(write, folder, tmp_path, capsys):
    path = write(molecule("CCO"))
    code = generate(folder, tmp_path / "o", "--known", str(path), "--attach", "1", "--atoms", "2", "--method", "heun")
    printed = capsys.readouterr()
    assert "known exact     3 (100.0 %)" in printed.out
    assert "bonds elsewhere" in printed.out
    assert "not trained on this task" in printed.err
    record = json.loads((tmp_path / "o" / "run.json").read_text())
    assert record["evaluations"] == 3  # so few steps are too long for a second look
    assert record["arguments"]["attach"] == "1"
    table = pd.read_csv(tmp_path / "o" / "molecules.csv")
    assert {"known_exact", "attached_ok", "new_bonds_elsewhere", "new_heavy"} <= set(table.columns)
    assert code == int(bool(record["counts"]["lost"]))
    assert generate(folder, tmp_path / "o", "--known", str(path), "--attach", "2", "--atoms", "2") == 2
    assert "attach: '1' there, '2' now" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--attach", "1"], "--known FILE.sdf"),
        (["--change", "0.3"], "--lead FILE.sdf"),
        (["--lead", "{}", "--change", "1.5"], "above 0 and up to 1"),
        (["--known", "{}", "--lead", "{}"], "Only one of"),
        (["--known", "{}", "--attach", "99"], "atoms 1 to 9"),
        (["--retype", "{}", "--atoms", "4"], "Leave it out"),
        (["--lead", "{}", "--atoms", "4"], "Leave it out"),
        (["--lead", "nothere.sdf"], "There is no file"),
    ],
)
def test_bad_arguments_exit_2_and_leave_nothing(write, folder, tmp_path, capsys, arguments, message):
    path = str(write(molecule("CCO")))
    assert generate(folder, tmp_path / "o", *[a.format(path) for a in arguments]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_a_lead_that_cannot_be_sanitised_exits_2(write, folder, tmp_path, capsys):
    five = Chem.RWMol(molecule("CC"))
    five.AddBond(0, 5, Chem.BondType.SINGLE)
    assert generate(folder, tmp_path / "o", "--lead", str(write(five))) == 2
    assert "cannot be sanitised" in capsys.readouterr().err
    assert generate(folder, tmp_path / "o", "--lead", str(write(molecule("C"), molecule("C")))) == 2
    assert "one connected molecule" in capsys.readouterr().err


def test_no_new_bond_at_closed_atoms_even_from_a_network_that_wants_all(model, write):
    def eager(*inputs):
        estimate = model(*inputs)
        return estimate.replace(bond=estimate.bond + 20 * torch.eye(estimate.bond.shape[-1])[1])

    task = Grow.read(write(molecule("CCO")), model, "2")
    out = Generate(model, eager)(3, 0, 5, atoms="3", task=task)
    assert out.table.new_bonds_elsewhere.tolist() == [0] * 3
    assert out.table.known_exact.all()
    for mol in out.mols:
        new = mol.GetNumAtoms() - task.count
        assert mol.GetNumBonds() == len(task.source.bonds) + new + new * (new - 1) // 2  # all that are allowed


@pytest.mark.parametrize("told", [False, True])
def test_models_of_heavy_atoms_are_told_which_atoms_are_closed(write, told, tmp_path):
    """As in training: 'none' is given between a closed atom and all beyond its fragment, and nothing else is."""
    config = ModelConfig(network=NETWORK, vocabulary=Vocabulary(("C", "N", "O"), (0,)), explicit_hydrogens=False)
    about = {"training": {"fragment_share": 0.1, "closed_marked": told}}
    saved = save(Model(config, SizePrior({8: 1})), tmp_path / "heavy", about)
    task = Grow.read(write(molecule("CCO")), load(saved), "1")
    task.heavy = [2]
    given = task.given([5], [0])
    known = task.condition(given, [0]).known
    within = (torch.arange(5) < 3)[:, None] & (torch.arange(5) < 3) & ~torch.eye(5, dtype=torch.bool)
    closed = torch.tensor([False, True, True, False, False]) & torch.tensor(told)
    wanted = within | ((closed[:, None] | closed) & ~torch.eye(5, dtype=torch.bool))
    assert torch.equal(known.bond[0], wanted)
    assert not given.bond[0][wanted & ~within].any()
    assert not known.pos[0, 3:].any()
