"""Libraries: what cannot be docked is a row with its reason."""

import numpy as np
import pytest
from rdkit import Chem, RDLogger, rdBase
from rdkit.Chem import AllChem

from molediff.config import UserError
from molediff.docking.conformations import _spread, rigid_torsions
from molediff.docking.ligands import parse, prepare, read_library, rows_of
from molediff.docking.protonate import protonate
from molediff.docking.reference import read_reference
from molediff.docking.settings import DockConfig, row_seed

BAD = {
    "CCO.CC": "2 fragments",
    "OB(O)c1ccccc1": "holds B",
    "[Zn+2]": "holds Zn",
    "C" * 205: "heavy atoms",
    "C" * 60: "57 rotatable bonds",
    "xx": "cannot be read",
    "C(C)(C)(C)(C)C": "chemistry refused",
    "[CH3]": "unpaired",
    "[H][H]": "no heavy atom",
    "F[C@@]12[C@@]3(F)[C@]4(F)[C@]1(F)[C@]23C4": "conformer",
}


@pytest.mark.parametrize("smiles", BAD)
def test_what_is_no_ligand_is_a_row_with_a_reason(smiles):
    ligand = prepare(rows_of([smiles])[0], DockConfig())
    assert ligand.mol is None and BAD[smiles] in ligand.reason and ligand.name == smiles


def test_smiles_csv_and_sdf_give_one_row_a_record(tmp_path):
    (tmp_path / "a.smi").write_text("# a comment\nCCO ethanol\n\nnonsense(\nCCN\n")
    (tmp_path / "a.csv").write_text("name,SMILES\nx,CCO\ny,\n", encoding="utf-8-sig")  # as Excel saves it
    blocks = [Chem.MolToMolBlock(Chem.MolFromSmiles(s)) for s in ("CCO", "CCN")]
    (tmp_path / "a.sdf").write_text(blocks[0] + "$$$$\n" + "broken\n\n\n nothing\n$$$$\n" + blocks[1] + "$$$$\n")
    smi, csv, sdf = (read_library(tmp_path / f"a.{end}") for end in ("smi", "csv", "sdf"))
    assert [(r.row, r.name) for r in smi] == [(0, "ethanol"), (1, "nonsense("), (2, "CCN")]
    assert [r.name for r in csv] == ["x", "y"] and csv[1].reason
    assert [bool(r.reason) for r in sdf] == [False, True, False] and sdf[1].name == "broken"
    assert prepare(sdf[2], DockConfig()).mol.GetNumHeavyAtoms() == 3


def test_rdkit_is_left_as_loud_as_it_was(tmp_path):
    (tmp_path / "a.mol").write_text(Chem.MolToMolBlock(prepare(rows_of(["CCO"])[0], DockConfig()).mol))
    RDLogger.DisableLog("rdApp.*")  # as a caller who wants quiet does
    try:
        before = rdBase.LogStatus()
        assert parse(rows_of(["nonsense("])[0])[0] is None and parse(rows_of(["CCO"])[0])[0] is not None
        read_reference(tmp_path / "a.mol")
        assert rdBase.LogStatus() == before
    finally:
        RDLogger.EnableLog("rdApp.*")


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [("a.xyz", "1", "Allowed"), ("a.csv", "name\nx\n", "column 'smiles'"), ("a.smi", "\n", "no molecule")],
)
def test_a_file_that_is_no_library_is_refused(tmp_path, name, text, hint):
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=hint):
        read_library(tmp_path / name)
    with pytest.raises(UserError, match="cannot be read"):
        read_library(tmp_path / "missing.smi")


def test_conformers_depend_on_seed_and_row_alone_and_the_first_on_no_number():
    row = rows_of(["CCO", "OC1CCCCC1C(=O)N(C)C"])[1]
    one, again = (prepare(row, DockConfig(seed=3)).mol.GetConformer().GetPositions() for _ in range(2))
    many = prepare(row, DockConfig(seed=3, conformers=3)).mol
    other = prepare(row, DockConfig(seed=4)).mol.GetConformer().GetPositions()
    assert np.array_equal(one, again) and np.array_equal(one, many.GetConformers()[0].GetPositions())
    assert many.GetNumConformers() == 3 and np.abs(other - one).max() > 0.1


def test_an_ensemble_spreads_over_rings_and_keeps_the_stereo_it_drew():
    ligand = prepare(rows_of(["OC1CCCCC1C(=O)N(C)C"])[0], DockConfig(conformers=4))
    assert "2 open stereo elements drawn" in ligand.note and rigid_torsions(ligand.mol)
    seen = set()
    for conformer in ligand.mol.GetConformers():
        copy = Chem.Mol(ligand.mol, confId=conformer.GetId())
        Chem.AssignStereochemistryFrom3D(copy)
        seen.add(Chem.MolToSmiles(Chem.RemoveHs(copy)))
    assert len(seen) == 1
    ring = [c.GetPositions()[[1, 2, 3, 4, 5, 6]] for c in ligand.mol.GetConformers()]
    shapes = [np.linalg.norm(r[:, None] - ligand.mol.GetConformer().GetPositions()[0], axis=2) for r in ring]
    assert len(shapes) == 4


@pytest.mark.parametrize(
    ("smiles", "expected"),
    [
        ("OC(=O)CCN", "[NH3+]CCC(=O)[O-]"),
        ("CN1CCN(C)CC1", "CN1CC[NH+](C)CC1"),
        ("NC(=N)c1ccccc1", "NC(=[NH2+])c1ccccc1"),
        ("CC(=O)Nc1ccc(O)cc1", "CC(=O)Nc1ccc(O)cc1"),
        ("CS(=O)(=O)NC", "CNS(C)(=O)=O"),
        ("c1ccncc1", "c1ccncc1"),
        ("C[N+](C)(C)C", "C[N+](C)(C)C"),
    ],
)
def test_protonation_rules(smiles, expected):
    assert Chem.MolToSmiles(protonate(Chem.MolFromSmiles(smiles))[0]) == expected


def test_protonation_is_left_as_given_unless_asked_and_said():
    row = rows_of(["OC(=O)CCN"])[0]
    plain, asked = prepare(row, DockConfig()), prepare(row, DockConfig(), protonation=True)
    assert "protonation as given" in plain.note and Chem.GetFormalCharge(plain.mol) == 0
    assert not any(a.GetFormalCharge() for a in plain.mol.GetAtoms())
    assert (
        "carboxylate 1, ammonium 1" in asked.note and sum(a.GetFormalCharge() != 0 for a in asked.mol.GetAtoms()) == 2
    )


def test_seeds_are_never_zero_and_differ():
    seeds = {row_seed(s, r, p) for s in range(5) for r in range(20) for p in range(3)}
    assert len(seeds) == 300 and min(seeds) > 0 and max(seeds) < 2**31


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(UserError, match="--poses must be at least 1"):
        DockConfig(poses=0)


def with_energy(smiles: str, seed: int, energy: float) -> Chem.Mol:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMolecule(mol, randomSeed=seed)
    mol.SetDoubleProp("energy", energy)
    return mol


@pytest.mark.parametrize("lowest", [-39.0, 31.0])
def test_strained_conformers_come_last_whatever_the_zero_of_energy(lowest):
    strained = [with_energy("C1CCCCCC1CO", k, lowest + 24) for k in range(4)]
    others = [*strained, with_energy("C1CCCCCC1CO", 9, lowest), with_energy("C1CCCCCC1CO", 10, lowest + 1)]
    chosen = _spread(with_energy("C1CCCCCC1CO", 11, lowest), others, 2)
    assert sorted(m.GetDoubleProp("energy") for m in chosen) == [lowest, lowest + 1]
