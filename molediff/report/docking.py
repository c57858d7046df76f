"""What a docking leaves behind."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem

from molediff.docking.ligand_bonds import as_molecule
from molediff.docking.pool import default_workers
from molediff.docking.receptor import Receptor
from molediff.docking.receptor_files import pdb_text
from molediff.docking.site import Site
from molediff.report.contacts import contacts_of
from molediff.report.files import write_sdf, write_table
from molediff.report.page import write_page

PAGE_POSES = 60
"""Poses on the page: the first of every ligand by score, then the second of every one, and so on."""
NEAR = 12.0
"""Atoms of the receptor within this distance of a pose's box are on the page, angstrom."""


def write_docking(docking, folder: Path) -> Path:
    """Write a `molediff.pipelines.Docking`.

    poses.sdf and best.sdf (every pose by ligand and rank, and those of rank 1; properties row, name, rank, pose,
    score, value, engine, seed), table.csv (one row a ligand), poses.csv (one row a pose), seconds.csv.
    """
    folder.mkdir(parents=True, exist_ok=True)
    places = [(row, k) for row, poses in enumerate(docking.poses) for k in range(len(poses))]
    properties = [
        {"row": r["row"], "name": r["name"], "rank": r["rank"], "pose": r["pose"]}
        | {"score": f"{r['score']:.3f}", "value": f"{r['value']:.3f}"}
        | {key: docking.about[key] for key in ("engine", "seed")}
        for r in docking.ranking.to_dict("records")
    ]
    for name, wanted in (("poses.sdf", lambda p: True), ("best.sdf", lambda p: p["rank"] == 1)):
        chosen = [(place, p) for place, p in zip(places, properties, strict=True) if wanted(p)]
        mols = (docking.poses[row][k] for (row, k), _ in chosen)  # one at a time: a library's do not fit into memory
        write_sdf(mols, [p["name"] for _, p in chosen], [p for _, p in chosen], folder / name)
    write_table(docking.table, folder / "table.csv")
    write_table(docking.ranking, folder / "poses.csv")
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


def near_residues(receptor: Receptor, site: Site) -> np.ndarray:
    """(M,) bool: atoms of residues that have an atom within `NEAR` of the box, each residue whole."""
    low, high = site.centre - site.size / 2 - NEAR, site.centre + site.size / 2 + NEAR
    inside = ((receptor.pos >= low) & (receptor.pos <= high)).all(axis=1)
    keys = list(zip(receptor.chain, receptor.number, receptor.residue, strict=True))
    wanted = {key for key, within in zip(keys, inside, strict=True) if within}
    return np.array([key in wanted for key in keys])


def write_docking_page(
    docking, receptor: Receptor, site: Site, reference: Chem.Mol | None, path: Path, workers: int = 0
) -> Path:
    """One offline page of a docking: pocket, poses, fast figures and interactions; see `molediff.report.page`.

    Args:
        docking: a `molediff.pipelines.Docking`.
        receptor, site: where its poses lie.
        reference: ligand to show and to compare with.
        path: of the HTML file.
        workers: child processes for figures; 0 for one a core.
    """
    from molediff.evaluation.poses import pose_figures, with_vina

    chosen = sorted(
        (rank, score, row)
        for row, scores in enumerate(docking.scores)
        for rank, score in enumerate(scores[: len(docking.poses[row])])
    )[:PAGE_POSES]
    mols = [docking.poses[row][rank] for rank, _, row in chosen]
    names = [f"{docking.table['name'][row]} #{rank + 1}" for rank, _, row in chosen]
    near = pdb_text(receptor, near_residues(receptor, site))
    with tempfile.TemporaryDirectory() as folder:
        protein = Path(folder) / "protein.pdb"
        protein.write_text(near)
        table = with_vina(
            pose_figures(mols, protein, as_molecule(reference), "fast", names, workers=workers or default_workers()),
            [score for _, score, _ in chosen],
        )
        errors = docking.ranking.set_index(["row", "rank"])["denoising_error"]
        told = [errors.loc[(row, rank + 1)] for rank, _, row in chosen]
        if not pd.isna(told).all():
            table["denoising_error"] = told
    found, without = contacts_of(mols, near, names)
    about = {key: docking.about[key] for key in ("engine", "exhaustiveness", "conformers", "seed", "rank", "site")}
    counts = docking.counts
    subtitle = f"{counts['docked']} of {counts['requested']} ligands docked, {counts['pb_valid']} best poses PB-valid"
    return write_page(
        path,
        title=f"Docking into {Path(receptor.source).name or 'a pocket'}",
        receptor_pdb=near,
        poses=mols,
        table=_of_the_ligand(table),
        interactions=found,
        without=without,
        reference=reference,
        subtitle=subtitle,
        about=about,
    )


def _of_the_ligand(table: pd.DataFrame) -> pd.DataFrame:
    """Without the remark that a molecule is not the reference: a library is docked to find others."""
    said = [[word for word in str(why).split("; ") if word != "rmsd: not_the_ligand"] for why in table["reason"]]
    table = table.assign(reason=["; ".join(words) for words in said])
    if "rmsd" in table and not table["rmsd"].notna().any():
        table = table.drop(columns=["rmsd", "within_2A", "joint"], errors="ignore")
    return table
