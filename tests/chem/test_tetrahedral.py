"""The order of a centre's neighbours and its signed volume."""

import numpy as np
import pytest
import torch
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from molediff.chem import centres, from_rdkit, mol_from_arrays, perceive_from_3d, volumes
from molediff.chem.asked import stereo_as_asked
from molediff.elements import Vocabulary
from molediff.geometry import signed_volume

SMILES = (
    "C[C@H](O)[C@@H]1CCOC1",
    "N[C@@H](C)C(=O)O",
    "[C@](F)(O)(N)C",
    "[C@H](F)(O)C",
    "F[C@](O)(C#N)CC",
    "CC(C)[C@@H]1CC[C@@H](C)C[C@H]1O",
    "C[S@](=O)CC",
    "C[S@@](=O)CC",
    "C[S@+]([O-])CC",
    "CC[P@](C)(=O)O",
    "C[N@+](CC)(O)CCC",
)
WIDE = Vocabulary(("H", "C", "N", "O", "F", "P", "S"), (0, -1, 1))


def embedded(smiles: str, hydrogens: bool = True) -> Chem.Mol:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert rdDistGeom.EmbedMolecule(mol, randomSeed=7) == 0
    return mol if hydrogens else Chem.RemoveHs(mol)


def mirrored(mol: Chem.Mol) -> Chem.Mol:
    """The same tags on mirrored coordinates."""
    mol = Chem.Mol(mol)
    mol.GetConformer().SetPositions(mol.GetConformer().GetPositions() * [-1.0, 1.0, 1.0])
    return mol


@pytest.mark.parametrize("hydrogens", [True, False])
@pytest.mark.parametrize("smiles", SMILES)
def test_order_has_a_positive_volume_and_its_mirror_a_negative_one(smiles, hydrogens):
    mol = embedded(smiles, hydrogens)
    rows, pos = centres(mol), mol.GetConformer().GetPositions()
    assert len(rows) == smiles.replace("@@", "@").count("@")
    assert (volumes(rows, pos) > 1).all()
    assert (volumes(rows, pos * [1, -1, 1]) < -1).all()
    by_torch = signed_volume(*torch.tensor(pos[rows[:, 1:]]).unbind(1))
    assert np.allclose(by_torch.numpy(), volumes(rows, pos))
    assert stereo_as_asked(mol)
    assert not stereo_as_asked(mirrored(mol))


@pytest.mark.parametrize("smiles", SMILES)
def test_perceived_tags_follow_the_coordinates(smiles):
    mol = embedded(smiles)
    assert Chem.MolToSmiles(perceive_from_3d(mol)) == Chem.MolToSmiles(mol)
    image = mirrored(mol)
    seen = perceive_from_3d(image)
    assert Chem.MolToSmiles(seen) != Chem.MolToSmiles(mol)
    assert (volumes(centres(seen), image.GetConformer().GetPositions()) > 1).all()


def test_enantiomers_swap_two_neighbours():
    left, right = (Chem.AddHs(Chem.MolFromSmiles(f"C[C{tag}H](O)F")) for tag in ("@", "@@"))
    (a,), (b,) = centres(left), centres(right)
    assert a[0] == b[0]
    assert a[1:].tolist() == b[[2, 1, 3, 4]].tolist()
    _, stereo = from_rdkit([left, right], WIDE)
    assert torch.equal(stereo.mirrored().centre[0], stereo.centre[1])


def test_spelling_does_not_matter():
    """The same molecule from many SMILES, hydrogens first or last: one handedness."""
    mol = Chem.MolFromSmiles("N[C@@H](CO)C(=O)O")
    signs = set()
    # the neighbours by element and hydrogens: N, the C of CH2, the C of COOH, and the centre for its hydrogen
    for seed in range(20):
        other = Chem.MolFromSmiles(Chem.MolToRandomSmilesVect(mol, 1, randomSeed=seed)[0])
        (row,) = centres(other)
        around = [other.GetAtomWithIdx(i) for i in row[1:].tolist()]
        rank = [(atom.GetSymbol(), atom.GetTotalNumHs()) for atom in around]
        signs.add(parity([sorted(rank).index(r) for r in rank]))
    assert len(signs) == 1


def test_unspecified_centres_and_flat_atoms_carry_none():
    assert len(centres(Chem.AddHs(Chem.MolFromSmiles("CC(O)F")))) == 0
    _, stereo = from_rdkit([Chem.AddHs(Chem.MolFromSmiles("C[C@H](O)C(F)O"))], WIDE)
    assert (stereo.centre[0, :, 0] >= 0).nonzero().view(-1).tolist() == [1]
    mol = embedded("C[C@H](O)F")
    pos = mol.GetConformer().GetPositions()
    pos[:, 2] *= 0.02
    mol.GetConformer().SetPositions(pos)
    assert len(centres(perceive_from_3d(mol))) == 0


def test_implicit_hydrogen_and_lone_pair_are_the_centre_itself_last():
    for smiles in ("C[C@H](O)F", "C[S@](=O)CC"):
        (row,) = centres(Chem.MolFromSmiles(smiles))
        assert row[4] == row[0]
        assert len(set(row.tolist())) == 4


# An inverted carbon, as in propellanes: it lies below the face of three neighbours, the fourth above, so the triple of
# those three bonds disagrees with the volume of the four and with the other triples.
INVERTED = np.array([[0, 0, 0], [1.4, 0, 0.2], [-0.7, 1.2, 0.2], [-0.7, -1.2, 0.2], [0.1, 0.1, 1.5]])


def test_strained_centres_are_ordered_by_volume_whatever_the_order_of_bonds():
    z, charge = np.array([6, 9, 8, 7, 6, 1, 1, 1, 1, 1, 1]), np.zeros(11, int)
    hydrogens = [
        [-1.1, 1.9, 0.6],
        [-0.4, -1.6, 1.1],
        [-1.7, -1.2, 0.1],
        [1.0, 0.4, 1.9],
        [-0.8, 0.6, 1.8],
        [0, -0.9, 1.8],
    ]
    pos = np.concatenate([INVERTED, hydrogens])
    bonds = np.array([[0, 1], [0, 2], [0, 3], [0, 4], [2, 5], [3, 6], [3, 7], [4, 8], [4, 9], [4, 10]])
    bonds = np.concatenate([bonds, np.ones((10, 1), int)], 1)
    tags, by_rdkit = set(), set()
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1], [1, 2, 3, 0], [0, 2, 3, 1]):
        mol = mol_from_arrays(z, charge, bonds[[*order, *range(4, 10)]], pos)
        Chem.SanitizeMol(mol)
        (row,) = centres(perceive_from_3d(mol))
        assert volumes(row[None], pos)[0] > 0
        tags.add(Chem.MolToSmiles(perceive_from_3d(mol)))
        Chem.AssignStereochemistryFrom3D(mol)
        by_rdkit.add(Chem.MolToSmiles(mol))
    assert len(tags) == 1
    # the reason for all this; when RDKit changes its mind, perceive_from_3d may become one line
    assert len(by_rdkit) == 2


def parity(order: list[int]) -> int:
    return sum(a > b for k, a in enumerate(order) for b in order[k + 1 :]) % 2
