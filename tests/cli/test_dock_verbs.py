"""molediff dock and molediff score as a user meets them."""

import json

import pandas as pd
import pytest
from rdkit import Chem

from molediff.cli.main import main

for package in ("biotite", "hydride"):
    pytest.importorskip(package)

from molediff.docking import engines  # noqa: E402
from molediff.docking.demo import DEMO_CHAINS, demo_complexes  # noqa: E402

HERE = [name for name, one in engines.ENGINES.items() if not one.missing]
"""Engines that are installed: torch always, vina below Python 3.13."""


@pytest.fixture(scope="module")
def pocket(tmp_path_factory):
    """(options of the pocket, its ligand)."""
    protein, ligand = demo_complexes()["1ia1"]
    folder = tmp_path_factory.mktemp("dock") / "pocket"
    options = ["--protein", str(protein), "--ligand", str(ligand), "--chains", ",".join(DEMO_CHAINS), "--edge", "16"]
    assert main(["pocket", *options, "--quiet", "--out", str(folder)]) == 0
    return ["--pocket", str(folder)], ligand


@pytest.mark.parametrize("engine", HERE)
def test_dock_then_score(engine, pocket, tmp_path, capsys):
    options, ligand = pocket
    (tmp_path / "lib.smi").write_text("CC(N)=O acetamide\nCCO.C salt\n")
    command = ["dock", *options, "--molecules", str(tmp_path / "lib.smi"), "--exhaustiveness", "1", "--poses", "2"]
    command += ["--engine", engine, "--workers", "1", "--quiet", "--out", str(tmp_path / "out")]
    assert main(command) == 1
    said = capsys.readouterr().out
    assert "requested       2" in said and "docked          1" in said and "PB-valid        1" in said
    table = pd.read_csv(tmp_path / "out" / "table.csv")
    assert list(table.name) == ["acetamide", "salt"] and "2 fragments" in table.reason[1]
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["status"] == "complete" and record["counts"]["failed"] == 1
    assert record["arguments"]["engine"] == engine and record["versions"]["vina"]
    assert (
        main(command) == 1
        and "complete, with molecules lost (see the reasons in its table). Nothing to do" in capsys.readouterr().out
    )
    assert main([*command, "--seed", "4"]) == 2 and "other arguments" in capsys.readouterr().err

    poses = tmp_path / "poses.sdf"
    docked = (tmp_path / "out" / "poses.sdf").read_text()
    poses.write_text(docked + ligand.read_text().rstrip().removesuffix("$$$$") + "$$$$\n")
    command = ["score", *options, "--molecules", str(poses), "--engine", engine, "--workers", "1", "--quiet"]
    assert main([*command, "--out", str(tmp_path / "s")]) == 0
    scored = pd.read_csv(tmp_path / "s" / "table.csv")
    first = next(iter(Chem.SDMolSupplier(str(tmp_path / "out" / "poses.sdf"))))
    assert scored.vina_score[0] == pytest.approx(float(first.GetProp("score")), abs=0.1)
    assert scored.rmsd.iloc[-1] < 0.01 and scored.vina_score.iloc[-1] < -6
    assert "scored          " in capsys.readouterr().out
    if engine == "torch":  # Vina itself may end up higher than it began
        assert (scored.vina_minimised < scored.vina_score + 0.1).all()
    for other in set(HERE) - {engine}:
        assert main([*command, "--engine", other, "--out", str(tmp_path / other)]) == 0
        same = pd.read_csv(tmp_path / other / "table.csv")
        assert (same.vina_score - scored.vina_score).abs().max() < 0.02


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["dock"], "Nothing to dock"),
        (["dock", "--molecules", "missing.smi"], "cannot be read"),
        (["dock", "--molecules", "x", "--engine", "vinna"], "Did you mean 'vina'"),
        (["dock", "--molecules", "x", "--poses", "0"], "--poses must be at least 1"),
        (["score"], "Nothing to score"),
        (["score", "--molecules", "missing.sdf"], "cannot be read"),
        (["score", "--molecules", "x.sdf", "--figures", "some"], "Allowed: fast, full"),
        (["score", "--molecules", "x.sdf", "--engine", "diffusion"], "Allowed: vina, torch"),
    ],
)
def test_what_cannot_be_is_said(pocket, more, said, capsys):
    assert main([more[0], *pocket[0], *more[1:]]) == 2
    assert said in capsys.readouterr().err


def test_no_pocket_is_said(capsys):
    assert main(["dock", "--molecules", "x.smi"]) == 2
    assert "No pocket was given" in capsys.readouterr().err


def test_without_vina_torch_docks(pocket, tmp_path, capsys, monkeypatch):
    there = engines.find_spec
    monkeypatch.setattr(engines, "find_spec", lambda name: None if name == "vina" else there(name))
    (tmp_path / "lib.smi").write_text("CC(N)=O acetamide\n")
    command = ["dock", *pocket[0], "--molecules", str(tmp_path / "lib.smi"), "--exhaustiveness", "1", "--rank", "vina"]
    assert main([*command, "--poses", "1", "--workers", "1", "--quiet", "--out", str(tmp_path / "out")]) == 0
    assert "vina or meeko is not installed: --engine torch" in capsys.readouterr().err
    assert json.loads((tmp_path / "out" / "run.json").read_text())["arguments"]["engine"] == "torch"
