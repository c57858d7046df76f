"""RDKit -> Molecules -> RDKit keeps graph, charges, stereo and positions."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from molediff.chem import arrays_from_mol, from_rdkit, mol_from_arrays, perceive_from_3d, to_rdkit, volumes
from molediff.config import UserError
from molediff.elements import Vocabulary

VOCABULARY = Vocabulary()


def bare_smiles(mol: Chem.Mol) -> str:
    """Canonical SMILES without hydrogens, stereo from the coordinates."""
    work = Chem.RWMol(mol)
    Chem.SanitizeMol(work)
    work = Chem.RWMol(perceive_from_3d(work))
    for atom in work.GetAtoms():
        atom.SetNoImplicit(False)
    return Chem.MolToSmiles(Chem.RemoveAllHs(work))


def without_hydrogens(mol: Chem.Mol) -> Chem.Mol:
    return Chem.RemoveAllHs(perceive_from_3d(mol))


def test_the_tiny_set_is_what_its_smiles_say(tiny):
    assert len(tiny) == 200
    different = [smiles for smiles, mol in tiny if bare_smiles(mol) != Chem.CanonSmiles(smiles)]
    assert different == []


def test_all_hydrogens_explicit(tiny):
    mols = [perceive_from_3d(mol) for _, mol in tiny]
    molecules, _ = from_rdkit(mols, VOCABULARY)
    for (smiles, before), after in zip(tiny, to_rdkit(molecules, VOCABULARY), strict=True):
        Chem.SanitizeMol(after)
        assert not any(a.GetNumRadicalElectrons() or a.GetNumImplicitHs() for a in after.GetAtoms())
        assert bare_smiles(after) == Chem.CanonSmiles(smiles)
        z, charge, bonds, pos = arrays_from_mol(after)
        z0, charge0, bonds0, pos0 = arrays_from_mol(before)
        assert z.tolist() == z0.tolist()
        assert charge.tolist() == charge0.tolist()
        assert np.abs(pos - pos0).max() < 1e-6
        assert sorted_rows(bonds) == sorted_rows(bonds0)


def test_heavy_atoms_only(tiny):
    mols = [without_hydrogens(mol) for _, mol in tiny]
    molecules, stereo = from_rdkit(mols, VOCABULARY)
    for k, ((smiles, _), before, after) in enumerate(
        zip(tiny, mols, to_rdkit(molecules, VOCABULARY, explicit_hydrogens=False), strict=True)
    ):
        assert bare_smiles(after) == Chem.CanonSmiles(smiles)
        Chem.SanitizeMol(after)
        assert [a.GetTotalNumHs() for a in after.GetAtoms()] == [a.GetTotalNumHs() for a in before.GetAtoms()]
        # cages have centres that a SMILES does not write
        assert (stereo.centre[k, :, 0] >= 0).sum() >= smiles.replace("@@", "@").count("@")


def test_batch_and_stereo_come_back_the_same(tiny):
    mols = [perceive_from_3d(mol) for _, mol in tiny]
    molecules, stereo = from_rdkit(mols, VOCABULARY)
    again = to_rdkit(molecules, VOCABULARY)
    for mol in again:
        Chem.SanitizeMol(mol)
    molecules2, stereo2 = from_rdkit([perceive_from_3d(mol) for mol in again], VOCABULARY)
    for name in ("pos", "atom", "charge", "bond", "mask"):
        assert torch.equal(getattr(molecules, name), getattr(molecules2, name)), name
    assert torch.equal(stereo.cistrans, stereo2.cistrans)
    for k, mol in enumerate(mols):
        # neighbours may be listed in another order of the same handedness
        pos = mol.GetConformer().GetPositions()
        for tags in (stereo.centre[k], stereo2.centre[k]):
            which = (tags[:, 0] >= 0).nonzero()
            rows = torch.cat([which, tags[which[:, 0]]], 1).numpy()
            assert (volumes(rows, pos) > 0).all()
    assert torch.equal(stereo.centre[..., 0] >= 0, stereo2.centre[..., 0] >= 0)


def test_no_conformer_gives_zero_positions():
    molecules, _ = from_rdkit([Chem.AddHs(Chem.MolFromSmiles("CO"))], VOCABULARY)
    assert molecules.pos.abs().max() == 0
    assert molecules.sizes.tolist() == [6]


def test_classes_outside_the_vocabulary_are_named():
    with pytest.raises(UserError, match=r"Atomic number 17 .*Allowed"):
        from_rdkit([Chem.MolFromSmiles("CCl")], VOCABULARY)
    with pytest.raises(UserError, match=r"Formal charge 2 .*Allowed"):
        from_rdkit([Chem.MolFromSmiles("[O+2]")], VOCABULARY)
    with pytest.raises(UserError, match="DATIVE"):
        from_rdkit([Chem.MolFromSmiles("N->O", sanitize=False)], VOCABULARY)


@st.composite
def arrays(draw):
    """Any graph, sensible or not."""
    n = draw(st.integers(1, 9))
    z = draw(st.lists(st.sampled_from(VOCABULARY.atomic_numbers), min_size=n, max_size=n))
    charge = draw(st.lists(st.sampled_from(VOCABULARY.charges), min_size=n, max_size=n))
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=12)) if pairs else []
    bonds = [(i, j, draw(st.integers(1, 3))) for i, j in chosen]
    flat = draw(st.lists(st.floats(-50, 50, width=32), min_size=3 * n, max_size=3 * n))
    return np.array(z), np.array(charge), np.array(bonds, dtype=int).reshape(-1, 3), np.array(flat).reshape(-1, 3)


@settings(max_examples=60, deadline=None)
@given(st.lists(arrays(), min_size=1, max_size=4))
def test_nothing_is_repaired_in_any_graph(batch):
    molecules, _ = from_rdkit([mol_from_arrays(*one) for one in batch], VOCABULARY)
    assert molecules.sizes.tolist() == [len(one[0]) for one in batch]
    assert torch.equal(molecules.bond, molecules.bond.transpose(1, 2))
    for given_arrays, mol in zip(batch, to_rdkit(molecules, VOCABULARY), strict=True):
        back = arrays_from_mol(mol)
        for was, now in zip(given_arrays[:2], back[:2], strict=True):
            assert was.tolist() == now.tolist()
        assert sorted_rows(back[2]) == sorted_rows(given_arrays[2])
        assert np.array_equal(back[3], given_arrays[3])


def sorted_rows(bonds: np.ndarray) -> list[tuple[int, int, int]]:
    return sorted((min(i, j), max(i, j), order) for i, j, order in bonds.tolist())
