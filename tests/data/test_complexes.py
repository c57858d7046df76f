"""Prepared complexes hold the poses where the crystals have them, and the pockets that docking would cut."""

import csv
import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from complexbench import heavy, moved, packed, read_ligand, write_demo, write_poses
from rdkit import Chem

from molediff.chem.pocket_classes import ELEMENT_CLASSES, RESIDUE_CLASSES
from molediff.config import UserError
from molediff.data.complexes import open_complexes, read_pockets
from molediff.data.info import describe
from molediff.data.pocket_cuts import draw_cut, near
from molediff.data.prepare_complexes import prepare_complexes
from molediff.data.shards import open_shards, read_batch


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    return write_demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def prepared(demo, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("prepared") / "out"
    summary = prepare_complexes([demo], out)
    assert (summary.complexes, summary.receptors, summary.poses, summary.left_out) == (4, summary.kept, 4, {})
    return out


def left_out(out: Path) -> list[tuple[str, str]]:
    with open(out / "left_out.csv") as file:
        return [(row["name"], row["reason"]) for row in csv.DictReader(file)]


def chain(atoms: int) -> Chem.Mol:
    """An alkane, somewhere in space."""
    mol = Chem.MolFromSmiles("C" * atoms)
    conformer = Chem.Conformer(atoms)
    conformer.SetPositions(np.arange(3.0 * atoms).reshape(-1, 3))
    mol.AddConformer(conformer)
    return mol


def test_a_pose_with_its_origin_is_the_crystal_pose(demo, prepared):
    complexes = open_complexes(prepared)
    assert complexes.names == tuple(f"demo/{name}" for name in sorted(p.name for p in demo.iterdir()))
    for k, name in enumerate(complexes.names):
        pose = heavy(read_ligand(demo / name.split("/")[1]))
        assert np.abs(complexes.ligand(k) - pose).max() < 1e-4
    first = complexes.shards.offsets["natoms"][:-1]
    assert np.abs(np.add.reduceat(complexes.shards.arrays["pos"], first)).max() < 1e-3
    assert not complexes.shards.explicit_hydrogens


@pytest.mark.parametrize("radius", [5.0, 8.0])
@pytest.mark.parametrize("name", ["1ia1", "1of6", "1s3v", "1uou"])
def test_the_pocket_is_that_of_a_prepared_receptor(demo, prepared, name, radius):
    pytest.importorskip("biotite")
    pytest.importorskip("hydride")
    from molediff.docking.pocket import near_residues, pocket_of
    from molediff.docking.prepare import prepare_receptor

    mol, complexes = read_ligand(demo / name), open_complexes(prepared)
    receptor = prepare_receptor(demo / name / "protein.pdb", ligand=mol)
    one = pocket_of(receptor, near_residues(receptor, mol, radius))
    k = complexes.names.index(f"demo/{name}")
    other = read_pockets(complexes, [k], lambda pos, group, ligand: near(pos, group, ligand, radius))
    back = other.pos + torch.tensor(complexes.arrays["origin"][k])

    def atoms(pocket, pos) -> list[tuple]:
        columns = (pocket.element[0], pocket.residue[0], pocket.backbone[0])
        return sorted(
            (*p, *rest)
            for p, *rest in zip(
                (tuple(round(x, 2) for x in row) for row in pos[0].tolist()),
                *(c.tolist() for c in columns),
                strict=True,
            )
        )

    assert one.pos.shape[1] > 50
    assert torch.allclose(one.pos, back, atol=1e-3)
    assert [a[3:] for a in atoms(one, one.pos)] == [a[3:] for a in atoms(other, one.pos)]
    assert one.element.equal(other.element)
    assert one.residue.equal(other.residue)
    assert one.backbone.equal(other.backbone)


def test_a_metal_and_an_ion_are_classes(demo, tmp_path):
    shutil.copytree(demo / "1ia1", tmp_path / "set" / "a")
    file = tmp_path / "set" / "a" / "protein.pdb"
    centre = heavy(read_ligand(file.parent)).mean(0) + np.array([0, 0, 9.0])
    text = file.read_text().replace("END", "")
    for k, (name, element) in enumerate((("ZN", "ZN"), ("CL", "CL"), ("HOH", "O"))):
        x, y, z = centre + np.array([2.5 * k, 0, 0])
        text += f"HETATM 9{k:03d} {element:<4} {name:>3} Z{900 + k:>4}    {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00"
        text += f"          {element:>2}\n"
    file.write_text(text + "END\n")
    prepare_complexes([tmp_path / "set"], tmp_path / "out")
    a = open_complexes(tmp_path / "out").arrays
    ions = a["rec_residue"] == RESIDUE_CLASSES.index("ion")
    assert sorted(ELEMENT_CLASSES[k] for k in a["rec_element"][ions]) == ["Cl", "metal"]
    assert not (a["rec_residue"] == RESIDUE_CLASSES.index("water")).any()


def test_the_poses_of_a_file_share_a_receptor(demo, tmp_path):
    here = tmp_path / "set" / "many"
    shutil.copytree(demo / "1uou", here)
    mol = read_ligand(here)
    shifts = [np.zeros(3), np.array([0.05, 0, 0]), np.array([0, 0.05, 0])]
    write_poses(here / "ligand.sdf", [moved(mol, shift) for shift in shifts])
    shutil.copytree(demo / "1s3v", tmp_path / "set" / "one")
    prepare_complexes([tmp_path / "set"], tmp_path / "out")
    complexes = open_complexes(tmp_path / "out")
    assert complexes.arrays["receptor"].tolist() == [0, 0, 0, 1]
    for k, shift in enumerate(shifts):
        assert np.abs(complexes.ligand(k) - heavy(mol) - shift).max() < 2e-4
    assert complexes.arrays["cluster"].tolist() == [0, 0, 0, 1]
    assert np.allclose(complexes.arrays["weight"], np.array([1, 1, 1, 3]) / 1.5)
    assert complexes.shards.arrays["index"].tolist() == [0, 1, 2, 3]


def test_hydrogens_of_a_ligand_are_implied_and_its_stereochemistry_stays(demo, tmp_path):
    plain, full = tmp_path / "plain" / "1uou", tmp_path / "full" / "1uou"
    shutil.copytree(demo / "1of6", plain)
    shutil.copytree(demo / "1of6", full)
    mol = read_ligand(plain)
    write_poses(full / "ligand.sdf", [Chem.AddHs(mol, addCoords=True)])
    write_poses(plain / "ligand.sdf", [mol])
    for folder in ("plain", "full"):
        prepare_complexes([tmp_path / folder], tmp_path / f"{folder}_out")
    one, other = (open_shards(tmp_path / f"{folder}_out") for folder in ("plain", "full"))
    assert int(one.arrays["ncentres"][0]) == 1
    (a, stereo_a), (b, stereo_b) = (read_batch(shards, np.array([0])) for shards in (one, other))
    assert a.bond.equal(b.bond)
    assert a.atom.equal(b.atom)

    def parity(centre: torch.Tensor) -> dict:
        """Centre -> its neighbours, sorted, and whether an even number of swaps sorts them."""
        rows = {k: row for k, row in enumerate(centre[0].tolist()) if row[0] >= 0}
        return {k: (sorted(row), sum(x > y for x, y in itertools.combinations(row, 2)) % 2) for k, row in rows.items()}

    assert parity(stereo_a.centre) == parity(stereo_b.centre)


def test_rules_leave_out_by_name(demo, tmp_path):
    folder = tmp_path / "set"
    mol = read_ligand(demo / "1ia1")
    protein = (demo / "1ia1" / "protein.pdb").read_text()
    atom = next(line for line in protein.splitlines() if line[12:16].strip() == "CB" and line.startswith("ATOM"))

    def add(name: str, ligand: str, receptor: str = protein) -> None:
        (folder / name).mkdir(parents=True)
        (folder / name / "ligand.sdf").write_text(ligand)
        (folder / name / "protein.pdb").write_text(receptor)

    def block(mol: Chem.Mol) -> str:
        return Chem.MolToMolBlock(mol) + "$$$$\n"

    def at(distance: float) -> str:
        """The protein with one carbon more, so far from the first atom of the ligand, on the free side."""
        pos = heavy(mol)
        out = pos - pos.mean(0)
        outer = int(np.linalg.norm(out, axis=1).argmax())
        x, y, z = pos[outer] + out[outer] / np.linalg.norm(out[outer]) * distance
        line = atom[:6] + " 9999" + atom[11:22] + "9999" + atom[26:30] + f"{x:8.3f}{y:8.3f}{z:8.3f}" + atom[54:]
        return protein.replace("END", line + "\nEND")

    add("a_good", block(mol))
    add("b_contact", block(mol), at(2.3))
    add("c_covalent", block(mol), at(1.5))
    add("d_far", block(moved(mol, np.array([60.0, 0, 0]))))
    add("e_size", block(chain(61)))
    add("f_ligand", "no molecule\n")
    add("g_protein", block(mol), "\n".join(protein.splitlines()[:20]) + "\nATOM   9999")
    add("h_element", block(mol).replace(" N  ", " Se ", 1))
    add("i_flat", Chem.MolToMolBlock(Chem.MolFromSmiles("CCO")) + "$$$$\n")
    (folder / "j_lonely").mkdir()
    (folder / "j_lonely" / "protein.pdb").write_text(protein)
    summary = prepare_complexes([folder], tmp_path / "out")
    assert left_out(tmp_path / "out") == [
        ("set/b_contact", "contact"),
        ("set/c_covalent", "covalent"),
        ("set/d_far", "far"),
        ("set/e_size", "too_many_atoms"),
        ("set/f_ligand", "ligand_unreadable"),
        ("set/g_protein", "protein_unreadable"),
        ("set/h_element", "element"),
        ("set/i_flat", "no_3d"),
        ("set/j_lonely", "ligand_unreadable"),
    ]
    assert (summary.poses, summary.kept, summary.receptors) == (10, 1, 1)
    assert open_complexes(tmp_path / "out").names == ("set/a_good",)


def test_an_archive_gives_what_its_folder_gives(demo, prepared, tmp_path):
    prepare_complexes([packed(demo, tmp_path / "demo.tar.xz")], tmp_path / "out")
    one, other = open_complexes(prepared), open_complexes(tmp_path / "out")
    assert sorted(one.names) == sorted(other.names)
    for k, name in enumerate(one.names):
        j = other.names.index(name)
        assert (one.ligand(k) == other.ligand(j)).all()
        assert (one.arrays["rec_pos"][one.atoms(k)] == other.arrays["rec_pos"][other.atoms(j)]).all()


def test_pockets_are_padded_and_in_the_frame_of_their_ligands(prepared):
    complexes, rng = open_complexes(prepared), np.random.default_rng(3)
    which, masks = np.array([2, 0, 2]), []
    for pose in which:
        rows = complexes.atoms(pose)
        masks.append(
            draw_cut(
                complexes.arrays["rec_pos"][rows], complexes.arrays["rec_group"][rows], complexes.ligand(pose), rng
            )
        )
    again = np.random.default_rng(3)
    pocket = read_pockets(complexes, which, lambda pos, group, ligand: draw_cut(pos, group, ligand, again))
    assert pocket.mask.sum(1).tolist() == [int(mask.sum()) for mask in masks]
    assert pocket.source == tuple(complexes.names[k] for k in which)
    assert not pocket.pos[~pocket.mask].any()
    molecules, _ = read_batch(complexes.shards, which)
    for k in range(3):
        distance = torch.cdist(molecules.pos[k, molecules.mask[k]], pocket.pos[k, pocket.mask[k]])
        assert 2.4 <= distance.min() < 4.5
    assert read_pockets(complexes, [], lambda *_: np.zeros(0, bool)).pos.shape == (0, 0, 3)


def test_no_cluster_is_in_both_parts_of_a_split(demo, tmp_path):
    for k in range(40):
        shutil.copytree(demo / "1uou", tmp_path / "set" / f"{k:02d}")
    lines = ["set,id,cluster", *(f"set,{k:02d},{k // 2}" for k in range(40))]
    (tmp_path / "index.csv").write_text("\n".join(lines))
    prepare_complexes([tmp_path / "set"], tmp_path / "out", index=tmp_path / "index.csv")
    complexes = open_complexes(tmp_path / "out")
    held = []
    for fold in range(20):
        train, valid = complexes.split(fold)
        assert len(valid) == 2
        assert sorted([*train, *valid]) == list(range(40))
        assert not set(complexes.arrays["cluster"][train]) & set(complexes.arrays["cluster"][valid])
        held += valid.tolist()
    assert sorted(held) == list(range(40))
    assert not np.array_equal(complexes.split(0, seed=1)[1], complexes.split(0)[1])
    with pytest.raises(UserError, match="0 to 19"):
        complexes.split(20)


def test_info_speaks_of_receptors(prepared):
    lines = dict(describe(prepared))
    assert lines["receptors"].startswith("4, 1 to 1 poses each")
    assert lines["clusters"].startswith("4,")
    assert "within 8 A" in lines["pockets"]


def test_damage_is_noticed(prepared, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(prepared, copy)
    np.save(copy / "origin.npy", np.zeros((4, 3), np.float32))
    with pytest.raises(UserError, match=r"origin\.npy"):
        open_complexes(copy)
    (copy / "complexes.json").unlink()
    with pytest.raises(UserError, match="no prepared complexes"):
        open_complexes(copy)
