"""What the page of a docking leaves out."""

import pandas as pd

from molediff.report.docking import _of_the_ligand


def test_another_molecule_than_the_reference_is_no_fault():
    table = pd.DataFrame({"reason": ["rmsd: not_the_ligand", "", "a; rmsd: not_the_ligand; b"], "rmsd": [None] * 3})
    shown = _of_the_ligand(table)
    assert shown["reason"].tolist() == ["", "", "a; b"] and "rmsd" not in shown
    assert "rmsd" in _of_the_ligand(table.assign(rmsd=[None, 1.2, None]))
