"""Relaxation in the rigid pocket."""

from __future__ import annotations

import numpy as np
import pytest
from dockbench import small_pocket
from rdkit import Chem
from rdkit.Chem import AllChem

from molediff.config import UserError
from molediff.docking.pocket_field import PocketField
from molediff.docking.refine import METHODS, RefineConfig, _internal, refine
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
    receptor, _, ligand = pocket
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


def test_hydrogen_bonds_and_metals_are_let_closer(pocket):
    receptor, _, ligand = pocket
    mol = Chem.AddHs(ligand, addCoords=True)
    field = PocketField.of(receptor, np.ones(len(receptor), bool), mol)
    n = next(a.GetIdx() for a in mol.GetAtoms() if a.GetSymbol() == "N")
    c = next(a.GetIdx() for a in mol.GetAtoms() if a.GetSymbol() == "C")
    o = receptor.element.index("O")
    assert field.optimum[n, o] == pytest.approx(0.81 * np.sqrt(3.66 * 3.5)) and field.optimum[c, o] > 3.5
    h = next(b.GetIdx() for b in mol.GetAtomWithIdx(n).GetNeighbors() if b.GetSymbol() == "H") if any(
        b.GetSymbol() == "H" for b in mol.GetAtomWithIdx(n).GetNeighbors()) else None  # fmt: skip
    if h is not None:
        assert field.depth[h, o] == 0


def test_uff_stands_in_for_mmff():
    for smiles, expected in (("C[Si](C)(C)[Se]C", "MMFF94 has no parameters, UFF instead"), ("CCO", "")):
        mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
        AllChem.EmbedMolecule(mol, randomSeed=1)
        assert _internal(mol, "mmff")[1] == expected


def test_reasons(pocket):
    receptor, _, ligand = pocket
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
    receptor, _, ligand = pocket
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
