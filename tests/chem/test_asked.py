"""Graph and stereochemistry of a conformer against what was asked for."""

import pytest
from rdkit import Chem

from molediff.chem import perceive_from_3d
from molediff.chem.asked import graph_as_asked, stereo_as_asked


def test_all_tiny_molecules_are_as_asked(tiny):
    assert [smiles for smiles, mol in tiny if not graph_as_asked(mol)] == []
    assert [smiles for smiles, mol in tiny if not stereo_as_asked(perceive_from_3d(mol))] == []


def test_mirror_images_are_not_when_they_have_a_centre(tiny):
    centred = 0
    for smiles, mol in tiny:
        asked = perceive_from_3d(mol)
        image = Chem.Mol(asked)
        image.GetConformer().SetPositions(mol.GetConformer().GetPositions() * [1.0, 1.0, -1.0])
        assert graph_as_asked(image)
        if "@" in smiles:
            assert not stereo_as_asked(image), smiles
            centred += 1
    assert centred > 60


@pytest.mark.parametrize(("atom", "shift"), [(0, 1.5), (3, 1.2)])
def test_a_torn_or_a_new_bond_is_noticed(tiny, atom, shift):
    mol = Chem.Mol(dict(tiny)["CCO"])
    pos = mol.GetConformer().GetPositions()
    pos[atom, 0] += shift
    mol.GetConformer().SetPositions(pos)
    assert not graph_as_asked(mol)
