"""The energy ratio with fewer conformers: PoseBusters' verdict, PoseBusters' energies, and a floor that holds."""

from math import comb

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdForceFieldHelpers
from rdkit.rdBase import BlockLogs

from molediff.evaluation import internal_energy as room
from molediff.evaluation.internal_energy import Ensemble, embeds, energy_floor, internal_energy, settles
from molediff.evaluation.protocols import PROTOCOLS, Context
from molediff.evaluation.protocols.posebusters import judge
from molediff.evaluation.record import from_mol

from .molecules import SMALL, embedded

ETHER = "COCC(=O)Nc1ccccn1"


def moved(smiles, spread, seed=0):
    mol = embedded(smiles)
    pos = mol.GetConformer().GetPositions()
    mol.GetConformer().SetPositions(pos + np.random.default_rng(seed).normal(0, spread, pos.shape))
    return mol


def broken():
    """Two fused three-rings with a strained bridge that no conformer of RDKit can have."""
    mol = Chem.AddHs(Chem.MolFromSmiles("[C@@]12(F)C[C@@]1(Cl)C2"))
    pos = np.random.default_rng(0).normal(0, 2, (mol.GetNumAtoms(), 3))
    conformer = Chem.Conformer(mol.GetNumAtoms())
    conformer.SetPositions(pos)
    mol.AddConformer(conformer)
    return mol


POSES = {
    "sound": lambda: embedded(ETHER),
    "amide": lambda: embedded("CC(=O)N"),
    "noisy": lambda: moved("CC(=O)N", 0.1),
    "exploded": lambda: moved(ETHER, 0.5),
    "phosphorus": lambda: embedded("CP(C)C"),
    "charged": lambda: embedded("C[N+](C)(C)CC(=O)[O-]"),
    "no conformers": broken,
    "argon": lambda: embedded("[Ar]"),
}


@pytest.mark.parametrize("pose", POSES)
def test_every_column_is_that_of_posebusters(pose):
    from posebusters import PoseBusters

    mol = POSES[pose]()
    ours = judge(from_mol(mol, 0), Context(), "mol")
    with BlockLogs():
        plain = PoseBusters("mol", max_workers=0).bust([Chem.Mol(mol)]).iloc[0]
    columns = [name for name in ours if name not in ("pass", "reason", "bonds")]
    assert columns == list(plain.index)
    for name in columns:
        assert ours[name] == (None if plain[name] != plain[name] else bool(plain[name])), name
    if pose in ("sound", "exploded", "no conformers"):
        assert ours["internal_energy"] is {"sound": True, "exploded": False, "no conformers": None}[pose]


@pytest.mark.parametrize("mode", ["mol", "dock", "redock"])
def test_the_energy_stands_where_posebusters_puts_it(mode):
    from posebusters import PoseBusters

    from molediff.evaluation.protocols.posebusters import _buster

    modules = PoseBusters(mode).config["modules"]
    wanted = [output for module in modules for output in module.get("chosen_binary_test_output", ())]
    rest, energy, before = _buster(mode)
    assert energy == (100.0, 50)
    assert wanted[before] == "energy_ratio_passes"
    assert "energy_ratio" not in [module["function"] for module in rest.config["modules"]]
    assert _buster(f"{mode}_fast")[1] is None


def test_a_grown_ensemble_is_the_one_of_posebusters():
    from posebusters.modules.energy_ratio import get_energies

    inchi = Chem.MolToInchi(Chem.MolFromSmiles("C[C@H](O)CC(=O)N"))
    room._ensemble.cache_clear()
    ensemble = room._ensemble(inchi)
    while ensemble.size < 15:
        ensemble.grow()
    assert ensemble.energies == pytest.approx(get_energies(inchi, 15, 1), abs=1e-9)
    assert room._ensemble(inchi) is ensemble


def test_a_sound_molecule_needs_few_conformers():
    room._ensemble.cache_clear()
    assert internal_energy(embedded(ETHER)) is True
    (inchi,) = [Chem.MolToInchi(Chem.MolFromSmiles(ETHER))]
    assert room.FIRST <= room._ensemble(inchi).size < 30


def test_a_conformer_that_does_not_embed_ends_it_at_once():
    mol = broken()
    mol.RemoveAllConformers()
    ensemble = Ensemble(mol, -1.0)
    ensemble.grow()
    assert ensemble.failed and not ensemble.energies


@pytest.mark.parametrize("smiles", [*SMALL, ETHER, "C[N+](C)(C)CC(=O)[O-]", "CS(=O)(=O)NC1=CC=CN1", "FC(Cl)(Br)I"])
def test_no_geometry_goes_below_the_floor(smiles):
    mol = Chem.Mol(embedded(smiles))
    Chem.SanitizeMol(mol)
    floor, rng = energy_floor(mol), np.random.default_rng(1)
    assert floor <= 0
    start = mol.GetConformer().GetPositions()
    for spread in (0.0, 0.1, 0.5, 2.0, 10.0, 1000.0):
        mol.GetConformer().SetPositions(start + rng.normal(0, spread, start.shape))
        field = rdForceFieldHelpers.UFFGetMoleculeForceField(mol, vdwThresh=1e6)
        assert field.CalcEnergy() >= floor
        field.Minimize(maxIts=500)
        assert field.CalcEnergy() >= floor


def test_the_floor_is_every_pair_at_the_bottom_of_its_well():
    mol = Chem.Mol(embedded("CCO"))
    Chem.SanitizeMol(mol)
    apart, floor = Chem.GetDistanceMatrix(mol), 0.0
    for i in range(mol.GetNumAtoms()):
        for j in range(i):
            if apart[i, j] > 2:
                floor -= rdForceFieldHelpers.GetUFFVdWParams(mol, i, j)[1]
    assert energy_floor(mol) == pytest.approx(floor, rel=1e-6)


@pytest.mark.parametrize("smiles", ["CP(C)C", "[Ar]", "C[Se]C"])
def test_no_floor_where_none_is_known(smiles):
    mol = Chem.Mol(embedded(smiles))
    Chem.SanitizeMol(mol)
    assert energy_floor(mol) is None


def test_settles_is_certain_when_the_rest_cannot_do_it():
    # 20 of 50 at 100 kcal/mol and 30 at the floor of -60: mean 4; 19 and 31: 0.8
    assert settles(100.0, 20, 50, 2.0, -60.0)
    n_low = next(k for k in range(50) if (k * -60 + (50 - k) * 100) / 50 <= 2.0)
    assert n_low == 31
    assert settles(100.0, 50 - n_low + 1, 50, 2.0, -60.0)


def test_settles_weighs_the_worst_set_of_energies():
    """The worst set: as few as possible at the floor, the others at the lowest seen; enumerated."""
    lowest, limit, floor, n = 30.0, 1.0, -40.0, 50
    low = next(k for k in range(n + 1) if (k * floor + (n - k) * lowest) / n <= limit)
    for seen in range(1, n):
        chance = comb(n - low, seen) / comb(n, seen)
        assert settles(lowest, seen, n, limit, floor) is (chance <= room.RISK)
    assert not settles(limit, 49, n, limit, floor)
    assert not settles(float("nan"), 49, n, limit, floor)


def test_embeds_wants_more_conformers_where_attempts_fail():
    assert embeds(12, 10, 50, 430)
    assert not embeds(4000, 10, 50, 430)
    assert not embeds(2, 2, 50, 430)
    # never below the true chance, at any chance p of one attempt
    n, most, seen, attempts = 50, 40, 6, 8
    p = np.linspace(0.001, 0.999, 999)
    within = sum(comb(attempts, k) * p**k * (1 - p) ** (attempts - k) for k in range(seen, attempts + 1))
    assert ((n - seen) * within * (1 - p) ** most).max() <= (n - seen) * (attempts / most) ** seen


def test_the_protocols_with_energy_are_listed():
    assert {"posebusters-mol", "posebusters-dock", "posebusters-redock"} <= set(PROTOCOLS)
