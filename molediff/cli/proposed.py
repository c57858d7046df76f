"""Options of dock for a diffusion model, which proposes poses or ranks them, and for its control."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from molediff.cli.in_pocket import POCKET, knows_pockets, say_pocket
from molediff.config import UserError


@dataclass(frozen=True)
class Engine:
    """An engine of dock whose poses are proposed, then relaxed."""

    model: bool = True
    """Whether a diffusion model proposes; else conformers are placed at random."""
    search: str = ""
    """Engine of `molediff.docking.engines` whose poses compete with the proposed ones."""
    samples: int = 40
    """Poses proposed where the user says nothing."""
    rank: str = "model"
    """Order of the poses where the user says nothing."""


ENGINES = {"diffusion": Engine(), "hybrid": Engine(search="torch", samples=10), "random": Engine(False, rank="vina")}
"""Name -> what it does; the others are those of `molediff.docking.engines`."""
SEARCHED = "model"
"""Order of the poses of those others where the user says nothing: more are right (experiments/docking_astex)."""
_WITH = ", ".join(ENGINES)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--samples, --relax, --model, --steps."""
    group = parser.add_argument_group(
        "a diffusion model: --engine diffusion, its control random, hybrid (diffusion and a search); --rank model"
    )
    group.add_argument("--model", default="", help=f"a model that reads pockets, or a folder (default {POCKET})")
    group.add_argument("--steps", type=int, help="from noise to poses (default 50)")
    group.add_argument(
        "--samples", type=int, help="poses proposed a ligand, before the best are kept (default 40; hybrid 10)"
    )
    group.add_argument(
        "--search", help="of hybrid, whose poses compete with the model's: torch or vina (default torch)"
    )
    group.add_argument("--relax", help="of proposed poses: vina, mmff, uff, mmff+vina, torch or none (default vina)")


def asked(args: argparse.Namespace) -> bool:
    """Whether the engine proposes poses; fills in the order that it has where the user says nothing.

    Raises:
        UserError: for an engine that is not there, and options of these engines given with another one.
    """
    from molediff.config import choose
    from molediff.docking.engines import ENGINES as SEARCHES

    choose("engine", args.engine, {**SEARCHES, **ENGINES})
    if args.rank is None:
        args.rank = ENGINES[args.engine].rank if args.engine in ENGINES else SEARCHED
    if args.search is not None:
        if not ENGINES.get(args.engine, Engine()).search:
            raise UserError(f"--search belongs to --engine hybrid; --engine is {args.engine}.")
        choose("search", args.search, SEARCHES)
    if args.engine in ENGINES:
        idle = [f"--{name}" for name in ("exhaustiveness", "conformers") if getattr(args, name) is not None]
        if idle and not (args.search or ENGINES[args.engine].search):
            raise UserError(f"{', '.join(idle)} belong to engines that search; --engine {args.engine} proposes poses.")
        if args.model and not ENGINES[args.engine].model and args.rank != "model":
            raise UserError(f"--model {args.model} has nothing to do: --engine {args.engine} proposes without a model.")
        return True
    given = [f"--{name}" for name in ("steps", "samples", "relax") if getattr(args, name) is not None]
    if args.model and args.rank != "model":
        raise UserError(f"--model belongs to --engine {_WITH} and to --rank model; --engine is {args.engine}.")
    if given:
        raise UserError(f"{', '.join(given)} belong to --engine {_WITH}; --engine is {args.engine}.")
    return False


def model_of(args: argparse.Namespace, device: str):
    """The model that makes or ranks the poses, None where none does.

    Raises:
        UserError: for a model that is not there or reads no pockets.
    """
    if not (args.engine in ENGINES and ENGINES[args.engine].model) and args.rank != "model":
        return None
    from molediff.model import load

    return knows_pockets(load(args.model or POCKET).to(device))


def pipeline_of(args: argparse.Namespace, receptor, site, model, settings: dict):
    """The pipeline, and what decides its result beside the settings of every engine.

    Args:
        args: of a parser that had `add_arguments`.
        receptor, site: the pocket.
        model: as `model_of` gives it.
        settings: fields of `molediff.docking.settings.DockConfig`.

    Raises:
        UserError: for a model that reads no pockets, an empty pocket, settings that cannot be.
    """
    from molediff.pipelines.dock_proposed import DockProposed, ProposedConfig
    from molediff.pipelines.proposals import RandomPoses

    how = ENGINES[args.engine]
    samples, search = how.samples if args.samples is None else args.samples, args.search or how.search
    proposed = ProposedConfig(samples, **({} if args.relax is None else {"relax": args.relax}))
    source, decisive = _diffusion(args, receptor, site, model) if how.model else (RandomPoses(site), {})
    pipeline = DockProposed(source, args.engine, args.rank, proposed.samples, proposed.relax, model, search, **settings)
    decisive |= {"search": search} if search else {}
    return pipeline, decisive | {"samples": proposed.samples, "relax": proposed.relax}


def _diffusion(args: argparse.Namespace, receptor, site, model):
    """(`DiffusionPoses`, what decides its result beside the model)."""
    from molediff.pipelines.frame import Frame, cut_pocket
    from molediff.pipelines.generate import sampling_config
    from molediff.pipelines.proposals import DiffusionPoses

    # Cut round the centre, as a box tells it: a reference would tell where a ligand's atoms are.
    pocket, left_out = cut_pocket(receptor, site)
    frame = Frame.of(model, pocket)
    say_pocket(frame, left_out, site)
    config = sampling_config(**({} if args.steps is None else {"steps": args.steps}))
    return DiffusionPoses(model, frame, config), {"steps": config.steps}
