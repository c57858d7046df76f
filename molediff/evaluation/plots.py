"""plots.png: nine small pictures of a set, or of several, against the reference."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

COLOURS = ("#c0392b", "#2471a3", "#1e8449", "#b9770e", "#6c3483", "#148f77")
GREY = "#c9ced6"


def draw(sets: Mapping[str, dict], reference: dict | None, path: str | Path) -> None:
    """Draw bond lengths by order, angles by central atom, sizes, ring sizes and elements.

    Args:
        sets: name -> statistics.
        reference: statistics in grey behind them, or None.
        path: the picture, by its ending (.png, .pdf, .svg).
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 10.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(3, 3)
    for ax, order in zip(axes[0], ("single", "double", "triple"), strict=True):
        _lines(ax, sets, reference, lambda s, order=order: _lengths(s, order))
        ax.set(title=f"{order} bonds", xlabel="length / Å", ylabel="density")
    for ax, element in zip(axes[1], _centres(sets, reference), strict=False):
        _lines(ax, sets, reference, lambda s, element=element: _angles(s, element))
        ax.set(title=f"angles at {element}", xlabel="angle / °", ylabel="density")
    _lines(axes[2, 0], sets, reference, _sizes)
    axes[2, 0].set(title="molecule size", xlabel="atoms", ylabel="share")
    _bars(axes[2, 1], sets, reference, "ring_size_fraction", most=7, by_number=True)
    axes[2, 1].set(title="ring sizes", xlabel="atoms in ring", ylabel="share of rings")
    _bars(axes[2, 2], sets, reference, "atom_type_fraction", most=10)
    axes[2, 2].set(title="elements", ylabel="share of atoms (log)", yscale="log")
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
        if not ax.has_data():
            ax.text(0.5, 0.5, "none", transform=ax.transAxes, ha="center", color="grey")
    handles, labels = axes[2, 0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False, fontsize=11)
    part = Path(path).with_name("." + Path(path).name)
    figure.savefig(part, dpi=150)
    os.replace(part, path)


def _lines(ax, sets: Mapping[str, dict], reference: dict | None, histogram) -> None:
    """Reference as a grey area, sets as lines, over the range of the reference (of the sets without one)."""
    held = [(f"reference: {_short(reference)}", histogram(reference), None)] if reference else []
    held += [(name, histogram(one), COLOURS[i % len(COLOURS)]) for i, (name, one) in enumerate(sets.items())]
    held = [(name, xy, colour) for name, xy, colour in held if xy is not None]
    for name, (x, y), colour in held:
        if colour is None:
            ax.fill_between(x, y, step="mid", color=GREY, label=name, linewidth=0)
        else:
            ax.step(x, y, where="mid", color=colour, label=name, linewidth=1.4)
    if held:
        low, high = _limits([xy for _, xy, colour in held if colour is None] or [xy for _, xy, _ in held])
        ax.set_xlim(low, high)
        ax.set_ylim(bottom=0)
        outside = [(y[(x < low) | (x > high)].sum() / y.sum(), colour) for _, (x, y), colour in held if colour]
        for line, (part, colour) in enumerate(one for one in outside if one[0] >= 5e-4):
            text = f"{100 * part:.1f} % outside"
            ax.text(0.99, 0.97 - 0.08 * line, text, transform=ax.transAxes, ha="right", va="top", color=colour)


def _limits(curves: list[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """The range that holds all but 0.1 % of each curve, a sixth wider at both ends."""
    lows, highs = zip(*(_range(x, y) for x, y in curves), strict=True)
    margin = max((max(highs) - min(lows)) / 6, curves[0][0][1] - curves[0][0][0])
    return min(lows) - margin, max(highs) + margin


def _range(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    share = np.cumsum(y) / max(y.sum(), 1e-300)
    return float(x[np.searchsorted(share, 5e-4)]), float(x[min(np.searchsorted(share, 0.9995), len(x) - 1)])


def _lengths(stats: dict, order: str) -> tuple[np.ndarray, np.ndarray] | None:
    held = stats["bond_length_fraction"].get(order) or {}
    return _dense({round(float(key) * 100): value for key, value in held.items()}, 0.01, 1)


def _angles(stats: dict, element: str) -> tuple[np.ndarray, np.ndarray] | None:
    held = stats["angle_fraction_0_1deg"].get(element) or {}
    return _dense({int(key): value for key, value in held.items()}, 0.1, 10)


def _sizes(stats: dict) -> tuple[np.ndarray, np.ndarray] | None:
    return _dense({int(key): value for key, value in stats["n_atoms"].items()}, 1.0, 1)


def _dense(held: dict[int, float], width: float, merge: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Centres and densities of bins `merge * width` wide, one empty bin at either end."""
    if not held:
        return None
    low, high = min(held) // merge - 1, max(held) // merge + 1
    y = np.zeros(high - low + 1)
    for key, value in held.items():
        y[key // merge - low] += value
    x = (np.arange(low, high + 1) * merge + (merge - 1) / 2) * width
    return x, y / (y.sum() * merge * width)


def _centres(sets: Mapping[str, dict], reference: dict | None) -> list[str]:
    """The three elements with most angles."""
    source = reference or next(iter(sets.values()))
    weight = {
        name: source["atom_type_fraction"].get(name, 0.0) for name in source["angle_fraction_0_1deg"] if name != "H"
    }
    return sorted(weight, key=weight.get, reverse=True)[:3]


def _bars(ax, sets: Mapping[str, dict], reference: dict | None, key: str, most: int, by_number: bool = False) -> None:
    held = ([("reference", reference, GREY)] if reference and reference.get(key) else []) + [
        (name, one, COLOURS[i % len(COLOURS)]) for i, (name, one) in enumerate(sets.items()) if one.get(key)
    ]
    total: dict[str, float] = {}
    for _, one, _ in held:
        for label, value in one[key].items():
            total[label] = total.get(label, 0.0) + value
    labels = sorted((label for label in total if total[label] > 0), key=total.get, reverse=True)[:most]
    if by_number:
        labels = sorted(labels, key=int)
    for i, (_, one, colour) in enumerate(held):
        shift = (i - (len(held) - 1) / 2) * 0.8 / len(held)
        ax.bar(np.arange(len(labels)) + shift, [one[key].get(n, 0.0) for n in labels], 0.8 / len(held), color=colour)
    if labels:
        ax.set_xticks(range(len(labels)), labels)


def _short(reference: dict) -> str:
    return (reference.get("source") or "statistics")[:50]
