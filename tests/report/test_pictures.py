"""Pictures are drawn for anything, also where RDKit's Draw cannot be imported."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from matplotlib.image import imread
from rdkit import Chem

from molediff.chem import mol_from_arrays
from molediff.elements import Vocabulary
from molediff.report.grid import atom_label, depicted, draw_grid, grid_by_matplotlib
from molediff.report.strip import FRAMES, draw_strip, write_frames
from molediff.structures import Molecules

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


def coming_out(steps):
    """States of a molecule that gathers in a line."""
    pos = torch.arange(4.0)[None, :, None] * torch.tensor([1.4, 0.1, 0.0])
    atom = torch.tensor([[1, 1, 2, 9]])  # the last is absorbed
    bond = torch.diag_embed(torch.ones(1, 3), 1).long()
    whole = Molecules(pos, atom, torch.zeros_like(atom), bond + bond.mT, torch.ones(1, 4, dtype=torch.bool))
    return [whole.replace(pos=pos * (1 + steps - k)) for k in range(steps)]


@pytest.mark.parametrize("steps", [1, 9])
def test_a_strip_and_its_frames(tmp_path, steps):
    states, vocabulary = coming_out(steps), Vocabulary(("H", "C", "N"), (0,))
    path = draw_strip(states, states[::-1], vocabulary, tmp_path / "strip.png")
    assert ink(path) > 0.01 and imread(path).shape[1] == pytest.approx(252 * min(steps, FRAMES), abs=2)
    lines = write_frames(states, "molecule 0", vocabulary, tmp_path / "frames.xyz").read_text().splitlines()
    assert len(lines) == 6 * steps and lines[:2] == ["4", f"molecule 0 after step 1 of {steps}"]
    assert [line.split()[0] for line in lines[2:6]] == ["C", "C", "N", "X"]
    assert lines[-1].split()[1:] == [f"{x:.4f}" for x in states[-1].pos[0, 3].tolist()]
    assert {p.name for p in tmp_path.iterdir()} == {"strip.png", "frames.xyz"}  # nothing half written


def test_a_picture_that_cannot_be_drawn_leaves_the_old_one(tmp_path, monkeypatch):
    path = draw_grid([None], [""], tmp_path / "grid.png")
    before = path.read_bytes()
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda self, file, **_: file.write(b"half") and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        grid_by_matplotlib([None], [""], path, 1)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_labels_say_hydrogens_and_charge():
    mol = Chem.MolFromSmiles("C[NH3+]")
    assert [atom_label(a) for a in mol.GetAtoms()] == ["", "NH$_3$$^+$"]
    assert atom_label(Chem.MolFromSmiles("C").GetAtomWithIdx(0)) == "CH$_4$"
