"""The command line as a user meets it."""

import json
import subprocess
import sys
import time

import pandas as pd
import pytest

from molediff.cli import conformers, doctor
from molediff.cli.main import BROKEN, VERBS, main
from molediff.evaluation import InputError
from molediff.model import load


def generate(folder, model, *more):
    return main(
        [
            "generate",
            "--model",
            str(model),
            "--n",
            "5",
            "--steps",
            "3",
            "--batch",
            "2",
            "--quiet",
            "--out",
            str(folder),
            *more,
        ]
    )


def test_help_lists_the_verbs_and_imports_nothing_heavy():
    heavy = "[x for x in ('torch', 'rdkit', 'pandas', 'numpy') if x in sys.modules]"
    code = f"import sys, molediff.cli.main as m; m.main(['--help']); print({heavy})"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert all(verb in out for verb in VERBS)
    assert out.strip().endswith("[]")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_without_heavy_imports(verb):
    code = (
        "import sys, molediff.cli.main as m\n"
        f"try:\n    m.main(['{verb}', '--help'])\nexcept SystemExit as e:\n    assert e.code == 0\n"
        "assert not [x for x in ('torch', 'rdkit', 'pandas') if x in sys.modules]"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "usage" in out


def test_what_the_judge_cannot_use_is_said_without_a_traceback(capsys, monkeypatch):
    def refuse(args):
        raise InputError("The receptor's text holds no ATOM records.")

    monkeypatch.setattr(doctor, "run", refuse)
    assert main(["doctor"]) == 2
    assert capsys.readouterr().err == "molediff doctor: The receptor's text holds no ATOM records.\n"


def test_an_unknown_verb_names_the_nearest(capsys):
    assert main(["genrate"]) == 2
    assert "Did you mean 'generate'" in capsys.readouterr().err


def test_generate_writes_everything(small_folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert generate(out, small_folder, "--trajectory", "1") == 0
    assert {p.name for p in out.iterdir()} == {
        "molecules.sdf", "molecules.csv", "run.json", "grid.png", "trajectory-1.png", "trajectory-1.xyz",
    }  # fmt: skip
    printed = capsys.readouterr().out
    for word in ("requested", "connected", "strictly valid", "unique", "seconds"):
        assert word in printed
    record = json.loads((out / "run.json").read_text())
    assert record["status"] == "complete"
    assert record["counts"]["requested"] == 5
    assert {"versions", "arguments", "command", "seconds"} <= set(record)
    table = pd.read_csv(out / "molecules.csv")
    assert list(table.columns) == [
        "index",
        "seed",
        "smiles",
        "atoms",
        "connected",
        "strictly_valid",
        "unique",
        "in_domain",
        "reason",
    ]
    assert len((out / "trajectory-1.xyz").read_text().splitlines()) == 3 * (table.atoms[1] + 2)


def test_again_says_complete_and_other_arguments_are_refused(small_folder, tmp_path, capsys):
    assert generate(tmp_path, small_folder) == 0
    before = (tmp_path / "molecules.sdf").read_bytes()
    assert generate(tmp_path, small_folder) == 0
    assert "complete" in capsys.readouterr().out
    assert generate(tmp_path, small_folder, "--seed", "1") == 2
    message = capsys.readouterr().err
    assert "seed: 0 there, 1 now" in message
    assert "--overwrite" in message
    assert (tmp_path / "molecules.sdf").read_bytes() == before
    assert generate(tmp_path, small_folder, "--seed", "1", "--overwrite") == 0
    assert (tmp_path / "molecules.sdf").read_bytes() != before


def test_killed_in_the_middle_and_started_again_gives_the_same_files(small_folder, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    command = [sys.executable, "-m", "molediff", "generate", "--model", str(small_folder), "--n", "60", "--steps", "30"]
    command += ["--batch", "4", "--threads", "1", "--quiet"]
    subprocess.run([*command, "--out", str(whole)], check=True, capture_output=True)
    process = subprocess.Popen([*command, "--out", str(cut)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list(cut.glob(".parts/batch-*[0-9].npz"))) < 3 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not (cut / "molecules.sdf").exists()
    subprocess.run([*command, "--out", str(cut)], check=True, capture_output=True)
    for name in ("molecules.sdf", "molecules.csv"):
        assert (whole / name).read_bytes() == (cut / name).read_bytes()


def test_sizes_never_trained_on_are_named(small_folder, tmp_path, capsys):
    assert generate(tmp_path, small_folder, "--atoms", "7-12") == 0
    assert "9-12 lie outside" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "dpmm"], "Unknown method"),
        (["--n", "0"], "at least 1"),
        (["--atoms", "many"], "--atoms"),
        (["--device", "gpu0"], "Device"),
        (["--model", "qm8"], "There is no model 'qm8'"),
    ],
)
def test_bad_arguments_exit_2(small_folder, tmp_path, capsys, arguments, message):
    assert generate(tmp_path / "x", small_folder, *arguments) == 2
    assert message in capsys.readouterr().err


def test_conformers_from_smiles_and_files(small_folder, tmp_path, capsys):
    (tmp_path / "in.smi").write_text("CCO ethanol\nC[C@H](O)F\n")
    code = main(
        [
            "conformers",
            str(tmp_path / "in.smi"),
            "CC#N",
            "--n",
            "2",
            "--steps",
            "2",
            "--quiet",
            "--model",
            str(small_folder),
            "--out",
            str(tmp_path / "c"),
        ]
    )
    table = pd.read_csv(tmp_path / "c" / "conformers.csv")
    assert len(table) == 6
    assert code == (0 if table.as_asked.all() else 1)
    assert main(["conformers", "nothere.sdf", "--model", str(small_folder), "--out", str(tmp_path / "d")]) == 2
    assert "There is no file" in capsys.readouterr().err


def test_doctor_and_models_run(capsys):
    assert main(["doctor"]) == 0
    assert "torch" in capsys.readouterr().out
    assert main(["models"]) == 0
    said = capsys.readouterr().out
    assert said.count("molecules of training") == 3 and said.count("and poses in proteins (complexes), 60 %") == 1


def test_doctor_names_what_installs_from_a_clone():
    said = doctor._how_to_get("prolif", "dock")
    assert "pip install -e '.[dock]'" in said and "molediff[" not in said


def test_a_refused_run_leaves_the_folder_free(tmp_path, capsys):
    out = str(tmp_path / "out")
    assert main(["generate", "--n", "2", "--steps", "2", "--method", "magic", "--out", out]) == 2
    assert main(["generate", "--n", "2", "--steps", "2", "--threads", "-4", "--out", out]) == 2
    assert "--threads must be 0" in capsys.readouterr().err
    assert main(["generate", "--n", "2", "--steps", "2", "--atoms", "9", "--quiet", "--out", out]) == 0
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    # What the model recommends for so few steps, where nothing is said.
    assert record["settings"]["method"] == load("qm9").recommended(2)["method"]


def test_a_folder_that_is_no_run_is_not_written_over(tmp_path, small_folder, capsys):
    out = tmp_path / "out"
    (out / ".parts").mkdir(parents=True)
    (out / "molecules.csv").write_text("mine")
    (out / ".parts" / "0.pt").write_text("of another run")
    assert generate(out, small_folder) == 2
    said = capsys.readouterr().err
    assert "no run of molediff" in said and "--overwrite" in said and (out / "molecules.csv").read_text() == "mine"
    assert generate(out, small_folder, "--overwrite") == 0 and not (out / ".parts").exists()


def test_overwriting_throws_away_what_the_run_before_wrote_and_nothing_else(tmp_path, small_folder):
    out = tmp_path / "out"
    assert generate(out, small_folder, "--trajectory", "0") == 0
    (out / "notes.txt").write_text("mine")
    record = json.loads((out / "run.json").read_text())
    assert {"molecules.sdf", "trajectory-0.xyz"} <= set(record["files"]) and not record["found"]
    (tmp_path / "outside.txt").write_text("mine")
    record["files"].append("../outside.txt")  # as no run writes it
    (out / "run.json").write_text(json.dumps(record))
    assert generate(out, small_folder, "--seed", "1", "--overwrite") == 0
    left = {path.name for path in out.iterdir()}
    assert "trajectory-0.xyz" not in left and {"molecules.sdf", "notes.txt"} <= left
    assert json.loads((out / "run.json").read_text())["found"] == ["notes.txt"]
    assert (tmp_path / "outside.txt").is_file()


def test_going_on_with_other_versions_is_said_and_written_down(tmp_path, small_folder, capsys):
    out = tmp_path / "out"
    assert generate(out, small_folder) == 0
    path = out / "run.json"
    record = json.loads(path.read_text()) | {"status": "running"}
    path.write_text(json.dumps(record))
    assert generate(out, small_folder) == 0 and "Warning" not in capsys.readouterr().err
    assert "earlier" not in json.loads(path.read_text())
    record["versions"]["rdkit"] = "1.0"
    path.write_text(json.dumps(record))
    assert generate(out, small_folder) == 0 and "made with rdkit 1.0, now" in capsys.readouterr().err
    assert [one["rdkit"] for one in json.loads(path.read_text())["earlier"]] == ["1.0"]


def test_what_cannot_be_written_and_what_should_not_happen_have_their_own_status(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("")
    assert main(["generate", "--n", "1", "--steps", "1", "--quiet", "--out", str(tmp_path / "file" / "sub")]) == 2
    said = capsys.readouterr().err
    assert "file" in said and "Traceback" not in said

    def break_(args):
        raise IndexError("a fault")

    monkeypatch.setattr(doctor, "run", break_)
    assert main(["doctor"]) == BROKEN
    assert "IndexError: a fault" in (said := capsys.readouterr().err) and "please report" in said


def test_molecules_of_a_file_are_read_as_a_library_is(tmp_path):
    (tmp_path / "a.smi").write_text("\ufeff# my set\nCCO ethanol\n\nCCN\n", encoding="utf-8")
    (tmp_path / "a.csv").write_text("name,smiles\nx,CCO\n")
    files = [str(tmp_path / "a.smi"), str(tmp_path / "a.csv")]
    assert conformers.read([*files, "CC"])[0] == ["CCO", "CCN", "CCO", "CC"]


@pytest.mark.parametrize("more", [["--exhaustiveness", "64"], ["--conformers", "5"]])
def test_options_of_a_search_are_refused_where_nothing_searches(more, capsys):
    for engine in ("diffusion", "random"):
        assert main(["dock", "--demo", "--engine", engine, *more]) == 2
        assert f"{more[0]} belong to engines that search" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "content"), [("e.sdf", b""), ("e.smi", b""), ("e.smi", b"\n \n")])
def test_an_empty_file_of_molecules_is_said(name, content, tmp_path, capsys):
    (tmp_path / name).write_bytes(content)
    assert main(["conformers", str(tmp_path / name), "CCO", "--out", str(tmp_path / "out")]) == 2
    assert "holds no " in capsys.readouterr().err


def test_a_library_in_another_encoding_is_read(tmp_path):
    from molediff.cli.conformers import read

    (tmp_path / "l.smi").write_bytes(b"CCO caf\xe9\nCC\n")
    assert read([str(tmp_path / "l.smi")])[0] == ["CCO", "CC"]
