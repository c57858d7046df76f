"""What a docking leaves behind."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from molediff.report.files import write_sdf, write_table


def write_docking(docking, folder: Path) -> Path:
    """Write a `molediff.pipelines.Docking`: poses.sdf (row, name, pose, score), table.csv, seconds.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    mols, names, properties = [], [], []
    for record, poses, scores in zip(docking.table.to_dict("records"), docking.poses, docking.scores, strict=True):
        for k, (mol, score) in enumerate(zip(poses, scores, strict=True)):
            mols.append(mol)
            names.append(record["name"])
            properties.append({"row": record["row"], "name": record["name"], "pose": k + 1, "score": f"{score:.3f}"})
            properties[-1] |= {"engine": docking.about["engine"], "seed": docking.about["seed"]}
    write_sdf(mols, names, properties, folder / "poses.sdf")
    write_table(docking.table, folder / "table.csv")
    write_table(pd.DataFrame({"row": docking.table.row, "seconds": docking.seconds}), folder / "seconds.csv")
    return folder


def write_scoring(scoring, folder: Path) -> Path:
    """Write a `molediff.pipelines.Scoring`: table.csv, minimised.sdf and, of full figures, interactions.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    write_table(scoring.table, folder / "table.csv")
    names = [str(name) for name in scoring.table["name"]]
    rows = scoring.table.to_dict("records")
    properties = [{"pose": r["pose"], "name": r["name"], "minimised": r.get("vina_minimised")} for r in rows]
    if any(mol is not None for mol in scoring.minimised):
        write_sdf(scoring.minimised, names, properties, folder / "minimised.sdf")
    if scoring.interactions is not None:
        write_table(scoring.interactions, folder / "interactions.csv")
    return folder
