"""The options of every verb that needs a pocket: a protein with one definition of the site, or a pocket folder."""

from __future__ import annotations

import argparse
from pathlib import Path

SITES = ("ligand", "residues", "box", "detect")
PH = 7.4
"""For the hydrogens of a protein where nothing is said."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--protein with one of --ligand, --residues, --box, --detect; or --pocket; and how to prepare the protein."""
    group = parser.add_argument_group("the pocket", "a protein with one definition of the site, or a pocket folder")
    group.add_argument("--protein", type=Path, metavar="FILE", help="PDB or mmCIF, plain or .gz")
    group.add_argument(
        "--ligand", type=Path, metavar="REF", help="a ligand in the protein's frame: SDF, MOL, MOL2, PDB"
    )
    group.add_argument("--residues", metavar="LIST", help="residues round the site, as A:85,A:168")
    group.add_argument("--box", metavar="X,Y,Z,EDGE", help="centre and edge, angstrom; write --box=-3,4,5,25")
    group.add_argument(
        "--detect",
        nargs="?",
        type=int,
        const=1,
        metavar="RANK",
        help="the largest cavity, or that of a rank (default 1)",
    )
    group.add_argument("--edge", type=float, metavar="A", help="of the box, angstrom (default 25; not with --box)")
    group.add_argument("--pocket", type=Path, metavar="DIR", help="a folder of molediff pocket")
    group.add_argument("--ph", type=float, help="for the hydrogens of the protein (default 7.4)")
    group.add_argument("--keep-waters", action="store_true", help="waters stay in the receptor")
    group.add_argument("--chains", default="", metavar="LIST", help="chains to use, as A,B (default all)")
    group.add_argument("--keep", default="", metavar="NAMES", help="additives of crystallisation to keep, as SO4,GOL")
    group.add_argument("--drop", default="", metavar="NAMES", help="residues to take out, as TQ3")


def receptor_and_site(args: argparse.Namespace):
    """What the options mean.

    Args:
        args: of a parser that had `add_arguments`; an attribute ``demo`` that is true stands for the embedded complex.

    Returns:
        (Receptor, Site, reference ligand as RDKit molecule with its conformer, or None).

    Raises:
        UserError: for no pocket, two at once, or one that cannot be used.
    """
    from molediff.config import UserError
    from molediff.docking.pocket_folder import read_pocket
    from molediff.docking.prepare import prepare_receptor
    from molediff.docking.reference import read_reference

    given = [f"--{name}" for name in SITES if getattr(args, name, None) is not None]
    if args.pocket is not None:
        more = ["--protein"] * (args.protein is not None) + given + preparation(args)
        if more:
            raise UserError(f"--pocket says it all; leave out {', '.join(more)}.")
        return read_pocket(args.pocket)
    if args.protein is None and getattr(args, "demo", False):
        more = given + [name for name in preparation(args) if name not in ("--ph", "--edge")]
        if more:
            raise UserError(f"--demo has a protein and a site of its own; leave out {', '.join(more)}, or --demo.")
        return _demo(args)
    allowed = "--ligand REF.sdf, --residues A:85,A:168, --box=x,y,z,edge or --detect"
    if args.protein is None:
        raise UserError(f"No pocket was given. Type --protein FILE with one of {allowed}; or --pocket DIR.")
    if len(given) != 1:
        raise UserError(f"Where is the site? Give one of {allowed}; given: {', '.join(given) or 'none'}.")
    if args.box is not None and args.edge is not None:
        raise UserError("--box has its edge as its last number; leave out --edge.")
    reference = read_reference(args.ligand) if args.ligand is not None else None
    receptor = prepare_receptor(
        args.protein,
        ligand=reference,
        ph=_ph(args),
        keep_waters=args.keep_waters,
        chains=_words(args.chains),
        keep=_words(args.keep),
        drop=_words(args.drop),
    )
    return receptor, _site(args, receptor, reference), reference


def preparation(args: argparse.Namespace) -> list[str]:
    """Options given that say how a protein is prepared and how large its box is."""
    given = {"--edge": args.edge is not None, "--ph": args.ph is not None, "--keep-waters": args.keep_waters}
    given |= {"--chains": args.chains, "--keep": args.keep, "--drop": args.drop}
    return [name for name, value in given.items() if value]


def _ph(args: argparse.Namespace) -> float:
    return PH if args.ph is None else args.ph


def _site(args: argparse.Namespace, receptor, reference):
    from molediff.docking import sites

    edge = sites.EDGE if args.edge is None else args.edge
    if reference is not None:
        return sites.site_of_ligand(receptor, reference, args.ligand.name, edge)
    if args.residues is not None:
        return sites.site_of_residues(receptor, args.residues, edge)
    if args.box is not None:
        return sites.site_of_box(receptor, args.box)
    return sites.site_of_cavity(receptor, args.detect, edge)


def _demo(args: argparse.Namespace):
    from molediff.docking import demo, sites
    from molediff.docking.prepare import prepare_receptor
    from molediff.docking.reference import read_reference

    protein, ligand = demo.demo_complexes()[demo.DEMO]
    reference = read_reference(ligand)
    receptor = prepare_receptor(protein, ligand=reference, ph=_ph(args), chains=demo.DEMO_CHAINS)
    edge = sites.EDGE if args.edge is None else args.edge
    return receptor, sites.site_of_ligand(receptor, reference, ligand.name, edge), reference


def fingerprint(receptor) -> str:
    """Of the prepared receptor: positions and types."""
    import hashlib

    text = ",".join(receptor.types).encode()
    return hashlib.sha256(receptor.pos.round(3).tobytes() + text).hexdigest()[:16]


def place(site) -> str:
    """Centre and edges of the box, angstrom."""
    return " ".join(f"{x:.3f}" for x in (*site.centre, *site.size))


def mark(mol) -> str:
    """Checksum of a reference: elements, bonds and positions."""
    import hashlib

    text = ",".join(a.GetSymbol() for a in mol.GetAtoms())
    text += ";".join(f"{b.GetBeginAtomIdx()} {b.GetEndAtomIdx()} {b.GetBondType()}" for b in mol.GetBonds())
    return hashlib.sha256(text.encode() + mol.GetConformer().GetPositions().round(3).tobytes()).hexdigest()[:16]


def decisive(receptor, site) -> dict[str, str]:
    """What decides a result in a pocket."""
    return {"receptor": fingerprint(receptor), "site": place(site)}


def about(receptor, site) -> dict:
    """What run.json says of a pocket."""
    return {"pocket": site.how, "receptor_log": list(receptor.log)}


def _words(text: str) -> tuple[str, ...]:
    return tuple(w.strip() for w in text.split(",") if w.strip())
