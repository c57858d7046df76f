"""Every rule has a molecule that it leaves out, counted and listed with its index."""

import csv
import json

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdDepictor, rdDistGeom

from molediff.chem import arrays_from_mol
from molediff.config import UserError
from molediff.data.prepare import prepare
from molediff.data.readers import qm9, smiles
from molediff.data.readers.sdf import decode
from molediff.data.record import Record
from molediff.data.rules import LEFT_OUT, LeftOutError, Options, prepare_one
from molediff.data.shards import open_shards
from molediff.data.xtb import relaxed
from molediff.elements import Vocabulary

OPTIONS = Options(Vocabulary(), max_atoms=20)
HEAVY = Options(Vocabulary(("C", "N", "O", "F")), explicit_hydrogens=False, max_atoms=20)


def embedded(text: str, hydrogens: bool = True) -> Chem.Mol:
    mol = Chem.MolFromSmiles(text)
    mol = Chem.AddHs(mol) if hydrogens else mol
    assert rdDistGeom.EmbedMolecule(mol, randomSeed=3) == 0
    mol.SetProp("_Name", text)
    return mol


def block(smiles: str, hydrogens: bool = True) -> str:
    return Chem.MolToMolBlock(embedded(smiles, hydrogens))


def flat() -> str:
    mol = Chem.AddHs(Chem.MolFromSmiles("CCO"))
    rdDepictor.Compute2DCoords(mol)
    return Chem.MolToMolBlock(mol)


def of_arrays(smiles: str, **changes: object) -> Record:
    z, charge, bonds, pos = arrays_from_mol(embedded(smiles))
    return Record(**({"index": 0, "z": z, "charge": charge, "bonds": bonds, "pos": pos} | changes))


def with_nan() -> Record:
    record = of_arrays("CO")
    record.pos[2, 1] = np.nan
    return record


def dative() -> str:
    mol = Chem.RWMol(embedded("CN(C)C"))
    oxygen = mol.AddAtom(Chem.Atom(8))
    mol.AddBond(1, oxygen, Chem.BondType.DATIVE)
    mol.GetConformer().SetAtomPosition(oxygen, [0, 0, 3])
    return Chem.MolToMolBlock(mol, forceV3000=True)


def methyl_radical() -> str:
    mol = Chem.AddHs(Chem.MolFromSmiles("[CH3]"))
    assert rdDistGeom.EmbedMolecule(mol, randomSeed=3) == 0
    return Chem.MolToMolBlock(mol)


def pentavalent_nitrogen() -> str:
    return block("C[N+](=O)[O-]").replace("  2  4  1", "  2  4  2").split("M  CHG")[0] + "M  END\n"


def no_minimum(z, charge, pos):
    """A force that no step takes away."""
    return lambda x: (0.0, np.ones_like(x))


def stretched() -> str:
    """The hydroxyl hydrogen two angstrom away from its oxygen."""
    mol = embedded("CO")
    mol.GetConformer().SetAtomPosition(5, mol.GetConformer().GetPositions()[1] + [0, 0, 2.0])
    return Chem.MolToMolBlock(mol)


def phosphorane() -> Record:
    """PH5: RDKit would put three hydrogens on a bare P."""
    bonds = np.array([[0, k, 1] for k in range(1, 6)])
    return Record(0, z=np.array([15, 1, 1, 1, 1, 1]), charge=np.zeros(6, int), bonds=bonds, pos=np.eye(6, 3))


EXAMPLES = {
    "held_out": [
        (of_arrays("CO", index=1_000_000), Options(split="geom")),
        (of_arrays("CO", index=0), Options(split="edm")),
    ],
    "not_embedded": [(smiles.decode((0, 1, "C1#CC1")), OPTIONS)],
    "no_force_field": [(smiles.decode((0, 1, "OB(O)c1ccccc1")), OPTIONS)],
    "not_relaxed": [(relaxed(of_arrays("CO"), no_minimum), OPTIONS)],
    "uncharacterised": [(qm9.decode((0, block("CO").replace("CO\n", "gdb_58\n", 1).encode())), OPTIONS)],
    "bonds_differ": [(qm9.decode((0, stretched().encode())), OPTIONS)],
    "unreadable": [
        ("not a molecule\n\n\n  x  y V2000\n", OPTIONS),
        (of_arrays("CO", bonds=np.array([[0, 9, 1]])), OPTIONS),
    ],
    "empty": [(Record(0, pos=np.zeros((0, 3))), OPTIONS), (block("[H][H]"), HEAVY)],
    "bond_type": [(dative(), OPTIONS)],
    "no_3d": [(flat(), OPTIONS), (of_arrays("CO", pos=None), OPTIONS), (of_arrays("CO", pos=np.ones((6, 3))), OPTIONS)],
    "nan_coordinates": [(with_nan(), OPTIONS)],
    "element": [(block("CCl"), OPTIONS), (of_arrays("CO", z=np.array([0, 8, 1, 1, 1, 1])), OPTIONS)],
    "charge": [(of_arrays("CO", charge=np.array([0, 2, 0, 0, 0, 0])), OPTIONS)],
    "too_many_atoms": [(block("CCCCCCC"), OPTIONS), (of_arrays("C" * 21), HEAVY)],
    "not_sanitised": [(pentavalent_nitrogen(), OPTIONS), (of_arrays("CO", z=np.array([6, 9, 1, 1, 1, 1])), OPTIONS)],
    "fragments": [(block("CO.C"), OPTIONS), (block("C[NH3+].[OH-]"), HEAVY)],
    "radical": [(methyl_radical(), OPTIONS), (methyl_radical(), HEAVY)],
    "implicit_hydrogens": [(block("CCO", hydrogens=False), OPTIONS)],
    "hydrogens_not_implied": [(phosphorane(), Options(Vocabulary(("C", "P")), explicit_hydrogens=False))],
}


def record_of(example: Record | str) -> Record:
    return example if isinstance(example, Record) else decode((0, example.encode()))


@pytest.mark.parametrize("rule", LEFT_OUT)
def test_each_rule_has_molecules_that_trigger_it(rule):
    for example, options in EXAMPLES[rule]:
        with pytest.raises(LeftOutError) as why:
            prepare_one(record_of(example), options)
        assert why.value.rule == rule


@pytest.mark.parametrize(
    ("smiles", "options"),
    [
        ("CCO", OPTIONS),
        ("C[N+](=O)[O-]", OPTIONS),
        ("[C-]#[O+]", OPTIONS),
        ("O", OPTIONS),
        ("CCCCCCC", HEAVY),
        ("O", HEAVY),
    ],
)
def test_good_molecules_pass(smiles, options):
    ready = prepare_one(record_of(block(smiles)), options)
    assert abs(ready.pos.mean(0)).max() < 1e-6
    assert ready.pos.dtype == np.float32


def test_all_of_them_in_one_file_are_counted_and_listed(tmp_path):
    texts = [(rule, example) for rule, examples in EXAMPLES.items() for example, options in examples]
    texts = [(rule, text) for rule, text in texts if isinstance(text, str) and rule not in ("empty",)]
    good = [("", block("CCO")), ("", block("C"))]
    order = [good[0], *texts, good[1]]
    path = tmp_path / "mixed.sdf"
    path.write_text("".join(text.rstrip("\n") + "\n$$$$\n" for _, text in order))
    summary = prepare([path], tmp_path / "out", OPTIONS, chunk=4)
    # heavy examples that are fine with their hydrogens
    wanted = [(k, rule) for k, (rule, _) in enumerate(order) if rule]
    rows = list(csv.DictReader((tmp_path / "out" / "left_out.csv").open()))
    assert [(int(row["record"]), row["reason"]) for row in rows] == wanted
    assert {row["source"] for row in rows} == {"mixed.sdf"}
    assert [int(row["index"]) for row in rows] == [int(row["record"]) for row in rows]
    assert all(row["detail"] for row in rows)
    meta = json.loads((tmp_path / "out" / "meta.json").read_text())
    assert meta["left_out"] == summary.left_out
    assert sum(summary.left_out.values()) + summary.kept == summary.records == len(order)
    assert open_shards(tmp_path / "out").arrays["index"].tolist() == [0, len(order) - 1]


def test_arrays_keep_their_index_and_list_it(tmp_path):
    parts = [arrays_from_mol(embedded(smiles)) for smiles in ("CCO", "CCCl", "CC")]
    np.savez(
        tmp_path / "three.npz",
        index=np.array([70, 71, 72]),
        natoms=np.array([len(p[0]) for p in parts]),
        nbonds=np.array([len(p[2]) for p in parts]),
        z=np.concatenate([p[0] for p in parts]).astype(np.uint8),
        charge=np.concatenate([p[1] for p in parts]).astype(np.int8),
        bonds=np.concatenate([p[2] for p in parts]).astype(np.uint8),
        pos=np.concatenate([p[3] for p in parts]).astype(np.float32),
    )
    prepare([tmp_path / "three.npz"], tmp_path / "out")
    assert open_shards(tmp_path / "out").arrays["index"].tolist() == [70, 72]
    (row,) = csv.DictReader((tmp_path / "out" / "left_out.csv").open())
    assert (row["record"], row["index"], row["reason"], row["detail"]) == ("1", "71", "element", "Cl")


def test_nothing_left_is_an_error_with_the_reasons(tmp_path):
    path = tmp_path / "flat.sdf"
    path.write_text(flat() + "$$$$\n" + block("CCl") + "$$$$\n")
    with pytest.raises(UserError, match=r"None of the 2 molecules.*no_3d 1.*element 1.*left_out\.csv"):
        prepare([path], tmp_path / "out")
    assert len((tmp_path / "out" / "left_out.csv").read_text().splitlines()) == 3
    assert not (tmp_path / "out" / "meta.json").exists()
