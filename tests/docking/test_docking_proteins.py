"""Reading and cleaning of proteins: each rule on a peptide made here, each fault with its message."""

import gzip

import gemmi
import numpy as np
import pytest
from rdkit import Chem

from molediff.chem.proteins import read_protein
from molediff.chem.residue_table import SIDE_CHAINS, atoms_of, bonds_of
from molediff.config import UserError
from molediff.docking.demo import demo_complexes
from molediff.docking.prepare import clean


def line(serial, name, residue, chain, number, pos, record="ATOM", alt="", occupancy=1.0, element="", code=""):
    element = element or name[0]
    x, y, z = pos
    return (
        f"{record:<6}{serial:5d} {f' {name}' if len(element) == 1 else name:<4}{alt:1}{residue:>3} {chain}{number:4d}"
        f"{code:1}   {x:8.3f}{y:8.3f}{z:8.3f}{occupancy:6.2f}{20.0:6.2f}          {element.upper():>2}"
    )


def chain_of(folder, name="1s3v", first=10, last=14):
    """Lines of a few residues of a real protein, heavy atoms, chain A from residue 1."""
    structure = gemmi.read_structure(str(demo_complexes()[name][0]))
    lines, serial = [], 0
    for number, residue in enumerate(list(structure[0][0])[first:last], 1):
        for atom in residue:
            if atom.element.name != "H":
                serial += 1
                lines.append(line(serial, atom.name, residue.name, "A", number, atom.pos.tolist()))
    return lines


@pytest.fixture
def peptide(tmp_path):
    return chain_of(tmp_path)


@pytest.fixture
def write(tmp_path):
    def to(lines, name="protein.pdb"):
        path = tmp_path / name
        path.write_text("\n".join([*lines, "END", ""]))
        return path

    return to


def cleaned(path, **options):
    residues, log = read_protein(path)
    return clean(residues, log, **options), log


def lines_of(log, rule):
    return [entry for entry in log if entry.startswith(f"{rule}:")]


FAR = (200.0, 0.0, 0.0)


def test_pdb_cif_pdbqt_and_gz_are_read_alike(peptide, write, tmp_path):
    path = write(peptide)
    expected, _ = cleaned(path)
    cif = tmp_path / "protein.cif"
    gemmi.read_structure(str(path)).make_mmcif_document().write_file(str(cif))
    zipped = tmp_path / "protein.pdb.gz"
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    qt = tmp_path / "protein.pdbqt"
    qt.write_text("\n".join(f"{x[:66]:<70}{0.0:6.3f} {'OA' if x[13] == 'O' else x[13]}" for x in peptide) + "\n")
    for other in (cif, zipped, qt):
        found, _ = cleaned(other)
        assert [str(r) for r in found] == [str(r) for r in expected]
        for a, b in zip(found, expected, strict=True):
            assert [(x.name, x.element) for x in a.atoms] == [(x.name, x.element) for x in b.atoms]
            np.testing.assert_allclose(a.heavy(), b.heavy(), atol=1e-3)


def test_altloc_of_highest_occupancy(peptide, write):
    last = peptide[-1]
    a, b = last[:16] + "A" + last[17:54] + "  0.30" + last[60:], last[:16] + "B" + last[17:54] + "  0.70" + last[60:]
    b = b[:30] + f"{float(b[30:38]) + 0.5:8.3f}" + b[38:]
    residues, log = cleaned(write([*peptide[:-1], a, b]))
    assert residues[-1].atoms[-1].pos[0] == pytest.approx(float(last[30:38]) + 0.5)
    assert len(residues[-1].atoms) == len({x.name for x in residues[-1].atoms})
    assert "B of A, B" in lines_of(log, "altloc")[0]


def test_two_residues_at_one_place(peptide, write):
    """Microheterogeneity: SER and THR of one number; the one of higher occupancy stays."""
    number = int(peptide[-1][22:26]) + 1
    serine = [line(900, "CA", "SER", "A", number, FAR, alt="A", occupancy=0.4)]
    threonine = [line(901, "CA", "THR", "A", number, FAR, alt="B", occupancy=0.6)]
    residues, log = cleaned(write([*peptide, *serine, *threonine]))
    assert residues[-1].name == "THR"
    assert any("SER" in entry and "dropped" in entry for entry in lines_of(log, "altloc"))


def test_insertion_codes_are_residues_of_their_own(peptide, write):
    more = [line(900, "CA", "ALA", "A", 3, FAR, code="A")]
    residues, _ = cleaned(write([*peptide, *more]))
    assert {"3", "3A"} <= {r.number for r in residues}


def test_the_first_of_several_models(peptide, write):
    moved = [x[:30] + f"{float(x[30:38]) + 50:8.3f}" + x[38:] for x in peptide]
    path = write(["MODEL        1", *peptide, "ENDMDL", "MODEL        2", *moved, "ENDMDL"])
    residues, log = cleaned(path)
    assert residues[0].atoms[0].pos[0] == pytest.approx(float(peptide[0][30:38]))
    assert lines_of(log, "models") == ["models: the first of 2 is used"]


def test_chains_all_or_some(peptide, write):
    path = write([*peptide, *[x[:21] + "B" + x[22:30] + f"{float(x[30:38]) + 60:8.3f}" + x[38:] for x in peptide]])
    residues, log = cleaned(path)
    assert {r.chain for r in residues} == {"A", "B"} and "all 2" in lines_of(log, "chains")[0]
    residues, log = cleaned(path, chains=["B"])
    assert {r.chain for r in residues} == {"B"} and "A: dropped" in lines_of(log, "chains")[0]
    with pytest.raises(UserError, match=r"Chain 'X' is not in the protein.*A, B"):
        cleaned(path, chains=["X"])


def test_waters_additives_metals_and_cofactors(peptide, write):
    more = [
        line(901, "O", "HOH", "A", 301, FAR, "HETATM"),
        line(902, "ZN", "ZN", "A", 302, (210, 0, 0), "HETATM", element="Zn"),
        line(903, "C1", "EDO", "A", 303, (220, 0, 0), "HETATM"),
        line(904, "P", "PO4", "A", 304, (230, 0, 0), "HETATM"),
        line(905, "O1", "PO4", "A", 304, (231.5, 0, 0), "HETATM"),
    ]
    residues, log = cleaned(write([*peptide, *more]))
    assert [r.name for r in residues if not r.polymer] == ["ZN", "PO4"]
    assert lines_of(log, "water") == ["water: HOH A:301: dropped"]
    assert lines_of(log, "metal") == ["metal: ZN A:302: kept"]
    assert "EDO A:303: dropped" in lines_of(log, "additive")[0]
    assert "PO4 A:304: kept" in lines_of(log, "cofactor")[0]
    residues, _ = cleaned(write([*peptide, *more]), keep_waters=True, keep=["EDO"], drop=["PO4"])
    assert [r.name for r in residues if not r.polymer] == ["HOH", "ZN", "EDO"]
    with pytest.raises(UserError, match="No residue 'ATP' to drop"):
        cleaned(write([*peptide, *more]), drop=["ATP"])
    with pytest.raises(UserError, match="No residue 'edo' to keep"):
        cleaned(write([*peptide, *more]), keep=["edo"])


def test_native_ligand_goes_by_overlap_and_the_protein_never(peptide, write):
    reference = Chem.AddHs(Chem.MolFromSmiles("CCO"))
    conformer = Chem.Conformer(reference.GetNumAtoms())
    conformer.Set3D(True)
    for k in range(reference.GetNumAtoms()):
        conformer.SetAtomPosition(k, (200.0 + 1.4 * k, 0.1, 0.1))
    reference.AddConformer(conformer)
    more = [
        line(901, "C1", "XYZ", "A", 301, (200, 0, 0), "HETATM"),
        line(902, "C2", "XYZ", "A", 301, (190, 0, 0), "HETATM"),
        line(903, "C1", "XYZ", "A", 302, (180, 0, 0), "HETATM"),
    ]
    residues, log = cleaned(write([*peptide, *more]), ligand=reference)
    assert [r.number for r in residues if r.name == "XYZ"] == ["302"]
    assert "XYZ A:301: dropped" in lines_of(log, "native-ligand")[0]
    x, y, z = (float(peptide[5][k : k + 8]) for k in (30, 38, 46))
    reference.GetConformer().SetAtomPosition(0, (x, y, z))
    count = sum(r.polymer for r in residues)
    residues, log = cleaned(write([*peptide, *more]), ligand=reference)
    assert sum(r.polymer for r in residues) == count and len(lines_of(log, "overlap")) == 1


def test_an_ion_listed_as_atom_and_a_free_amino_acid(peptide, write):
    """Calcium as ATOM is no alpha carbon; a tyrosine apart from the chain is a ligand, and goes by overlap."""
    free = [
        line(910 + k, name, "TYR", "Z", 900, (400 + 1.4 * k, 0, 0), "HETATM")
        for k, name in enumerate(("N", "CA", "C", "O", "CB"))
    ]
    calcium = line(901, "CA", "CA", "A", 302, (210, 0, 0), element="Ca")
    residues, log = cleaned(write([*peptide, "TER", calcium, *free]))
    assert {r.name for r in residues if not r.polymer} == {"CA", "TYR"}
    assert lines_of(log, "metal") == ["metal: CA A:302: kept"] and not lines_of(log, "gap")
    reference = Chem.MolFromSmiles("C")
    reference.AddConformer(Chem.Conformer(1))
    reference.GetConformer().SetAtomPosition(0, (401.4, 0.0, 0.5))
    residues, log = cleaned(write([*peptide, "TER", calcium, *free]), ligand=reference)
    assert {r.name for r in residues if not r.polymer} == {"CA"} and lines_of(log, "native-ligand")


def test_selenium_and_names_of_force_fields(peptide, write):
    mse = [
        line(901 + k, name, "MSE", "A", 50, (300 + 1.5 * k, 0, 0), "HETATM", element="Se" if name == "SE" else "")
        for k, name in enumerate(("N", "CA", "C", "O", "CB", "CG", "SE", "CE"))
    ]
    hid = [line(920, "CA", "HID", "A", 60, (330, 0, 0)), line(921, "N", "HID", "A", 60, (331, 0, 0))]
    odd = [line(930, "CA", "CSO", "A", 70, (360, 0, 0)), line(931, "N", "CSO", "A", 70, (361, 0, 0))]
    residues, log = cleaned(write([*peptide, *mse, *hid, *odd]))
    by_number = {r.number: r for r in residues}
    assert by_number["50"].name == "MET" and by_number["50"].polymer
    assert [(a.name, a.element) for a in by_number["50"].atoms if a.element == "S"] == [("SD", "S")]
    assert (by_number["60"].name, by_number["60"].state) == ("HIS", "HID")
    assert by_number["70"].name == "CSO"
    text = "\n".join(log)
    assert "MSE A:50: read as MET" in text and "HID read as HIS, 1 residues" in text
    assert "CSO A:70: kept as it is" in text


def test_missing_atoms_and_gaps_are_named(peptide, write):
    side = [x for x in peptide if x[12:16].strip() not in ("N", "CA", "C", "O", "CB")]
    number, residue = side[0][22:26].strip(), side[0][17:20]
    cut = [x for x in peptide if x not in side]
    _, log = cleaned(write(cut))
    assert any(f"{residue} A:{number}: without" in x for x in lines_of(log, "missing-atoms"))
    holed = [x for x in peptide if x[22:26].strip() != "2"]
    _, log = cleaned(write(holed))
    assert len(lines_of(log, "gap")) == 1
    assert not lines_of(cleaned(write(peptide))[1], "gap")


def test_hydrogens_of_the_file_decide_protonation(write):
    atoms = [(n, (k * 1.5, 0, 0)) for k, n in enumerate(("N", "CA", "C", "O", "CB", "CG", "ND1", "CD2", "CE1", "NE2"))]
    heavy = [line(k, n, "HIS", "A", 1, p) for k, (n, p) in enumerate(atoms, 1)]
    for hydrogens, state in ((["HD1"], "HID"), (["HE2"], "HIE"), (["HD1", "HE2"], "HIP")):
        more = [line(50, h, "HIS", "A", 1, (0, 5.0 + k, 0), element="H") for k, h in enumerate(hydrogens)]
        residues, log = cleaned(write([*heavy, *more]))
        assert residues[0].state == state
        assert all(a.element != "H" for a in residues[0].atoms) and lines_of(log, "hydrogens")


def test_metals_decide_histidines_and_cysteines(write):
    ring = {"CG": (0, 0, 0), "ND1": (1.4, 0, 0), "CE1": (2, 1.2, 0), "NE2": (1, 2.1, 0), "CD2": (0, 1.3, 0)}
    base = {"N": (-4, 0, 0), "CA": (-3, 0, 1), "C": (-3, 1, 2), "O": (-3, 2, 2), "CB": (-1.5, 0, 0)}
    his = [line(k, n, "HIS", "A", 1, p) for k, (n, p) in enumerate({**base, **ring}.items(), 1)]
    zinc = line(90, "ZN", "ZN", "A", 9, (1.0, 4.2, 0.0), "HETATM", element="Zn")
    residues, log = cleaned(write([*his, zinc]))
    assert residues[0].state == "HID" and "at a metal" in lines_of(log, "protonation")[0]
    assert cleaned(write(his))[0][0].state == "HIE"
    acceptor = [line(95, "CA", "ASP", "A", 5, (9, 9, 9)), line(96, "OD1", "ASP", "A", 5, (2.6, -2.4, 0.0))]
    assert cleaned(write([*his, *acceptor]))[0][0].state == "HID"


FAULTS = {
    "empty": ("protein.pdb", b"", "is empty"),
    "no coordinates": ("protein.pdb", b"HEADER    NOTHING\nEND\n", "has no coordinates"),
    "cif without coordinates": ("x.cif", b"data_X\n_entry.id X\n", "has no coordinates"),
    "cif cut off": ("x.cif", b"data_X\nloop_\n_atom_site.id\n_atom_site.type_symbol\n1 N 2\n", "cut off or damaged"),
    "not a cif": ("x.cif", b"hello there", "cut off or damaged"),
    "another kind": ("protein.txt", b"x", "Allowed: .pdb"),
    "cut gzip": ("protein.pdb.gz", gzip.compress(b"ATOM " * 99)[:-12], "cannot be read"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_files_that_cannot_be_used(fault, tmp_path):
    name, raw, message = FAULTS[fault]
    path = tmp_path / name
    path.write_bytes(raw)
    with pytest.raises(UserError, match=message):
        read_protein(path)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        read_protein(tmp_path / "none.pdb")


def test_truncated_in_the_middle_of_a_line(peptide, tmp_path):
    path = tmp_path / "cut.pdb"
    path.write_text("\n".join(peptide)[:-40])
    with pytest.raises(UserError, match=f"line {len(peptide)} has no coordinates"):
        read_protein(path)


def test_truncated_between_lines(peptide, tmp_path):
    path = tmp_path / "cut.pdb"
    start = max(k for k, x in enumerate(peptide) if x[12:16].strip() == "CA")
    path.write_text("\n".join(peptide[: start + 1]) + "\n")
    with pytest.raises(UserError, match="stops inside"):
        read_protein(path)
    path.write_text("\n".join([*peptide, ""]))  # whole, only without END
    assert read_protein(path)[0]


def test_only_alpha_carbons(peptide, write):
    with pytest.raises(UserError, match="trace of C-alpha atoms"):
        cleaned(write([x for x in peptide if x[12:16].strip() == "CA"]))


def test_a_ligand_is_no_protein(write):
    with pytest.raises(UserError, match="no protein in the file"):
        cleaned(write([line(1, "C1", "LIG", "A", 1, (0, 0, 0), "HETATM")]))


def test_the_table_of_bonds_is_connected():
    """Every atom of every residue is reached; counts of heavy atoms as in any textbook."""
    heavy = {"GLY": 4, "ALA": 5, "TRP": 14, "ARG": 11, "PHE": 11, "LYS": 9, "HIS": 10, "PRO": 7}
    for name in SIDE_CHAINS:
        reached, bonds = {bonds_of(name)[0][0]}, bonds_of(name)
        for _ in bonds:
            reached |= {b for a, b, _ in bonds if a in reached} | {a for a, b, _ in bonds if b in reached}
        assert reached == {x for b in bonds for x in b[:2]}
        if name in heavy:
            assert len(atoms_of(name)) == heavy[name]


@pytest.mark.parametrize(("name", "plain", "hydrogen"), [("LYN", "LYS", "HZ2"), ("CYM", "CYS", "HA")])
def test_hydrogens_of_the_file_leave_what_a_name_says(write, name, plain, hydrogen):
    heavy = [line(k, n, name, "A", 1, (1.5 * k, 0, 0)) for k, n in enumerate(("N", "CA", "C", "O", "CB"), 1)]
    shown = [line(50, hydrogen, name, "A", 1, (0, 5, 0), element="H")]
    for atoms in (heavy, heavy + shown):
        assert [(r.name, r.state) for r in cleaned(write(atoms))[0]] == [(plain, name)]
