"""Generated molecules judged in their pocket: every row there, the order, wishes, files."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from molediff.cli.in_pocket import remark
from molediff.config import UserError
from molediff.elements import Vocabulary
from molediff.pipelines.generate import Generation, judge
from molediff.pipelines.in_pocket import EDGE, InPocket, ranked
from molediff.pipelines.score import Score
from molediff.pipelines.wishes import Wishes, read_charges
from molediff.report.in_pocket import complex_text
from tests.docking.dockbench import small_pocket


def row(**more):
    return {
        **{"index": 0, "pose": "relaxed", "fits": True, "vina_score_raw": -1.0, "vina_score_relaxed": -5.0},
        **{"ligand_efficiency_raw": 0.1, "ligand_efficiency_relaxed": 0.2},
        **{"pb_valid_raw": True, "pb_valid_relaxed": True, "rare_rings": 0},
        **more,
    }


def test_the_order():
    rows = [
        row(pose="", vina_score_raw=np.nan, vina_score_relaxed=np.nan, fits=False),  # no molecule
        row(vina_score_relaxed=-9.0, pb_valid_relaxed=False),
        row(vina_score_relaxed=-6.0),
        row(vina_score_relaxed=-12.0, fits=False),
        row(vina_score_relaxed=-7.0, ligand_efficiency_relaxed=0.1),
        row(pose="raw", vina_score_raw=-8.0, vina_score_relaxed=np.nan, pb_valid_relaxed=False),
        row(vina_score_raw=np.nan, vina_score_relaxed=np.nan),  # outside the box
        row(vina_score_relaxed=-14.0, rare_rings=2),
    ]
    table = pd.DataFrame([r | {"index": k} for k, r in enumerate(rows)])
    by_rule = ranked(table)
    assert by_rule.sort_values("rank")["index"].tolist() == [5, 4, 2, 7, 1, 3, 6, 0]
    assert by_rule["index"].tolist() == list(range(8)) and by_rule["value"].isna().tolist() == [
        True,
        *[False] * 5,
        True,
        False,
    ]
    by_efficiency = ranked(table, "efficiency")
    order = by_efficiency.sort_values("rank")["index"].tolist()
    assert order.index(2) < order.index(4) < order.index(1) and by_efficiency["value"][2] == -0.2
    with pytest.raises(UserError, match="Allowed: rule, efficiency"):
        InPocket(rank_by="luck")


def test_wishes():
    phenol, acid = Chem.MolFromSmiles("Oc1ccccc1"), Chem.MolFromSmiles("CC(=O)[O-]")
    assert Wishes().misfit(phenol) == "" and not Wishes()
    both = Wishes(keep=("c[OX2H]",), avoid=("[-]",), max_mw=90.0, charges=(0,))
    assert both and both.misfit(phenol) == "weighs 94.1"
    assert both.misfit(Chem.AddHs(acid)) == "has no c[OX2H]; has [-]; charge -1"
    assert Wishes(charges=(-1, 0)).misfit(acid) == ""
    assert read_charges("-1, 0") == (-1, 0) and read_charges("") == ()
    for wrong in ({"keep": ("c1cc",)}, {"avoid": ("",)}, {"max_mw": -1.0}):
        with pytest.raises(UserError):
            Wishes(**wrong)
    with pytest.raises(UserError):
        read_charges("0.5")


def test_a_complex_is_read_back():
    receptor, _, ligand = small_pocket()
    whole = Chem.AddHs(ligand, addCoords=True)
    text = complex_text(receptor, whole)
    made = Chem.MolFromPDBBlock(text, sanitize=False, removeHs=False, proximityBonding=False)
    assert made.GetNumAtoms() == len(receptor) + whole.GetNumAtoms()
    first = len(receptor)
    residues = [a.GetPDBResidueInfo().GetResidueName() for a in made.GetAtoms()]
    assert set(residues[first:]) == {"LIG"} and "LIG" not in residues[:first]
    assert [a.GetSymbol() for a in list(made.GetAtoms())[first:]] == [a.GetSymbol() for a in whole.GetAtoms()]
    pos = made.GetConformer().GetPositions()[first:]
    np.testing.assert_allclose(pos, whole.GetConformer().GetPositions(), atol=6e-4)
    kekulised = Chem.Mol(whole)
    Chem.Kekulize(kekulised, clearAromaticFlags=True)
    wanted = {
        (b.GetBeginAtomIdx() + first, b.GetEndAtomIdx() + first): b.GetBondTypeAsDouble() for b in kekulised.GetBonds()
    }
    found = {tuple(sorted((b.GetBeginAtomIdx(), b.GetEndAtomIdx()))): b.GetBondTypeAsDouble() for b in made.GetBonds()}
    assert found == {tuple(sorted(k)): v for k, v in wanted.items()}


@pytest.fixture(scope="module")
def made():
    pytest.importorskip("vina")
    pytest.importorskip("meeko")
    receptor, site, ligand = small_pocket()
    heavy = Chem.RemoveAllHs(ligand)
    Chem.Kekulize(heavy, clearAromaticFlags=True)

    def moved(shift, cut=False):
        mol = Chem.RWMol(heavy)
        mol.GetConformer().SetPositions(heavy.GetConformer().GetPositions() + np.array(shift))
        if cut:
            bond = next(b for b in mol.GetBonds() if not b.IsInRing())
            mol.RemoveBond(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
        return Chem.MolFromMolBlock(Chem.MolToMolBlock(mol), sanitize=False)

    mols = [moved([2.5, 0, 0]), None, moved([0, 0, 0], cut=True), moved([0, 0, 0]), moved([40.0, 0, 0])]
    about = {"model": "m", "checksum": "c", "seed": 0, "n": 5, "steps": 5, "method": "churn", "hydrogens": "implied"}
    table = judge(mols, ["", "lost", "", "", ""], [20] * 5, 0, (5, 40), explicit=False)
    generation = Generation(mols, table, Vocabulary(), about)
    return InPocket(Wishes(avoid=("[#16]",)), workers=1)(generation, receptor, site, ligand)


def test_every_molecule_is_a_row(made):
    t = made.table
    assert len(t) == 5 and sorted(t["rank"]) == [1, 2, 3, 4, 5]
    assert t["pose"].tolist() == ["relaxed", "", "", "relaxed", "raw"]
    assert t["pose_reason"][1] == "no valid molecule: lost"
    assert t["pose_reason"][2] == "no valid molecule: disconnected"
    assert "outside the box" in t["pose_reason"][4] and "relaxed: no receptor atom" in t["pose_reason"][4]
    assert t["vina_score_raw"].notna().tolist() == [True, False, False, True, False]
    assert t["pb_valid_raw"].tolist() == [False, False, False, True, False]
    assert t["vina_score_raw"][3] < -7 and t["vina_score_raw"][0] > t["vina_score_relaxed"][0]
    assert not t["fits"].any() and set(t["misfit"][[0, 3, 4]]) == {"has [#16]"}
    assert made.order[:2] == [3, 0] or made.order[:2] == [0, 3]
    assert made.counts["requested"] == 5 and made.counts["scored_raw"] == 3 and made.counts["fits"] == 0


def test_what_is_not_as_wanted_does_not_fit(made):
    generation = made.generation
    table = generation.table.assign(as_wanted=[True, False, False, False, True])
    generation = replace(generation, table=table, about=generation.about | {"want": ["logp=2..3"]})
    said = InPocket(Wishes(avoid=("[#16]",)))._misfits(generation, made.raw)
    assert said == ["has [#16]", "", "", "has [#16]; not logp=2..3", "has [#16]"]
    assert InPocket()._misfits(generation, made.raw) == ["", "", "", "not logp=2..3", ""]


def test_a_column_that_was_wanted_stays_as_it_was_answered_for(made):
    generation = made.generation
    wanted = pd.array([3, None, None, 3, 3], dtype="Int64")
    judged = (made.raw, made.raw_figures, made.relaxed, made.relaxed_figures, made.reference)
    table = InPocket()._table(replace(generation, table=generation.table.assign(rare_rings=wanted)), *judged)
    assert table["rare_rings"].equals(pd.Series(wanted)) and made.table["rare_rings"].dropna().tolist() == [0, 0, 0]


def test_the_reference_is_scored_beside(made):
    """Molecule 3 is the reference without its hydrogens."""
    assert made.reference_figures["vina_score"] == pytest.approx(made.table["vina_score_raw"][3], abs=0.05)
    assert made.beside.startswith("Vina -") and made.beside.endswith("PB-valid")
    assert replace(made, reference_figures={}).beside == ""
    assert replace(made, reference_figures={"vina_score": np.nan, "pb_valid": False, "reason": "outside"}).beside == (
        "not scored, not PB-valid (outside)"
    )


def test_what_is_against_a_molecule_is_said():
    fine = {"pose": "relaxed", "pb_valid_relaxed": True, "misfit": "", "rare_rings": 0}
    assert remark(fine) == ""
    assert remark(fine | {"pb_valid_relaxed": False}) == "  (not PB-valid)"
    bad = {"pose": "raw", "pb_valid_raw": False, "misfit": "has no c1ccncc1", "rare_rings": 1}
    assert remark(bad) == "  (as generated, not relaxed, not PB-valid, rare rings, has no c1ccncc1)"


def test_sets_of_poses_are_judged_as_each_alone(made):
    receptor, site, _ = small_pocket()
    box = replace(site, size=np.maximum(site.size, EDGE))
    alone = Score("fast")(receptor, box, made.relaxed.mols, workers=1)
    pd.testing.assert_frame_equal(alone.table, made.relaxed_figures.table)
    assert alone.counts == made.relaxed_figures.counts
    assert [m is None for m in alone.minimised] == [m is None for m in made.relaxed_figures.minimised]


def test_files(made, tmp_path):
    made.save(tmp_path, report=True)
    best = list(Chem.SDMolSupplier(str(tmp_path / "best.sdf"), removeHs=False))
    assert [m.GetIntProp("index") for m in best] == made.order and [m.GetIntProp("rank") for m in best] == [1, 2, 3]
    assert all(any(a.GetAtomicNum() == 1 for a in m.GetAtoms()) for m in best)
    assert len(pd.read_csv(tmp_path / "raw.csv")) == len(pd.read_csv(tmp_path / "relaxed.csv")) == 5
    assert "LIG" in (tmp_path / "complex_001.pdb").read_text()
    page = (tmp_path / "report.html").read_text()
    assert "5 molecules asked for, 3 valid, 1 PB-valid as generated" in page
    assert (tmp_path / "receptor.pdb").is_file() and (tmp_path / "molecules.csv").is_file()
