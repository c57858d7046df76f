"""Valence traps: each passes or fails where it should, with the right name."""

import numpy as np
import pytest
from rdkit import Chem

from molediff.evaluation.build import build
from molediff.evaluation.strict import REASONS, strict

RNG = np.random.default_rng(0)


def made(smiles, drop=(), charges=None):
    """An unsanitised, kekulised, explicit-H molecule with some coordinates; atoms in `drop` left out."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    Chem.Kekulize(mol, clearAromaticFlags=True)
    keep = [a.GetIdx() for a in mol.GetAtoms() if a.GetIdx() not in drop]
    new = {old: i for i, old in enumerate(keep)}
    z = [mol.GetAtomWithIdx(i).GetAtomicNum() for i in keep]
    charge = charges or [mol.GetAtomWithIdx(i).GetFormalCharge() for i in keep]
    bonds = [
        (new[b.GetBeginAtomIdx()], new[b.GetEndAtomIdx()], b.GetBondTypeAsDouble())
        for b in mol.GetBonds()
        if b.GetBeginAtomIdx() in new and b.GetEndAtomIdx() in new
    ]
    return build(z, RNG.normal(size=(len(z), 3)), bonds, charge)


GOOD = ["C", "c1ccccc1", "c1cc[nH+]cc1", "C[N+](=O)[O-]", "[C-]#[O+]", "C[S](=O)(=O)C", "c1cc[nH]c1", "C[N+](C)(C)C"]


@pytest.mark.parametrize("smiles", GOOD)
def test_sound_molecules_pass_and_keep_their_smiles(smiles):
    row = strict(made(smiles))
    assert row == {"connected": True, "strictly_valid": True, "reason": "", "smiles": Chem.CanonSmiles(smiles)}


def test_no_implicit_set_or_not_is_the_same():
    mol = made("c1cc[nH]c1O")
    flagged = Chem.Mol(mol)
    for atom in flagged.GetAtoms():
        atom.SetNoImplicit(True)
    assert strict(mol) == strict(flagged)
    assert not any(a.GetNoImplicit() for a in mol.GetAtoms()), "the input was modified"


BAD = {
    "methane minus one H": (made("C", drop=(4,)), "hydrogen_added"),
    "pyrrole minus the H on N": (made("c1cc[nH]c1", drop=(7,)), "hydrogen_added"),
    "carbene": (build([6, 1, 1], np.eye(3), [(0, 1, 1), (0, 2, 1)]), "hydrogen_added"),
    "two waters": (made("O.O"), "disconnected"),
    "neutral CO": (build([6, 8], np.eye(3)[:2], [(0, 1, 3)]), "valence"),
    "carbon of valence 5": (build([6] + [1] * 5, RNG.normal(size=(6, 3)), [(0, i, 1) for i in range(1, 6)]), "valence"),
    "neutral nitro group": (build([7, 8, 8, 6], np.ones((4, 3)), [(0, 1, 2), (0, 2, 2), (0, 3, 1)]), "valence"),
    "charge 10000": (made("C", charges=[10000, 0, 0, 0, 0]), "impossible_charge"),
    "water with aromatic bonds": (build([8, 1, 1], np.eye(3), [(0, 1, 1.5), (0, 2, 1.5)]), "kekulize"),
    "oxygen atom of a radical": (build([8, 1], np.eye(3)[:2], [(0, 1, 1)]), "hydrogen_added"),
    "NaN": (build([1, 1], [[0, 0, 0], [np.nan, 0, 0]], [(0, 1, 1)]), "nonfinite_coordinates"),
    "no conformer": (build([1, 1], None, [(0, 1, 1)]), "no_coordinates"),
    "dummy atom": (build([0], [[0, 0, 0]]), "unknown_element"),
    "nothing": (Chem.Mol(), "empty"),
    "none": (None, "empty"),
}


@pytest.mark.parametrize("name", BAD)
def test_traps_fail_with_their_name(name):
    mol, reason = BAD[name]
    row = strict(mol)
    assert not row["strictly_valid"]
    assert row["reason"] == reason
    assert reason in REASONS


def test_declared_radical():
    mol = Chem.RWMol(build([6, 1, 1, 1], np.eye(4)[:, :3], [(0, i, 1) for i in (1, 2, 3)]))
    mol.GetAtomWithIdx(0).SetNumRadicalElectrons(1)
    assert strict(mol)["reason"] == "radical"


def test_order_of_atoms_changes_nothing():
    mol = made("CC(=O)Nc1ccc(O)cc1")
    order = RNG.permutation(mol.GetNumAtoms()).tolist()
    assert strict(mol) == strict(Chem.RenumberAtoms(mol, order))
