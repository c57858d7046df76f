"""The picture of what grew: which atoms are highlighted, where they lie, and what is in the file."""

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from molediff.config import UserError
from molediff.report.grown import KNOWN, draw_grown, highlighted, laid_out


def fragment_and_grown():
    """Furan and its carboxylic acid, whose first atoms are the ring and then one of its hydrogens."""
    furan = Chem.MolFromSmiles("*c1ccoc1")
    AllChem.Compute2DCoords(furan)
    acid = Chem.AddHs(Chem.MolFromSmiles("c1(ccoc1)C(=O)O"))
    hydrogen = next(a.GetIdx() for a in acid.GetAtomWithIdx(1).GetNeighbors() if a.GetAtomicNum() == 1)
    rest = [i for i in range(5, acid.GetNumAtoms()) if i != hydrogen]
    return furan, Chem.RenumberAtoms(acid, [0, 1, 2, 3, 4, hydrogen, *rest])


def test_known_atoms_are_marked_and_lie_as_in_the_fragment():
    furan, acid = fragment_and_grown()
    flat = laid_out(acid, 6, furan)
    atoms, bonds = highlighted(flat)
    assert atoms == [0, 1, 2, 3, 4]
    assert len(bonds) == 5  # the ring, not the bond out of it
    mine, theirs = flat.GetConformer().GetPositions()[:5], furan.GetConformer().GetPositions()[1:]
    # Same shape and place, hand included: all distances and the signed area of a triangle.
    assert np.allclose(mine, theirs, atol=0.05)


def test_a_file_of_every_cell(tmp_path):
    pytest.importorskip("rdkit.Chem.Draw", exc_type=ImportError)
    from PIL import Image

    furan, acid = fragment_and_grown()
    for atom in list(furan.GetAtoms())[1:]:
        atom.SetBoolProp(KNOWN, True)
    path = draw_grown(furan, [acid] * 4, 6, ["fragment", "0", "1", "2", "3"], tmp_path / "grown.png")
    image = np.asarray(Image.open(path).convert("RGB")).astype(int)
    assert image.shape == (2 * 260, 3 * 260, 3)
    orange = (image[..., 0] > 200) & (image[..., 2] < 170) & (image[..., 1] > 180)
    for k in range(6):
        cell = orange[k // 3 * 260 : (k // 3 + 1) * 260, k % 3 * 260 : (k % 3 + 1) * 260]
        assert bool(cell.any()) == (k < 5)  # five cells, the last place is empty


def test_legends_must_fit(tmp_path):
    furan, acid = fragment_and_grown()
    with pytest.raises(UserError, match="2, got 1"):
        draw_grown(furan, [acid], 6, ["fragment"], tmp_path / "grown.png")
