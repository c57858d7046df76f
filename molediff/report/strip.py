"""A molecule coming out of the noise: a strip of pictures and a file of frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from molediff.elements import Vocabulary
from molediff.structures import Molecules
from molediff.whole_files import whole_file, write_whole

COLOURS = {"H": "#d9d9d9", "C": "#404040", "N": "#3050f8", "O": "#e8112d", "F": "#4caf50", "S": "#e6c200"}
COLOURS |= {"Cl": "#1ff01f", "P": "#ff8000", "Br": "#a62929", "I": "#940094", "B": "#ffb5b5", "Si": "#f0c8a0"}
FRAMES = 6
"""Pictures in a row, from the first step to the last."""


def write_frames(
    states: Sequence[Molecules], name: str, vocabulary: Vocabulary, path: Path, origin: Sequence[float] = (0, 0, 0)
) -> Path:
    """A multi-frame XYZ file (angstrom): the state after every step, each a batch of one.

    Args:
        states: positions relative to ``origin``.
        name: of the molecule, for the line above each frame.
        vocabulary: elements of the classes.
        path: of the file.
        origin: (3,) angstrom, of the sampler in the frame of the other files.
    """
    lines = []
    for step, state in enumerate(states):
        n = int(state.sizes[0])
        lines += [str(n), f"{name} after step {step + 1} of {len(states)}"]
        for k in range(n):
            symbol = _symbol(state, k, vocabulary)
            lines.append(f"{symbol} " + " ".join(f"{x:.4f}" for x in np.asarray(origin) + state.pos[0, k].numpy()))
    write_whole(path, "\n".join(lines) + "\n")
    return path


def draw_strip(states: Sequence[Molecules], estimates: Sequence[Molecules], vocabulary: Vocabulary, path: Path) -> Path:
    """Two rows of at most `FRAMES` pictures: the noisy state above, the network's estimate of the clean molecule below.

    Args:
        states: after every step, each a batch of one, angstrom.
        estimates: of the clean molecule, as many.
        vocabulary: elements of the classes.
        path: of the PNG.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    chosen = np.unique(np.linspace(0, len(states) - 1, FRAMES).round().astype(int))
    figure = Figure(figsize=(2.1 * len(chosen), 4.2), dpi=120)
    FigureCanvasAgg(figure)
    axes_of = _view(states[-1])
    for column, step in enumerate(chosen):
        for row, molecule in enumerate((states[step], estimates[step])):
            axes = figure.add_subplot(2, len(chosen), row * len(chosen) + column + 1)
            _draw(axes, molecule, vocabulary, axes_of)
            if row == 0:
                axes.set_title(f"step {step + 1}", fontsize=9)
            if column == 0:
                axes.text(-0.05, 0.5, ("state", "estimate")[row], transform=axes.transAxes, rotation=90, va="center")
    figure.tight_layout(pad=0.4)
    with whole_file(path) as file:
        figure.savefig(file, format="png", facecolor="white")
    return path


def _view(molecule: Molecules) -> np.ndarray:
    """(3, 3) rotation that lays the final molecule flat, so that little hides behind something else."""
    pos = molecule.pos[0, : int(molecule.sizes[0])].double().numpy()
    return np.linalg.svd(pos - pos.mean(0), full_matrices=True)[2].T


def _draw(axes, molecule: Molecules, vocabulary: Vocabulary, view: np.ndarray) -> None:
    n = int(molecule.sizes[0])
    pos = molecule.pos[0, :n].double().numpy() @ view
    reach = max(4.5, float(np.abs(pos[:, :2]).max()) * 1.1)
    for i, j in np.argwhere(molecule.bond[0, :n, :n].triu(1).numpy() > 0):
        if np.linalg.norm(pos[i] - pos[j]) < 0.6 * reach:
            axes.plot(*pos[[i, j], :2].T, color="#888888", linewidth=1.5, zorder=1)
    symbols = [_symbol(molecule, k, vocabulary) for k in range(n)]
    order = np.argsort(pos[:, 2])
    axes.scatter(
        *pos[order, :2].T,
        s=[(60 if symbols[k] == "H" else 150) * max(0.15, (4.5 / reach) ** 2) for k in order],
        c=[COLOURS.get(symbols[k], "#ff69b4") for k in order],
        edgecolors="#222222",
        linewidths=0.6,
        zorder=2,
    )
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-reach, reach)
    axes.set_aspect("equal", adjustable="box")
    axes.axis("off")


def _symbol(molecule: Molecules, k: int, vocabulary: Vocabulary) -> str:
    """Element of atom k; X for an absorbed class."""
    index = int(molecule.atom[0, k])
    return vocabulary.elements[index] if index < len(vocabulary.elements) else "X"
