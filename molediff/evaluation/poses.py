"""Figures of poses in a protein: one row a pose, whatever becomes of it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem
from rdkit.rdBase import BlockLogs

from .complexes import load_protein, surroundings
from .errors import InputError
from .interactions import contacts, host, parse, protonated
from .pool import judge_all
from .protocols import Context
from .record import Record, from_mol
from .rmsd import SUCCESS


@dataclass(frozen=True)
class Figures:
    """What is judged."""

    mode: str = ""
    """Mode of PoseBusters for every pose; '' for redock where it is of the reference's molecule, dock elsewhere."""
    judges: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Further protocols -> the columns that they give."""
    order: tuple[str, ...] = ()
    """These columns as they stand in the table."""
    docked: bool = False
    """Whether `molediff score` also docks each molecule anew."""

    @property
    def interactions(self) -> bool:
        """Whether prolif is asked, which must be there and make sense of the protein."""
        return "interactions" in self.judges


SEEN = {"strain": ("strain", "strain_rule"), "interactions": ("interactions", "n_interactions", "similarity")}
ORDER = ("strain", "strain_rule", "n_interactions", "similarity", "interactions")
FIGURES = {"fast": Figures("dock_fast"), "full": Figures(judges=SEEN, order=ORDER, docked=True)}
"""Name -> what is judged: what takes little time, or everything."""
_RMSD_CHECK = "rmsd"  # the one check of redock that PB-valid leaves to `rmsd`
_ABOUT = {"not_the_ligand": "rmsd", "not_sanitised": "rmsd"}
_LONG = ["pose", "name", "residue", "kind", "distance"]
_LONG += [f"{side}_{axis}" for side in ("ligand", "protein") for axis in "xyz"]


def pose_figures(
    poses: Sequence[Chem.Mol | None],
    protein: str | Path,
    reference: Chem.Mol | None = None,
    figures: str = "fast",
    names: Sequence[str] | None = None,
    *,
    workers: int = 1,
    time_limit: float = 60.0,
    max_atoms: int = 1000,
    progress: bool = False,
) -> pd.DataFrame:
    """Judge poses that the caller has protonated.

    Columns, fast: `pose` (0, 1, ...), `name`, `reason` ('' or what could not be computed, and why), `heavy_atoms`,
    `clashes`, `clashes_heavy`, `clashes_close`, `no_clash`, `closest` (`clashes.clashes`), `buried`, `sasa`
    (`burial.burial`), `rmsd` and `within_2A` (with a reference: `rmsd.symmetric_rmsd`), `qed`, `sa` (of the largest
    fragment), `pb_mode` (which mode of PoseBusters), `pb_<check>` (each of its checks: True, False or None),
    `pb_valid` (every check True; an RMSD check is left out) and, with a reference, `joint` (pb_valid and RMSD <= 2 A).

    Full adds the energy ratio to PoseBusters (`redock` where the pose is of the reference's molecule, else `dock`),
    `strain` and `strain_rule` (`strain.strain`), `interactions` as a line that `interaction_table` takes apart,
    `n_interactions` and their `similarity` to the reference's.

    Shares over attempts are means of a bool column over the whole table: a pose that could not be read, timed out or
    crashed its process is a row with `pb_valid` False and a reason.

    Args:
        poses: molecules with hydrogens and one conformer each, in the protein's frame, angstrom; None is a failed row.
        protein: PDB file with hydrogens. Waters are left out of clashes and burial, and count in PoseBusters.
        reference: pose to compare with.
        figures: a name of `FIGURES`.
        names: one a pose; their titles otherwise.
        workers: child processes that may die without taking the run along; 0 computes in this process.
        time_limit: CPU seconds a pose and group of figures.
        max_atoms: larger poses are rows with the reason 'too_many_atoms'.
        progress: show a bar on stderr.

    Raises:
        InputError: for unknown `figures`, a protein that cannot be read, a reference without coordinates, a pose with
            several conformers, names that do not fit, or prolif missing where 'full' is asked for.
    """
    asked = figures_named(figures)
    records = _records(poses, protein, reference, asked, names, max_atoms)
    with tempfile.TemporaryDirectory() as folder:
        ligand = _written(reference, Path(folder)) if reference is not None else ""
        context = Context(str(protein), ligand)
        settings = {"workers": workers, "time_limit": time_limit, "progress": progress}
        # what has one mode needs no RMSD to know it, and every child takes a second or two to load its libraries
        first = ["poses", "chemistry", *([_busters(asked.mode)] if asked.mode else [])]
        rows = judge_all(records, first, context, **settings)
        modes = {record.index: _mode(rows.get((record.index, "poses"), {}), ligand, asked) for record in records}
        for mode in () if asked.mode else dict.fromkeys(modes.values()):
            some = [record for record in records if modes[record.index] == mode]
            rows |= judge_all(some, [_busters(mode), *asked.judges], context, **settings)
    table = pd.DataFrame([_row(record, rows, modes[record.index], asked, bool(ligand)) for record in records])
    return _ordered(table, asked, bool(ligand))


def figures_named(name: str) -> Figures:
    """A row of `FIGURES`.

    Raises:
        InputError: for another name.
    """
    if name not in FIGURES:
        raise InputError(f"figures is '{name}'. Allowed: {', '.join(FIGURES)}. Type for example figures='fast'")
    return FIGURES[name]


def with_vina(
    table: pd.DataFrame, scores: Sequence[float | None], minimised: Sequence[float | None] | None = None
) -> pd.DataFrame:
    """A copy with `vina_score`, `vina_minimised` (kcal/mol) and ligand efficiencies.

    `ligand_efficiency` = -score / heavy atoms, kcal/mol per heavy atom, higher is better;
    `ligand_efficiency_minimised` likewise from the minimised score.

    Args:
        table: of `pose_figures`.
        scores: (N,) Vina score of each pose as it stands; None or NaN where there is none.
        minimised: (N,) after Vina's local optimisation.

    Raises:
        InputError: for a number of scores that is not that of the poses.
    """
    out = table.copy()
    for key, values, end in (("vina_score", scores, ""), ("vina_minimised", minimised, "_minimised")):
        if values is None:
            continue
        if len(values) != len(table):
            raise InputError(f"{len(values)} values of {key} were given for {len(table)} poses. Give one a pose.")
        out[key] = np.array([np.nan if value is None else value for value in values], dtype=float)
        heavy = out["heavy_atoms"].astype(float)
        out[f"ligand_efficiency{end}"] = -out[key] / heavy.where(heavy > 0)
    return out


def interaction_table(table: pd.DataFrame) -> pd.DataFrame:
    """One row an interaction (`pose`, `name`, `residue`, `kind`, `distance` in angstrom) of a full table."""
    if "interactions" not in table:
        raise InputError("The table has no interactions. Type: pose_figures(..., figures='full')")
    rows = [
        dict(zip(_LONG[:5], (pose, name, *one), strict=True))
        for pose, name, line in zip(table["pose"], table["name"], table["interactions"], strict=True)
        for one in parse(line if isinstance(line, str) else "")
    ]
    return pd.DataFrame(rows, columns=_LONG[:5])


def pose_interactions(
    poses: Sequence[Chem.Mol | None], protein: str | Path, names: Sequence[str] | None = None
) -> pd.DataFrame:
    """Interactions of poses with both ends of each, for pictures; in this process, about 0.05 s a pose.

    Returns:
        Columns `pose`, `name`, `residue`, `kind`, `distance`, `ligand_x` ... `protein_z` (angstrom), one row an
        interaction; poses that are None or do not sanitise have none.

    Raises:
        InputError: without prolif, or for a protein that RDKit cannot make sense of.
    """
    rows = []
    names = [f"pose {k + 1}" for k in range(len(poses))] if names is None else names
    for k, (mol, name) in enumerate(zip(poses, names, strict=True)):
        if mol is None or not mol.GetNumConformers():
            continue
        with BlockLogs():
            try:
                whole = protonated(mol)
            except (ValueError, RuntimeError):
                continue
        rows += [{"pose": k, "name": name} | row for row in contacts(whole, str(protein))]
    return pd.DataFrame(rows, columns=_LONG)


def _records(poses, protein, reference, figures: Figures, names, max_atoms: int) -> list[Record]:
    poses = list(poses)
    if names is not None and len(names) != len(poses):
        raise InputError(f"{len(names)} names were given for {len(poses)} poses. Give one a pose.")
    if not Path(protein).is_file():
        raise InputError(f"No file '{protein}'. Give a PDB file with hydrogens.")
    load_protein(str(protein))
    surroundings(str(protein))
    if figures.interactions:
        host(str(protein))  # refuses here, before an hour of work
    if reference is not None and not reference.GetNumConformers():
        raise InputError("The reference has no coordinates. Give a molecule with one conformer.")
    out = []
    for k, mol in enumerate(poses):
        if mol is not None and mol.GetNumConformers() > 1:
            raise InputError(f"Pose {k} holds {mol.GetNumConformers()} conformers. Give one molecule a pose.")
        title = mol.GetProp("_Name") if mol is not None and mol.HasProp("_Name") else ""
        out.append(from_mol(mol, k, str(names[k]) if names is not None else title or f"pose {k + 1}", "", max_atoms))
    return out


def _written(reference: Chem.Mol, folder: Path) -> str:
    """The reference as a file; kekulised where that can be, for aromatic bonds in a file lose the H of [nH]."""
    path = folder / "reference.sdf"
    try:
        Chem.MolToMolFile(reference, str(path))
    except Chem.KekulizeException:
        Chem.MolToMolFile(reference, str(path), kekulize=False)
    return str(path)


def _mode(row: dict, ligand: str, figures: Figures) -> str:
    if figures.mode:
        return figures.mode
    return "redock" if ligand and row.get("rmsd") is not None else "dock"


def _busters(mode: str) -> str:
    """The protocol of a mode of PoseBusters."""
    return f"posebusters-{mode.replace('_', '-')}"


def _row(record: Record, rows: dict, mode: str, figures: Figures, referenced: bool) -> dict:
    out = {"pose": record.index, "name": record.name, "heavy_atoms": int((record.z > 1).sum())}
    reasons = [record.problem] if record.problem else []

    def held(name: str) -> dict:
        found = rows.get((record.index, name), {})
        if not record.problem and found.get("reason"):
            reasons.append(f"{_ABOUT.get(found['reason'], name)}: {found['reason']}")
        return found

    first = held("poses")
    out |= {key: value for key, value in first.items() if key not in ("reason", "bonds")}
    out |= {key: held("chemistry").get(key) for key in ("qed", "sa")} if not record.problem else {}
    # what PoseBusters found is in its own columns; only what stopped it is a reason
    busted = rows.get((record.index, _busters(mode)), {})
    checks = {key: value for key, value in busted.items() if key not in ("pass", "reason", "bonds")}
    if not record.problem and not checks:
        reasons.append(f"posebusters: {busted.get('reason', 'not_judged')}")
    counted = [value for key, value in checks.items() if not key.startswith(_RMSD_CHECK)]
    out |= {"pb_mode": mode} | {f"pb_{key}": value for key, value in checks.items()}
    out["pb_valid"] = bool(counted) and all(value is True for value in counted)
    if referenced:
        rmsd = out.get("rmsd")
        out["joint"] = out["pb_valid"] and rmsd is not None and rmsd <= SUCCESS
    for judge, columns in figures.judges.items():
        seen = held(judge)
        out |= {key: seen.get(key) for key in columns}
    return out | {"reason": "; ".join(dict.fromkeys(reasons))}


def _ordered(table: pd.DataFrame, figures: Figures, referenced: bool) -> pd.DataFrame:
    """Always the same columns in the same order, also where no pose could be judged; numbers as floats."""
    first = ["pose", "name", "reason", "heavy_atoms", *(["rmsd", "within_2A", "joint"] if referenced else [])]
    first += ["pb_valid", "clashes", "clashes_heavy", "clashes_close", "no_clash", "closest", "buried", "sasa"]
    first += ["qed", "sa", *figures.order]
    out = table.reindex(columns=[*first, "pb_mode", *(key for key in table if key not in (*first, "pb_mode"))])
    for key in ("pb_valid", "joint", "no_clash"):
        if key in out:
            out[key] = (out[key] == True).astype(bool)  # noqa: E712
    numbers = ["rmsd", "clashes", "clashes_heavy", "clashes_close", "closest", "buried", "sasa", "qed", "sa"]
    for key in [*numbers, "strain", "n_interactions", "similarity"]:
        if key in out:
            out[key] = pd.to_numeric(out[key], errors="coerce").astype(float)
    return out
