"""Options of dock for a diffusion model, which proposes poses or ranks them, and for its control."""

from __future__ import annotations

import argparse

from molediff.cli.in_pocket import POCKET, knows_pockets, say_pocket
from molediff.config import UserError


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
    """Whether the engine proposes poses; fills in the effort and the order that it has where the user says nothing.

    Raises:
        UserError: for an engine that is not there, and options of these engines given with another one.
    """
    from molediff.config import choose
    from molediff.pipelines.dock_engines import ENGINES

    how = choose("engine", args.engine, ENGINES)
    if args.search is not None:
        if not (how.search and how.proposes):
            raise UserError(f"--search belongs to --engine hybrid; --engine is {args.engine}.")
        choose("search", args.search, {name: one for name, one in ENGINES.items() if not one.proposes})
    _belong(args, how, ", ".join(name for name, one in ENGINES.items() if one.proposes))
    args.rank = args.rank or how.rank
    args.exhaustiveness = how.exhaustiveness if args.exhaustiveness is None else args.exhaustiveness
    return bool(how.proposes)


def _belong(args: argparse.Namespace, how, proposing: str) -> None:
    """Refuse options that an engine has no use for.

    Args:
        args: as given.
        how: `molediff.pipelines.dock_engines.DockEngine`.
        proposing: the engines that propose poses.
    """
    by_model = (args.rank or how.rank) == "model"
    if how.proposes:
        idle = [f"--{name}" for name in ("exhaustiveness", "conformers") if getattr(args, name) is not None]
        if idle and not how.search:
            raise UserError(f"{', '.join(idle)} belong to engines that search; --engine {args.engine} proposes poses.")
        if args.model and how.proposes != "diffusion" and not by_model:
            raise UserError(f"--model {args.model} has nothing to do: --engine {args.engine} proposes without a model.")
        return
    given = [f"--{name}" for name in ("steps", "samples", "relax") if getattr(args, name) is not None]
    if args.model and not by_model:
        raise UserError(f"--model belongs to --engine {proposing} and to --rank model; --engine is {args.engine}.")
    if given:
        raise UserError(f"{', '.join(given)} belong to --engine {proposing}; --engine is {args.engine}.")


def model_of(args: argparse.Namespace, device: str):
    """The model that makes or ranks the poses, None where none does.

    Raises:
        UserError: for a model that is not there or reads no pockets.
    """
    from molediff.pipelines.dock_engines import ENGINES

    if ENGINES[args.engine].proposes != "diffusion" and args.rank != "model":
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
    from molediff.pipelines.dock_engines import ENGINES
    from molediff.pipelines.dock_proposed import DockProposed
    from molediff.pipelines.proposals import RandomPoses

    made = ENGINES[args.engine].proposes == "diffusion"
    source, decisive = _diffusion(args, receptor, site, model) if made else (RandomPoses(site), {})
    pipeline = DockProposed(
        source, args.engine, args.rank, args.samples, args.relax or "", model, args.search, **settings
    )
    decisive |= {"search": pipeline.search} if pipeline.search else {}
    return pipeline, decisive | {"samples": pipeline.proposed.samples, "relax": pipeline.proposed.relax}


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
