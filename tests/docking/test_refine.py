"""Relaxation in the rigid pocket."""

from __future__ import annotations

import numpy as np
import pytest
from dockbench import small_pocket
from rdkit import Chem
from rdkit.Chem import AllChem
from scipy.optimize import minimize

from molediff.config import UserError
from molediff.docking.pocket_field import PocketField
from molediff.docking.receptor import Receptor
from molediff.docking.refine import METHODS, REACH, RefineConfig, _changed, _internal, refine
from molediff.pipelines.refine import Refine


@pytest.fixture(scope="module")
def pocket():
    return small_pocket()


@pytest.fixture(scope="module")
def noised(pocket):
    """The crystal pose with 0.2 A of noise on every atom and a shift."""
    mol = Chem.AddHs(pocket[2], addCoords=True)
    x = mol.GetConformer().GetPositions()
    mol.GetConformer().SetPositions(x + np.random.default_rng(0).normal(size=x.shape) * 0.15 + [0.3, 0.2, -0.1])
    return mol


def closest(receptor, mol) -> float:
    heavy = [i for i, e in enumerate(receptor.element) if e != "H"]
    ours = [a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() > 1]
    pos = mol.GetConformer().GetPositions()[ours]
    return float(np.linalg.norm(receptor.pos[heavy][:, None] - pos[None], axis=-1).min())


@pytest.mark.parametrize("method", METHODS)
def test_methods_relax(pocket, noised, method):
    receptor = pocket[0]
    before = noised.GetConformer().GetPositions().copy()
    done = refine(receptor, noised, RefineConfig(method, 60))
    f = done.figures
    assert done.reason == "" and done.mol.GetNumAtoms() == noised.GetNumAtoms()
    assert np.array_equal(noised.GetConformer().GetPositions(), before)
    assert 0 < f["moved"] < 2.5
    if method == "torch":
        assert f["internal_raw"] != f["internal_relaxed"] and f["vina_relaxed"] < f["vina_raw"] - 0.1
    else:
        assert f["internal_relaxed"] + f["pocket_relaxed"] < f["internal_raw"] + f["pocket_raw"] - 20
        assert closest(receptor, done.mol) > 2.4


def test_the_torch_method_keeps_bonds_and_angles(pocket, noised):
    done = refine(pocket[0], noised, RefineConfig("torch", 30))
    a, b = (m.GetConformer().GetPositions() for m in (noised, done.mol))
    near = np.argwhere(np.triu(Chem.GetDistanceMatrix(noised) <= 2, 1))
    length = [np.linalg.norm(x[near[:, 0]] - x[near[:, 1]], axis=1) for x in (a, b)]
    assert np.abs(length[0] - length[1]).max() < 1e-6 and np.abs(a - b).max() > 0.05


def test_pocket_field_gradient(pocket):
    receptor, ligand = pocket[0], pocket[2]
    mol = Chem.AddHs(ligand, addCoords=True)
    field = PocketField.of(receptor, np.ones(len(receptor), bool), mol)
    x = mol.GetConformer().GetPositions() + np.array([0.4, 0, 0])
    x[0] = receptor.pos[5] + [0.3, 0.1, 0.0]  # an overlap: beyond the soft edge
    _, gradient = field(x)
    rng = np.random.default_rng(1)
    for _ in range(4):
        d = rng.normal(size=x.shape)
        numeric = (field(x + 1e-5 * d)[0] - field(x - 1e-5 * d)[0]) / 2e-5
        assert numeric == pytest.approx((gradient * d).sum(), rel=1e-4, abs=1e-3)


def test_donors_come_closer_to_acceptors_and_acceptors_do_not_come_closer_to_each_other(pocket):
    receptor, ligand = pocket[0], pocket[2]
    mol = Chem.AddHs(ligand, addCoords=True)
    field = PocketField.of(receptor, np.ones(len(receptor), bool), mol)
    nitrogens = [a for a in mol.GetAtoms() if a.GetSymbol() == "N"]
    gives = next(a.GetIdx() for a in nitrogens if a.GetTotalNumHs(includeNeighbors=True))
    takes = next(a.GetIdx() for a in nitrogens if not a.GetTotalNumHs(includeNeighbors=True))
    c = next(a.GetIdx() for a in mol.GetAtoms() if a.GetSymbol() == "C")
    o = next(i for i, name in enumerate(receptor.name) if name == "O")  # of the backbone: never a donor
    assert field.optimum[gives, o] == pytest.approx(0.81 * np.sqrt(3.66 * 3.5))
    assert field.optimum[takes, o] == pytest.approx(np.sqrt(3.66 * 3.5)) and field.optimum[c, o] > 3.5
    h = next(b.GetIdx() for b in mol.GetAtomWithIdx(gives).GetNeighbors() if b.GetSymbol() == "H")
    assert field.depth[h, o] == 0


def of_atoms(element: list[str], types: list[str], pos: list) -> Receptor:
    m, pos = len(element), np.array(pos, dtype=float)
    words = tuple(element), tuple(element), ("GLY",) * m, ("A",) * m, ("1",) * m
    return Receptor(pos, *words, np.zeros(m, bool), np.zeros((0, 2), int), tuple(types), "")


def test_the_hydrogens_of_the_receptor_say_who_gives():
    ether = Chem.AddHs(Chem.MolFromSmiles("COC"))
    AllChem.EmbedMolecule(ether, randomSeed=1)
    amide = of_atoms(["N", "H", "N", "O"], ["N", "HD", "NA", "OA"], [[0, 0, 0], [1.01, 0, 0], [5, 0, 0], [0, 3, 0]])
    field = PocketField.of(amide, np.ones(4, bool), ether)
    plain = np.sqrt([3.66 * 3.5, 3.66 * 3.5, 3.5 * 3.5])
    assert field.optimum[1, [0, 2, 3]] == pytest.approx(plain * [0.81, 1, 1])
    assert field.depth[1] == pytest.approx([2.0, 0, np.sqrt(0.069 * 0.06), 0.06])


def test_a_hydrogen_bond_is_no_shorter_than_it_should_be():
    """Whatever pulls: 2.9 A at rest, and 5 kcal/mol are not enough for 2.4 A."""
    water = Chem.AddHs(Chem.MolFromSmiles("O"))
    AllChem.EmbedMolecule(water, randomSeed=1)
    one = of_atoms(["O"], ["OA"], [[0, 0, 0]])
    field = PocketField.of(one, np.ones(1, bool), water)

    def energy(r: float) -> float:
        x = water.GetConformer().GetPositions()
        return field(x - x[0] + [r, 0, 0])[0]

    def alone(r: float) -> float:
        return PocketField(field.pos, field.optimum[:1], field.depth[:1])(np.array([[r, 0.0, 0.0]]))[0]

    assert field.depth[1:].max() == 0 and energy(3.3) == pytest.approx(alone(3.3))
    rest = min(np.arange(2.2, 4.0, 0.01), key=alone)
    assert rest == pytest.approx(2.835, abs=0.02) and alone(2.4) - alone(rest) > 5


def test_uff_stands_in_for_mmff():
    for smiles, expected in (("C[Si](C)(C)[Se]C", "MMFF94 has no parameters, UFF instead"), ("CCO", "")):
        mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
        AllChem.EmbedMolecule(mol, randomSeed=1)
        assert _internal(mol, "mmff")[1] == expected


def test_reasons(pocket):
    receptor, ligand = pocket[0], pocket[2]
    assert refine(receptor, None).reason == "cannot be read"
    assert "3D" in refine(receptor, Chem.MolFromSmiles("CCO")).reason
    far = Chem.Mol(ligand)
    far.GetConformer().SetPositions(far.GetConformer().GetPositions() + 300)
    assert "no receptor atom" in refine(receptor, far).reason
    with pytest.raises(UserError, match="method"):
        RefineConfig("amber")
    with pytest.raises(UserError, match="steps"):
        RefineConfig(steps=0)


def test_pipeline_drops_nothing(pocket, noised, tmp_path):
    receptor, ligand = pocket[0], pocket[2]
    path = tmp_path / "poses.sdf"
    far = Chem.Mol(ligand)
    far.GetConformer().SetPositions(far.GetConformer().GetPositions() + 300)
    broken = "broken\n\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\nM  END\n"
    path.write_text(
        Chem.MolToMolBlock(noised) + "$$$$\n" + broken + "$$$$\n" + Chem.MolToMolBlock(far) + "$$$$\n"
    )  # fmt: skip
    out = Refine("mmff", 25)(receptor, path, workers=1, parts=tmp_path / "parts")
    assert out.counts == {"requested": 3, "relaxed": 1, "failed": 2}
    assert list(out.table.reason.map(bool)) == [False, True, True]
    assert out.table.vina_relaxed.notna().tolist() == [True, False, False]
    again = Refine("mmff", 25)(receptor, path, workers=1, parts=tmp_path / "parts")
    assert again.table.equals(out.table)
    out.save(tmp_path / "out")
    assert (tmp_path / "out" / "table.csv").read_text().count("\n") == 4
    assert len([m for m in Chem.SDMolSupplier(str(tmp_path / "out" / "refined.sdf")) if m is not None]) == 1


def test_pipeline_wants_poses(tmp_path, pocket):
    with pytest.raises(UserError, match="SD file"):
        Refine()(pocket[0], tmp_path / "x.smi")


def test_a_turned_imine_hydrogen_is_the_same_molecule_and_an_inverted_centre_is_not():
    def both(smiles: str, other: str) -> str:
        made = []
        for one in (smiles, other):
            mol = Chem.AddHs(Chem.MolFromSmiles(one))
            AllChem.EmbedMolecule(mol, randomSeed=1)
            made.append(mol)
        return _changed(*made)

    sides = [r"[H]/N=C(/N)c1ccccc1", r"[H]/N=C(\N)c1ccccc1"]
    assert both(*sides) == ""
    assert "stereochemistry" in both("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O")
    assert "stereochemistry" in both("C/C=C/Cl", r"C/C=C\Cl")


def test_the_usual_method_is_the_same_everywhere():
    """The options' defaults are text, so that help need not import the docking room."""
    import argparse

    from molediff.cli import in_pocket
    from molediff.cli import refine as verb
    from molediff.docking.refine import USUAL
    from molediff.pipelines.in_pocket import InPocket

    parser, other = argparse.ArgumentParser(), argparse.ArgumentParser()
    verb.add_arguments(parser)
    in_pocket.add_arguments(other)
    assert parser.parse_args([]).method == USUAL == InPocket().relax == RefineConfig().method
    assert f"(default {USUAL})" in " ".join(other.format_help().split())


@pytest.mark.parametrize("method", ["mmff+vina", "torch"])
def test_a_pose_that_has_moved_far_is_in_the_field_of_where_it_is(pocket, method):
    """Its figures are those of the pose, wherever it came from."""
    receptor, ligand = pocket[0], pocket[2]
    away = Chem.AddHs(ligand, addCoords=True)
    away.GetConformer().SetPositions(away.GetConformer().GetPositions() + np.array([3.5, 3.5, 3.5]))
    start = away.GetConformer().GetPositions()
    done = refine(receptor, away, RefineConfig(method, 200))
    assert np.linalg.norm(done.mol.GetConformer().GetPositions() - start, axis=1).max() > REACH, "or it says nothing"
    again = refine(receptor, done.mol, RefineConfig(method, 1))
    assert done.figures["pocket_relaxed"] == pytest.approx(again.figures["pocket_raw"], abs=1e-6)


def test_all_rounds_together_take_no_more_steps_than_asked(pocket, monkeypatch):
    receptor, ligand, taken = pocket[0], pocket[2], []
    away = Chem.AddHs(ligand, addCoords=True)
    away.GetConformer().SetPositions(away.GetConformer().GetPositions() + np.array([3.5, 3.5, 3.5]))

    def counted(*args, **more):
        found = minimize(*args, **more)
        taken.append(found.nit)
        return found

    monkeypatch.setattr("molediff.docking.refine.minimize", counted)
    refine(receptor, away, RefineConfig("mmff+vina", 600))
    assert len(taken) > 1 and sum(taken) <= 600, "a second round, or it says nothing"


def test_another_stereoisomer_is_refused_where_one_was_given(pocket, noised, monkeypatch):
    monkeypatch.setattr("molediff.docking.refine._changed", lambda *_: "the relaxation changed the stereochemistry")
    refused = refine(pocket[0], noised, RefineConfig("mmff", 3))
    assert refused.mol is None and "stereochemistry" in refused.reason
    kept = refine(pocket[0], noised, RefineConfig("mmff", 3, same_isomer=False))
    assert kept.mol is not None and kept.reason == "" and "stereochemistry" in kept.note
