"""Options of generate that put the molecules into a pocket, and what is done with them there."""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from molediff.cli import options, pocket_options
from molediff.config import UserError

POCKET = "pocket"
"""Model by default."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that define a pocket, --demo, wishes, ranking, relaxation, --report, --workers."""
    pocket_options.add_arguments(parser)
    group = parser.add_argument_group("molecules in the pocket")
    group.add_argument("--demo", action="store_true", help="a complex that comes along")
    group.add_argument("--report", action="store_true", help="also write report.html: pocket, poses, figures, offline")
    group.add_argument("--rank-by", help="rule or efficiency; PB-valid first, rare rings behind (default rule)")
    group.add_argument(
        "--relax",
        help="mmff, uff, vina, torch or mmff+vina, see molediff refine (default mmff+vina)",
    )
    group.add_argument(
        "--keep-smarts", action="append", default=[], metavar="SMARTS", help="molecules without it are ranked behind"
    )
    group.add_argument(
        "--avoid", action="append", default=[], metavar="SMARTS", help="molecules with it are ranked behind"
    )
    group.add_argument("--max-mw", type=float, default=0.0, metavar="G", help="heavier ones are ranked behind, g/mol")
    group.add_argument("--charge", default="", metavar="LIST", help="others are ranked behind, as --charge=-1,0")
    group.add_argument(
        "--guidance-scale", type=float, default=1.0, help="above 1: more of what the pocket asks for (default 1)"
    )
    group.add_argument(
        "--vina-pull",
        type=float,
        metavar="X",
        help="pull of Vina's gradient in the late steps (default 4; 0 for none)",
    )
    options.add_workers(group, "processes for figures")


@dataclass(frozen=True)
class Place:
    """The pocket of a run: what `molediff.cli.free.Free` answers where there is none."""

    receptor: object
    """`molediff.docking.receptor.Receptor`."""
    site: object
    """`molediff.docking.site.Site`."""
    reference: object
    """RDKit molecule, or None."""
    judge: object
    """`molediff.pipelines.in_pocket.InPocket`."""
    frame: object
    """`molediff.pipelines.frame.Frame`: the pocket as the model reads it."""

    @property
    def about(self) -> dict:
        """What run.json says of the pocket."""
        return pocket_options.about(self.receptor, self.site)

    def decisive(self, args: argparse.Namespace) -> dict:
        """What decides the result, beside the other arguments."""
        found = pocket_options.decisive(self.receptor, self.site)
        if self.reference is not None:
            found["reference"] = pocket_options.mark(self.reference)
        found |= {"rank_by": self.judge.rank_by, "relax": self.judge.relax}
        if is_guided(args):
            found |= pushed(args)
        for name in ("keep_smarts", "avoid", "max_mw", "charge"):
            if getattr(args, name):
                found[name] = getattr(args, name)
        return found

    def denoiser(self, args: argparse.Namespace, model):
        """The model under guidance; None for the model alone.

        Raises:
            UserError: for settings that cannot be.
        """
        if not is_guided(args):
            return None
        from molediff.pipelines.guided import guided
        from molediff.sampling import GuidanceConfig

        settings = GuidanceConfig(scale=args.guidance_scale, pull=pull_of(args))
        return guided(model, self.receptor, self.frame, settings)

    def finish(self, result, args: argparse.Namespace, parts: Path):
        """Judge the molecules as poses, and write them; `molediff.pipelines.in_pocket.PocketGeneration`."""
        result = replace(result, about=result.about | pushed(args))
        bar = options.progress_bar(args.n, args.quiet, "pose")
        made = self.judge(result, self.receptor, self.site, self.reference, bar, parts)
        made.save(args.out, args.report)
        return made

    def report(self, made) -> None:
        """The counts that belong to poses, and the best molecules."""
        counts, n = made.counts, made.counts["requested"]
        print(f"{'':<15} {'raw':>9} {'relaxed':>9}")
        for key, label in (("scored", "with figures"), ("pb_valid", "PB-valid")):
            raw, relaxed = counts[f"{key}_raw"], counts[f"{key}_relaxed"]
            print(f"{label:<15} {raw:>9} {relaxed:>9}  of {n}")
        t = made.table
        if t["vina_score_raw"].notna().any():
            raw, relaxed = t["vina_score_raw"].median(), t["vina_score_relaxed"].median()
            by = made.about["scored_by"]
            said = "" if by == "vina" else f" (--engine {by}: vina is not installed)"
            print(f"{'Vina, median':<15} {raw:>9.2f} {relaxed:>9.2f}  kcal/mol{said}")
        print(f"{'usual rings':<15} {counts['usual_rings']:>9}            of {n}, no system that is rare in drugs")
        if made.beside:
            print(f"{'reference':<15} {made.beside}, as given")
        if made.wished:
            print(f"{'as wished':<15} {counts['fits']} (see the column misfit in molecules.csv)")
        for i in made.order[:3]:
            row = t.set_index("index").loc[i]
            score = row["vina_score_" + row["pose"]]
            print(f"  {int(row['rank'])}. {score:7.2f} kcal/mol  {row['smiles']}{remark(row)}")


def asked(args: argparse.Namespace) -> bool:
    """Whether the molecules are made in a pocket.

    Raises:
        UserError: for options that need a pocket where there is none.
    """
    defined = [args.protein, args.pocket, *(getattr(args, name) for name in pocket_options.SITES)]
    if args.demo or any(value is not None for value in defined):
        return True
    given = {"--report": args.report, "--keep-smarts": args.keep_smarts, "--avoid": args.avoid}
    given |= {"--guidance-scale": args.guidance_scale != 1, "--vina-pull": args.vina_pull is not None}
    given |= {"--max-mw": args.max_mw, "--charge": args.charge, "--rank-by": args.rank_by, "--relax": args.relax}
    alone = [name for name, value in given.items() if value] + pocket_options.preparation(args)
    if alone:
        raise UserError(
            f"{', '.join(alone)} ask{'s' * (len(alone) == 1)} for a pocket. Type --protein FILE --ligand REF.sdf, "
            "--pocket DIR, or --demo."
        )
    return False


def open_place(args: argparse.Namespace, model) -> Place:
    """What the options mean; says what of the pocket was cut, and how large the molecules will be.

    Raises:
        UserError: for options that cannot be, pockets that cannot be used, and a model that reads none.
    """
    from molediff.docking.refine import RefineConfig
    from molediff.pipelines.in_pocket import InPocket
    from molediff.pipelines.wishes import Wishes, read_charges

    if args.demo and (args.protein is not None or args.pocket is not None):
        raise UserError("--demo has a protein of its own; leave out --protein and --pocket, or --demo.")
    if not re.fullmatch(r"[A-Za-z0-9+\-, ]*", args.keep):
        raise UserError(
            f"--keep takes names of residues that stay in the receptor, as SO4,GOL, got '{args.keep}'. "
            f"For a substructure that molecules must have, type --keep-smarts '{args.keep}'"
        )
    wishes = Wishes(tuple(args.keep_smarts), tuple(args.avoid), args.max_mw, read_charges(args.charge))
    said = {name: getattr(args, name) for name in ("rank_by", "relax") if getattr(args, name) is not None}
    judge = InPocket(wishes, workers=options.workers_of(args), **said)
    RefineConfig(judge.relax)
    found = pocket_options.receptor_and_site(args)
    return Place(*found, judge, frame_of(*found, model, bool(args.atoms or args.lead or args.retype)))


def frame_of(receptor, site, reference, model, asked_otherwise: bool):
    """The pocket, encoded by the model, with the sizes of ligands that it holds; says what was cut.

    Args:
        receptor: prepared protein.
        site: of the pocket.
        reference: ligand that the pocket is cut round, or None.
        model: that reads it.
        asked_otherwise: whether something else says how many atoms the molecules have.

    Raises:
        UserError: for an empty pocket, and a model that reads none.
    """
    from molediff.pipelines.frame import Frame, cut_pocket, ligand_sizes

    knows_pockets(model)
    pocket, left_out = cut_pocket(receptor, site, reference)
    sizes = ligand_sizes(model, receptor, site, reference)
    frame = Frame.of(model, pocket, sizes)
    say_pocket(frame, left_out, site)
    if sizes:
        mean = sum(n * share for n, share in sizes.items()) / sum(sizes.values())
        print(f"room for        about {mean:.0f} heavy atoms{'' if asked_otherwise else ', as many are made'}")
    return frame


def knows_pockets(model):
    """The same model.

    Raises:
        UserError: for one that reads no pockets.
    """
    if not model.reads_pockets:
        raise UserError(
            f"The model '{model.source.name}' knows no pockets: it was built and trained without. "
            "Give another --model; 'molediff models' says which know pockets."
        )
    return model


def say_pocket(frame, left_out: int, site) -> None:
    """How large the pocket is, and a warning where it is larger than the model has seen."""
    print(f"pocket          {frame.atoms} heavy atoms, {site.how}")
    if left_out:
        print(
            f"Warning: the pocket has {frame.atoms + left_out} heavy atoms, more than the model has seen; "
            f"the {frame.atoms} in the nearest residues are used.",
            file=sys.stderr,
        )


def is_guided(args: argparse.Namespace) -> bool:
    """Whether there is any guidance."""
    return args.guidance_scale != 1 or pull_of(args) != 0


def pushed(args: argparse.Namespace) -> dict:
    """The guidance, for what is written down."""
    return {"guidance_scale": args.guidance_scale, "vina_pull": pull_of(args)}


def pull_of(args: argparse.Namespace) -> float:
    """--vina-pull, or what is usual."""
    from molediff.pipelines.guided import PULL

    return PULL if args.vina_pull is None else args.vina_pull


def remark(row) -> str:
    """What there is to say against a molecule beside its score."""
    against = {
        "as generated, not relaxed": row["pose"] == "raw",
        "not PB-valid": not row["pb_valid_" + row["pose"]],
        "rare rings": row["rare_rings"] > 0,
        row["misfit"]: bool(row["misfit"]),
    }
    words = [word for word, true in against.items() if true]
    return f"  ({', '.join(words)})" if words else ""
