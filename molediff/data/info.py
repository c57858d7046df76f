"""What a prepared set holds, in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from molediff.data.shards import open_shards, read_meta


def describe(folder: Path | str) -> list[tuple[str, str]]:
    """(what, value) lines of a prepared set, after its checksums were verified.

    Raises:
        UserError: when the folder holds no prepared set, another format, or damaged files.
    """
    folder = Path(folder)
    shards, meta = open_shards(folder, verify=True), read_meta(folder)
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
    for source in meta.get("sources", []):
        lines.append(
            ("source", f"{source['name']}: {source['kept']:,} of {source['records']:,}, sha256 {source['sha256'][:16]}")
        )
    left_out = meta.get("left_out", {})
    lines += [("left out", f"{rule} {number:,}") for rule, number in left_out.items()] or [("left out", "none")]
    lines.append(("checksums", "agree"))
    return lines


def _span(sizes: np.ndarray) -> str:
    return (
        f"{int(sizes.sum(dtype=np.int64)):,}; {sizes.min()} to {sizes.max()} a molecule, {sizes.mean():.1f} on average"
    )


def _counts(names, classes: np.ndarray) -> str:
    counts = np.bincount(classes, minlength=len(names))
    return ", ".join(f"{name} {int(count):,}" for name, count in zip(names, counts, strict=True))
