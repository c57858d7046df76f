"""Complexes are found in folders and archives of every layout; what cannot be used is named."""

import csv
import gzip
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from complexbench import heavy, moved, packed, read_ligand, write_demo, write_poses
from rdkit import Chem

from molediff.config import UserError
from molediff.data.clusters import clusters_of, read_index
from molediff.data.complex_rules import ComplexOptions
from molediff.data.complex_sources import find_complexes, read_complexes
from molediff.data.complexes import open_complexes
from molediff.data.layouts import LAYOUTS
from molediff.data.poses import read_poses
from molediff.data.prepare_complexes import prepare_complexes

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "complexes"
SETS = ("unifep", "schrodinger", "plrex", "openff_plb", "merck", "casf2016_part")


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    return write_demo(tmp_path_factory.mktemp("demo"))


MOL2 = """@<TRIPOS>MOLECULE
{name}
{atoms} {bonds} 0 0 0
SMALL
NO_CHARGES

@<TRIPOS>ATOM
{lines}
@<TRIPOS>BOND
{joined}
"""


def mol2(mol: Chem.Mol) -> str:
    """A MOL2 file of a molecule of carbon and oxygen with single bonds."""
    pos = mol.GetConformer().GetPositions()
    lines = [
        f"{a.GetIdx() + 1} {a.GetSymbol()}{a.GetIdx()} {p[0]:.4f} {p[1]:.4f} {p[2]:.4f} {a.GetSymbol()}"
        f"{'' if a.GetSymbol() == 'H' else '.3'} 1 LIG 0.0"
        for a, p in zip(mol.GetAtoms(), pos, strict=True)
    ]
    joined = [f"{b.GetIdx() + 1} {b.GetBeginAtomIdx() + 1} {b.GetEndAtomIdx() + 1} 1" for b in mol.GetBonds()]
    return MOL2.format(name="x", atoms=len(lines), bonds=len(joined), lines="\n".join(lines), joined="\n".join(joined))


def lay_out(layout: str, demo: Path, root: Path) -> list[str]:
    """Two demo complexes in a layout; the names that they have there."""
    names = []
    for number, name in enumerate(("1s3v", "1uou")):
        protein, ligand = demo / name / "protein.pdb", demo / name / "ligand.sdf"
        here = root / "part" / (name if layout != "crossdocked" else "POCKET_1")
        here.mkdir(parents=True, exist_ok=True)
        if layout == "plain":
            shutil.copy(protein, here / "protein.pdb")
            shutil.copy(ligand, here / "ligand.sdf")
            names.append(f"part/{name}")
        elif layout == "crossdocked":
            # the second name begins with the first
            bare = f"{('1abc_A', '1abc_A_2')[number]}"
            shutil.copy(protein, here / f"{bare}_rec.pdb")
            (here / f"{bare}_rec_2xyz_lig_lig_tt_min.sdf.gz").write_bytes(gzip.compress(ligand.read_bytes()))
            shutil.copy(ligand, here / f"{bare}_lig_uff2.sdf")
            names.append(f"POCKET_1/{bare}")
        elif layout == "pocket10":
            shutil.copy(protein, here / f"{name}_A_rec_lig_tt_min_0_pocket10.pdb")
            shutil.copy(ligand, here / f"{name}_A_rec_lig_tt_min_0.sdf")
            names.append(f"{name}/{name}_A_rec_lig_tt_min_0")
        else:
            shutil.copy(protein, here / f"{name}_{('protein', 'pocket')[number]}.pdb")
            shutil.copy(ligand, here / f"{name}_ligand.sdf")
            (here / f"{name}_ligand.mol2").write_text("no molecule")
            names.append(f"part/{name}")
    return names


@pytest.mark.parametrize("layout", ["plain", "crossdocked", "pocket10", "pdbbind"])
def test_a_layout_is_found_by_looking(layout, demo, tmp_path):
    names = lay_out(layout, demo, tmp_path / "in")
    prepare_complexes([tmp_path / "in"], tmp_path / "out")
    complexes = open_complexes(tmp_path / "out")
    assert sorted(complexes.names) == sorted(names)
    for k, name in enumerate(("1s3v", "1uou")):
        pose = complexes.ligand(complexes.names.index(names[k]))
        assert np.abs(pose - heavy(read_ligand(demo / name))).max() < 1e-4
    assert len(open_complexes(tmp_path / "out")) == 2


def test_every_layout_is_tested():
    assert {layout.__name__ for layout in LAYOUTS.values()} == {"plain", "crossdocked", "pocket10", "pdbbind"}


def test_mol2_stands_in_for_an_sd_file_that_cannot_be_used():
    mol = Chem.AddHs(Chem.MolFromSmiles("CCO"))
    conformer = Chem.Conformer(mol.GetNumAtoms())
    conformer.SetPositions(np.random.default_rng(0).normal(size=(mol.GetNumAtoms(), 3)))
    mol.AddConformer(conformer)
    good = ("x_ligand.mol2", mol2(mol).encode())
    bad = ("x_ligand.sdf", b"x\n\n\n nonsense\n$$$$\n")
    (record,) = read_poses([bad, good])
    assert not record.problem
    assert record.z.tolist() == [a.GetAtomicNum() for a in mol.GetAtoms()]
    assert np.abs(record.pos - mol.GetConformer().GetPositions()).max() < 1e-3
    (record,) = read_poses([bad])
    assert record.problem == "ligand_unreadable"
    (record,) = read_poses([("x.sdf.gz", b"not packed")])
    assert record.problem == "ligand_unreadable"


def test_several_sources_are_joined_and_hard_links_followed(demo, tmp_path):
    first, second = tmp_path / "one", tmp_path / "two"
    lay_out("plain", demo, first)
    shutil.copytree(demo / "1ia1", second / "1ia1")
    (second / "2aaa").mkdir(parents=True)
    (second / "2aaa" / "protein.pdb").hardlink_to(second / "1ia1" / "protein.pdb")
    shutil.copy(demo / "1ia1" / "ligand.sdf", second / "2aaa" / "ligand.sdf")
    archive = packed(second, tmp_path / "two.tar.xz")
    with tarfile.open(archive) as file:
        assert any(member.islnk() for member in file)
    prepare_complexes([first, archive], tmp_path / "out")
    assert open_complexes(tmp_path / "out").names == ("part/1s3v", "part/1uou", "two/1ia1", "two/2aaa")


def test_reading_begins_anywhere(demo, tmp_path):
    for source in (find_complexes(demo), find_complexes(packed(demo, tmp_path / "demo.tar.xz"))):
        whole = list(read_complexes(source))
        assert len(whole) == 4
        for start in range(5):
            assert list(read_complexes(source, start)) == whole[start:]


def test_bad_sources_are_named(demo, tmp_path):
    archive = packed(demo, tmp_path / "demo.tar.xz")
    whole = archive.read_bytes()
    for cut in (len(whole) // 2, len(whole) - 400, 40):
        archive.write_bytes(whole[:cut])
        with pytest.raises(UserError, match=r"demo\.tar\.xz' is damaged or cut short"):
            find_complexes(archive)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("nothing")
    with pytest.raises(UserError, match=r"holds no complexes \(1 files were looked at\).*CrossDocked2020.*PDBbind"):
        find_complexes(tmp_path / "empty")
    with pytest.raises(UserError, match=r"No folder or archive.*Did you mean 'empty'"):
        find_complexes(tmp_path / "emtpy")
    with pytest.raises(UserError, match="neither a folder nor an archive"):
        find_complexes(tmp_path / "empty" / "notes.txt")


def test_an_index_is_checked(tmp_path):
    file = tmp_path / "index.csv"

    def index(text: str):
        file.write_text(text)
        return read_index(file)

    assert index("id,set,cluster,more\na,s,4,x\nb,s,9,y\na,s,4,z\n") == {("s", "a"): 4, ("s", "b"): 9}
    assert index("set,id,cluster\ns,a,kinase\ns,b,protease\ns,c,kinase\n") == {
        ("s", "a"): 0,
        ("s", "b"): 1,
        ("s", "c"): 0,
    }
    for text, words in (
        ("set,name,cluster\ns,a,1\n", "no column 'id'.*set, name, cluster"),
        ("", "no column 'set'.*empty"),
        ("set,id,cluster\n", "no rows"),
        ("set,id,cluster\ns,a,\n", "line 2.*no cluster"),
        ("set,id,cluster\ns,a,1\ns,a,2\n", "line 3.*clusters 1 and 2"),
    ):
        with pytest.raises(UserError, match=words):
            index(text)
    with pytest.raises(UserError, match="No file"):
        read_index(tmp_path / "none.csv")


def test_clusters_of_a_set_or_of_a_file(tmp_path):
    index = {("train", "a"): 1, ("train", "b"): 2, ("test", "c"): 2, ("test", "d"): 3}
    assert clusters_of("test", index) == {2, 3}
    file = tmp_path / "some.csv"
    file.write_text("set,id\ntrain,a\n")
    assert clusters_of(str(file), index) == {1}
    file.write_text("set,id\ntrain,z\n")
    with pytest.raises(UserError, match="train/z' is not in the index"):
        clusters_of(str(file), index)
    with pytest.raises(UserError, match=r"Sets: test, train.*Did you mean 'test'"):
        clusters_of("tset", index)


def test_clusters_are_left_out_and_counted(demo, tmp_path):
    lay_out("plain", demo, tmp_path / "in")
    mol = read_ligand(demo / "1uou")
    write_poses(tmp_path / "in" / "part" / "1uou" / "ligand.sdf", [mol, moved(mol, np.array([0.01, 0, 0]))])
    index = tmp_path / "index.csv"
    index.write_text("set,id,cluster\npart,1s3v,5\npart,1uou,7\nother,x,7\n")
    out = tmp_path / "out"
    summary = prepare_complexes([tmp_path / "in"], out, index=index, leave_out="other")
    assert (summary.complexes, summary.outside, summary.receptors, summary.kept) == (2, 1, 1, 1)
    assert summary.left_out == {"held_out_cluster": 2}
    assert open_complexes(out).arrays["cluster"].tolist() == [5]
    with pytest.raises(UserError, match="needs the clusters: --index"):
        prepare_complexes([tmp_path / "in"], out, leave_out="other")
    with pytest.raises(UserError, match=r"with other arguments \(index"):
        prepare_complexes([tmp_path / "in"], out)
    index.write_text("set,id,cluster\npart,1s3v,5\nother,x,5\n")
    summary = prepare_complexes([tmp_path / "in"], tmp_path / "new", index=index)
    assert (summary.unlisted, open_complexes(tmp_path / "new").arrays["cluster"].tolist()) == (1, [5, 6, 6])
    with pytest.raises(UserError, match=r"None of the 1 poses can be used: held_out_cluster 1"):
        prepare_complexes([tmp_path / "in"], tmp_path / "none", ComplexOptions(limit=1), index=index, leave_out="other")


@pytest.mark.skipif(not SHARED.is_dir(), reason="the complexes are not here")
def test_790_training_complexes_lie_outside_the_clusters_of_crossdocked_test():
    index = read_index(SHARED / "index.csv")
    held = clusters_of("crossdocked_test", index)
    with open(SHARED / "index.csv", newline="") as file:
        rows = [(row["set"], row["id"]) for row in csv.DictReader(file) if row["set"] in SETS]
    outside = [key for key in rows if index[key] not in held]
    assert (len(rows), len(outside)) == (807, 790)
    # three names of the index stand for two complexes each, of which the archive holds one
    there = [(s, name) for one in SETS for s, name, _ in find_complexes(SHARED / f"{one}.tar.xz").found]
    assert len(there) == len(set(there)) == 804
    assert set(there) == set(rows)
    assert len([key for key in there if index[key] not in held]) == len(set(outside)) == 787
