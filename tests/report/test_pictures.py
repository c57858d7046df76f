"""Pictures are drawn for anything, also where RDKit's Draw cannot be imported."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.image import imread
from rdkit import Chem

from molediff.chem import mol_from_arrays
from molediff.report.grid import atom_label, depicted, draw_grid, grid_by_matplotlib

SMILES = ["CCO", "c1ccccc1", "C[N+](C)(C)C", "[O-]C(=O)C", "C#N"]


def ink(path):
    """Share of pixels that are not white."""
    return float((imread(path)[..., :3].min(-1) < 0.9).mean())


def broken():
    return mol_from_arrays(np.array([6, 1, 1]), np.array([0, 0, 0]), np.array([[0, 1, 3], [1, 2, 2]]), np.zeros((3, 3)))


@pytest.mark.parametrize("draw", [draw_grid, lambda m, t, p: grid_by_matplotlib([depicted(x) for x in m], t, p, 3)])
def test_a_page_with_whole_broken_and_missing_molecules(tmp_path, draw):
    mols = [Chem.AddHs(Chem.MolFromSmiles(s)) for s in SMILES] + [broken(), None]
    path = draw(mols, [str(k) for k in range(len(mols))], tmp_path / "grid.png")
    assert ink(path) > 0.005
    blank = draw([None], [""], tmp_path / "blank.png")
    assert ink(blank) < ink(path)


def test_without_rdkit_draw_matplotlib_takes_over(tmp_path):
    code = (
        "import sys; sys.modules['rdkit.Chem.Draw'] = None\n"
        "from pathlib import Path; from rdkit import Chem; from molediff.report.grid import draw_grid\n"
        f"draw_grid([Chem.MolFromSmiles('CCO')], ['0'], Path({str(tmp_path / 'grid.png')!r}))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert ink(tmp_path / "grid.png") > 0.001


def test_labels_say_hydrogens_and_charge():
    mol = Chem.MolFromSmiles("C[NH3+]")
    assert [atom_label(a) for a in mol.GetAtoms()] == ["", "NH$_3$$^+$"]
    assert atom_label(Chem.MolFromSmiles("C").GetAtomWithIdx(0)) == "CH$_4$"
