"""PoseBusters on the atoms near a pose says what it says of the whole protein."""

from pathlib import Path

import numpy as np
import posebusters
import pytest
from rdkit import Chem

from molediff.evaluation.complexes import load_protein, load_protein_near
from molediff.evaluation.protocols import Context
from molediff.evaluation.protocols.posebusters import judge
from molediff.evaluation.record import from_mol

FOLDER = Path(posebusters.__file__).parent / "datasets" / "pdb"


@pytest.mark.parametrize(
    ("code", "shift"), [("1ia1", 0.0), ("1ia1", 1.5), ("1ia1", 70.0), ("1of6", 0.0), ("1s3v", 4.0)]
)
def test_the_same_as_with_the_whole_protein(code, shift):
    protein = str(FOLDER / code / f"{code}_protein_one_lig_removed.pdb")
    mol = Chem.MolFromMolFile(str(FOLDER / code / f"{code}_ligand.sdf"))
    mol = Chem.AddHs(mol, addCoords=True)
    pos = mol.GetConformer().GetPositions() + np.array([shift, 0.0, 0.0])
    mol.GetConformer().SetPositions(pos)
    near = load_protein_near(protein, pos)
    assert 0 < near.GetNumAtoms() < load_protein(protein).GetNumAtoms()
    plain = posebusters.PoseBusters("dock_fast", max_workers=0).bust([Chem.Mol(mol)], None, load_protein(protein))
    plain = {str(name): bool(value) for name, value in plain.iloc[0].items()}
    ours = judge(from_mol(mol, 0), Context(protein, ""), "dock_fast")
    assert {name: ours[name] for name in plain} == plain
    assert (shift == 70.0) == (not plain["protein-ligand_maximum_distance"])
