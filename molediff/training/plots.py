"""Pictures of a run."""

from __future__ import annotations

from pathlib import Path

from molediff.training.curve import read_curve
from molediff.whole_files import whole_file

LOSSES = {"loss": "all", "pos": "positions", "atom": "elements", "charge": "charges", "bond": "bonds"}
QUALITY = {"strictly_valid": "strictly valid", "molecule_stability": "stable (EDM)", "connected": "connected"}


def plot_curves(log: Path, target: Path) -> Path | None:
    """loss.png: losses, and quality if it was sampled, against molecules seen.

    Args:
        log: folder of loss.csv and quality.csv.
        target: picture to write.

    Returns:
        The picture; None when there is nothing to show or matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return None
    losses, quality = read_curve(log / "loss.csv"), read_curve(log / "quality.csv")
    if not losses:
        return None
    # Not pyplot: nothing global, no window.
    figure = Figure(figsize=(11 if quality else 6.5, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 2 if quality else 1, squeeze=False, sharex=True)[0]
    for name, label in LOSSES.items():
        _line(axes[0], losses, name, label, color="black" if name == "loss" else None)
    axes[0].set(xscale="log", yscale="log", xlabel="molecules seen", ylabel="loss")
    if quality:
        for name, label in QUALITY.items():
            _line(axes[1], quality, name, label, marker="o", markersize=3)
        axes[1].set(xscale="log", xlabel="molecules seen", ylabel="% of molecules sampled", ylim=(-2, 102))
    for panel in axes:
        panel.grid(alpha=0.3, which="major")
        if panel.lines:
            panel.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=5, columnspacing=1.2)
    with whole_file(target) as file:
        figure.savefig(file, format=target.suffix[1:], dpi=150)
    return target


def _line(panel, rows: list[dict[str, float]], name: str, label: str, **style) -> None:
    there = [(row["molecules"], row[name]) for row in rows if name in row and "molecules" in row]
    if there:
        panel.plot(*zip(*thinned(there), strict=True), label=label, linewidth=1.2, **style)


def thinned(points: list[tuple[float, float]], ratio: float = 1.03) -> list[tuple[float, float]]:
    """Means of points whose x lie within a ratio: on a log axis the last lines would be one black bar otherwise."""
    groups: list[list[tuple[float, float]]] = []
    for point in points:
        if groups and point[0] <= ratio * groups[-1][0][0]:
            groups[-1].append(point)
        else:
            groups.append([point])
    return [(sum(x for x, _ in g) / len(g), sum(y for _, y in g) / len(g)) for g in groups]
