"""Cis and trans pairs of the outer atoms of double bonds."""

import numpy as np
import pytest
import torch
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from molediff.chem import double_bonds, from_rdkit, perceive_from_3d
from molediff.chem.asked import stereo_as_asked
from molediff.elements import Vocabulary


def pairs(smiles: str, hydrogens: bool) -> dict[tuple[int, int], int]:
    mol = Chem.MolFromSmiles(smiles)
    mol = Chem.AddHs(mol) if hydrogens else mol
    return {tuple(sorted((a, b))): kind for a, b, kind in double_bonds(mol).tolist()}


def test_heavy_atoms():
    assert pairs("F/C=C/F", hydrogens=False) == {(0, 3): 2}
    assert pairs("F/C=C\\F", hydrogens=False) == {(0, 3): 1}
    # all outer atoms of a trisubstituted one: F trans to the O, so the methyl is cis to it
    assert pairs("F/C(C)=C/O", hydrogens=False) == {(0, 4): 2, (2, 4): 1}
    assert pairs("F/C(C)=C(/O)C", hydrogens=False) == {(0, 4): 2, (2, 4): 1, (0, 5): 1, (2, 5): 2}


def test_hydrogens():
    # atoms 4 and 5 are the hydrogens of carbons 1 and 2
    assert pairs("F/C=C/F", hydrogens=True) == {(0, 3): 2, (0, 5): 1, (3, 4): 1, (4, 5): 2}
    assert pairs("F/C=C\\F", hydrogens=True) == {(0, 3): 1, (0, 5): 2, (3, 4): 2, (4, 5): 1}
    assert pairs("[H]/N=C/C", hydrogens=True)


def test_unspecified_and_symmetric_ones_carry_none():
    for smiles in ("FC=CF", "C=CF", "CC(C)=CF", "C1CCC=CC1", "c1ccccc1"):
        assert pairs(smiles, hydrogens=True) == {}


@pytest.mark.parametrize("hydrogens", [True, False])
def test_pairs_are_what_the_tiny_molecules_show(tiny, hydrogens):
    found = 0
    for smiles, mol in tiny:
        seen = perceive_from_3d(mol)
        seen = seen if hydrogens else Chem.RemoveAllHs(seen)
        pos = seen.GetConformer().GetPositions()
        rows = double_bonds(seen).tolist()
        assert bool(rows) == ("/" in smiles or "\\" in smiles), smiles
        for a, b, kind in rows:
            first, i, j, last = Chem.GetShortestPath(seen, a, b)
            axis = (pos[j] - pos[i]) / np.linalg.norm(pos[j] - pos[i])
            u, v = (w - w @ axis * axis for w in (pos[first] - pos[i], pos[last] - pos[j]))
            assert (u @ v > 0) == (kind == 1), smiles
            found += 1
        assert stereo_as_asked(seen)
    assert found > 25


def test_dense_form_is_symmetric_and_the_mirror_keeps_it():
    _, stereo = from_rdkit([Chem.AddHs(Chem.MolFromSmiles(s)) for s in ("C/C=C/C=C\\C", "CC")], Vocabulary())
    assert torch.equal(stereo.cistrans, stereo.cistrans.transpose(1, 2))
    assert torch.equal(stereo.mirrored().cistrans, stereo.cistrans)
    assert int((stereo.cistrans[0] > 0).sum()) == 16
    assert not stereo.cistrans[1].any()


def test_the_wrong_isomer_is_noticed():
    mol = Chem.AddHs(Chem.MolFromSmiles("C/C=C/C"))
    assert rdDistGeom.EmbedMolecule(mol, randomSeed=1) == 0
    assert stereo_as_asked(mol)
    mol.GetBondBetweenAtoms(1, 2).SetStereo(Chem.BondStereo.STEREOZ)
    assert not stereo_as_asked(mol)
