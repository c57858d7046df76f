"""What a run leaves behind: SDF, table, pictures. Every file is there whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pandas as pd
from rdkit import Chem

from molediff.chem.hydrogens import with_hydrogens
from molediff.report.grid import draw_grid
from molediff.report.strip import draw_strip, write_frames
from molediff.whole_files import whole_file, write_whole

GRID = 24
"""Molecules on the page."""


def write_generation(generation, folder: Path) -> Path:
    """Write a `molediff.pipelines.Generation`: molecules.sdf, molecules.csv, grid.png and the trajectory, if kept."""
    folder.mkdir(parents=True, exist_ok=True)
    about, table = generation.about, generation.table
    names = [f"{about['model']}-{about['seed']}-{i}" for i in table["index"]]
    properties = _properties(about, table, generation.validity)
    write_sdf(generation.mols, names, properties, folder / "molecules.sdf")
    if about.get("hydrogens") == "implied":
        _write_with_hydrogens(generation.mols, names, properties, folder / "molecules_with_h.sdf")
    write_table(table, folder / "molecules.csv")
    shown = [(m, r) for m, r in zip(generation.mols, table.to_dict("records"), strict=True) if m is not None][:GRID]
    legends = [f"{r['index']}" if r[generation.validity] else f"{r['index']}: {r['reason']}"[:34] for _, r in shown]
    if shown:
        draw_grid([m for m, _ in shown], legends, folder / "grid.png")
    kept = generation.trajectory
    if kept is not None and kept.states:
        draw_strip(kept.states, kept.estimates, generation.vocabulary, folder / f"trajectory-{kept.index}.png")
        name = f"molecule {kept.index}"
        frames = folder / f"trajectory-{kept.index}.xyz"
        write_frames(kept.states, name, generation.vocabulary, frames, generation.task.origin)
    return folder


def _write_with_hydrogens(mols: list[Chem.Mol | None], names: list[str], properties: list[dict], path: Path) -> None:
    """The molecules that have room for them, with hydrogens by RDKit; the file as generated is another one."""
    full = [with_hydrogens(mol) for mol in mols]
    write_sdf(full, names, [values | {"hydrogens": "added by RDKit"} for values in properties], path)


def _properties(about: dict, table: pd.DataFrame, validity: str) -> list[dict]:
    shared = {key: about[key] for key in ("model", "checksum", "steps", "method")}
    return [{"index": r["index"], "seed": r["seed"], **shared, validity: r[validity]} for r in table.to_dict("records")]


def write_ensemble(ensemble, folder: Path) -> Path:
    """Write a `molediff.pipelines.Ensemble`: conformers.sdf with every conformer as asked, and conformers.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    mols, names, properties = [], [], []
    shared = {key: ensemble.about[key] for key in ("model", "checksum", "steps", "method", "seed")}
    good = ensemble.table[ensemble.table.as_asked]
    for k, mol in enumerate(ensemble.mols):
        if mol is None:
            continue
        rows = good[good.molecule == k].to_dict("records")
        for conformer, row in zip(mol.GetConformers(), rows, strict=True):
            single = Chem.Mol(mol, confId=conformer.GetId())
            mols.append(single)
            names.append(f"{row['smiles']} {row['conformer']}")
            properties.append({"molecule": k, "conformer": row["conformer"], "smiles": row["smiles"], **shared})
    write_sdf(mols, names, properties, folder / "conformers.sdf")
    if ensemble.about.get("hydrogens") == "implied":
        _write_with_hydrogens(mols, names, properties, folder / "conformers_with_h.sdf")
    write_table(ensemble.table, folder / "conformers.csv")
    return folder


def write_sdf(mols: Iterable[Chem.Mol | None], names: list[str], properties: list[dict], path: Path) -> Path:
    """Molecules exactly as they are, kekulised where they can be, unsanitised; those that are None have no record.

    Coordinates have four decimals, or six where a molecule has the property _MolFileV3000.
    """
    with whole_file(path) as f:
        for mol, name, values in zip(mols, names, properties, strict=True):
            if mol is None:
                continue
            mol = Chem.Mol(mol)
            mol.SetProp("_Name", one_line(name))
            mol.UpdatePropertyCache(strict=False)
            with suppress(Chem.KekulizeException):  # then aromatic bonds stay: that is how it is
                Chem.Kekulize(mol, clearAromaticFlags=True)
            record = [Chem.MolToMolBlock(mol, kekulize=False, forceV3000=mol.HasProp("_MolFileV3000") == 1)]
            record += [f">  <{key}>\n{one_line(value)}\n\n" for key, value in values.items()]
            f.write("".join([*record, "$$$$\n"]).encode())
    return path


def one_line(value) -> str:
    """As text without line breaks, which would end a name or a value in an SD file."""
    return " ".join(str(value).split()) if "\n" in str(value) or "\r" in str(value) else str(value)


def write_table(table: pd.DataFrame, path: Path) -> Path:
    """A CSV file."""
    write_whole(path, table.to_csv(index=False))
    return path


def write_json(values: dict, path: Path) -> Path:
    """A JSON file."""
    write_whole(path, json.dumps(values, indent=1, default=str) + "\n")
    return path
