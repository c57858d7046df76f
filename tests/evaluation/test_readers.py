"""Readers: every format, every kind of damage; fuzzed records never raise and never lose a row."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rdkit import Chem

from molediff.evaluation.errors import InputError
from molediff.evaluation.readers import read
from molediff.evaluation.record import PROBLEMS

from .molecules import SMALL, embedded


def sdf(mols, v3000=False):
    return "".join(Chem.MolToMolBlock(m, kekulize=False, forceV3000=v3000) + "$$$$\n" for m in mols)


def xyz(mols):
    return "".join(Chem.MolToXYZBlock(m) for m in mols)


@pytest.fixture
def mols():
    return [embedded(s) for s in SMALL]


@pytest.mark.parametrize("v3000", [False, True])
def test_sdf_keeps_atoms_bonds_and_places(tmp_path, mols, v3000):
    (tmp_path / "a.sdf").write_text(sdf(mols, v3000))
    records = read(tmp_path / "a.sdf")
    assert [r.problem for r in records] == [""] * len(mols)
    for record, mol in zip(records, mols, strict=True):
        assert np.abs(record.pos - mol.GetConformer().GetPositions()).max() < 1e-4
        assert record.mol.GetNumBonds() == mol.GetNumBonds()
        assert record.source == "a.sdf"


def test_xyz_frames(tmp_path, mols):
    (tmp_path / "a.xyz").write_text(xyz(mols) + "\n\n2\ntitle\n1 0 0 0 0.1\nh 0 0 .74\n")
    records = read(tmp_path / "a.xyz")
    assert [r.problem for r in records] == [""] * (len(mols) + 1)
    assert records[-1].z.tolist() == [1, 1] and records[-1].name == "title" and records[0].mol is None


def test_npz_joined_with_bonds_and_padded(tmp_path, mols):
    z = [np.array([a.GetAtomicNum() for a in m.GetAtoms()]) for m in mols]
    pos = [m.GetConformer().GetPositions() for m in mols]
    bonds = [
        np.array([(b.GetBeginAtomIdx(), b.GetEndAtomIdx(), b.GetBondTypeAsDouble()) for b in m.GetBonds()], dtype=int)
        for m in mols
    ]
    joined = {"z": np.concatenate(z), "pos": np.concatenate(pos), "natoms": np.array([len(one) for one in z])}
    np.savez(tmp_path / "a.npz", **joined)
    held = {"bonds": np.concatenate(bonds), "nbonds": np.array([len(one) for one in bonds])}
    whole = np.rint(joined["pos"] * 1000).astype(np.int16)
    np.savez(tmp_path / "b.npz", **(joined | held | {"pos": whole}))
    n = max(len(one) for one in z)
    np.savez(
        tmp_path / "c.npz",
        z=np.array([np.pad(one, (0, n - len(one))) for one in z]),
        pos=np.array([np.pad(one, ((0, n - len(one)), (0, 0))) for one in pos]),
    )
    for name in "abc":
        records = read(tmp_path / f"{name}.npz")
        assert len(records) == len(mols)
        assert all(np.abs(r.pos - p).max() < 1e-3 for r, p in zip(records, pos, strict=True))
    assert read(tmp_path / "b.npz")[0].mol.GetNumBonds() == mols[0].GetNumBonds()


def test_damaged_sdf_records_are_rows_with_names(tmp_path, mols):
    flat = Chem.MolFromSmiles("CCCO")
    Chem.rdDepictor.Compute2DCoords(flat)
    blocks = [
        Chem.MolToMolBlock(mols[0]),
        "this\nis\nno\nmolecule\nM  END\n",
        Chem.MolToMolBlock(flat),
        Chem.MolToMolBlock(mols[1]).replace("    0.", "    nan", 1),
        "",
        Chem.MolToMolBlock(mols[2])[:200],
    ]
    (tmp_path / "a.sdf").write_text("$$$$\n".join(blocks))
    problems = [r.problem for r in read(tmp_path / "a.sdf")]
    assert problems[0] == "" and problems[2] == "2d_record" and problems[5] == "truncated_record"
    assert problems[1] == "unreadable_record" and problems[4] == "truncated_record"
    assert problems[3] in ("unreadable_record", "nonfinite_coordinates")
    assert set(problems[1:]) <= set(PROBLEMS)


def test_a_hundred_thousand_atoms_are_a_row(tmp_path):
    n = 100_000
    (tmp_path / "a.xyz").write_text(f"{n}\nbig\n" + "C 0 0 0\n" * n + "1\nsmall\nC 0 0 0\n")
    assert [r.problem for r in read(tmp_path / "a.xyz")] == ["too_many_atoms", ""]
    head = "\n     RDKit          3D\n\n  0  0  0     0  0            999 V3000\n"
    counts = f"{head}M  V30 BEGIN CTAB\nM  V30 COUNTS {n} 0 0 0 0\n"
    (tmp_path / "a.sdf").write_text(counts + "M  END\n$$$$\n" + sdf([embedded("CCO")]))
    assert [r.problem for r in read(tmp_path / "a.sdf")] == ["too_many_atoms", ""]


def test_damaged_xyz(tmp_path):
    text = "2\nshort line\nH 0 0\nH 0 0 1\n1\nunknown\nXx 0 0 0\n1\nnan\nH nan 0 0\nrubbish\n3\ncut\nH 0 0 0\n"
    (tmp_path / "a.xyz").write_text(text)
    problems = [r.problem for r in read(tmp_path / "a.xyz")]
    assert problems[:3] == ["unreadable_record", "unknown_element", "nonfinite_coordinates"]
    assert problems[-1] == "truncated_record"


def test_python_molecules_and_none(mols):
    records = read([mols[0], None, Chem.MolFromSmiles("CC"), Chem.Mol()])
    assert [r.problem for r in records] == ["", "no_molecule", "no_coordinates", "no_atoms"]


@pytest.mark.parametrize(
    "name,content,says",
    [
        ("a.sdf", b"", "empty"),
        ("a.pdb", b"x", "Allowed: .sdf"),
        ("a.sdf", b"\x89PNG\r\n\x1a\n\x00\x01M  END\n", "no molecule"),
        ("a.xyz", b"hello\nworld\n", "no molecule"),
        ("a.npz", b"PK\x03\x04 not really", "readable npz"),
    ],
)
def test_files_that_are_no_molecules_are_refused(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=says):
        read(tmp_path / name)


def test_npz_of_other_things_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros(3))
    np.savez(tmp_path / "b.npz", z=np.zeros(3), pos=np.zeros((2, 3)), natoms=np.array([3]))
    for name in "ab":
        with pytest.raises(InputError, match="Allowed: 'z'"):
            read(tmp_path / f"{name}.npz")
    with pytest.raises(InputError, match="No file"):
        read(tmp_path / "c.npz")
    with pytest.raises(InputError, match="list is empty"):
        read([])


GOOD_SDF = sdf([embedded("CCO")])
GOOD_V3000 = sdf([embedded("CC#N")], v3000=True)
GOOD_XYZ = xyz([embedded("CCO")])
FUZZ = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@st.composite
def mutated(draw, text):
    """A record with a few characters changed, cut out or put in, or whole lines doubled or lost."""
    lines = text.split("\n")
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        kind = draw(st.integers(0, 4))
        if kind == 0:
            del lines[at]
            lines = lines or [""]
        elif kind == 1:
            lines.insert(at, lines[at])
        else:
            spot = draw(st.integers(0, max(len(lines[at]) - 1, 0)))
            new = draw(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=4))
            lines[at] = lines[at][:spot] + new + lines[at][spot + (kind == 2) :]
    return "\n".join(lines)


def _rows(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8")
    try:
        return read(folder / name)
    except InputError:
        return []


@FUZZ
@given(mutated(GOOD_SDF) | mutated(GOOD_V3000))
def test_fuzzed_sdf_records_keep_their_neighbours(tmp_path, text):
    bad = text.replace("$$$$", "") + "\n$$$$\n"
    records = _rows(tmp_path, "a.sdf", GOOD_SDF + bad + GOOD_SDF)
    assert len(records) == 3
    assert records[0].problem == records[2].problem == ""
    assert records[1].problem in ("", *PROBLEMS)


@FUZZ
@given(mutated(GOOD_XYZ))
def test_fuzzed_xyz_never_raises(tmp_path, text):
    records = _rows(tmp_path, "a.xyz", GOOD_XYZ + text)
    assert len(records) >= 1 and records[0].problem == ""
    assert all(record.problem in ("", *PROBLEMS) for record in records)


@FUZZ
@given(st.binary(max_size=300))
def test_random_bytes_are_rows_or_refused(tmp_path, data):
    for name in ("a.sdf", "a.xyz", "a.npz"):
        (tmp_path / name).write_bytes(data)
        try:
            records = read(tmp_path / name)
        except InputError:
            continue
        assert all(record.problem in ("", *PROBLEMS) for record in records)
