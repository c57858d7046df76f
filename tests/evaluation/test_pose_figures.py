"""Figures of poses on the real complexes inside posebusters' wheel."""

import os
import signal
import subprocess
import sys
from importlib import resources

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdFreeSASA

from molediff.evaluation import InputError, interaction_table, pose_figures, pose_interactions, with_vina
from molediff.evaluation.burial import burial, surface
from molediff.evaluation.clashes import clashes
from molediff.evaluation.complexes import radii, surroundings
from molediff.evaluation.interactions import KINDS, parse, similarity, text
from molediff.evaluation.rmsd import symmetric_rmsd
from molediff.evaluation.strain import strain

from .molecules import embedded


@pytest.fixture(scope="module")
def complexed(tmp_path_factory):
    """Tyrosine in 1of6: (ligand with hydrogens, path of the residues within 9 A with hydrogens)."""
    folder = resources.files("posebusters") / "datasets" / "pdb" / "1of6"
    ligand = Chem.MolFromMolBlock((folder / "1of6_ligand.sdf").read_text())
    whole = Chem.MolFromPDBBlock((folder / "1of6_protein_one_lig_removed.pdb").read_text(), sanitize=False)
    pos, own = whole.GetConformer().GetPositions(), ligand.GetConformer().GetPositions()
    place = [(a.GetPDBResidueInfo().GetChainId(), a.GetPDBResidueInfo().GetResidueNumber()) for a in whole.GetAtoms()]
    close = np.linalg.norm(pos[:, None] - own[None], axis=-1).min(1) < 9
    near = {place[i] for i in np.flatnonzero(close)}
    work = Chem.RWMol(whole)
    work.BeginBatchEdit()
    for i, where in enumerate(place):
        if where not in near or whole.GetAtomWithIdx(i).GetPDBResidueInfo().GetResidueName() == "HOH":
            work.RemoveAtom(i)
    work.CommitBatchEdit()
    Chem.SanitizeMol(work)
    path = tmp_path_factory.mktemp("complex") / "protein.pdb"
    Chem.MolToPDBFile(Chem.AddHs(work, addCoords=True, addResidueInfo=True), str(path))
    return Chem.AddHs(ligand, addCoords=True), path


def moved(mol, shift):
    out = Chem.Mol(mol)
    out.GetConformer().SetPositions(mol.GetConformer().GetPositions() + np.asarray(shift, dtype=float))
    return out


@pytest.fixture(scope="module")
def full(complexed):
    pytest.importorskip("prolif")
    ligand, protein = complexed
    outside = [[60, 0, 0]]
    poses = [ligand, moved(ligand, [0.3, 0, 0]), moved(ligand, *outside), None, embedded("CCO")]
    return pose_figures(poses, protein, ligand, "full", workers=0)


def test_crystal_pose_is_better_than_a_pose_outside(full):
    crystal, shifted, outside = full.iloc[0], full.iloc[1], full.iloc[2]
    assert crystal.rmsd == pytest.approx(0, abs=1e-3) and crystal.pb_valid and crystal.joint
    assert shifted.rmsd == pytest.approx(0.3, abs=1e-3)
    assert outside.rmsd == pytest.approx(60, abs=1e-2) and not outside.joint and not outside.pb_valid
    assert crystal.buried > 0.8 > 0 == outside.buried
    assert outside.clashes == 0 and outside.n_interactions == 0
    assert crystal.similarity == 1 and outside.similarity == 0
    assert crystal.strain == pytest.approx(outside.strain, abs=1e-3), "strain knows nothing of the place"
    assert (full.pb_mode == ["redock"] * 3 + ["dock"] * 2).all()


def test_nothing_is_dropped(full):
    assert full.reason.tolist() == ["", "", "", "no_molecule", "rmsd: not_the_ligand"]
    assert not full.pb_valid[3] and np.isnan(full.rmsd[3]) and np.isnan(full.rmsd[4])
    assert full.heavy_atoms.tolist() == [13, 13, 13, 0, 3]
    assert full.pb_valid.dtype == bool and full.clashes.dtype == float


def test_interactions_come_apart_and_have_ends_where_the_atoms_are(complexed, full):
    ligand, protein = complexed
    table = interaction_table(full)
    ends = pose_interactions([ligand, None], protein)
    mine = table[table.pose == 0]
    assert list(zip(mine.residue, mine.kind, strict=True)) == list(zip(ends.residue, ends.kind, strict=True))
    assert {"HBDonor", "HBAcceptor"} <= set(mine.kind) <= set(KINDS)
    pos = ligand.GetConformer().GetPositions()
    bonds = ends[ends.kind.str.startswith("HB")]
    for _, row in bonds.iterrows():
        here, there = row[["ligand_x", "ligand_y", "ligand_z"]], row[["protein_x", "protein_y", "protein_z"]]
        assert np.linalg.norm(pos - here.to_numpy(float), axis=1).min() < 1.1
        assert 1.5 < np.linalg.norm(here.to_numpy(float) - there.to_numpy(float)) < 5
    assert similarity([], []) is None
    assert similarity([{"residue": "A:X1", "kind": "k"}], [{"residue": "A:X1", "kind": "q"}]) == 0
    line = text(ends.to_dict("records"))
    assert [one[:2] for one in parse(line)] == list(zip(ends.residue, ends.kind, strict=True)) and parse("") == []


def test_fast_columns_are_the_same_whether_or_not_anything_is_readable(complexed):
    ligand, protein = complexed
    some = pose_figures([ligand], protein, workers=0)
    none = pose_figures([None], protein, workers=0, names=["lost"])
    assert [c for c in some if not c.startswith("pb_")] == [c for c in none if not c.startswith("pb_")]
    assert none.name[0] == "lost" and none.reason[0] == "no_molecule" and not none.pb_valid[0]
    assert "rmsd" not in some and "strain" not in some and some.pb_mode[0] == "dock_fast"
    assert len([c for c in some if c.startswith("pb_")]) == 23, "21 checks of dock_fast, the mode, pb_valid"
    assert len(pose_figures([], protein)) == 0


def test_vina_columns():
    import pandas as pd

    table = pd.DataFrame({"heavy_atoms": [10, 0, 5]})
    out = with_vina(table, [-8.0, None, -3.0], [-9.0, np.nan, -3.5])
    assert out.ligand_efficiency.tolist()[::2] == [0.8, 0.6] and np.isnan(out.ligand_efficiency[1])
    assert out.ligand_efficiency_minimised.tolist()[::2] == [0.9, 0.7]
    assert "vina_score" not in table
    with pytest.raises(InputError, match="3 poses"):
        with_vina(table, [-8.0])


def test_clashes_are_posechecks(complexed):
    """Against the plain double loop of the published definition."""
    ligand, protein = complexed
    around = surroundings(str(protein))
    for shift in ([0, 0, 0], [1.5, 0, 0]):
        mol = moved(ligand, shift)
        distance = np.linalg.norm(mol.GetConformer().GetPositions()[:, None] - around.pos[None], axis=-1)
        total = radii(mol)[:, None] + around.radius[None]
        heavy = np.outer([a.GetAtomicNum() > 1 for a in mol.GetAtoms()], around.heavy)
        row = clashes(mol, around)
        assert row["clashes"] == (distance + 0.5 < total).sum()
        assert row["clashes_heavy"] == ((distance + 0.5 < total) & heavy).sum()
        assert row["clashes_close"] == ((distance < 0.75 * total) & heavy).sum()
        assert row["closest"] == pytest.approx(distance[heavy].min())
    assert clashes(moved(ligand, [1.5, 0, 0]), around)["clashes"] > clashes(ligand, around)["clashes"] > 0
    bare = clashes(Chem.RemoveHs(ligand), around)
    assert bare["clashes"] is None and bare["clashes_heavy"] is not None


def test_surface_is_that_of_spheres_and_of_freesasa(complexed):
    one = surface(np.zeros((1, 3)), np.array([1.6]))
    assert one[0] == pytest.approx(4 * np.pi * 3.0**2)
    # of two spheres of radius 3 at distance 3, each loses a cap of height 3 - 1.5
    two = surface(np.array([[0, 0, 0], [3.0, 0, 0]]), np.array([1.6, 1.6]))
    assert two == pytest.approx([4 * np.pi * 9 - 2 * np.pi * 3 * 1.5] * 2, rel=0.02)
    ligand, protein = complexed
    whole = Chem.CombineMols(ligand, Chem.MolFromPDBFile(str(protein), removeHs=False, sanitize=False))
    options = rdFreeSASA.SASAOpts(rdFreeSASA.SASAAlgorithm.LeeRichards, rdFreeSASA.SASAClassifier.Protor, 1.4)
    rdFreeSASA.CalcSASA(whole, radii(whole).tolist(), opts=options)
    n = ligand.GetNumAtoms()
    bound = sum(float(whole.GetAtomWithIdx(i).GetProp("SASA")) for i in range(n))
    alone = rdFreeSASA.CalcSASA(ligand, radii(ligand).tolist(), opts=options)
    row = burial(ligand, surroundings(str(protein)))
    assert row["sasa"] == pytest.approx(alone, rel=0.01)
    assert row["buried"] == pytest.approx(1 - bound / alone, abs=0.01)


def test_rmsd_knows_symmetry_protonation_and_other_molecules():
    acid = embedded("CC(=O)O")
    swapped = Chem.Mol(acid)
    pos = acid.GetConformer().GetPositions()
    salt = Chem.MolFromSmiles("CC(=O)[O-]")
    salt.AddConformer(Chem.Conformer(4))
    salt.GetConformer().SetPositions(pos[[0, 1, 3, 2]])
    value, reason = symmetric_rmsd(salt, acid)
    assert value == pytest.approx(0, abs=1e-3) and not reason, "a carboxylate is its acid, either oxygen first"
    pos[:, 0] += 1.5
    swapped.GetConformer().SetPositions(pos)
    assert symmetric_rmsd(swapped, acid)[0] == pytest.approx(1.5)
    whole = embedded("CCc1ccccc1")
    assert symmetric_rmsd(embedded("c1ccccc1"), whole) == (None, "not_the_ligand"), "a part is another molecule"
    assert symmetric_rmsd(embedded("CCO"), embedded("COC"))[0] is None
    assert symmetric_rmsd(embedded("C1CCCCC1"), embedded("c1ccccc1"))[0] is None


def test_strain_rises_with_a_twist_and_not_with_a_shift():
    mol = Chem.AddHs(Chem.MolFromSmiles("CCCC"))
    from rdkit.Chem import rdDistGeom, rdForceFieldHelpers, rdMolTransforms

    rdDistGeom.EmbedMolecule(mol, randomSeed=1)
    found = []
    for angle in (180, 0):
        rdMolTransforms.SetDihedralDeg(mol.GetConformer(), 0, 1, 2, 3, angle)
        field = rdForceFieldHelpers.UFFGetMoleculeForceField(mol)
        field.UFFAddTorsionConstraint(0, 1, 2, 3, False, angle, angle, 1000)
        field.Minimize()
        found.append(strain(mol, conformers=10)["strain"])
    assert found[0] == pytest.approx(0, abs=0.3) and 2 < found[1] < 12
    row = strain(Chem.MolFromSmiles("C.C"))
    assert row["strain"] is None and row["reason"]


def test_what_the_user_can_mend_is_said(complexed, tmp_path, monkeypatch):
    ligand, protein = complexed
    with pytest.raises(InputError, match="fast, full"):
        pose_figures([ligand], protein, figures="slow")
    with pytest.raises(InputError, match="No file"):
        pose_figures([ligand], tmp_path / "none.pdb")
    with pytest.raises(InputError, match="2 names were given for 1"):
        pose_figures([ligand], protein, names=["a", "b"])
    several = Chem.Mol(ligand)
    several.AddConformer(Chem.Conformer(ligand.GetConformer()), assignId=True)
    with pytest.raises(InputError, match="2 conformers"):
        pose_figures([several], protein)
    with pytest.raises(InputError, match="no coordinates"):
        pose_figures([ligand], protein, Chem.MolFromSmiles("C"))
    monkeypatch.setitem(sys.modules, "prolif", None)
    with pytest.raises(InputError, match=r"-e .\.\[dock\]"):
        pose_interactions([ligand], protein)


def test_a_protein_with_a_residue_in_pieces_is_said(complexed, tmp_path):
    pytest.importorskip("prolif")
    ligand, protein = complexed
    broken = tmp_path / "broken.pdb"
    lines = protein.read_text().splitlines(keepends=True)
    broken.write_text("".join(line for line in lines if line[12:16].strip() not in ("CB", "HB", "HB2", "HB3")))
    with pytest.raises(InputError, match="apart into residues"):
        pose_interactions([ligand], broken)


KILL = """
import os, signal, sys
from rdkit import Chem
from molediff.evaluation import worker
kept = worker.judged
def judged(name, record, context):
    if record.name == "deadly":
        os.kill(os.getpid(), signal.SIGKILL)
    return kept(name, record, context)
worker.judged = judged
from multiprocessing.connection import Connection
os.dup2(2, 1)
worker.serve(Connection(int(sys.argv[1])))
"""


def test_a_pose_that_kills_its_worker_is_a_row(complexed, monkeypatch):
    ligand, protein = complexed
    start = subprocess.Popen

    def deadly(command, **settings):
        return start([sys.executable, "-c", KILL, command[-1]], **settings)

    monkeypatch.setattr("molediff.evaluation.child.subprocess.Popen", deadly)
    table = pose_figures([ligand, ligand], protein, names=["fine", "deadly"], workers=1)
    assert "crashed" in table.reason[1] and not table.pb_valid[1]
    assert table.reason[0] == "" and table.pb_valid[0]
    assert os.getpid() and signal.SIGKILL


def test_rmsd_of_an_amidine_whose_hydrogen_draws_the_double_bond():
    drawn, plain = (embedded(smiles) for smiles in ("[H]/N=C(/N)c1ccccc1", "N=C(N)c1ccccc1"))
    Chem.AssignStereochemistryFrom3D(drawn)
    assert Chem.RemoveHs(drawn).GetNumAtoms() == 10, "RemoveHs keeps that hydrogen"
    for one, two in ((drawn, Chem.RemoveAllHs(drawn)), (Chem.RemoveAllHs(plain), plain)):
        value, reason = symmetric_rmsd(one, two)
        assert value == pytest.approx(0, abs=1e-3) and not reason


def test_strain_of_what_cannot_be_embedded_in_time_is_a_reason(monkeypatch):
    monkeypatch.setattr("molediff.evaluation.strain.LIMIT", 1)
    mol = Chem.AddHs(Chem.MolFromSmiles("C=C1C2=C(NC)COC1OC1=CC=CC=CC1=C(O)C(=O)CNC(=O)CCCC1CC21"))
    conformer = Chem.Conformer(mol.GetNumAtoms())
    conformer.SetPositions(np.random.default_rng(0).normal(size=(mol.GetNumAtoms(), 3)) * 5)
    mol.AddConformer(conformer)
    found = strain(mol)
    assert found["strain"] is None and found["reason"] == "not_embedded"


def test_a_reference_without_hydrogens_and_with_an_aromatic_nh(complexed):
    """Its file must not lose the H of [nH]; the message of a broken one named a file nobody had seen."""
    ligand, protein = complexed
    imidazole = embedded("Cc1c[nH]cn1")
    centre = ligand.GetConformer().GetPositions().mean(0)
    where = imidazole.GetConformer().GetPositions()
    imidazole.GetConformer().SetPositions(where - where.mean(0) + centre)
    table = pose_figures([imidazole], protein, Chem.RemoveHs(imidazole))
    assert table.rmsd[0] < 0.01 and table.reason[0] == ""
