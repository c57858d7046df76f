"""One offline HTML page of poses in their pocket: 3D view, table, score plot, interactions. No network at all."""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem
from rdkit.rdBase import BlockLogs

from molediff.evaluation import InputError
from molediff.evaluation.interactions import KINDS
from molediff.report.trim import trim
from molediff.whole_files import write_whole

COLOURS = {
    "HBDonor": "#2f7de1",
    "HBAcceptor": "#5aa9e6",
    "XBDonor": "#17a2a2",
    "Cationic": "#d64545",
    "Anionic": "#e07a3f",
    "CationPi": "#b04fd0",
    "PiCation": "#8a3fb0",
    "PiStacking": "#7a5cd6",
    "MetalDonor": "#6b7280",
    "MetalAcceptor": "#6b7280",
    "Hydrophobic": "#8fae3a",
}
"""Of interaction kinds, legible on light and dark ground."""


@dataclass(frozen=True)
class Column:
    """How a figure is shown."""

    label: str
    unit: str = ""
    digits: int = 2
    about: str = ""


COLUMNS = {
    "rank": Column("rank", "", 0, "1 is best"),
    "vina_score": Column("Vina", "kcal/mol", 2, "Vina score of the pose as it stands"),
    "vina_minimised": Column("Vina, minimised", "kcal/mol", 2, "after Vina's local optimisation"),
    "denoising_error": Column("model error", "", 2, "ln of the squared error with which the model recovers the pose"),
    "ligand_efficiency": Column("efficiency", "kcal/mol/atom", 3, "-Vina score / heavy atoms"),
    "rmsd": Column("RMSD", "\u00c5", 2, "to the reference pose: heavy atoms, symmetry-corrected, in place"),
    "pb_valid": Column("PB-valid", about="passes every check of PoseBusters"),
    "clashes": Column("clashes", "", 0, "PoseCheck: pairs with d + 0.5 A below the sum of van der Waals radii"),
    "clashes_heavy": Column("heavy clashes", "", 0, "the same over heavy atoms"),
    "buried": Column("buried", "", 2, "share of the ligand's surface that the protein covers"),
    "strain": Column("strain", "kcal/mol", 1, "PoseCheck: pose relaxed in place against its best conformer, UFF"),
    "n_interactions": Column("interactions", "", 0, "found by prolif, by residue and kind"),
    "similarity": Column("IFP similarity", "", 2, "Tanimoto similarity of interactions to the reference's"),
    "qed": Column("QED", "", 2, "drug-likeness, 0 to 1"),
    "sa": Column("SA", "", 1, "synthetic accessibility, 1 easy to 10"),
    "rare_rings": Column("rare rings", "", 0, "ring systems that none of 55,838 drug-like molecules has"),
    "heavy_atoms": Column("heavy atoms", "", 0),
}
"""Shown first and in this order; other columns follow."""

_HIDDEN = {"pose", "name", "reason", "interactions", "strain_rule", "pb_mode", "joint", "within_2A", "no_clash", "sasa"}
_HIDDEN |= {"clashes_close", "closest", "ligand_efficiency_minimised"}
_TOGGLES = {
    "reference": ("Reference", True),
    "cartoon": ("Cartoon", True),
    "surface": ("Surface", False),
    "contacts": ("Contacts", True),
    "labels": ("Labels", True),
    "hydrogens": ("All H", False),
    "all": ("All poses", False),
}


def write_page(
    path: str | Path,
    *,
    title: str,
    receptor_pdb: str,
    poses: Sequence[Chem.Mol | None],
    table: pd.DataFrame,
    interactions: pd.DataFrame | None = None,
    reference: Chem.Mol | None = None,
    subtitle: str = "",
    about: Mapping[str, object] | None = None,
    without: str = "",
) -> Path:
    """Write the page, whole or not at all. It holds 3Dmol.js, and its security policy forbids any connection.

    Args:
        path: of the HTML file.
        title: of the page; any text, as all others: everything is escaped.
        receptor_pdb: text of a PDB file. Waters and non-polar hydrogens are left out, to keep the page small.
        poses: molecules with one conformer in the receptor's frame, angstrom; None is a row without a picture.
        table: one row a pose, as `evaluation.pose_figures` and `with_vina` give; `name` and `reason` are used where
            they are there, columns of COLUMNS first, others after, `pb_*` as PoseBusters' checks.
        interactions: of `evaluation.pose_interactions` (`pose`, `residue`, `kind`, `distance`, the ends `ligand_x` ...
            `protein_z` where contacts are to be drawn); `pose` -1 is the reference.
        reference: pose to show beside.
        subtitle: a line beside the title; the number of poses by default.
        about: what made this page (versions, command, settings), shown at its foot.
        without: why there are no interactions, said in their place.

    Raises:
        InputError: for a table that has not one row a pose, a receptor without atoms, or interactions without the
            columns named above.
    """
    if len(table) != len(poses):
        raise InputError(f"The table has {len(table)} rows for {len(poses)} poses. Give one row a pose.")
    if interactions is not None and not {"pose", "residue", "kind", "distance"} <= set(interactions):
        raise InputError(f"Interactions have the columns {', '.join(map(str, interactions))}; needed: "
                         "pose, residue, kind, distance.")  # fmt: skip
    data = _data(receptor_pdb, poses, table.reset_index(drop=True), interactions, reference)
    parts = {
        "TITLE": html.escape(title),
        "SUBTITLE": html.escape(subtitle or _counted(data["poses"])),
        "TOGGLES": _toggles(reference is not None, interactions is not None),
        "TABLE": _table(data["poses"], data["columns"]),
        "MATRIX": _missing(without) if interactions is None else _matrix(data),
        "ABOUT": _about(about or {}),
        "LICENCE": html.escape(_asset("3Dmol-LICENSE.txt")),
        "DATA": _json(data),
        "CSS": _asset("page.css"),
        "LIBRARY": _asset("3Dmol-min.js"),
        "JS": _asset("page.js"),
    }
    # one pass, so that nothing inserted is read as a placeholder
    text = re.sub(r"@@([A-Z]+)@@", lambda found: parts[found[1]], _asset("page.html"))
    path = Path(path)
    write_whole(path, text)
    return path


def _data(receptor_pdb: str, poses: Sequence, table: pd.DataFrame, interactions, reference) -> dict:
    """What the page's script reads, in plain JSON types."""
    columns = _columns(table)
    return {
        "receptor": trim(receptor_pdb),
        "reference": _block(reference),
        "poses": [_pose(k, poses[k], row, columns) for k, row in enumerate(table.to_dict("records"))],
        "columns": columns,
        "kinds": {key: {"label": KINDS[key], "colour": COLOURS[key]} for key in KINDS},
        "contacts": None if interactions is None else _contacts(interactions),
    }


def _counted(poses: Sequence[Mapping]) -> str:
    lost = sum(pose["block"] is None for pose in poses)
    text = f"{len(poses)} {'pose' if len(poses) == 1 else 'poses'}"
    return f"{text}, {lost} without coordinates" if lost else text


def _asset(name: str) -> str:
    return resources.files("molediff.report").joinpath("assets", name).read_text(encoding="utf-8")


def _json(data: Mapping) -> str:
    """JSON that can stand within a script element: no '<' in it, so neither '</script>' nor '<!--'."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")


def _block(mol: Chem.Mol | None) -> str | None:
    if mol is None or not mol.GetNumAtoms() or not mol.GetNumConformers():
        return None
    if not np.isfinite(mol.GetConformer().GetPositions()).all():
        return None
    work = Chem.Mol(mol)
    work.SetProp("_Name", "")
    with BlockLogs():
        try:
            return Chem.MolToMolBlock(work)
        except (ValueError, RuntimeError):
            work.UpdatePropertyCache(strict=False)
            return Chem.MolToMolBlock(work, kekulize=False)


def _columns(table: pd.DataFrame) -> list[dict]:
    checks = [key for key in table if str(key).startswith("pb_") and key != "pb_valid"]
    rest = [key for key in table if key not in COLUMNS and key not in _HIDDEN and key not in checks]
    out = []
    for key in [*(key for key in COLUMNS if key in table), *rest]:
        values = [_plain(value) for value in table[key]]
        known = [value for value in values if value is not None]
        if not known:
            continue
        kind = "text" if any(isinstance(v, str) for v in known) else "number"
        kind = "flag" if all(isinstance(v, bool) for v in known) else kind
        shown = COLUMNS.get(key, Column(str(key).replace("_", " ")))
        whole = kind == "number" and key not in COLUMNS and all(float(value).is_integer() for value in known)
        digits = 0 if whole else shown.digits
        out.append({"key": str(key), "kind": kind, "label": shown.label, "unit": shown.unit, "digits": digits})
        out[-1]["about"] = shown.about
    return out


def _plain(value):
    """A number, bool, text or None; whatever is not finite or missing is None."""
    if hasattr(value, "item"):
        value = value.item()
    if value is None or value is pd.NA or isinstance(value, bool):
        return None if value is pd.NA else value
    if isinstance(value, (int, float)):
        return value if math.isfinite(value) else None
    return str(value)


def _pose(k: int, mol: Chem.Mol | None, row: Mapping, columns: Sequence[Mapping]) -> dict:
    checks = {key[3:]: _plain(value) for key, value in row.items() if str(key).startswith("pb_")}
    valid = checks.pop("valid", None)
    # a mode run on other rows alone leaves a column that is empty here; the RMSD has a column of its own
    checks = {key: value for key, value in checks.items() if isinstance(value, bool) and not key.startswith("rmsd")}
    failed = [key.replace("_", " ") for key, value in checks.items() if not value]
    found = {"all": len(checks), "passed": len(checks) - len(failed), "failed": failed} if checks else None
    if found is None and isinstance(valid, bool):
        found = {"all": 1, "passed": int(valid), "failed": [] if valid else ["not valid"]}
    return {
        "name": str(_plain(row.get("name")) or f"pose {k + 1}"),
        "reason": str(_plain(row.get("reason")) or ""),
        "block": _block(mol),
        "values": {column["key"]: _plain(row[column["key"]]) for column in columns},
        "checks": found,
    }


def _contacts(interactions: pd.DataFrame) -> list[dict]:
    ends = [[f"{side}_{axis}" for axis in "xyz"] for side in ("ligand", "protein")]
    drawn = {key for side in ends for key in side} <= set(interactions)
    out = []
    for row in interactions.to_dict("records"):
        if row["kind"] not in KINDS:
            raise InputError(f"Unknown kind of interaction '{row['kind']}'. Allowed: {', '.join(KINDS)}.")
        places = [[_plain(row[key]) for key in side] for side in ends] if drawn else None
        whole = places is not None and all(value is not None for place in places for value in place)
        out.append(
            {
                "pose": int(row["pose"]),
                "residue": str(row["residue"]),
                "kind": row["kind"],
                "distance": _plain(row["distance"]),
                "ends": [[round(value, 3) for value in place] for place in places] if whole else None,
            }
        )
    return out


def _toggles(reference: bool, contacts: bool) -> str:
    out = []
    for key, (label, on) in _TOGGLES.items():
        if (key == "reference" and not reference) or (key in ("contacts", "labels") and not contacts):
            continue
        out.append(f'<button data-show="{key}" aria-pressed="{str(on).lower()}">{label}</button>')
    return "".join(out)


def _table(poses: Sequence[Mapping], columns: Sequence[Mapping]) -> str:
    named = any(pose["reason"] for pose in poses)
    heads = ['<th class="text" tabindex="0" aria-sort="none" data-kind="text">pose<small></small></th>']
    for column in columns:
        cls = ' class="text"' if column["kind"] == "text" else ""
        heads.append(
            f'<th{cls} tabindex="0" aria-sort="none" data-kind="{column["kind"]}" '
            f'title="{html.escape(column["about"])}">{html.escape(column["label"])}'
            f"<small>{html.escape(column['unit'])}</small></th>"
        )
    if named:
        heads.append('<th class="text" tabindex="0" aria-sort="none" data-kind="text">reason<small></small></th>')
    body = []
    for k, pose in enumerate(poses):
        cells = [_text(pose["name"]), *(_cell(pose["values"][column["key"]], column) for column in columns)]
        cells += [_text(pose["reason"])] if named else []
        lost = ' class="lost"' if pose["block"] is None else ' tabindex="0"'
        body.append(f'<tr data-pose="{k}" aria-selected="false"{lost}>{"".join(cells)}</tr>')
    return f'<table id="poses"><thead><tr>{"".join(heads)}</tr></thead><tbody>{"".join(body)}</tbody></table>'


def _text(value: str) -> str:
    safe = html.escape(value)
    return f'<td class="text" data-v="{safe}" title="{safe}">{safe}</td>'


def _cell(value, column: Mapping) -> str:
    if value is None:
        return '<td data-v="">\u2013</td>'
    if column["kind"] == "text":
        return _text(str(value))
    if column["kind"] == "flag":
        return f'<td class="{"yes" if value else "no"}" data-v="{int(value)}">{"yes" if value else "no"}</td>'
    return f'<td data-v="{float(value)!r}">{value:.{column["digits"]}f}</td>'


def _missing(why: str) -> str:
    """In place of the interactions."""
    if not why:
        return ""
    said = f'<div class="foot">not shown: {html.escape(why)}</div>'
    return f'<section class="card"><div class="head"><h2>Interactions by residue</h2></div>{said}</section>'


def _matrix(data: Mapping) -> str:
    """Residues against poses, a dot a kind."""
    contacts = data["contacts"]
    poses = ([-1] if any(one["pose"] == -1 for one in contacts) else []) + list(range(len(data["poses"])))
    held: dict[str, dict[int, list[dict]]] = {}
    for one in contacts:
        held.setdefault(one["residue"], {}).setdefault(one["pose"], []).append(one)
    order = sorted(held, key=lambda residue: (-len(held[residue]), _natural(residue)))
    name = ["reference", *(pose["name"] for pose in data["poses"])]
    heads = "".join(
        f'<th data-pose="{k}" title="{html.escape(name[k + 1])}">'
        + ("ref" if k < 0 else f'<button data-go="{k}">{k + 1}</button>')
        + "</th>"
        for k in poses
    )
    rows = []
    for residue in order:
        cells = []
        for k in poses:
            found = held[residue].get(k, [])
            tip = "; ".join(f"{KINDS[one['kind']]} {one['distance'] or math.nan:.1f} \u00c5" for one in found)
            dots = "".join(f'<i style="background:{COLOURS[one["kind"]]}"></i>' for one in found)
            cells.append(f'<td data-pose="{k}" title="{html.escape(tip)}">{dots}</td>')
        rows.append(f"<tr><td>{html.escape(residue)}</td>{''.join(cells)}</tr>")
    used = [kind for kind in KINDS if any(one["kind"] == kind for one in contacts)]
    legend = "".join(
        f'<span><span class="key" style="background:{COLOURS[kind]}"></span>{html.escape(KINDS[kind])}</span>'
        for kind in used
    )
    return (
        '<section class="card"><div class="head"><h2>Interactions by residue</h2></div>'
        f'<div class="scroll"><table id="matrix"><thead><tr><th>residue</th>{heads}</tr></thead>'
        f'<tbody>{"".join(rows)}</tbody></table></div><div class="foot legend">{legend}</div></section>'
    )


def _natural(residue: str) -> list:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", residue)]


def _about(about: Mapping[str, object]) -> str:
    if not about:
        return ""
    rows = "".join(f"<dt>{html.escape(str(k))}</dt><dd>{html.escape(str(v))}</dd>" for k, v in about.items())
    return f"<dl>{rows}</dl>"
