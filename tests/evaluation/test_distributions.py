"""Statistics and distances: exact on small cases, zero on oneself, blind to order and rigid motion."""

import math

import numpy as np
import pytest

from molediff.evaluation.build import build
from molediff.evaluation.distributions import DEFINITIONS, distances, floor_at, js, w1
from molediff.evaluation.errors import InputError
from molediff.evaluation.flat import flatten
from molediff.evaluation.statistics import PACKAGED, reference, statistics, torsions, write

from .molecules import SMALL, embedded


def test_w1_is_the_shift_of_a_peak():
    p, q = np.zeros(200), np.zeros(200)
    p[100], q[107] = 3, 5
    assert w1(p, q, 0.01) == pytest.approx(0.07)


def test_js_ends():
    assert js({"a": 1}, {"a": 7}) == 0
    assert js({"a": 1}, {"b": 1}) == pytest.approx(1)
    assert math.isnan(js({}, {"b": 1}))


def test_statistics_of_one_water():
    angle = math.radians(104.5)
    pos = 0.96 * np.array([[0, 0, 0], [1, 0, 0], [math.cos(angle), math.sin(angle), 0]])
    found = statistics([build([8, 1, 1], pos, [(0, 1, 1), (0, 2, 1)]), None])
    assert (found["n_molecules"], found["n_left_out"], found["n_atoms"]) == (1, 1, {"3": 1})
    assert found["bond_length_fraction"]["single"] == {"0.96": 1.0}
    assert found["angle_fraction_0_1deg"] == {"O": {"1045": 1.0}}
    assert found["valency_fraction"] == {"H": {"1": 1.0}, "O": {"2": 1.0}}
    assert found["bond_type_fraction"]["single"] == pytest.approx(4 / 6)
    assert found["bond_type_fraction"]["none"] == pytest.approx(2 / 6)


def test_distance_to_oneself_is_zero_and_motion_and_order_change_nothing():
    mols = [embedded(s) for s in SMALL]
    ref = statistics(mols)
    turned = []
    rng = np.random.default_rng(3)
    for mol in reversed(mols):
        turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        pos = mol.GetConformer().GetPositions() @ turn + 5
        mol.GetConformer().SetPositions(pos)
        turned.append(mol)
    found = distances(turned, ref)
    assert set(DEFINITIONS) <= set(found)
    # a value on the edge of a bin may fall to either side
    assert all(value < (0.1 if key.startswith("angle") else 0.003) for key, value in found.items())


def test_stretched_bonds_are_seen_with_their_size():
    mols = [embedded(s) for s in SMALL]
    ref = statistics(mols)
    for mol in mols:
        mol.GetConformer().SetPositions(1.02 * mol.GetConformer().GetPositions())
    found = distances(mols, ref)
    assert found["bond_w1"] == pytest.approx(0.02 * 1.2, abs=0.006)
    assert found["angle_w1"] < 0.1


def test_a_missing_class_is_not_free():
    ref = statistics([embedded("CC#N"), embedded("CCO")])
    assert distances([embedded("CCO")], ref)["bond_w1_triple"] > 1


def test_aromatic_bonds_are_kekulised():
    from rdkit import Chem

    mol = embedded("c1ccccc1")
    Chem.SanitizeMol(mol)
    assert statistics([mol])["bond_type_fraction"] == statistics([embedded("c1ccccc1")])["bond_type_fraction"]


def test_aromatic_style_counts_as_the_published_geom_drugs_statistics():
    found = statistics([embedded("c1ccccc1")], aromatic=True)
    assert found["bond_type_fraction"]["aromatic"] == pytest.approx(12 / 132)
    assert found["bond_type_fraction"]["double"] == 0 and not found["bond_length_fraction"]["aromatic"]
    assert found["valency_fraction"]["C"] == {"3": 1.0}
    assert distances([embedded("c1ccccc1")], found)["valence_js"] == 0


def test_published_floor(shared):
    folder = shared / "reference"
    found = distances(reference(folder / "qm9_train.json.gz"), reference(folder / "qm9_test.json.gz"))
    assert found["bond_w1"] == pytest.approx(0.0004, abs=5e-5)
    assert found["angle_w1"] == pytest.approx(0.11, abs=0.005)


@pytest.mark.parametrize("name", PACKAGED)
def test_packaged_references_are_whole(name):
    held = reference(name)
    assert held["n_molecules"] > 1000
    assert sum(held["atom_type_fraction"].values()) == pytest.approx(1, abs=1e-3)
    assert held["floor"]["values"]["bond_w1"] < 0.002
    assert held["figures"]["strict"]["strict_validity"]["value"] > 95
    own = distances(held, held)
    assert own["bond_w1"] == own["torsion_w1"] == 0
    assert sum(held["torsion_share"].values()) == pytest.approx(1, abs=1e-3)
    rows = held["floors"]
    assert rows[0]["n"] == 100 and rows[-1]["values"]["angle_w1"] < rows[0]["values"]["angle_w1"]
    assert rows[-1]["values"]["torsion_w1"] < floor_at(held, 500)["values"]["torsion_w1"] < 1


def test_references_that_do_not_exist_or_are_no_statistics(tmp_path):
    with pytest.raises(InputError, match="qm9, geom-drugs"):
        reference("qm8")
    (tmp_path / "a.json").write_text("[1, 2]")
    with pytest.raises(InputError, match="no molediff statistics"):
        reference(tmp_path / "a.json")
    (tmp_path / "b.json.gz").write_bytes(b"nothing")
    with pytest.raises(InputError, match="not a statistics file"):
        reference(tmp_path / "b.json.gz")


def test_written_statistics_are_read_back(tmp_path):
    held = statistics([embedded("CCO")])
    write(held, tmp_path / "s.json.gz")
    assert reference(tmp_path / "s.json.gz") == held


def dihedral_by_rdkit(mol):
    """Absolute dihedral angles of every chain of four atoms, by order of the central bond, atom by atom."""
    from rdkit.Chem import rdMolTransforms

    found = {}
    for bond in mol.GetBonds():
        j, k = bond.GetBeginAtom(), bond.GetEndAtom()
        for i in j.GetNeighbors():
            for m in k.GetNeighbors():
                chain = [i.GetIdx(), j.GetIdx(), k.GetIdx(), m.GetIdx()]
                if len(set(chain)) == 4:
                    angle = abs(rdMolTransforms.GetDihedralDeg(mol.GetConformer(), *chain))
                    found.setdefault(int(bond.GetBondTypeAsDouble()), []).append(round(angle))
    return found


@pytest.mark.parametrize("smiles", ["CC(=O)N", "C1CC1CO", "C=CC(C)O"])
def test_torsions_are_rdkits(smiles):
    mol = embedded(smiles)
    counts = torsions(flatten([embedded("O"), mol]))
    expected = dihedral_by_rdkit(mol)
    for order, angles in expected.items():
        # an angle on the edge of two bins may fall to either side
        assert counts[order].sum() == len(angles)
        assert np.abs(np.cumsum(counts[order] - np.bincount(angles, minlength=181))).max() <= 1
    assert counts.sum() == sum(map(len, expected.values()))
    assert torsions(flatten([mol, mol])).sum() == 2 * counts.sum()


def test_torsions_know_no_mirror_and_no_straight_line():
    mol = embedded("CC(O)CO")
    other = embedded("CC(O)CO")
    other.GetConformer().SetPositions(other.GetConformer().GetPositions() * [-1, 1, 1])
    assert (torsions(flatten([mol])) == torsions(flatten([other]))).all()
    assert torsions(flatten([embedded("C#N")])).sum() == 0
    assert statistics([embedded("O")])["torsion_fraction_1deg"] == {}


def test_a_twist_costs_torsion_w1_and_nothing_else():
    from rdkit import Chem
    from rdkit.Chem import rdMolTransforms

    ref = statistics([embedded("CC(=O)N")])
    assert distances([embedded("CC(=O)N")], ref)["torsion_w1"] == 0
    mol = embedded("CC(=O)N")
    Chem.FastFindRings(mol)
    heavy = [a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() > 1]
    start = rdMolTransforms.GetDihedralDeg(mol.GetConformer(), heavy[2], heavy[1], heavy[3], 7)
    rdMolTransforms.SetDihedralDeg(mol.GetConformer(), heavy[2], heavy[1], heavy[3], 7, start + 45)
    found = distances([mol], ref)
    assert found["torsion_w1"] > 5 and found["bond_w1"] < 1e-3 and found["angle_w1"] < 0.3
    old = {key: value for key, value in ref.items() if not key.startswith("torsion")}
    assert np.isnan(distances([mol], old)["torsion_w1"]), "a reference of an older version says nothing of them"


def test_floor_is_that_of_the_number_of_molecules():
    rows = [{"n": n, "n_other": 900, "values": {"bond_w1": 1 / np.sqrt(n)}} for n in (100, 10000)]
    ref = {"floors": rows, "floor": {"n": 5, "n_other": 5, "values": {}}}
    assert floor_at(ref, 1000)["values"]["bond_w1"] == pytest.approx(1 / np.sqrt(1000))
    assert floor_at(ref, 7)["n"] == 100 and floor_at(ref, 10**6)["n"] == 10000
    assert floor_at({"floor": ref["floor"]}, 7) == ref["floor"] and floor_at({}, 7) is None


def test_floors_fall_with_n():
    from molediff.evaluation.flat import piece
    from molediff.evaluation.make_reference import floors

    rng = np.random.default_rng(0)
    mols = []
    for _ in range(700):
        mol = embedded("CCO")
        mol.GetConformer().SetPositions(mol.GetConformer().GetPositions() * rng.normal(1, 0.02))
        mols.append(piece(mol))
    found = floors(mols)
    assert [row["n"] for row in found] == [100, 300] and found[0]["n_other"] == 600
    assert found[1]["values"]["bond_w1"] < found[0]["values"]["bond_w1"]
