"""Each protocol: molecules that pass, molecules that fail, with names; the published faults only under their name."""

import numpy as np
import pytest
from rdkit import Chem

from molediff.evaluation.build import build
from molediff.evaluation.errors import InputError
from molediff.evaluation.protocols import PROTOCOLS, Context
from molediff.evaluation.protocols.alerts import CATALOGS, CONCERN, alerts
from molediff.evaluation.protocols.chemistry import chemistry
from molediff.evaluation.protocols.energy import mmff
from molediff.evaluation.protocols.midi import midi
from molediff.evaluation.protocols.revisited import revisited
from molediff.evaluation.protocols.strict_heavy import strict_heavy
from molediff.evaluation.protocols.xtb import superposed
from molediff.evaluation.record import from_arrays, from_mol, molecule

from .molecules import SMALL, embedded, heavy


def aromatic(smiles):
    mol = embedded(smiles)
    Chem.SanitizeMol(mol)
    return mol


def charged(mol, atom, charge):
    z = [a.GetAtomicNum() for a in mol.GetAtoms()]
    bonds = [(b.GetBeginAtomIdx(), b.GetEndAtomIdx(), b.GetBondTypeAsDouble()) for b in mol.GetBonds()]
    charges = [charge if i == atom else 0 for i in range(len(z))]
    return build(z, mol.GetConformer().GetPositions(), bonds, charges)


JUDGED_ALONE = [name for name, one in PROTOCOLS.items() if not one.needs and name not in ("xtb", "posebusters-mol")]


@pytest.mark.parametrize("name", JUDGED_ALONE)
def test_every_protocol_gives_its_columns_for_a_sound_molecule(name):
    mol = heavy("CCO") if PROTOCOLS[name].hydrogens == "implied" else embedded("CCO")
    row = PROTOCOLS[name].judge(from_mol(mol, 0), Context(keys=True))
    assert set(PROTOCOLS[name].failed) <= set(row)
    assert row["reason"] == ""
    assert row["bonds"] == ("edm look-up" if name.startswith("edm") else "given")
    for key in ("valid", "stable", "connected", "pass", "complete", "converged"):
        assert row.get(key, True) is True


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize("smiles", SMALL)
def test_midi_knows_kekulised_molecules(smiles, published):
    row = midi(embedded(smiles), published)
    assert row["stable"] and row["valid"] and row["smiles"] == Chem.CanonSmiles(smiles)


def test_midi_counts_aromatic_bonds_right_and_published_truncates_them():
    carbon = build([6, 6, 6, 6], np.eye(4)[:, :3], [(0, 1, 1.5), (0, 2, 1.5), (0, 3, 1.5)])
    # 4.5 is no valence; truncated it is 3, which the table allows
    assert midi(carbon)["stable_atoms"] == 0
    assert midi(carbon, published=True)["stable_atoms"] == 1
    assert midi(aromatic("c1ccccc1"))["stable"]
    assert midi(aromatic("c1ccccc1"), published=True)["stable"]


def test_midi_charge_that_the_table_lacks():
    mol = charged(embedded("C"), 0, 10000)
    assert not midi(mol)["stable"]
    assert midi(mol, published=True)["stable"], "the published table falls back to charge 0"


def test_midi_carbene_is_not_stable():
    assert not midi(build([6, 1, 1], np.eye(3), [(0, 1, 1), (0, 2, 1)]))["stable"]


REVISITED_GOOD = ["c1ccccc1", "c1cc[nH+]cc1", "C[N+](=O)[O-]", "c1cc[nH]c1", "CS(=O)(=O)C", "c1ccsc1", "CC#N"]


@pytest.mark.parametrize("make", [embedded, aromatic])
@pytest.mark.parametrize("smiles", REVISITED_GOOD)
def test_revisited_accepts(smiles, make):
    row = revisited(make(smiles))
    assert row["stable"] and row["valid"] and row["reason"] == ""


def test_revisited_refuses():
    water = build([8, 1, 1], np.eye(3), [(0, 1, 1.5), (0, 2, 1.5)])
    # (2, 0) is in the table for O (furan), but the hydrogens give it away
    assert not revisited(water)["stable"] and not revisited(water)["valid"]
    assert not revisited(charged(embedded("C"), 0, 10000))["stable"]
    assert not revisited(build([6, 1, 1], np.eye(3), [(0, 1, 1), (0, 2, 1)]))["stable"]
    assert not revisited(build([6, 8], np.eye(3)[:2], [(0, 1, 3)]))["stable"]
    assert revisited(build([6, 8], np.eye(3)[:2], [(0, 1, 3)], [-1, 1]))["stable"]
    assert revisited(embedded("O.O"))["reason"] == "disconnected"


@pytest.mark.parametrize("smiles", [*SMALL, "C[N+](C)(C)C", "C[N+](=O)[O-]", "c1ccc2[nH]ccc2c1"])
def test_strict_heavy_accepts(smiles):
    row = strict_heavy(heavy(smiles))
    assert row == {"connected": True, "valid": True, "smiles": Chem.CanonSmiles(smiles), "reason": ""}


@pytest.mark.parametrize(
    "mol,reason",
    [
        (heavy("CCO.CC"), "disconnected"),
        (build([6] * 6, np.ones((6, 3)), [(0, i, 1) for i in range(1, 6)]), "valence"),
        (build([7, 8, 8, 6], np.ones((4, 3)), [(0, 1, 2), (0, 2, 2), (0, 3, 1)]), "valence"),
        (build([6, 6], [[0, 0, 0], [np.inf, 0, 0]], [(0, 1, 1)]), "nonfinite_coordinates"),
        (build([6], [[0, 0, 0]], (), [10000]), "impossible_charge"),
    ],
)
def test_strict_heavy_refuses(mol, reason):
    row = strict_heavy(mol)
    assert not row["valid"] and row["reason"] == reason


def test_jodo_divides_by_all():
    import pandas as pd

    rows = [PROTOCOLS["jodo"].judge(from_mol(m, 0), Context()) for m in (embedded("CC"), embedded("CC"))]
    rows.append(PROTOCOLS["jodo"].failed)
    table = pd.DataFrame([{f"j_{k}": v for k, v in row.items()} for row in rows])
    measures = {one.key: one for one in PROTOCOLS["jodo"].measures(table, "j_")}
    assert measures["uniqueness"].whole.sum() == 3


def test_bonds_of_a_record_without_bonds_are_looked_up_and_said():
    mol = embedded("CCO")
    mol, bonds = molecule(from_arrays([a.GetAtomicNum() for a in mol.GetAtoms()], mol.GetConformer().GetPositions(), 0))
    assert bonds == "edm look-up"
    assert mol.GetNumBonds() == 8


def test_posebusters_passes_a_sound_and_fails_a_squeezed_molecule():
    judge = PROTOCOLS["posebusters-mol-fast"].judge
    good = judge(from_mol(embedded("CC(=O)N"), 0), Context())
    assert good["pass"] and good["reason"] == ""
    mol = embedded("CC(=O)N")
    mol.GetConformer().SetPositions(0.5 * mol.GetConformer().GetPositions())
    bad = judge(from_mol(mol, 0), Context())
    assert not bad["pass"] and "bond_lengths" in bad["reason"]
    broken = judge(from_mol(build([6] + [1] * 5, np.ones((6, 3)), [(0, i, 1) for i in range(1, 6)]), 0), Context())
    assert not broken["pass"] and "sanitization" in broken["reason"].lower()


def test_chemistry_of_aspirin():
    row = chemistry(embedded("CC(=O)Oc1ccccc1C(=O)O"))
    assert row["weight"] == pytest.approx(180.16, abs=0.01)
    assert row["scaffold"] == "c1ccccc1"
    assert (row["rings"], row["donors"], row["lipinski_violations"]) == (1, 1, 0)
    assert 1 < row["sa"] < 3 and 0 < row["qed"] < 1 and row["rare_rings"] == 0


def test_chemistry_of_what_does_not_sanitise_is_named():
    row = chemistry(build([6, 8], np.eye(3)[:2], [(0, 1, 3)]))
    assert row["qed"] is None and row["reason"] == "valence"


def test_alerts_are_named():
    assert alerts(embedded("CCO"))["any"] is False
    assert "azide" in alerts(embedded("CN=[N+]=[N-]"))["concern"]
    assert alerts(embedded("O=C1C=CC(=O)C=C1"))["pains"]
    assert set(CATALOGS) == {"PAINS", "BRENK", "NIH"}
    assert all(Chem.MolFromSmarts(smarts) is not None for smarts in CONCERN.values())


def test_mmff_strain_falls_to_zero_at_the_minimum_and_grows_with_stretching():
    mol = embedded("CCO")
    rest = mmff(mol)
    assert rest["converged"] and rest["strain"] == pytest.approx(0, abs=1e-3) and rest["rmsd"] < 0.01
    mol.GetConformer().SetPositions(1.05 * mol.GetConformer().GetPositions())
    assert mmff(mol)["strain"] > 5
    assert mmff(heavy("CCO"))["converged"], "hydrogens are added where they are implied"


def test_mmff_failures_are_named():
    assert mmff(embedded("O.O"))["reason"] == "disconnected"
    assert mmff(build([6, 8], np.eye(3)[:2], [(0, 1, 3)]))["reason"] == "valence"
    boron = build([5, 1, 1, 1], np.eye(4)[:, :3], [(0, i, 1) for i in (1, 2, 3)])
    assert mmff(boron)["reason"] == "no_mmff_parameters"


def test_superposition_undoes_rigid_motion_but_not_reflection():
    rng = np.random.default_rng(0)
    pos = rng.normal(size=(7, 3))
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    assert superposed(pos, pos @ turn + 3) == pytest.approx(0, abs=1e-6)
    assert superposed(pos, -pos) > 0.1


def test_xtb_relaxes_or_says_what_to_install():
    from importlib.util import find_spec

    record = from_mol(embedded("CCO"), 0)
    if find_spec("tblite") is None:
        with pytest.raises(InputError, match="pip install"):
            PROTOCOLS["xtb"].judge(record, Context())
        return
    row = PROTOCOLS["xtb"].judge(record, Context())
    assert row["converged"] and 0 < row["strain"] < 3 and row["rmsd"] < 0.2
