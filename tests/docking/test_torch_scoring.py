"""Poses scored where they are and minimised by Vina in torch: each keeps its bonds, and nobody's row is another's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from dockbench import small_pocket
from rdkit import Chem
from rdkit.Chem import AllChem
from rdkit.Geometry import Point3D

from molediff.config import UserError
from molediff.docking import engines
from molediff.docking.engines import ENGINES, scorer, usual_engine
from molediff.docking.settings import DockConfig
from molediff.docking.site import Site
from molediff.docking.torch_vina import LigandTerms, ReceptorTerms, Torsions, intermolecular, intramolecular, score
from molediff.docking.torch_vina.landscape import ExactEnergy, heavy_only
from molediff.docking.torch_vina.minimise import evaluate
from molediff.docking.torch_vina.pocket import alike, pocket_of


@pytest.fixture(scope="module")
def small():
    return small_pocket()


@pytest.fixture(scope="module")
def pocket(small):
    return pocket_of(small[0], small[1], DockConfig())


@pytest.fixture(scope="module")
def crystal(small):
    return Chem.AddHs(small[2], addCoords=True)


def placed(smiles: str, centre: np.ndarray, seed: int) -> Chem.Mol:
    """An embedded molecule with its middle at a place."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMolecule(mol, randomSeed=seed)
    where = mol.GetConformer().GetPositions()
    mol.GetConformer().SetPositions(where - where.mean(0) + centre)
    return mol


def shaken(mol: Chem.Mol, by: float, seed: int) -> Chem.Mol:
    """Every atom moved, so that no bond or angle is what it was."""
    out = Chem.Mol(mol)
    where = mol.GetConformer().GetPositions()
    out.GetConformer().SetPositions(where + by * np.random.default_rng(seed).normal(size=where.shape))
    return out


def lengths(mol: Chem.Mol, places: np.ndarray) -> np.ndarray:
    ends = np.array([(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in mol.GetBonds()])
    return np.linalg.norm(places[ends[:, 0]] - places[ends[:, 1]], axis=1)


def test_conformers_are_where_they_were(crystal):
    pos = torch.tensor(np.stack([shaken(crystal, 0.1, k).GetConformer().GetPositions() for k in range(3)]))
    terms = LigandTerms.of(crystal)
    each = Torsions.each(pos, terms.tree, terms.heavy)
    assert torch.allclose(each.poses(each.here()), pos, atol=1e-12)
    alone = Torsions.of(pos[1], terms.tree, terms.heavy)
    turned = each.here().moved(0.3 * torch.ones(3, 6 + len(alone), dtype=torch.float64))
    assert len(alone) == 2
    assert torch.allclose(each.poses(turned)[1], alone.poses(turned[1:2])[0], atol=1e-12)


def test_the_gradient_is_that_of_each_conformer(crystal, small):
    """Analytic gradient in place, orientation and torsions against autograd, three conformers in one batch."""
    pos = torch.tensor(np.stack([shaken(crystal, 0.05, k).GetConformer().GetPositions() for k in range(3)]))
    terms, protein = LigandTerms.of(crystal), ReceptorTerms.of(small[0])
    heavy = Torsions.each(pos, terms.tree, terms.heavy).only(terms.heavy)
    energy = ExactEnergy(heavy_only(terms), protein, torch.full((3,), -1e3), torch.full((3,), 1e3))
    generator = torch.Generator().manual_seed(0)
    moves = 0.2 * torch.randn(3, 6 + len(heavy), generator=generator, dtype=torch.float64)
    at = heavy.here().moved(moves)
    _, analytic = evaluate(at, heavy, energy)
    step = torch.zeros_like(analytic).requires_grad_()
    where, own = heavy.poses(at.moved(step)), heavy_only(terms)
    (numeric,) = torch.autograd.grad((intermolecular(where, own, protein) + intramolecular(where, own)).sum(), step)
    assert torch.allclose(analytic, numeric, rtol=1e-6, atol=1e-6)


def test_scores_minima_and_unbroken_bonds(pocket, crystal, small):
    poses = [crystal, *(shaken(crystal, 0.05, k) for k in range(3))]
    found = pocket.scores(poses)
    terms, protein = LigandTerms.of(crystal), ReceptorTerms.of(small[0])
    for mol, one in zip(poses, found, strict=True):
        where = torch.tensor(mol.GetConformer().GetPositions())[None]
        assert one.score == pytest.approx(score(where, terms, protein).total.item(), abs=1e-9)
        assert one.minimised < one.score - 0.05
        after = score(torch.tensor(one.places)[None], terms, protein).total.item()
        assert one.minimised == pytest.approx(after, abs=1e-9)
        assert np.abs(lengths(mol, one.places) - lengths(mol, where[0].numpy())).max() < 1e-5
        assert 0 < np.linalg.norm(one.places - where[0].numpy(), axis=1).max() < 3


def test_rows_are_kept_apart_whatever_lies_between(pocket, crystal, small):
    """Other molecules, a pose outside and an element without parameters: each row is what it is alone."""
    centre = small[1].centre
    boron = placed("CCB(O)O", centre, 1)
    far = placed("CCO", centre + 40, 2)
    mols = [crystal, placed("c1ccccc1O", centre, 3), shaken(crystal, 0.03, 4), far, placed("CCO", centre, 5), boron]
    found = pocket.scores(mols)
    alone = [pocket.scores([mol])[0] for mol in mols]
    assert alike(mols) == [[0, 2], [1], [3, 4], [5]]
    assert "outside the box" in found[3] and isinstance(found[5], str) and "B" in found[5]
    for a, b in zip(found, alone, strict=True):
        if isinstance(a, str):
            assert a == b
            continue
        assert a.score == pytest.approx(b.score, abs=1e-9)
        assert a.minimised == pytest.approx(b.minimised, abs=0.05)  # float32 steps; sums differ in the last digit


def test_a_molecule_without_torsions_and_a_single_atom(pocket, small):
    water = placed("O", small[1].centre, 1)
    flat = Chem.RWMol(Chem.MolFromSmiles("[F-]"))
    conformer = Chem.Conformer(1)
    conformer.SetAtomPosition(0, Point3D(*map(float, small[1].centre)))
    flat.AddConformer(conformer)
    found = pocket.scores([placed("c1ccccc1", small[1].centre, 2), water, flat.GetMol()])
    assert all(np.isfinite([one.score, one.minimised]).all() for one in found)
    assert pocket.scores([]) == []


def test_a_box_off_the_protein_is_the_users_error(small):
    for name in [name for name, one in ENGINES.items() if not one.missing]:
        with pytest.raises(UserError, match="No atom of the receptor"):
            scorer(name)(small[0], Site(small[1].centre + 500, small[1].size, "box"), DockConfig())


def test_the_same_as_vina_where_it_is_installed(pocket, crystal, small):
    pytest.importorskip("vina")
    pytest.importorskip("meeko")
    vina = scorer("vina")(small[0], small[1], DockConfig(seed=1))
    ring = placed("O=C1CCCCCN1CCO", small[1].centre, 1)  # meeko would open it and count its bonds as rotors
    assert pocket.scores([ring])[0].score == pytest.approx(vina.score(ring).score, rel=5e-3, abs=0.02)
    poses = [crystal, *(shaken(crystal, 0.05, k) for k in range(3))]
    for ours, theirs in zip(pocket.scores(poses), vina.scores(poses), strict=True):
        assert ours.score == pytest.approx(theirs.score, abs=0.02)  # PDBQT has three decimals
        assert ours.inter == pytest.approx(theirs.inter, abs=0.02)
        assert ours.minimised == pytest.approx(theirs.minimised, abs=0.3)


def test_torch_scores_where_vina_is_missing(monkeypatch):
    there = engines.find_spec
    monkeypatch.setattr(engines, "find_spec", lambda name: None if name == "vina" else there(name))
    assert usual_engine() == "torch"
    with pytest.raises(UserError, match=r"needs vina.*--engine torch works without it"):
        scorer("vina")


def test_internal_pairs_are_each_poses_own(pocket, small):
    """Vina's pairs round a three-membered ring depend on its longest side: such poses do not go together."""
    mols = [placed("OC1CC1CCNC(=O)CO", small[1].centre, seed) for seed in range(6)]
    groups = alike(mols)
    assert len(groups) > 1 and sorted(i for rows in groups for i in rows) == list(range(6))
    found = pocket.scores(mols)
    for k, one in enumerate(pocket.scores(mols[::-1])[::-1]):
        assert one.minimised == pytest.approx(found[k].minimised, abs=0.05)
