"""The one entry: judge a set of molecules under named protocols."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import rdkit
from rdkit import Chem

from . import memory
from .distributions import DEFINITIONS, distances, floor_at
from .errors import InputError
from .figures import settle
from .flags import impossible
from .flat import join
from .identity import in_training, inchikey_hashes
from .pool import judge_all
from .protocols import PROTOCOLS, Context
from .readers import read
from .record import Record
from .report import Report
from .statistics import aromatic_style, from_flat
from .statistics import reference as read_reference


def evaluate(
    mols: str | Path | Iterable[Chem.Mol | None],
    protocols: Sequence[str] = ("strict", "edm"),
    reference: str | Path | dict | None = None,
    train_hashes: np.ndarray | None = None,
    groups: int = 1,
    workers: int = 1,
    *,
    train_smiles: Sequence[str] | None = None,
    protein: str = "",
    ligand: str = "",
    hydrogens: str = "auto",
    time_limit: float = 60.0,
    max_atoms: int = 1000,
    bootstrap: int = 1000,
    seed: int = 0,
    progress: bool = False,
    name: str = "",
) -> Report:
    """Judge molecules; every one asked for is a row, whatever becomes of it.

    Args:
        mols: a file (.sdf, .xyz, .npz) or RDKit molecules (None counts as a failed attempt).
        protocols: keys of `protocols.PROTOCOLS`. Where hydrogens are implied, `strict` is answered by `strict-heavy`.
        reference: 'qm9', 'geom-drugs', a statistics file, or such a dict; adds distances of the distributions.
        train_hashes: uint64 from `inchikey_hashes`; adds novelty.
        groups: consecutive parts of the file over which the spread of each figure is taken.
        workers: child processes; 0 stays in this process, without time limit or protection from crashes.
        train_smiles: training SMILES; adds novelty and the audit of nearest training molecules.
        protein: path of a PDB file, for docking modes and `poses`.
        ligand: path of an SDF with the reference pose.
        hydrogens: 'generated', 'implied', or 'auto' (implied if fewer than half of the readable records hold an H).
        time_limit: CPU seconds per molecule and protocol, so that a busy machine condemns nothing.
        max_atoms: larger records become rows 'too_many_atoms'.
        bootstrap: resamplings for the 95 % intervals; 0 for none.
        seed: of the bootstrap and of the samples for diversity and audit.
        progress: show a bar on stderr.
        name: of the set, in tables and pictures.

    Raises:
        InputError: for an unknown protocol, a missing file, a protocol without what it needs.
    """
    records = _numbered(read(mols, max_atoms))
    kind = _hydrogens(records, hydrogens)
    notes: list[str] = []
    names = _names(protocols, kind, notes)
    context = Context(str(protein or ""), str(ligand or ""), train_hashes is not None or train_smiles is not None)
    _refuse(names, context, groups, len(records), workers)
    ref = read_reference(reference) if reference is not None else None
    rows = judge_all(records, [*names, "geometry"], context, workers, time_limit, progress)
    table = _table(records, rows, names, kind)
    if context.keys:
        table = _mark_copies(table, names, inchikey_hashes(train_smiles) if train_hashes is None else train_hashes)
    stats = _statistics(records, rows, name, ref)
    summary = {"name": name or _source(mols), "hydrogens": kind, "groups": groups, "notes": notes}
    summary |= _counts(table, names) | _memory(table, names, train_smiles, seed)
    summary["protocols"] = _figures(table, names, groups, bootstrap, seed, ref)
    if ref is not None:
        summary["distributions"] = _distributions(stats, ref)
    return Report(table=table, summary=summary, statistics=stats, reference=ref)


def _statistics(records: list[Record], rows: dict, name: str, ref: dict | None) -> dict:
    flat = join(rows.get((record.index, "geometry"), {}).get("piece") for record in records)
    return from_flat(flat, name, aromatic=ref is not None and aromatic_style(ref))


def _counts(table: pd.DataFrame, names: list[str]) -> dict:
    problems = table.loc[table["problem"] != "", "problem"].value_counts().to_dict()
    return {
        "n": len(table),
        "n_unreadable": int((table["problem"] != "").sum()),
        "n_lost": _lost(table, names),
        "problems": problems,
        "rdkit": rdkit.__version__,
    }


def _memory(table: pd.DataFrame, names: list[str], train_smiles: Sequence[str] | None, seed: int) -> dict:
    smiles = _valid_smiles(table, names)
    out = {"diversity": memory.internal_diversity(smiles, seed=seed)}
    return out if train_smiles is None else out | {"audit": memory.audit(smiles, list(train_smiles), seed=seed)}


def _numbered(records: list[Record]) -> list[Record]:
    return [record if record.index == i else replace(record, index=i) for i, record in enumerate(records)]


def _hydrogens(records: list[Record], asked: str) -> str:
    if asked in ("generated", "implied"):
        return asked
    if asked != "auto":
        raise InputError(f"hydrogens is '{asked}'. Allowed: auto, generated, implied.")
    sound = [record for record in records if not record.problem]
    with_h = sum(bool((record.z == 1).any()) for record in sound)
    return "implied" if sound and 2 * with_h < len(sound) else "generated"


def _names(asked: Sequence[str], kind: str, notes: list[str]) -> list[str]:
    names: list[str] = []
    for name in [asked] if isinstance(asked, str) else asked:
        if name not in PROTOCOLS:
            near = difflib.get_close_matches(name, PROTOCOLS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise InputError(f"Unknown protocol '{name}'. Allowed: {', '.join(PROTOCOLS)}.{hint}")
        wanted = PROTOCOLS[name].hydrogens
        if name == "strict" and kind == "implied":
            notes.append("Hydrogens are implied: 'strict' was asked for, 'strict-heavy' was run; not comparable.")
            name = "strict-heavy"
        elif wanted != "either" and wanted != kind:
            notes.append(f"'{name}' asks for {wanted} hydrogens; those of this set are {kind}.")
        if name not in names:
            names.append(name)
    return names


def _refuse(names: list[str], context: Context, groups: int, n: int, workers: int) -> None:
    for name in names:
        for need in PROTOCOLS[name].needs:
            if not getattr(context, need):
                raise InputError(f"The protocol '{name}' needs a {need} file. Type: --{need} FILE")
    for need in ("protein", "ligand"):
        path = getattr(context, need)
        if path and not Path(path).is_file():
            raise InputError(f"No file '{path}' for --{need}.")
    if not 1 <= groups <= max(n, 1):
        raise InputError(f"groups is {groups}. Allowed: 1 to the number of molecules ({n}).")
    if workers < 0:
        raise InputError(f"workers is {workers}. Allowed: 0 (in this process) and up.")


def _table(records: list[Record], rows: dict, names: list[str], kind: str) -> pd.DataFrame:
    held = []
    for record in records:
        row = {
            "index": record.index,
            "name": record.name,
            "source": record.source,
            "problem": record.problem,
            "n_atoms": len(record.z),
            "n_heavy": int((record.z > 1).sum()),
            "hydrogens": kind,
        }
        for name in names:
            empty = {"reason": record.problem or "not_judged"}
            own = PROTOCOLS[name].failed | rows.get((record.index, name), empty)
            row |= {f"{name}_{key}": value for key, value in own.items()}
        held.append(row)
    return pd.DataFrame(held)


def _mark_copies(table: pd.DataFrame, names: list[str], hashes: np.ndarray) -> pd.DataFrame:
    new = {}
    for name in names:
        if f"{name}_inchikey" in table:
            keys = table[f"{name}_inchikey"].fillna("").tolist()
            new[f"{name}_in_training"] = in_training(keys, hashes)
    return table.assign(**new)


def _figures(table: pd.DataFrame, names: list[str], groups: int, bootstrap: int, seed: int, ref: dict | None) -> dict:
    out = {}
    for name in names:
        protocol = PROTOCOLS[name]
        figures = settle(protocol.measures(table, f"{name}_"), groups, bootstrap, seed)
        figures = {key: one.as_dict() for key, one in figures.items()}
        reasons = table[f"{name}_reason"].fillna("")
        data = (ref or {}).get("figures", {}).get(name)
        out[name] = {
            "source": protocol.source,
            "bonds": table[f"{name}_bonds"].dropna().value_counts().to_dict() if f"{name}_bonds" in table else {},
            "figures": figures,
            "reasons": reasons[reasons != ""].value_counts().to_dict(),
            "flags": impossible(figures, data),
            "data": data,
        }
    return out


def _lost(table: pd.DataFrame, names: list[str]) -> int:
    """Rows that some protocol never judged: unreadable, out of time, crashed, or refused by an error."""
    lost = table["problem"] != ""
    for name in names:
        lost |= table[f"{name}_reason"].fillna("").str.startswith(_NOT_JUDGED)
    return int(lost.sum())


_NOT_JUDGED = ("time_limit", "crashed", "out_of_memory", "error:", "not_judged")


def _valid_smiles(table: pd.DataFrame, names: list[str]) -> list[str]:
    for name in names:
        if f"{name}_smiles" in table and f"{name}_valid" in table:
            return table.loc[table[f"{name}_valid"] == True, f"{name}_smiles"].fillna("").tolist()  # noqa: E712
    return []


def _distributions(stats: dict, ref: dict) -> dict:
    found = distances(stats, ref)
    return {
        "n": stats["n_molecules"],
        "left_out": stats["n_left_out"],
        "reference": ref.get("source", ""),
        "values": found,
        "floor": floor_at(ref, stats["n_molecules"]),
        "definitions": DEFINITIONS,
    }


def _source(mols) -> str:
    return Path(mols).name if isinstance(mols, (str, Path)) else "molecules"
