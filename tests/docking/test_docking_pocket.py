"""Prepared receptors, their files, sites, cavities and pocket folders, on the embedded complexes."""

import json

import numpy as np
import pytest
from dockbench import small_pocket
from rdkit import Chem
from rdkit.Chem import AllChem

from molediff.chem.pocket_classes import ELEMENT_CLASSES, RESIDUE_CLASSES
from molediff.cli.main import main
from molediff.config import UserError
from molediff.docking import demo, sites
from molediff.docking.autodock import autodock_types
from molediff.docking.cavities import find_cavities
from molediff.docking.pdbqt import pdbqt_text
from molediff.docking.pocket import near_residues, pocket_of
from molediff.docking.pocket_folder import read_pocket, write_pocket
from molediff.docking.prepare import prepare_receptor
from molediff.docking.receptor_files import pdb_text, read_receptor
from molediff.docking.reference import read_reference
from molediff.docking.site import Site

pytest.importorskip("biotite")
pytest.importorskip("hydride")

FIELDS = ("pos", "element", "name", "residue", "chain", "number", "hetero", "bonds", "types")


@pytest.fixture(scope="module")
def ligand():
    return read_reference(demo.demo_complexes()["1ia1"][1])


@pytest.fixture(scope="module")
def receptor(ligand):
    return prepare_receptor(demo.demo_complexes()["1ia1"][0], ligand=ligand, chains=["B"])


def same(a, b):
    for field in FIELDS:
        x, y = getattr(a, field), getattr(b, field)
        assert np.array_equal(x, y) if isinstance(x, np.ndarray) else x == y, field


def test_the_four_complexes_are_there():
    found = demo.demo_complexes()
    assert set(found) == set(demo.NAMES)
    for protein, ligand in found.values():
        assert protein.is_file() and read_reference(ligand).GetNumAtoms() > 5
    for smiles in demo.DEMO_LIBRARY:
        assert Chem.MolFromSmiles(smiles) is not None


def test_hydrogens_are_where_chemistry_has_them(receptor):
    symbol = np.array(receptor.element)
    i, j = receptor.bonds.T
    with_h = (symbol[i] == "H") | (symbol[j] == "H")
    assert with_h.sum() == (symbol == "H").sum()  # each has one bond
    length = np.linalg.norm(receptor.pos[i] - receptor.pos[j], axis=1)
    assert length[with_h].min() > 0.9 and length[with_h].max() < 1.4
    assert length[~with_h].max() < 2.3
    # hydrogens inside whole residues, N- and C-terminus apart, at pH 7.4
    expected = {"ALA": 5, "GLY": 3, "ASP": 4, "LYS": 13, "ARG": 13, "PHE": 9, "TRP": 10, "SER": 5, "MET": 9, "HIS": 7}
    keys = list(zip(receptor.number, receptor.residue, strict=True))
    first, last = receptor.number[0], [n for n, h in zip(receptor.number, receptor.hetero, strict=True) if not h][-1]
    for number, residue in set(keys):
        if residue in expected and number not in (first, last):
            own = [k for k, key in enumerate(keys) if key == (number, residue)]
            assert sum(symbol[k] == "H" for k in own) == expected[residue], (number, residue)


def test_the_cofactor_keeps_its_hydrogens_and_loses_acid_ones(receptor):
    own = [k for k, r in enumerate(receptor.residue) if r == "NDP"]
    assert sum(receptor.element[k] != "H" for k in own) == 48
    assert all(receptor.hetero[k] for k in own)
    around = {k: [] for k in own}
    for i, j in receptor.bonds.tolist():
        if i in around and j in around:
            around[i].append(j)
            around[j].append(i)
    # the names in this file are not the dictionary's: the template was found by the graph
    phosphate = [k for k in own if receptor.element[k] == "O" and any(receptor.element[j] == "P" for j in around[k])]
    assert len(phosphate) == 11
    assert not any(receptor.element[j] == "H" for k in phosphate for j in around[k])
    assert sum(receptor.element[k] == "H" for k in own) == 26  # NADPH has 30, four of them at phosphates


def test_types_of_known_groups(receptor):
    of = dict(zip(zip(receptor.number, receptor.name, strict=True), receptor.types, strict=True))
    residues = dict(zip(receptor.number, receptor.residue, strict=True))
    kinds = {"MET": {"SD": "SA"}, "PHE": {"CZ": "A", "CB": "C"}, "LYS": {"NZ": "N"}, "SER": {"OG": "OA"}}
    seen = 0
    for (number, name), kind in of.items():
        expected = kinds.get(residues[number], {}).get(name)
        if expected:
            assert kind == expected, (number, name)
            seen += 1
    assert seen > 20
    hydrogens = [k for k, e in enumerate(receptor.element) if e == "H"]
    polar = {i for a, b in receptor.bonds.tolist() for i, o in ((a, b), (b, a)) if receptor.element[o] in "NOS"}
    assert all((receptor.types[k] == "HD") == (k in polar) for k in hydrogens)


def test_types_of_small_molecules():
    """Against what the types mean: acceptors have a free lone pair."""
    expected = {"c1ccncc1": "NA", "CC#N": "NA", "CN(C)C": "NA", "CNC(C)=O": "N", "CN(C)C(C)=O": "N", "Nc1ccccc1": "N"}
    for smiles, kind in expected.items():
        mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
        AllChem.EmbedMolecule(mol, randomSeed=7)
        AllChem.MMFFOptimizeMolecule(mol)
        element = tuple(a.GetSymbol() for a in mol.GetAtoms())
        bonds = np.array([(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in mol.GetBonds()])
        types = autodock_types(element, bonds, mol.GetConformer().GetPositions())
        assert types[element.index("N")] == kind, smiles
        aromatic = [a.GetIsAromatic() for a in mol.GetAtoms()]
        assert [t == "A" for t in types] == [f and e == "C" for f, e in zip(aromatic, element, strict=True)], smiles
    assert autodock_types(("V", "Se", "B", "Ar", "Zn"), np.empty((0, 2), int), np.zeros((5, 3))) == (
        *("Mg", "S", "C", "", "Zn"),
    )


def test_pdb_round_trip_and_rdkit(receptor, tmp_path):
    path = tmp_path / "receptor.pdb"
    path.write_text(pdb_text(receptor))
    same(receptor, read_receptor(path))
    mol = Chem.MolFromPDBFile(str(path), sanitize=False, removeHs=False, proximityBonding=False)
    assert mol.GetNumAtoms() == len(receptor)
    bonds = sorted(tuple(sorted((b.GetBeginAtomIdx(), b.GetEndAtomIdx()))) for b in mol.GetBonds())
    assert bonds == [tuple(b) for b in receptor.bonds.tolist()]


def test_pdbqt_has_every_typed_atom_but_apolar_hydrogens(receptor):
    lines = [x for x in pdbqt_text(receptor).splitlines() if x.startswith(("ATOM", "HETATM"))]
    kept = [k for k, t in enumerate(receptor.types) if t not in ("", "H")]
    assert [x[77:79].strip() for x in lines] == [receptor.types[k] for k in kept]
    np.testing.assert_allclose([[float(x[k : k + 8]) for k in (30, 38, 46)] for x in lines], receptor.pos[kept])
    assert sum(x[17:20] == "NDP" for x in lines) >= 48


def test_preparing_again_changes_nothing(receptor, ligand, tmp_path):
    """A prepared receptor, prepared: the same atoms and protonation."""
    path = tmp_path / "again.pdb"
    path.write_text(pdb_text(receptor))
    again = prepare_receptor(path, ligand=ligand)
    assert again.element == receptor.element and again.name == receptor.name
    assert again.types == receptor.types


def test_the_ph_decides(ligand):
    protein = demo.demo_complexes()["1ia1"][0]
    acid = prepare_receptor(protein, chains=["B"], ph=2)
    base = prepare_receptor(protein, chains=["B"], ph=13)
    assert len(acid) - len(base) > 30
    with pytest.raises(UserError, match="0 to 14"):
        prepare_receptor(protein, ph=15)


def test_sites_from_their_definitions(receptor, ligand):
    heavy = ligand.GetConformer().GetPositions()[[a.GetAtomicNum() > 1 for a in ligand.GetAtoms()]]
    by_ligand = sites.site_of_ligand(receptor, ligand, "x.sdf", 20)
    np.testing.assert_allclose(by_ligand.centre, heavy.mean(0), atol=1e-3)
    assert by_ligand.size.tolist() == [20, 20, 20] and by_ligand.how == "ligand x.sdf"
    near = near_residues(receptor, ligand, 4.0) & ~receptor.hetero
    names = sorted(
        {f"{c}:{n}" for c, n in zip(np.array(receptor.chain)[near], np.array(receptor.number)[near], strict=True)}
    )
    by_residues = sites.site_of_residues(receptor, ",".join(names))
    assert np.linalg.norm(by_residues.centre - by_ligand.centre) < 4
    x, y, z = by_ligand.centre
    by_box = sites.site_of_box(receptor, f"{x},{y},{z},22")
    np.testing.assert_allclose(by_box.centre, by_ligand.centre)
    assert sites.site_of_box(receptor, f"{x},{y},{z},20,21,22").size.tolist() == [20, 21, 22]
    found = [sites.site_of_cavity(receptor, rank) for rank in (1, 2, 3)]
    assert min(np.linalg.norm(s.centre - by_ligand.centre) for s in found) < 6


BAD_SITES = {
    "off": (lambda r: sites.site_of_box(r, "500,500,500,25"), "no pocket at"),
    "words": (lambda r: sites.site_of_box(r, "a,b"), "is no box"),
    "nan": (lambda r: sites.site_of_box(r, "nan,0,0,25"), "is no box"),
    "tiny": (lambda r: sites.site_of_box(r, "10,36,18,1"), "Edges of 5 to 60"),
    "no residue": (lambda r: sites.site_of_residues(r, "B:9999"), "no residue B:9999.*Chain B runs from"),
    "no chain": (lambda r: sites.site_of_residues(r, "Q:1"), "Its chains: B"),
    "no colon": (lambda r: sites.site_of_residues(r, "85"), "CHAIN:NUMBER"),
    "nothing": (lambda r: sites.site_of_residues(r, " , "), "No residues were given"),
    "rank": (lambda r: sites.site_of_cavity(r, 99), "no cavity of rank 99"),
    "empty pocket": (
        lambda r: near_residues(r, Site(np.full(3, 500.0), np.full(3, 9.0), "box"), 8.0),
        "pocket is empty",
    ),
}


@pytest.mark.parametrize("fault", BAD_SITES)
def test_bad_sites(fault, receptor):
    call, message = BAD_SITES[fault]
    with pytest.raises(UserError, match=message):
        call(receptor)


def test_a_ligand_far_from_the_protein(receptor, ligand):
    moved = Chem.Mol(ligand)
    conformer = moved.GetConformer()
    for k in range(moved.GetNumAtoms()):
        x, y, z = conformer.GetAtomPosition(k)
        conformer.SetAtomPosition(k, (x + 300, y, z))
    with pytest.raises(UserError, match="no pocket at"):
        sites.site_of_ligand(receptor, moved)


def test_the_cavity_of_a_hollow_ball():
    """A shell of atoms with a hole: its inside is the first cavity, and its volume about the hole's."""
    rng = np.random.default_rng(3)
    points = rng.normal(size=(1500, 3))
    shell = points / np.linalg.norm(points, axis=1, keepdims=True) * rng.uniform(8.0, 13.0, (1500, 1))
    shell = shell[shell[:, 0] < 7] + [40.0, -7.0, 3.0]
    first = find_cavities(shell)[0]
    assert np.linalg.norm(first.centre - [40, -7, 3]) < 3
    assert 300 < first.volume < 2000
    with pytest.raises(UserError, match="nothing of this protein is buried"):
        find_cavities(np.arange(60)[:, None] * np.array([4.0, 0.0, 0.0]))
    with pytest.raises(UserError, match="have no cavity"):
        find_cavities(np.zeros((3, 3)))


def test_cavities_move_with_the_protein(receptor):
    """Turning by 90 degrees maps the grid's rays onto themselves: the cavities turn along."""
    heavy = np.round(receptor.pos[[e != "H" for e in receptor.element]])
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    here, there = find_cavities(heavy, 1)[0], find_cavities(heavy @ turn.T, 1)[0]
    np.testing.assert_allclose(there.centre, here.centre @ turn.T, atol=1e-6)


def test_pocket_for_the_model(receptor, ligand):
    near = near_residues(receptor, ligand, 6.0)
    pocket = pocket_of(receptor, near)
    assert pocket.pos.shape == (1, pocket.mask.sum(), 3)
    assert pocket.mask.sum() == sum(n and e != "H" for n, e in zip(near, receptor.element, strict=True))
    names = {RESIDUE_CLASSES[k] for k in pocket.residue[0].tolist()}
    assert "cofactor" in names and "MET" in names
    assert {ELEMENT_CLASSES[k] for k in pocket.element[0].tolist()} <= {"C", "N", "O", "S", "P"}
    residues = {(c, n) for c, n, k in zip(receptor.chain, receptor.number, near, strict=True) if k}
    backbone = sum(
        near[k] and receptor.name[k] in ("N", "CA", "C", "O") and not receptor.hetero[k] for k in range(len(receptor))
    )
    assert int(pocket.backbone.sum()) == backbone > 3 * (len(residues) - 1)
    heavy = ligand.GetConformer().GetPositions()[[a.GetAtomicNum() > 1 for a in ligand.GetAtoms()]]
    distance = np.linalg.norm(pocket.pos[0].numpy()[:, None] - heavy, axis=-1).min(1)
    assert distance.min() < 4 and distance.max() < 20


def test_folder_round_trip_and_its_checksums(receptor, ligand, tmp_path):
    site = sites.site_of_ligand(receptor, ligand, "x.sdf")
    folder = write_pocket(tmp_path / "pocket", receptor, site, ligand)
    back, there, reference = read_pocket(folder)
    same(receptor, back)
    assert back.log == receptor.log and back.source == receptor.source
    np.testing.assert_array_equal(there.centre, site.centre)
    assert Chem.MolToSmiles(reference) == Chem.MolToSmiles(ligand) and there.how == site.how
    np.testing.assert_allclose(reference.GetConformer().GetPositions(), ligand.GetConformer().GetPositions(), atol=1e-4)
    cut = Chem.MolFromPDBFile(str(folder / "pocket.pdb"), sanitize=False, removeHs=False, proximityBonding=False)
    assert 0 < cut.GetNumAtoms() < len(receptor)
    path = folder / "receptor.pdb"
    path.write_text(path.read_text().replace("ALA", "GLY", 1))
    with pytest.raises(UserError, match="not as it was written"):
        read_pocket(folder)
    (folder / "pocket.json").write_text("{}")
    with pytest.raises(UserError, match="is no pocket"):
        read_pocket(folder)


def test_verb(tmp_path, capsys):
    protein, ligand = map(str, demo.demo_complexes()["1s3v"])
    out = tmp_path / "pocket"
    assert main(["pocket", protein, "--ligand", ligand, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "receptor" in said and "hydrogens:" in said
    record = json.loads((out / "pocket.json").read_text())
    assert set(record["sha256"]) == {"receptor.pdb", "receptor.pdbqt", "pocket.pdb", "reference.sdf"}
    assert {"gemmi", "biotite", "hydride", "molediff"} <= set(record["versions"])
    assert main(["pocket", protein, "--ligand", ligand, "--out", str(out)]) == 2  # holds a pocket
    assert main(["pocket", protein, "--detect", "--out", str(out), "--overwrite", "--quiet"]) == 0
    assert json.loads((out / "pocket.json").read_text())["site"]["how"].startswith("detect 1 of")
    assert not (out / "reference.sdf").exists()


BAD_CALLS = {
    "nothing": ([], "No pocket was given"),
    "no site": (["--protein", "P"], "Where is the site"),
    "two sites": (["--protein", "P", "--detect", "--residues", "A:1"], "given: --residues, --detect"),
    "no file": (["--protein", "none.pdb", "--detect"], "does not exist"),
    "edge and box": (["--protein", "P", "--box=1,2,3,25", "--edge", "20"], "leave out --edge"),
    "ligand": (["--protein", "P", "--ligand", "none.sdf"], "does not exist"),
    "kind of ligand": (["--protein", "P", "--ligand", "x.xyz"], "Allowed: .sdf"),
    "pocket": (["--pocket", "x"], "reads what this verb writes"),
}


@pytest.mark.parametrize("fault", BAD_CALLS)
def test_bad_calls(fault, tmp_path, capsys):
    arguments, message = BAD_CALLS[fault]
    protein = str(demo.demo_complexes()["1s3v"][0])
    arguments = [protein if a == "P" else a for a in arguments]
    assert main(["pocket", *arguments, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_without_the_extra(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "hydride", None)
    with pytest.raises(UserError, match=r'pip install -e "\.\[dock\]"'):
        prepare_receptor(demo.demo_complexes()["1s3v"][0])


def test_meeko_and_vina_read_the_same_protein(receptor, ligand, tmp_path):
    """Vina's energy of the crystal pose is the same when apolar hydrogens are left in."""
    vina = pytest.importorskip("vina")
    meeko = pytest.importorskip("meeko")
    whole = Chem.AddHs(ligand, addCoords=True)
    text, fine, _ = meeko.PDBQTWriterLegacy.write_string(meeko.MoleculePreparation().prepare(whole)[0])
    assert fine
    centre = whole.GetConformer().GetPositions().mean(0).tolist()
    path = tmp_path / "receptor.pdbqt"
    path.write_text(pdbqt_text(receptor))
    engine = vina.Vina(sf_name="vina", seed=1, cpu=1, verbosity=0)
    engine.set_receptor(str(path))
    engine.compute_vina_maps(center=centre, box_size=[22, 22, 22])
    engine.set_ligand_from_string(text)
    assert engine.score()[0] < -7


@pytest.mark.parametrize("edge", [5.0, 8.0, 25.0])
def test_small_boxes_at_a_real_site_are_pockets_and_water_is_none(edge):
    receptor, site, _ = small_pocket()
    assert sites.checked(receptor, Site(site.centre, np.full(3, edge), "box")).size[0] == edge
    with pytest.raises(UserError, match="There is no pocket"):
        sites.checked(receptor, Site(site.centre + 60, np.full(3, edge), "box"))


def test_a_reference_that_cannot_be_kekulised_is_kept(tmp_path):
    """As `read_reference` gives a MOL2 whose aromatic nitrogens have lost their hydrogen."""
    receptor, site, _ = small_pocket()
    mol = Chem.MolFromSmiles("c1cncc1", sanitize=False)
    conformer = Chem.Conformer(5)
    conformer.SetPositions(np.array([[np.cos(t), np.sin(t), 0] for t in np.linspace(0, 5, 5)]) + site.centre)
    mol.AddConformer(conformer)
    folder = write_pocket(tmp_path / "pocket", receptor, site, mol)
    assert (folder / "reference.sdf").read_text().count("  4  0") == 5
