"""SD files: a record a molecule whatever its name, in UTF-8 whatever the locale, kekulised where that can be."""

from __future__ import annotations

import os
import subprocess
import sys

from rdkit import Chem
from rdkit.Chem import AllChem

from molediff.report.files import write_sdf


def embedded(smiles: str) -> Chem.Mol:
    mol = Chem.MolFromSmiles(smiles)
    AllChem.EmbedMolecule(mol, randomSeed=1)
    return mol


def test_names_and_values_of_several_lines_cost_no_record(tmp_path):
    names, values = ["two\nlines", "one\r\nmore", "plain  name"], [{"note": "a\n\nb"}, {"note": "c"}, {"note": ""}]
    path = write_sdf([embedded("CCO"), embedded("CCN"), embedded("CC")], names, values, tmp_path / "x.sdf")
    read = list(Chem.SDMolSupplier(str(path)))
    assert [m.GetProp("_Name") for m in read] == ["two lines", "one more", "plain  name"]
    assert [m.GetProp("note") for m in read] == ["a b", "c", ""]


def test_aromatic_bonds_are_kekulised_and_the_molecule_is_the_same(tmp_path):
    mol = embedded("c1cc[nH]c1")
    path = write_sdf([mol, None], ["pyrrole", ""], [{}, {}], tmp_path / "x.sdf")
    bonds = [row[6:9].strip() for row in path.read_text().splitlines() if len(row) == 12]
    assert sorted(bonds) == ["1", "1", "1", "2", "2"]
    assert Chem.MolToSmiles(next(iter(Chem.SDMolSupplier(str(path))))) == Chem.MolToSmiles(mol)
    assert mol.GetBondWithIdx(0).GetIsAromatic()  # the caller's is left as it was
    broken = Chem.MolFromSmiles("c1cncc1", sanitize=False)
    path = write_sdf([broken], ["no structure"], [{}], tmp_path / "y.sdf")
    assert path.read_text().count("  4  0") == 5


def test_any_name_is_written_under_any_locale(tmp_path):
    code = (
        "import sys; from pathlib import Path; from rdkit import Chem; from molediff.report.files import write_sdf\n"
        "write_sdf([Chem.MolFromSmiles('CC')], ['\\u03b2-lactam'], [{}], Path(sys.argv[1]))"
    )
    there = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "x.sdf")], env=there, check=True)
    assert (tmp_path / "x.sdf").read_text(encoding="utf-8").startswith("\u03b2-lactam")
