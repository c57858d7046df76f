"""The house stands: imports only go down, nothing goes round in circles, nothing grows too large.

The floors are those of DESIGN.md, section 3. Rooms on one floor may look into each other one way, never both.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "molediff"
FLOORS = {
    1: ("config", "elements", "geometry", "installed", "memory", "whole_files"),
    2: ("structures",),
    3: ("noise", "denoisers", "chem"),
    4: ("sampling", "data", "docking"),
    5: ("model",),
    6: ("pipelines", "report"),
    7: ("training", "campaign"),
    8: ("cli", "__main__"),
    9: ("",),  # molediff/__init__.py, the door: may open on everything, nothing inside goes through it
}
FLOOR = {room: floor for floor, rooms in FLOORS.items() for room in rooms}
APART, APART_FROM = "evaluation", 4
FILE, FUNCTION, CLASS = 400, 60, 250


@dataclass(frozen=True)
class Module:
    """One file of the package."""

    name: str
    """Dotted, within the package: 'noise.schedules.cosine'; '' for the package itself."""
    path: Path
    tree: ast.Module
    is_package: bool

    @property
    def room(self) -> str:
        return self.name.split(".")[0]


def modules(package: Path) -> dict[str, Module]:
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        found[name] = Module(name, path, ast.parse(path.read_text(encoding="utf-8")), is_package)
    return found


def imported(module: Module, known: dict[str, Module], package: str) -> Iterator[tuple[int, str]]:
    """(line, module of the package) for every import anywhere in the file, also within functions."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                here = [package, *module.name.split(".")] if module.name else [package]
                up = node.level - 1 if module.is_package else node.level
                source = ".".join([*here[: len(here) - up], *([node.module] if node.module else [])])
            # 'from package.room import x': x may be a module, else the room itself is meant.
            targets = [f"{source}.{alias.name}" for alias in node.names]
        else:
            continue
        for target in targets:
            if target == package or target.startswith(f"{package}."):
                inner = target[len(package) + 1 :]
                while inner not in known and inner:
                    inner = inner.rpartition(".")[0]
                yield node.lineno, inner


def arrows_up(package: Path) -> list[str]:
    """Imports that run up, of or by the room apart, of the door from inside, and rooms without a floor."""
    known, wrong = modules(package), []
    for module in known.values():
        if module.room not in FLOOR and module.room != APART:
            wrong.append(f"room '{module.room}' has no floor")
            continue
        for line, target in imported(module, known, package.name):
            there = target.split(".")[0]
            if there == module.room:
                continue
            if module.room == APART:
                why = "the judge imports nothing of the package"
            elif there == APART:
                why = f"the judge may be imported from floor {APART_FROM} up" if FLOOR[module.room] < APART_FROM else ""
            elif there not in FLOOR:
                why = "no floor"
            else:
                up = FLOOR[there] > FLOOR[module.room]
                why = f"floor {FLOOR[module.room]} to floor {FLOOR[there]}" if up else ""
            if why:
                wrong.append(
                    f"{module.path.relative_to(package)}:{line}: {module.room or '.'} -> {there or '.'} ({why})"
                )
    return sorted(set(wrong))


def circles(package: Path) -> list[str]:
    """A circle of files, or of rooms."""
    known = modules(package)
    files = {name: {t for _, t in imported(m, known, package.name)} - {name} for name, m in known.items()}
    rooms: dict[str, set[str]] = {}
    for name, targets in files.items():
        room = name.split(".")[0]
        rooms.setdefault(room, set()).update({t.split(".")[0] for t in targets} - {room})
    found = []
    for graph in (files, rooms):
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            found.append(" -> ".join(x or "." for x in reversed(error.args[1])))
    return found


def oversized(package: Path) -> list[str]:
    """Files, functions and classes that have grown beyond what one reads in one go."""
    found = []
    for module in modules(package).values():
        where = module.path.relative_to(package)
        lines = len(module.path.read_text(encoding="utf-8").splitlines())
        if lines > FILE:
            found.append(f"{where}: {lines} lines (at most {FILE})")
        for node in ast.walk(module.tree):
            most = {ast.FunctionDef: FUNCTION, ast.AsyncFunctionDef: FUNCTION, ast.ClassDef: CLASS}.get(type(node))
            if most and (length := node.end_lineno - node.lineno + 1) > most:
                found.append(f"{where}:{node.lineno}: {node.name} has {length} lines (at most {most})")
    return found


def asserts(package: Path) -> list[str]:
    """User errors are raised, and what cannot happen is tested, not asserted."""
    return [
        f"{m.path.relative_to(package)}:{node.lineno}"
        for m in modules(package).values()
        for node in ast.walk(m.tree)
        if isinstance(node, ast.Assert)
    ]


RULES = (arrows_up, circles, oversized, asserts)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.__name__)
def test_house(rule):
    found = rule(PACKAGE)
    assert not found, "\n" + "\n".join(found)


def test_the_walk_sees_the_house():
    """Known arrows are found: the rules do not pass for want of sight."""
    known = modules(PACKAGE)
    assert {"", "noise", "noise.schedules.cosine", "denoisers.attention"} <= set(known)
    assert "noise.process" in {t for _, t in imported(known["noise"], known, "molediff")}
    assert "noise.categorical" in {t for _, t in imported(known["noise.process"], known, "molediff")}


SOUND = {"__init__.py": "", "config.py": "X = 1\n", "noise/__init__.py": "from molediff.config import X\n"}
BAD = {
    "up": (arrows_up, {"config.py": "from molediff.noise import draws\n"}),
    "up, in a function": (arrows_up, {"noise/a.py": "def f():\n    import molediff.cli.b\n", "cli/b.py": ""}),
    "up, relative": (arrows_up, {"noise/a.py": "from ..model import b\n", "model/b.py": ""}),
    "up, for type checking": (arrows_up, {"noise/a.py": "if X:\n    from molediff.model import b\n", "model/b.py": ""}),
    "through the door": (arrows_up, {"noise/a.py": "import molediff as md\n"}),
    "a room without a floor": (arrows_up, {"utils/a.py": ""}),
    "the judge is not apart": (arrows_up, {"evaluation/a.py": "from molediff.config import X\n"}),
    "the judge sits too low": (arrows_up, {"noise/a.py": "from molediff.evaluation import a\n", "evaluation/a.py": ""}),
    "a circle": (circles, {"noise/a.py": "from molediff.noise import b\n", "noise/b.py": "from . import a\n"}),
    "a circle of rooms": (
        circles,
        {
            "chem/a.py": "from molediff.denoisers import a\n",
            "denoisers/a.py": "",
            "denoisers/b.py": "from molediff.chem import b\n",
            "chem/b.py": "",
        },
    ),
    "its own package": (circles, {"noise/__init__.py": "from .a import y\n", "noise/a.py": "from . import x\n"}),
    "a long file": (oversized, {"noise/a.py": "x = 1\n" * 401}),
    "a long function": (oversized, {"noise/a.py": "def f():\n" + "    x = 1\n" * 60}),
    "a long class": (oversized, {"noise/a.py": "class C:\n" + "    x = 1\n" * 250}),
    "an assert": (asserts, {"noise/a.py": "def f(x):\n    assert x\n"}),
}  # fmt: skip


def build(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / "molediff" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for folder in {p.parent for p in (root / "molediff").rglob("*.py")}:
        (folder / "__init__.py").touch()
    return root / "molediff"


def test_a_sound_house_passes(tmp_path):
    allowed = {
        "noise/a.py": "import torch\nfrom . import b\nfrom molediff.config import X\n",
        "noise/b.py": "def f():\n" + "    x = 1\n" * 59,
        "pipelines/a.py": "from molediff.evaluation import a\nfrom molediff.noise import a as b\n",
        "evaluation/a.py": "from molediff.evaluation import b\nimport rdkit\n",
        "evaluation/b.py": "",
    }
    package = build(tmp_path, SOUND | allowed)
    assert [found for rule in RULES for found in rule(package)] == []


@pytest.mark.parametrize("fault", BAD)
def test_rules_can_fail(tmp_path, fault):
    rule, files = BAD[fault]
    assert len(rule(build(tmp_path, SOUND | files))) == 1
