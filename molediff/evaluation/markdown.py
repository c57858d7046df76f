"""summary.md: tables as they would stand in a paper, one column a set."""

from __future__ import annotations

from collections.abc import Sequence


def summary_markdown(summaries: Sequence[dict]) -> str:
    """Markdown of one or several summaries side by side: figures with n, interval, spread and definition."""
    names = [one["name"] for one in summaries]
    lines = [f"# Evaluation of {', '.join(names)}", "", *_head(summaries), ""]
    for protocol in dict.fromkeys(key for one in summaries for key in one["protocols"]):
        lines += [f"## {protocol}", "", *_protocol(summaries, protocol), ""]
    if any("distributions" in one for one in summaries):
        lines += ["## Distributions", "", *_distances(summaries), ""]
    memory = _memory(summaries)
    lines += ["## Diversity and memory", "", *memory, ""] if memory else []
    lines += [
        "Percentages with two decimals; [low, high] is a 95 % bootstrap interval over molecules; +- is the standard "
        "deviation over the groups of the file. Denominators are attempts unless the definition says otherwise.",
        "",
    ]
    return "\n".join(lines)


def number(value: float | None, unit: str = "%") -> str:
    """Two decimals for percentages, four significant digits otherwise, 'n/a' for NaN and None."""
    if value is None or value != value:
        return "n/a"
    return f"{value:.2f}" if unit == "%" else f"{value:.4g}"


def _head(summaries: Sequence[dict]) -> list[str]:
    lines = []
    for one in summaries:
        bad = ", ".join(f"{key} {count}" for key, count in one["problems"].items()) or "none"
        lines.append(
            f"- **{one['name']}**: {one['n']} molecules asked for, {one['n_unreadable']} not judged ({bad}); hydrogens "
            f"{one['hydrogens']}; RDKit {one['rdkit']}"
        )
        lines += [f"- note: {note}" for note in one["notes"]]
    return lines


def _protocol(summaries: Sequence[dict], protocol: str) -> list[str]:
    held = [one["protocols"].get(protocol) for one in summaries]
    first = next(one for one in held if one)
    bonds = "; ".join(
        f"{one['name']}: bonds " + ", ".join(f"{k} ({v})" for k, v in found["bonds"].items())
        for one, found in zip(summaries, held, strict=True)
        if found and found["bonds"]
    )
    data = next((one["data"] for one in held if one and one.get("data")), None)
    columns = [one["name"] for one in summaries] + (["data"] if data else [])
    lines = [f"Source: {first['source']}. {bonds}", "", "| figure | " + " | ".join(columns) + " | definition |"]
    lines.append("|---|" + "---|" * len(columns) + "---|")
    keys = dict.fromkeys(key for one in held if one for key in one["figures"])
    for key in keys:
        cells = [_cell(one["figures"].get(key)) if one else "not run" for one in held]
        if data:
            cells.append(_cell(data.get(key)))
        figure = next(one["figures"][key] for one in held if one and key in one["figures"])
        unit = f" [{figure['unit']}]" if figure["unit"] else ""
        lines.append(f"| {key}{unit} | " + " | ".join(cells) + f" | {figure['definition']} |")
    for one, found in zip(summaries, held, strict=True):
        if found and found["reasons"]:
            most = list(found["reasons"].items())
            more = f", and {len(most) - 12} more kinds" if len(most) > 12 else ""
            shown = ", ".join(f"{key} {count}" for key, count in most[:12])
            lines += ["", f"Reasons, {one['name']}: {shown}{more}."]
        for flag in found["flags"] if found else []:
            lines += ["", f"**Flag, {one['name']}: {flag}**"]
    return lines


def _cell(figure: dict | None) -> str:
    if not figure:
        return ""
    unit = figure.get("unit", "%")
    text = number(figure["value"], unit)
    if figure.get("spread") is not None:
        text += f" +- {number(figure['spread'], unit)}"
    if figure.get("low") is not None:
        text += f" [{number(figure['low'], unit)}, {number(figure['high'], unit)}]"
    return f"{text} (n {figure['n']})" if "n" in figure else text


def _distances(summaries: Sequence[dict]) -> list[str]:
    held = [one.get("distributions") for one in summaries]
    pairs = list(zip([one["name"] for one in summaries], held, strict=True))
    first = next(one for one in held if one)
    floor = first.get("floor")
    columns = [f"{name} (n {found['n']})" if found else name for name, found in pairs]
    columns += [f"floor (n {floor['n']} against {floor['n_other']})"] if floor else []
    lines = [
        f"Reference: {first['reference']}. "
        "Floor: as many molecules of the data itself (at least 100) against the rest of it.",
        "",
    ]
    lines += ["| distance | " + " | ".join(columns) + " | definition |", "|---|" + "---|" * len(columns) + "---|"]
    for key, definition in first["definitions"].items():
        cells = [number(found["values"].get(key), "") if found else "" for found in held]
        cells += [number(floor["values"].get(key), "")] if floor else []
        lines.append(f"| {key} | " + " | ".join(cells) + f" | {definition} |")
    left = [f"{name} {found['left_out']}" for name, found in pairs if found and found["left_out"]]
    if left:
        lines += ["", f"Without finite coordinates, so in no histogram: {', '.join(left)}."]
    return lines


def _memory(summaries: Sequence[dict]) -> list[str]:
    lines = []
    for one in summaries:
        found = one["diversity"]
        if not found["n"]:
            continue
        lines.append(
            f"- {one['name']}: internal diversity {number(found['diversity'], '')} (1 - mean Tanimoto, "
            f"{found['fingerprint']}, {found['n']} different valid molecules)"
        )
        audit = one.get("audit")
        if audit and audit["n"]:
            bins = ", ".join(
                f"{low:.1f}-{high:.1f}: {count}"
                for low, high, count in zip(audit["edges"], audit["edges"][1:], audit["histogram"], strict=False)
                if count
            )
            lines.append(
                f"- {one['name']}: nearest of {audit['n_train']} training molecules, similarity mean "
                f"{number(audit['nearest']['mean'], '')}, median {number(audit['nearest']['median'], '')} over "
                f"{audit['n']} different valid molecules; {audit['identical_fingerprints']} identical; {bins}"
            )
    return lines
