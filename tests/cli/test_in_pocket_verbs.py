"""molediff generate and molediff dock --engine diffusion in a pocket, as a user meets them; the model is untrained."""

import json

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from molediff.cli.main import main
from molediff.model import save
from tests.pipelines.pocketbench import pocket_model

for package in ("biotite", "hydride"):
    pytest.importorskip(package)

from molediff.docking.demo import DEMO_CHAINS, demo_complexes  # noqa: E402
from molediff.docking.engines import ENGINES  # noqa: E402
from tests.cli.test_outputs import named  # noqa: E402

HERE = [name for name, one in ENGINES.items() if not one.missing]
"""Searches that are installed: torch always, vina below Python 3.13."""


@pytest.fixture(scope="module")
def ligand():
    return demo_complexes()["1ia1"][1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(save(pocket_model(), tmp_path_factory.mktemp("models") / "tiny", {"summary": "untrained"}))


@pytest.fixture(scope="module")
def pocket(tmp_path_factory, ligand):
    """A prepared pocket, as an option."""
    folder = tmp_path_factory.mktemp("in_pocket") / "pocket"
    options = ["--protein", str(demo_complexes()["1ia1"][0]), "--ligand", str(ligand), "--edge", "20"]
    assert main(["pocket", *options, "--chains", ",".join(DEMO_CHAINS), "--quiet", "--out", str(folder)]) == 0
    return ["--pocket", str(folder)]


def test_generate_writes_what_is_asked_for(pocket, folder, ligand, tmp_path, capsys):
    core = tmp_path / "core.sdf"
    mol = Chem.RemoveAllHs(next(iter(Chem.SDMolSupplier(str(ligand)))))
    core.write_text(Chem.MolToMolBlock(mol) + "$$$$\n")
    command = ["generate", *pocket, "--model", folder, "--known", str(core), "--n", "2", "--steps", "2", "--atoms", "1"]
    command += ["--workers", "1", "--quiet", "--report", "--avoid", "Br", "--out", str(tmp_path / "out")]
    command += ["--want", "weight=..1", "--want", "rings=0.."]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "pocket          4" in said and "known exact     2" in said and "PB-valid" in said and "as wished" in said
    out = tmp_path / "out"
    table = pd.read_csv(out / "molecules.csv")
    wanted = {"rank", "value", "fits", "misfit", "pose", "pose_reason", "known_exact", "in_domain", "moved"}
    wanted |= {"weight", "rings", "as_wanted"}
    assert not table.fits.any() and set(table.misfit.dropna()) <= {"not weight=..1, not rings=0.."}
    wanted |= {f"{key}_{pose}" for key in ("vina_score", "pb_valid", "clashes") for pose in ("raw", "relaxed")}
    assert set(table) <= named("generate") | named("generate in a pocket")
    assert wanted <= set(table) and sorted(table["rank"]) == [1, 2]
    files = {"molecules.sdf", "molecules_with_h.sdf", "grid.png", "receptor.pdb", "best.sdf", "raw.csv", "relaxed.csv"}
    assert files | {"report.html", "run.json"} <= {p.name for p in out.iterdir()}
    known = mol.GetConformer().GetPositions()
    for made in Chem.SDMolSupplier(str(out / "molecules.sdf"), sanitize=False):
        assert np.abs(made.GetConformer().GetPositions()[: len(known)] - known).max() < 1e-4
    record = json.loads((out / "run.json").read_text())
    assert record["status"] == "complete" and record["counts"]["requested"] == 2 and "receptor" in record["arguments"]
    assert main(command) == 0 and "complete. Nothing to do" in capsys.readouterr().out
    (out / "report.html").unlink()
    assert main(command) == 2 and "without report.html" in capsys.readouterr().err
    assert json.loads((out / "run.json").read_text())["status"] == "complete"
    assert main([*command, "--rank-by", "efficiency"]) == 2 and "other arguments" in capsys.readouterr().err
    fewer = [word for word in command if word not in ("--avoid", "Br")]  # what was asked for then and is not now
    assert main(fewer) == 2 and "avoid: ['Br'] there, None now" in capsys.readouterr().err


def test_dock_by_diffusion(pocket, folder, tmp_path, capsys):
    (tmp_path / "lib.smi").write_text("CC(N)=O acetamide\nC[Se]C selenium\n")
    command = ["dock", *pocket, "--molecules", str(tmp_path / "lib.smi"), "--engine", "diffusion", "--model", folder]
    command += ["--samples", "3", "--steps", "2", "--workers", "1", "--quiet", "--out", str(tmp_path / "out")]
    assert main(command) == 1
    assert "requested       2" in capsys.readouterr().out
    table = pd.read_csv(tmp_path / "out" / "table.csv")
    assert "3 poses proposed" in f"{table.note[0]} {table.reason[0]}" and "Se" in table.reason[1]
    assert {"poses.sdf", "best.sdf", "poses.csv", "table.csv", "run.json"} <= {
        p.name for p in (tmp_path / "out").iterdir()
    }


def test_hybrid_searches_as_asked(pocket, folder, tmp_path):
    command = ["dock", *pocket, "--molecules", str(tmp_path / "lib.smi"), "--engine", "hybrid", "--model", folder]
    command += ["--samples", "2", "--steps", "2", "--exhaustiveness", "1", "--workers", "1", "--no-check", "--quiet"]
    (tmp_path / "lib.smi").write_text("CC(N)=O acetamide\n")
    for search in HERE:
        assert main([*command, "--search", search, "--out", str(tmp_path / search)]) == 0
        assert f"by the search of {search}" in pd.read_csv(tmp_path / search / "table.csv").note[0]
    assert main([*command, "--samples", "3", "--out", str(tmp_path / "torch")]) == 2  # other arguments, that folder


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["generate", "--model", "qm9"], "knows no pockets"),
        (["generate", "--want", "logP=2..3"], "Did you mean 'logp'"),
        (["generate", "--want", "logp=3..2"], "--want logp=2..3"),
        (["generate", "--want", "logp=..3", "--trajectory", "0"], "Leave one out"),
        (["generate", "--model", "pokcet"], "There is no model 'pokcet'"),
        (["generate", "--keep", "c1ccccc1[OH]"], "type --keep-smarts 'c1ccccc1[OH]'"),
        (["generate", "--demo"], "--demo has a protein of its own"),
        (["generate", "--keep-smarts", "c1cc"], "is no SMARTS"),
        (["generate", "--charge", "one"], "--charge=-1,0"),
        (["generate", "--max-mw", "-3"], "--max-mw 450"),
        (["generate", "--rank-by", "luck"], "Allowed: rule, efficiency"),
        (["generate", "--relax", "amber"], "Allowed: mmff, uff, vina, mmff+vina, torch"),
        (["dock", "--engine", "difusion", "--molecules", "x.smi"], "Did you mean 'diffusion'"),
        (["dock", "--engine", "vina", "--samples", "3", "--molecules", "x.smi"], "belong to --engine diffusion"),
        (["dock", "--demo", "--engine", "diffusion", "--model", "qm9"], "knows no pockets"),
        (["dock", "--demo", "--engine", "random", "--samples", "0"], "--samples must be at least 1"),
        (["dock", "--demo", "--engine", "diffusion", "--steps", "0"], "steps must be at least 1"),
        (["dock", "--engine", "vina", "--steps", "0", "--molecules", "x.smi"], "belong to --engine diffusion"),
        (["dock", "--engine", "random", "--model", "pocket", "--molecules", "x.smi"], "has nothing to do"),
        (["dock", "--molecules", "x.smi", "--device", "meta"], "Device 'meta' cannot be used"),
        (["dock", "--molecules", "x.smi", "--ph", "6"], "leave out --ph"),
        (["generate", "--edge", "20"], "leave out --edge"),
        (["generate", "--max-mw", "nan"], "--max-mw 450"),
        (["generate", "--charge", ","], "--charge=-1,0"),
        (["generate", "--guidance-scale", "-1"], "--guidance-scale 1.5"),
        (["generate", "--vina-pull", "inf"], "must be 0 or more and finite"),
        (["dock", "--demo", "--engine", "hybrid", "--search", "vena"], "Did you mean 'vina'"),
        (["dock", "--demo", "--engine", "diffusion", "--search", "torch"], "--search belongs to --engine hybrid"),
    ],
)
def test_what_cannot_be_is_said(pocket, folder, tmp_path, more, said, capsys):
    model = [] if "--model" in more or more[0] == "dock" else ["--model", folder, "--n", "1"]
    command = [more[0], *pocket, *model, *more[1:]]
    assert main([*command, "--out", str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_core_that_does_not_fit(pocket, folder, ligand, tmp_path, capsys):
    mol = Chem.RemoveAllHs(next(iter(Chem.SDMolSupplier(str(ligand)))))
    pos = mol.GetConformer().GetPositions()
    for shift, said in ((4.0, "clashes with the protein"), (80.0, "does not lie in the pocket")):
        mol.GetConformer().SetPositions(pos + np.array([shift, 0, 0]))
        path = tmp_path / "core.sdf"
        path.write_text(Chem.MolToMolBlock(mol) + "$$$$\n")
        command = ["generate", *pocket, "--model", folder, "--known", str(path), "--out", str(tmp_path / "out")]
        assert main(command) == 2 and said in capsys.readouterr().err


def test_a_ligand_elsewhere_and_options_without_a_pocket(folder, ligand, tmp_path, capsys):
    mol = next(iter(Chem.SDMolSupplier(str(ligand))))
    mol.GetConformer().SetPositions(mol.GetConformer().GetPositions() + 90.0)
    path = tmp_path / "far.sdf"
    path.write_text(Chem.MolToMolBlock(mol) + "$$$$\n")
    protein = str(demo_complexes()["1ia1"][0])
    assert main(["generate", "--protein", protein, "--ligand", str(path), "--chains", "B", "--model", folder]) == 2
    assert "There is no pocket at" in capsys.readouterr().err
    for option in (
        ["--relax", "foo"],
        ["--rank-by", "efficiency"],
        ["--keep-waters"],
        ["--ph", "3"],
        ["--chains", "Q"],
    ):
        assert main(["generate", *option]) == 2 and f"{option[0]} asks for a pocket" in capsys.readouterr().err
    for option in (["--box=0,0,0,5"], ["--chains", "Z"], ["--detect"]):
        command = ["dock", "--demo", *option, "--out", str(tmp_path / "no")]
        assert main(command) == 2 and f"leave out {option[0].split('=')[0]}" in capsys.readouterr().err
    assert main(["generate", "--report"]) == 2 and "--report asks for a pocket" in capsys.readouterr().err
    assert main(["generate", "--protein", protein, "--model", folder]) == 2
    assert "Where is the site?" in capsys.readouterr().err
