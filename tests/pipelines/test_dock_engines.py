"""What is usual for an engine is the same for the command and for Python."""

import argparse

import pytest

from molediff.cli import dock, in_pocket, proposed
from molediff.config import UserError
from molediff.docking.engines import ENGINES as SEARCHES
from molediff.docking.engines import usual_engine
from molediff.docking.rank import RANKS
from molediff.docking.refine import METHODS
from molediff.pipelines.dock import Dock
from molediff.pipelines.dock_engines import ENGINES, NO
from molediff.pipelines.dock_proposed import DockProposed
from molediff.pipelines.guided import PULL
from molediff.pipelines.proposals import RandomPoses
from tests.pipelines.pocketbench import cave, pocket_model


def given(*words: str) -> argparse.Namespace:
    """What the command makes of its options."""
    parser = argparse.ArgumentParser()
    dock.add_arguments(parser)
    args = parser.parse_args(words)
    proposed.asked(args)
    return args


def test_every_engine_names_what_there_is():
    for one in ENGINES.values():
        assert one.search in ("", *SEARCHES) and one.rank in RANKS and one.relax in (NO, *METHODS)
        assert one.search or one.proposes
    assert set(SEARCHES) == {name for name, one in ENGINES.items() if not one.proposes}


def test_a_search_in_python_is_that_of_the_command():
    model = pocket_model()
    args, pipeline = given("--engine", "torch"), Dock("torch", model=model)
    assert pipeline.config.exhaustiveness == args.exhaustiveness == 32 and pipeline.rank == args.rank == "model"
    assert Dock("torch").rank == "vina" and Dock("torch").model is None  # nothing to ask
    assert Dock("torch", exhaustiveness=3).config.exhaustiveness == 3
    assert Dock().engine == usual_engine()
    with pytest.raises(UserError, match="model=load"):
        Dock("torch", rank="model")


@pytest.mark.parametrize("name", [name for name, one in ENGINES.items() if one.proposes])
def test_proposed_poses_in_python_are_those_of_the_command(name):
    receptor, site = cave(radius=8.5)
    args, how = given("--engine", name), ENGINES[name]
    mine = DockProposed(RandomPoses(site), name, model=pocket_model())
    assert mine.rank == args.rank == how.rank and mine.search == how.search
    assert (mine.proposed.samples, mine.proposed.relax) == (how.samples, how.relax)
    assert mine.config.exhaustiveness == args.exhaustiveness == 8
    if how.proposes == "random":
        theirs, decisive = proposed.pipeline_of(args, receptor, site, None, {})
        assert theirs.proposed == mine.proposed and decisive == {"samples": 40, "relax": "vina"}


def test_help_says_what_is_usual():
    parser = argparse.ArgumentParser()
    dock.add_arguments(parser)
    said = " ".join(parser.format_help().split())
    torch, hybrid, usual = (ENGINES[name] for name in ("torch", "hybrid", "diffusion"))
    effort = f"(default {ENGINES['vina'].exhaustiveness}; {torch.exhaustiveness} for --engine torch; hybrid "
    assert f"{effort}{hybrid.exhaustiveness})" in said
    assert f"(default {usual.samples}; hybrid {hybrid.samples})" in said and f"or none (default {usual.relax})" in said
    parser = argparse.ArgumentParser()
    in_pocket.add_arguments(parser)
    assert f"(default {PULL:g}; 0 for none)" in " ".join(parser.format_help().split())
