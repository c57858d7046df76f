"""What a prepared set holds, in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from molediff.data.complexes import Complexes, has_complexes, open_complexes, read_about
from molediff.data.pocket_cuts import near
from molediff.data.shards import open_shards, read_meta

RADIUS, POCKETS = 8.0, 1_000
"""Of the pockets that are measured, angstrom; and how many at most."""


def describe(folder: Path | str) -> list[tuple[str, str]]:
    """(what, value) lines of a prepared set, after its checksums were verified.

    Raises:
        UserError: when the folder holds no prepared set, another format, or damaged files.
    """
    folder = Path(folder)
    complexes = open_complexes(folder, verify=True) if has_complexes(folder) else None
    shards = complexes.shards if complexes else open_shards(folder, verify=True)
    meta = read_meta(folder)
    a = shards.arrays
    sizes = a["natoms"]
    lines = [
        ("molecules", f"{len(shards):,}"),
        ("atoms", _span(sizes) if len(sizes) else "0"),
        ("hydrogens", "explicit" if shards.explicit_hydrogens else "implied"),
        ("elements", _counts(shards.vocabulary.elements, a["atom"])),
        ("charges", _counts([f"{c:+d}" if c else "0" for c in shards.vocabulary.charges], a["charge"])),
        ("bonds", _counts(("single", "double", "triple"), a["bonds"][:, 2].astype(int) - 1)),
        ("centres", f"{len(a['centres']):,} in {int((a['ncentres'] > 0).sum()):,} molecules"),
        ("cis/trans", f"double bonds in {int((a['ncistrans'] > 0).sum()):,} molecules"),
        ("scale", f"{shards.scale:.4f} angstrom (standard deviation of the centred coordinates)"),
    ]
    if complexes:
        lines += _complexes(complexes, read_about(folder))
    for source in meta.get("sources", []):
        lines.append(
            ("source", f"{source['name']}: {source['kept']:,} of {source['records']:,}, sha256 {source['sha256'][:16]}")
        )
    left_out = meta.get("left_out", {})
    lines += [("left out", f"{rule} {number:,}") for rule, number in left_out.items()] or [("left out", "none")]
    lines.append(("checksums", "agree"))
    return lines


def _complexes(complexes: Complexes, about: dict) -> list[tuple[str, str]]:
    a = complexes.arrays
    poses = np.unique(a["receptor"], return_counts=True)[1]
    clusters = np.unique(a["cluster"], return_counts=True)[1]
    which = np.unique(np.linspace(0, len(complexes) - 1, min(POCKETS, len(complexes))).astype(int)).tolist()
    sizes = []
    for pose in which:
        rows = complexes.atoms(a["receptor"][pose])
        sizes.append(near(a["rec_pos"][rows], a["rec_group"][rows], complexes.ligand(pose), RADIUS).sum())
    low, middle, high = np.percentile(sizes, [5, 50, 95])
    counts = about.get("counts", {})
    gone = counts.get("complexes", 0) - counts.get("outside", 0)
    outside = f"; {gone:,} of {counts['complexes']:,} complexes lie in clusters that are left out" if gone else ""
    return [
        ("receptors", f"{len(complexes.names):,}, {poses.min()} to {poses.max()} poses each{outside}"),
        (
            "clusters",
            f"{len(clusters):,}, {clusters.min()} to {clusters.max()} poses each, median {np.median(clusters):g}",
        ),
        ("rec. atoms", _span(a["rec_natoms"]).replace("molecule", "receptor")),
        ("rec. types", _counts(complexes.element_classes, a["rec_element"])),
        ("residues", _counts(complexes.residue_classes, a["rec_residue"])),
        (
            "pockets",
            f"within {RADIUS:g} A of the ligand: {low:.0f} / {middle:.0f} / {high:.0f} heavy atoms (5 / 50 / 95 % of "
            f"{len(which):,} poses)",
        ),
    ]


def _span(sizes: np.ndarray) -> str:
    return (
        f"{int(sizes.sum(dtype=np.int64)):,}; {sizes.min()} to {sizes.max()} a molecule, {sizes.mean():.1f} on average"
    )


def _counts(names, classes: np.ndarray) -> str:
    counts = np.bincount(classes, minlength=len(names))
    return ", ".join(f"{name} {int(count):,}" for name, count in zip(names, counts, strict=True))
