"""The page of poses: whole, offline, safe, and in a browser something to look at."""

import json
import re
from html.parser import HTMLParser
from importlib import resources

import numpy as np
import pandas as pd
import pytest
from browser import Browser, executable
from rdkit import Chem

from molediff.evaluation import InputError
from molediff.report import write_page
from molediff.report.page import COLOURS, KINDS
from molediff.report.trim import trim

EVIL = "</script><script>window.hit = 1</script><!-- \u2028 @@JS@@ \"'&<b>"


@pytest.fixture(scope="module")
def material():
    """Tyrosine in 1of6: (ligand, text of the protein's atoms within 12 A)."""
    folder = resources.files("posebusters") / "datasets" / "pdb" / "1of6"
    ligand = Chem.AddHs(Chem.MolFromMolBlock((folder / "1of6_ligand.sdf").read_text()), addCoords=True)
    text = (folder / "1of6_protein_one_lig_removed.pdb").read_text()
    lines = [line for line in text.splitlines() if line.startswith(("ATOM", "HETATM"))]
    pos = np.array([[float(line[a : a + 8]) for a in (30, 38, 46)] for line in lines])
    own = ligand.GetConformer().GetPositions()
    near = np.linalg.norm(pos[:, None] - own[None], axis=-1).min(1) < 12
    return ligand, "\n".join(line for line, close in zip(lines, near, strict=True) if close)


def moved(mol, x):
    out = Chem.Mol(mol)
    out.GetConformer().SetPositions(mol.GetConformer().GetPositions() + np.array([x, 0, 0]))
    return out


def page(path, material, name="pose 1", **more):
    ligand, protein = material
    table = pd.DataFrame(
        {
            "pose": range(4),
            "name": [name, "second", "third", "lost"],
            "reason": ["", "", "", "no_molecule"],
            "vina_score": [-7.25, -9.5, -6.0, np.nan],
            "rmsd": [0.4, 2.5, 6.0, np.nan],
            "pb_valid": [True, False, True, False],
            "pb_bond_lengths": [True, True, True, None],
            "pb_minimum_distance_to_protein": [True, False, True, None],
            "my_figure": [1, 2, 3, None],
        }
    )
    contacts = pd.DataFrame(
        [[0, "A:ASP22", "HBDonor", 2.8], [1, "A:ASP22", "Hydrophobic", 4.0], [-1, "A:PHE224", "PiStacking", 5.5]],
        columns=["pose", "residue", "kind", "distance"],
    )
    ends = [f"{side}_{axis}" for side in ("ligand", "protein") for axis in "xyz"]
    contacts[ends] = [*ligand.GetConformer().GetPositions()[0], *(ligand.GetConformer().GetPositions()[0] + 2)]
    poses = [ligand, moved(ligand, 1.0), moved(ligand, 3.0), None]
    given = {"title": "Tyrosine", "table": table, "interactions": contacts, "reference": ligand} | more
    return write_page(path, receptor_pdb=protein, poses=poses, **given)


class Parsed(HTMLParser):
    """Elements with their attributes, texts of scripts, cells of tables."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.scripts, self.open, self.title = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        if self.open and self.open[-1] == "title":
            self.title += data

    @property
    def data(self):
        return json.loads(self.scripts[0])


@pytest.fixture(scope="module")
def parsed(material, tmp_path_factory):
    return Parsed(page(tmp_path_factory.mktemp("page") / "page.html", material).read_text(encoding="utf-8"))


def test_every_pose_is_a_row_and_carries_its_figures(parsed, material):
    rows = [attrs for tag, attrs in parsed.elements if tag == "tr" and "data-pose" in attrs]
    assert [row["data-pose"] for row in rows] == list("0123")
    assert rows[3].get("class") == "lost" and parsed.data["poses"][3]["block"] is None
    first, second = parsed.data["poses"][:2]
    assert first["values"] == {"vina_score": -7.25, "rmsd": 0.4, "pb_valid": True, "my_figure": 1}
    assert first["checks"] == {"all": 2, "passed": 2, "failed": []}
    assert second["checks"]["failed"] == ["minimum distance to protein"]
    assert parsed.data["poses"][3]["values"]["vina_score"] is None
    back = Chem.MolFromMolBlock(second["block"], removeHs=False)
    assert np.allclose(
        back.GetConformer().GetPositions() - [1, 0, 0], material[0].GetConformer().GetPositions(), atol=1e-3
    )
    labels = [column["label"] for column in parsed.data["columns"]]
    assert labels == ["Vina", "RMSD", "PB-valid", "my figure"]


def test_interactions_stand_with_their_ends_and_kinds(parsed):
    contacts = parsed.data["contacts"]
    assert [c["pose"] for c in contacts] == [0, 1, -1] and len(contacts[0]["ends"][1]) == 3
    assert set(parsed.data["kinds"]) == set(KINDS) == set(COLOURS)
    assert ("table", {"id": "matrix"}) in parsed.elements


def test_nothing_is_fetched(parsed):
    for tag, attrs in parsed.elements:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base")
        assert not {"src", "href", "srcset", "action", "background"} & set(attrs)
    policy = next(attrs["content"] for tag, attrs in parsed.elements if "http-equiv" in attrs)
    assert policy.startswith("default-src 'none'") and "http" not in policy
    style = resources.files("molediff.report") / "assets" / "page.css"
    assert "url(" not in style.read_text() and "@import" not in style.read_text()


def test_licence_and_library_are_in_the_page(parsed, material, tmp_path):
    text = page(tmp_path / "page.html", material).read_text(encoding="utf-8")
    assert "Copyright (c) 2014, University of Pittsburgh" in text and "Redistribution and use in source" in text
    assert "$3Dmol" in parsed.scripts[1] and len(parsed.scripts[1]) > 400_000 and len(text) < 1_500_000
    assert len(parsed.scripts) == 3


def test_evil_names_stay_text(material, tmp_path):
    path = page(tmp_path / "page.html", material, name=EVIL, title=EVIL, subtitle=EVIL, about={EVIL: EVIL})
    found = Parsed(path.read_text(encoding="utf-8"))
    assert len(found.scripts) == 3 and "window.hit" not in found.scripts[1] + found.scripts[2]
    assert found.title == EVIL and found.data["poses"][0]["name"] == EVIL
    assert found.scripts[2] == Parsed(page(tmp_path / "b.html", material).read_text(encoding="utf-8")).scripts[2]
    assert "<" not in found.scripts[0]


def test_a_bare_table_is_enough(material, tmp_path):
    ligand, protein = material
    path = write_page(
        tmp_path / "p.html", title="t", receptor_pdb=protein, poses=[ligand], table=pd.DataFrame({"a": [np.inf]})
    )
    found = Parsed(path.read_text(encoding="utf-8"))
    assert found.data["columns"] == [] and found.data["contacts"] is None and found.data["reference"] is None
    assert found.data["poses"][0]["name"] == "pose 1"
    assert {attrs["data-show"] for tag, attrs in found.elements if "data-show" in attrs}.isdisjoint({"reference"})


def test_what_does_not_fit_is_refused(material, tmp_path):
    ligand, protein = material
    target = tmp_path / "p.html"
    given = {"title": "t", "receptor_pdb": protein, "poses": [ligand], "table": pd.DataFrame({"a": [1]})}
    with pytest.raises(InputError, match="1 rows for 2 poses"):
        write_page(target, **given | {"poses": [ligand, ligand]})
    with pytest.raises(InputError, match="ATOM"):
        write_page(target, **given | {"receptor_pdb": "END"})
    with pytest.raises(InputError, match="pose, residue"):
        write_page(target, **given, interactions=pd.DataFrame({"a": [1]}))
    odd = pd.DataFrame({"pose": [0], "residue": ["A:X1"], "kind": ["magic"], "distance": [1.0]})
    with pytest.raises(InputError, match="magic"):
        write_page(target, **given, interactions=odd)
    assert not list(tmp_path.iterdir()), "nothing half written"


def test_trim_keeps_what_a_picture_needs():
    line = "{:6s}{:5d} {:<4s}{:1s}{:3s} A{:4d}    {:8.3f}{:8.3f}{:8.3f}  1.00  0.00          {:>2s}"
    atoms = [
        ("ATOM", 7, " N", "", "GLY", 1, 0.0, 0, 0, "N"),
        ("ATOM", 8, " H", "", "GLY", 1, 1.0, 0, 0, "H"),
        ("ATOM", 9, " CA", "A", "GLY", 1, 0, 1.5, 0, "C"),
        ("ATOM", 10, " CA", "B", "GLY", 1, 0, 1.6, 0, "C"),
        ("ATOM", 11, " HA", "", "GLY", 1, 0, 2.6, 0, "H"),
        ("HETATM", 12, " O", "", "HOH", 2, 9, 0, 0, "O"),
        ("HETATM", 13, "ZN", "", " ZN", 3, 5, 0, 0, "ZN"),
    ]
    text = "\n".join(["REMARK x", *(line.format(*one) for one in atoms), "ENDMDL", line.format(*atoms[0])])
    kept = [(row[12:16].strip(), int(row[6:11])) for row in trim(text).splitlines() if row[:4] in ("ATOM", "HETA")]
    assert kept == [("N", 1), ("H", 2), ("CA", 3), ("ZN", 4)]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if executable() is None:
        pytest.skip("needs Chromium")
    pytest.importorskip("PIL")
    with Browser(tmp_path_factory.mktemp("profile"), 600, 480) as one:
        yield one


def differing(a, b):
    """Share of pixels that differ visibly."""
    return float((np.abs(a - b).max(-1) > 24).mean())


def test_in_a_browser_it_shows_turns_and_changes(browser, material, tmp_path):
    browser.open(page(tmp_path / "page.html", material, name=EVIL))
    first = browser.pixels("#stage")
    ground = np.median(first.reshape(-1, 3), axis=0)
    assert 0.02 < float((np.abs(first - ground).max(-1) > 24).mean()) < 0.98, "something is drawn, on a ground"
    browser.drag("#stage", (120, 40))
    turned = browser.pixels("#stage")
    assert differing(first, turned) > 0.02, "the drag turned it"
    browser.run("document.querySelector('#poses tr[data-pose=\"2\"]').click()")
    browser.settle()
    assert browser.run("molediff.current") == 2 and differing(turned, browser.pixels("#stage")) > 0.003
    browser.call("Input.dispatchKeyEvent", type="keyDown", key="ArrowDown")
    assert browser.run("molediff.current") == 0, "past the lost one, round to the first"
    browser.run("document.querySelectorAll('#poses th')[1].click()")
    order = browser.run("[...document.querySelectorAll('#poses tbody tr')].map(r => r.dataset.pose).join()")
    assert order == "1,0,2,3", "sorted by score, the lost one last"
    assert browser.run("document.querySelectorAll('#plot circle').length") == 3
    assert browser.run("document.querySelector('#shown').textContent") == EVIL
    assert browser.run("window.hit === undefined")
    assert browser.errors() == [] and browser.requests() == []


def test_the_assets_are_packaged():
    import tomllib
    from pathlib import Path

    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())
    assert re.search(r"report/assets/\*", " ".join(project["tool"]["setuptools"]["package-data"]["molediff"]))
