"""frontier.png: what the scale of guidance gains and what it costs, with and without Vina's pull and the clash term.

    python experiments/crossdocked/run.py --data crossdocked_test --work work --n 4 --pockets 24 --strain 0 \\
        --only plain,scale1.25,scale1.5,vina+clash,late+clash,later+clash
    python experiments/crossdocked/frontier.py --n 96

Rows of result.csv with as many molecules as asked for, of the last model in it, raw poses.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from run import ROWS

from molediff.config import UserError
from molediff.sampling import GuidanceConfig

HERE = Path(__file__).resolve().parent
PANELS = {
    "strict_heavy": "strict-heavy valid, %",
    "pb_valid": "PB-valid (dock_fast), %",
    "clashes": "clashes, mean",
    "vina_median": "Vina median, kcal/mol",
}
"""Column -> words."""


def pushes(how: GuidanceConfig, clash: float) -> str:
    """What pulls, in words."""
    return f"pull {how.pull:g} below {how.below:g} A, clash {clash:g}" if how.pull else "no pull"


def main() -> None:
    """Draw a panel for each figure: scale on the x axis, a line for each pull."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, required=True, help="molecules of a row")
    parser.add_argument("--table", type=Path, default=HERE / "result.csv")
    args = parser.parse_args()
    table = pd.read_csv(args.table, keep_default_na=False)
    table = table[(table.pose == "raw") & (table.molecules == args.n) & table.row.isin(ROWS)]
    if table.empty:
        raise UserError(f"'{args.table}' has no row of {args.n} molecules. Give another --n, or run run.py first.")
    last = table.iloc[-1]
    table = table[(table.model == last.model) & (table.settings == last.settings) & (table.relax == last.relax)]
    table = table[table.rings == last.rings]
    rows = [row for row in table.itertuples() if ROWS[row.row].sizes == "reference"]
    found = [(ROWS[row.row].guidance, ROWS[row.row].clash, row) for row in rows]
    figure = Figure(figsize=(13, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (column, words) in zip(figure.subplots(1, len(PANELS)), PANELS.items(), strict=True):
        for push in sorted({pushes(how, clash) for how, clash, _ in found}):
            line = sorted((h.scale, float(getattr(row, column))) for h, c, row in found if pushes(h, c) == push)
            axes.plot(*zip(*line, strict=True), "o-", label=push)
        axes.set(xlabel="classifier-free scale", title=words)
    axes.legend(fontsize=7)
    figure.savefig(args.table.with_name("frontier.png"), dpi=110)


if __name__ == "__main__":
    main()
