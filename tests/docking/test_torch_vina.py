"""Vina's function in torch against values of vina 1.2.7, against finite differences and against RDKit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from rdkit import Chem
from rdkit.Chem import AllChem, rdMolTransforms

from molediff.config import UserError
from molediff.docking.receptor import Receptor
from molediff.docking.torch_vina import (
    LigandTerms,
    ReceptorTerms,
    Torsions,
    intermolecular,
    intramolecular,
    score,
)
from molediff.docking.torch_vina import terms as t
from molediff.docking.torch_vina.landscape import ExactEnergy, MapEnergy, heavy_only
from molediff.docking.torch_vina.maps import site_maps
from molediff.docking.torch_vina.minimise import evaluate, minimise
from molediff.docking.torch_vina.torsions import Placement, quaternion_rotation, rotation
from molediff.docking.torch_vina.tree import torsion_tree
from molediff.docking.torch_vina.typing import TYPES, ligand_types, receptor_types

VALUES = json.loads((Path(__file__).parent / "vina_values.json").read_text())


def receptor_of(pos, types) -> Receptor:
    n = len(types)
    empty = ("",) * n
    return Receptor(
        np.array(pos, float), empty, empty, empty, empty, empty, np.zeros(n, bool), np.zeros((0, 2), int), tuple(types)
    )


def stored(case):
    mol = Chem.MolFromMolBlock(case["ligand"], removeHs=False)
    return mol, receptor_of(case["receptor"], case["types"])


def placement(place, vector, angles) -> Placement:
    """From a translation (P, 3), a rotation vector (P, 3) and angles (P, T)."""
    return Placement(place, rotation(vector), angles)


def built(smiles: str) -> Chem.Mol:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMolecule(mol, randomSeed=7)
    return mol


def names(smiles: str) -> list[str]:
    mol = built(smiles)
    return [TYPES[k] for k in ligand_types(mol).tolist() if k >= 0]


@pytest.mark.parametrize("case", VALUES, ids=lambda c: c["name"])
def test_scores_are_those_of_vina(case):
    """Vina prints three decimals: equal within half of the last."""
    mol, receptor = stored(case)
    protein = ReceptorTerms.of(receptor)
    for pose in case["poses"]:
        mol.GetConformer().SetPositions(np.array(pose["pos"]))
        found = score(torch.tensor(pose["pos"], dtype=torch.float64)[None], LigandTerms.of(mol), protein)
        for name in ("total", "inter", "intra"):
            assert getattr(found, name).item() == pytest.approx(pose[name], abs=6e-4), name


@pytest.mark.parametrize("case", VALUES, ids=lambda c: c["name"])
def test_the_smooth_score_is_near_the_table(case):
    """The table has steps of 1/32 A^2; the smooth terms lie within a hundredth of the energy's size."""
    mol, receptor = stored(case)
    pos = torch.tensor([p["pos"] for p in case["poses"]], dtype=torch.float64)
    terms, protein = LigandTerms.of(mol), ReceptorTerms.of(receptor)
    table, smooth = (score(pos, terms, protein, table=x).total for x in (True, False))
    assert ((table - smooth).abs() < 0.02 + 0.005 * table.abs()).all()
    assert not torch.equal(table, smooth)


def test_vina_itself_where_it_is_installed(tmp_path):
    vina = pytest.importorskip("vina")
    meeko = pytest.importorskip("meeko")
    case = VALUES[0]
    mol, receptor = stored(case)
    lines = [
        f"ATOM  {i + 1:5d}  X   RES A   1    {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00     0.000 {kind}"
        for i, (kind, (x, y, z)) in enumerate(zip(receptor.types, receptor.pos, strict=True))
        if kind not in ("", "H")
    ]
    (tmp_path / "r.pdbqt").write_text("\n".join(lines) + "\n")
    oracle = vina.Vina(sf_name="vina", seed=1, cpu=1, verbosity=0)
    oracle.set_receptor(str(tmp_path / "r.pdbqt"))
    centre = np.array(case["poses"][0]["pos"]).mean(0)
    oracle.compute_vina_maps(center=list(centre), box_size=[30.0] * 3, spacing=1.0)
    moved = np.round(np.array(case["poses"][0]["pos"]) + np.array([0.3, -0.2, 0.1]), 3)
    mol.GetConformer().SetPositions(moved)
    setup = meeko.MoleculePreparation(rigid_macrocycles=True).prepare(mol)[0]
    oracle.set_ligand_from_string(meeko.PDBQTWriterLegacy.write_string(setup)[0])
    found = score(torch.tensor(moved)[None], LigandTerms.of(mol), ReceptorTerms.of(receptor))
    assert found.total.item() == pytest.approx(float(oracle.score()[0]), abs=6e-4)


def test_types():
    assert names("CCO") == ["C_H", "C_P", "O_DA"]
    assert names("CC(=O)NC") == ["C_H", "C_P", "O_A", "N_D", "C_P"]  # an amide's N does not accept
    assert names("C[NH3+]") == ["C_P", "N_D"]
    assert names("c1ccncc1") == ["C_H", "C_H", "C_P", "N_A", "C_P", "C_H"]
    assert names("CN(C)C(C)=O")[1] == "N_P"
    assert names("FC(Cl)(Br)I") == ["F_H", "C_P", "Cl_H", "Br_H", "I_H"]
    assert names("CSC") == ["C_P", "S_P", "C_P"]
    with pytest.raises(UserError, match="B"):
        ligand_types(Chem.AddHs(Chem.MolFromSmiles("CB(O)O")))


def test_receptor_types_by_distance():
    """A water-like OA with HD gives and takes; a carbon 1.43 A from it is polar, one 3 A away is not; zinc gives."""
    pos = [[0, 0, 0], [0.96, 0, 0], [-1.43, 0, 0], [0, 3, 0], [0, 0, 2.1], [0, -9, 0]]
    found = receptor_types(receptor_of(pos, ["OA", "HD", "C", "C", "Zn", ""])).tolist()
    assert [TYPES[k] if k >= 0 else "" for k in found] == ["O_DA", "", "C_P", "C_H", "Met_D", ""]


@pytest.mark.parametrize(
    "smiles, rotors, branches",
    [
        ("CCCC", 1, 1),
        ("CCO", 0.5, 1),
        ("OC1CC1", 0.5, 1),
        ("CC(=O)NC", 0, 0),
        ("c1ccccc1C(=O)O", 1.5, 2),
        ("CC#CC", 1, 1),
    ],
)
def test_rotors(smiles, rotors, branches):
    """Meeko's turning bonds; of C-OH and its like Vina counts half."""
    tree = torsion_tree(built(smiles))
    assert len(tree.members) - 1 == branches
    assert tree.rotors == rotors
    assert sorted(a for m in tree.members for a in m) == list(range(built(smiles).GetNumAtoms()))


def test_internal_pairs():
    """Butane's ends are three bonds apart and do not count; of pentane the ends do, of hexane three pairs."""
    assert torsion_tree(built("CCCC")).pairs == ()
    assert {frozenset(p) for p in torsion_tree(built("CCCCC")).pairs} == {frozenset((0, 4))}
    assert len(torsion_tree(built("CCCCCC")).pairs) == 3
    assert torsion_tree(built("c1ccccc1")).pairs == ()


def test_terms_at_known_points():
    s = torch.tensor([-1.0, -0.7, 0.0, 0.5, 1.0, 1.5, 3.0], dtype=torch.float64)
    assert t.gauss1(s)[2] == 1 and t.gauss2(s)[6] == 1
    assert t.repulsion(s).tolist() == pytest.approx([1, 0.49, 0, 0, 0, 0, 0])
    assert t.hydrophobic(s).tolist() == [1, 1, 1, 1, 0.5, 0, 0]
    assert t.hbond(s).tolist() == pytest.approx([1, 1, 0, 0, 0, 0, 0])


def small_system():
    mol = built("OCCNC(=O)Cc1ccccc1")
    rng = np.random.default_rng(3)
    pos = rng.normal(size=(25, 3)) * 5
    x = mol.GetConformer().GetPositions()
    pos = pos[np.linalg.norm(pos[:, None] - x[None], axis=-1).min(1) > 2.2]
    receptor = receptor_of(pos, (["C", "OA", "N", "NA", "SA"] * 5)[: len(pos)])
    return mol, LigandTerms.of(mol), ReceptorTerms.of(receptor), receptor


def test_gradcheck_cartesian():
    mol, ligand, receptor, _ = small_system()
    pos = torch.tensor(mol.GetConformer().GetPositions()[None]).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: intermolecular(x, ligand, receptor), pos)
    assert torch.autograd.gradcheck(lambda x: intramolecular(x, ligand), pos)
    assert intermolecular(pos, ligand, receptor).abs() > 0.1


def test_gradcheck_torsions():
    mol, ligand, receptor, _ = small_system()
    whole = Torsions.of(torch.tensor(mol.GetConformer().GetPositions()), ligand.tree)
    generator = torch.Generator().manual_seed(0)
    place, vector, angles = (
        torch.randn(2, k, generator=generator, dtype=torch.float64).mul(0.2).requires_grad_()
        for k in (3, 3, len(whole))
    )
    assert torch.autograd.gradcheck(
        lambda p, v, a: intermolecular(whole.poses(placement(p + whole.centre, v, a)), ligand, receptor),
        (place, vector, angles),
    )


def test_torsions_turn_as_rdkit_does():
    mol = built("OCCNC(=O)Cc1ccc(CCl)cc1")
    tree = torsion_tree(mol)
    whole = Torsions.of(torch.tensor(mol.GetConformer().GetPositions()), tree)
    assert len(whole) >= 5
    turned, angles = Chem.Mol(mol), torch.zeros(1, len(whole), dtype=torch.float64)
    for k, moved in enumerate(whole.moved.bool().tolist()):
        bonds = ((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds())
        ((a, b),) = (sorted(ends, key=moved.__getitem__) for ends in bonds if moved[ends[0]] != moved[ends[1]])
        i = next(n.GetIdx() for n in mol.GetAtomWithIdx(a).GetNeighbors() if n.GetIdx() != b)
        j = next(n.GetIdx() for n in mol.GetAtomWithIdx(b).GetNeighbors() if n.GetIdx() != a)
        conformer = turned.GetConformer()
        angles[0, k] = 0.4 + 0.7 * k
        rdMolTransforms.SetDihedralRad(
            conformer, i, a, b, j, rdMolTransforms.GetDihedralRad(conformer, i, a, b, j) + float(angles[0, k])
        )
    zero = torch.zeros(1, 3, dtype=torch.float64)
    ours = whole.poses(placement(whole.centre[None], zero, angles))[0].numpy()
    probe = Chem.Mol(mol)
    probe.GetConformer().SetPositions(ours)
    assert AllChem.AlignMol(probe, turned, atomMap=[(i, i) for i in range(mol.GetNumAtoms())]) < 1e-6


def test_rotation_vector_and_quaternion_agree():
    vector = torch.tensor([[0.3, -1.1, 0.7]], dtype=torch.float64)
    angle = vector.norm()
    quaternion = torch.cat([(angle / 2).cos()[None, None], vector / angle * (angle / 2).sin()], 1)
    a, b = rotation(vector), quaternion_rotation(3 * quaternion)
    assert torch.allclose(a, b, atol=1e-12)
    assert torch.allclose(a @ a.transpose(1, 2), torch.eye(3, dtype=torch.float64), atol=1e-12)


def test_pull_is_the_gradient():
    """The analytic gradient of place, orientation and torsions against autograd through the placement."""
    mol, ligand, receptor, _ = small_system()
    whole = Torsions.of(torch.tensor(mol.GetConformer().GetPositions()), ligand.tree, ligand.heavy)
    heavy = whole.only(ligand.heavy)
    energy = ExactEnergy(heavy_only(ligand), receptor, torch.full((3,), -1e3), torch.full((3,), 1e3))
    generator = torch.Generator().manual_seed(1)
    at = placement(
        whole.centre + 0.3 * torch.randn(3, 3, generator=generator, dtype=torch.float64),
        torch.randn(3, 3, generator=generator, dtype=torch.float64),
        torch.randn(3, len(whole), generator=generator, dtype=torch.float64),
    )
    _, analytic = evaluate(at, heavy, energy)
    step = torch.zeros_like(analytic).requires_grad_()
    pos = heavy.poses(at.moved(step))
    terms = heavy_only(ligand)
    (numeric,) = torch.autograd.grad((intermolecular(pos, terms, receptor) + intramolecular(pos, terms)).sum(), step)
    assert torch.allclose(analytic, numeric, atol=1e-8)


def test_maps_follow_the_exact_energy():
    """Fine maps give the exact energy and its slope; the box is a wall."""
    from molediff.docking.site import Site

    mol, ligand, _, receptor = small_system()
    x = torch.tensor(mol.GetConformer().GetPositions())
    site = Site(x.mean(0).numpy(), np.full(3, 22.0), "box")
    maps = site_maps(receptor, site, 0.125)
    assert site_maps(receptor, site, 0.125) is maps
    pos = x[ligand.heavy].T[None]
    low, high = maps.corner, maps.corner + 22.0
    exact = ExactEnergy(heavy_only(ligand), maps.receptor, low, high)
    e, g = MapEnergy(maps, ligand)(pos.float())
    e0, g0 = exact(pos)
    assert e.item() == pytest.approx(e0.item(), abs=0.02)
    assert (g - g0).abs().max() < 0.15 and g0.abs().max() > 0.5
    outside = pos.clone()
    outside[..., 0] = high + 2.0
    e, g = MapEnergy(maps, ligand)(outside.float())
    assert e > 90 and (g[0, :, 0] > 0).all()


def test_box_penalty_is_steep():
    mol, ligand, receptor, _ = small_system()
    pos = torch.tensor(mol.GetConformer().GetPositions()[None])
    corners = (pos[0, ligand.heavy].amin(0) + torch.tensor([0.5, 0, 0]), pos[0, ligand.heavy].amax(0) + 1)
    assert intermolecular(pos, ligand, receptor, corners) > 4e5


def test_minimise_reaches_a_minimum():
    """On a smooth energy (atoms drawn to where they stood before they were moved and turned) nothing is left."""
    mol, ligand, _, _ = small_system()
    whole = Torsions.of(torch.tensor(mol.GetConformer().GetPositions()), ligand.tree, ligand.heavy)
    heavy = whole.only(ligand.heavy)
    none = torch.zeros(4, 3, dtype=torch.float64)
    home = heavy.poses(placement(whole.centre + none, none, none.new_zeros(4, len(whole)))).transpose(1, 2)
    noise = [
        torch.randn(4, k, generator=torch.Generator().manual_seed(k), dtype=torch.float64) for k in (3, len(whole))
    ]
    start = placement(whole.centre + 2 * noise[0], 0.4 * noise[0], 0.3 * noise[1])

    def energy(pos):
        return (pos - home).pow(2).sum((1, 2)), 2 * (pos - home)

    before, _ = evaluate(start, heavy, energy)
    at, after = minimise(start, heavy, energy, 120)
    assert (before > 10).all() and (after < 1e-6).all()
    assert torch.allclose(evaluate(at, heavy, energy)[0], after)


def test_minimise_falls_on_the_real_energy():
    mol, ligand, receptor, _ = small_system()
    whole = Torsions.of(torch.tensor(mol.GetConformer().GetPositions()), ligand.tree, ligand.heavy)
    heavy = whole.only(ligand.heavy)
    energy = ExactEnergy(heavy_only(ligand), receptor, torch.full((3,), -1e3), torch.full((3,), 1e3))
    zero = torch.zeros(4, 3, dtype=torch.float64)
    shift = torch.randn(4, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    start = placement(whole.centre + shift, zero, zero.new_zeros(4, len(whole)))
    before, _ = evaluate(start, heavy, energy)
    _, after = minimise(start, heavy, energy, 60)
    assert (after < before - 0.1).all()
