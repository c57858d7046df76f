"""Generated molecules judged as poses in their pocket: figures raw and relaxed, and one order over all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem

from molediff.chem.hydrogens import with_hydrogens
from molediff.config import choose
from molediff.docking.ligand_bonds import as_molecule
from molediff.docking.rank import values
from molediff.docking.receptor import Receptor
from molediff.docking.refine import USUAL
from molediff.docking.site import Site
from molediff.evaluation.ring_systems import rare, ring_systems
from molediff.pipelines.generate import Generation
from molediff.pipelines.refine import Refine, Refinement
from molediff.pipelines.score import Score, Scoring
from molediff.pipelines.wishes import Wishes

RANK_BY = {
    "rule": "the rule of `molediff dock`: Vina's score with what PoseBusters objects to",
    "efficiency": "Vina score / heavy atoms",
}
"""Name -> what puts PB-valid molecules in order, those with rare ring systems behind the others; those that are not
PB-valid come behind them, in the same order."""
FIGURES = ("vina_score", "vina_minimised", "ligand_efficiency", "pb_valid", "clashes", "closest", "buried")
"""Of each pose, in the table with _raw and _relaxed behind their names."""
EDGE = 26.0
"""Of the box that figures are computed in, at least, angstrom: molecules may stand out of a box to dock in."""


@dataclass(frozen=True)
class InPocket:
    """How the molecules of a run are judged."""

    wishes: Wishes = field(default_factory=Wishes)
    """What they should have; those that do not fit come behind those that do."""
    rank_by: str = "rule"
    """A name of `RANK_BY`."""
    relax: str = USUAL
    """How poses are relaxed, see `molediff.docking.refine.METHODS`."""
    workers: int = 0
    """Child processes; 0 for one a core."""

    def __post_init__(self):
        choose("--rank-by", self.rank_by, RANK_BY)

    def __call__(
        self,
        generation: Generation,
        receptor: Receptor,
        site: Site,
        reference: Chem.Mol | None = None,
        progress: Callable[[int, int], None] | None = None,
        parts: Path | None = None,
    ) -> PocketGeneration:
        """Judge every molecule asked for; nothing is dropped, and what cannot be judged says why.

        Args:
            generation: made in the pocket, positions in the receptor's frame.
            receptor: prepared protein.
            site: its centre is that of the box in which Vina's figures are computed.
            reference: ligand to show and to score beside; no RMSD is taken to it, these are other molecules. Only shown
                where its bond orders are not known.
            progress: (poses relaxed, poses).
            parts: folder in which relaxed poses are kept, so that a run can be resumed.
        """
        valid = generation.table[generation.validity]
        whole = [with_hydrogens(mol) if ok else None for mol, ok in zip(generation.mols, valid, strict=True)]
        box = replace(site, size=np.maximum(site.size, EDGE))
        score, relax = Score("fast"), Refine(self.relax, same_isomer=False)
        relaxed = relax(receptor, whole, self.workers, progress, parts)
        known = as_molecule(reference)
        own = [] if known is None else [with_hydrogens(known)]
        raw, scored, beside = score.sets(receptor, box, [whole, relaxed.mols, own], None, self.workers)
        table = self._table(generation, whole, raw, relaxed, scored, known)
        about = generation.about | {"rank_by": self.rank_by, "relax": self.relax, "site": site.how}
        about["scored_by"] = score.engine
        made = replace(generation, table=table, about=about)
        found = {} if known is None else beside.table.iloc[0].to_dict()
        wished = bool(self.wishes) or "as_wanted" in table
        return PocketGeneration(made, receptor, site, reference, whole, raw, relaxed, scored, wished, found)

    def _table(
        self, generation: Generation, whole, raw: Scoring, relaxed: Refinement, scored: Scoring, reference
    ) -> pd.DataFrame:
        """The table of the molecules with what was found of their poses."""
        made = generation.table
        misfits = self._misfits(generation, whole)
        out = made.assign(
            fits=[mol is not None and not why for mol, why in zip(whole, misfits, strict=True)],
            misfit=misfits,
        )
        for name, found in (("raw", raw.table), ("relaxed", scored.table)):
            for key in FIGURES:
                if key in found:
                    out[f"{key}_{name}"] = found[key].round(4).to_numpy()
        out["moved"] = relaxed.table["moved"].to_numpy()
        # those of the reference are at home here
        own = set() if reference is None else set(ring_systems(reference))
        rings = [None if mol is None else sum(one not in own for one in rare(mol)) for mol in whole]
        new = {key: raw.table[key].round(4).to_numpy() for key in ("qed", "sa")}
        new["rare_rings"] = pd.array(rings, dtype="Int64")
        # what was wanted is there already, as it was steered to and answered for
        out = out.assign(**{key: column for key, column in new.items() if key not in made})
        best = pd.Series([mol is not None for mol in relaxed.mols])
        out["pose"] = np.where(best, "relaxed", np.where([m is not None for m in whole], "raw", ""))
        out["pose_reason"] = _reasons(made, whole, raw.table["reason"], relaxed, scored.table["reason"])
        return ranked(out, self.rank_by)

    def _misfits(self, generation: Generation, whole: list) -> list[str]:
        """Why each molecule does not fit what was wished for or wanted; '' where it does, and where there is none."""
        missed = ", ".join(f"not {want}" for want in generation.about.get("want", ()))
        wanted = generation.table.get("as_wanted", [True] * len(whole))
        each = [("", "") if mol is None else (self.wishes.misfit(mol), "" if ok else missed)
                for mol, ok in zip(whole, wanted, strict=True)]  # fmt: skip
        return ["; ".join(filter(None, one)) for one in each]


def _reasons(made: pd.DataFrame, whole: list, raw: pd.Series, relaxed: Refinement, scored: pd.Series) -> list[str]:
    """What could not be computed, and why: of the molecule, of its raw pose, of the relaxed one."""
    out = []
    rows = zip(whole, made["reason"], raw, relaxed.mols, relaxed.table["reason"], scored, strict=True)
    for mol, why, first, moved, failed, last in rows:
        if mol is None:
            out.append(f"no valid molecule: {why}")
            continue
        said = {"raw": first, "relaxed": failed if moved is None else last}
        out.append("; ".join(f"{pose}: {what}" for pose, what in said.items() if what))
    return out


def ranked(table: pd.DataFrame, rank_by: str = "rule") -> pd.DataFrame:
    """The table with ``value`` (lowest is best) and ``rank`` (from 1), its rows in the order they were.

    Molecules with a score first, among them those that fit, among these those that are PB-valid, among these those
    without rare ring systems, then by value: Vina has a liking for large and fused rings, which have no torsions.

    Args:
        table: one row a molecule with ``pose``, ``fits``, and the figures of raw and relaxed poses.
        rank_by: a name of `RANK_BY`.
    """

    def figure(key: str) -> pd.Series:
        missing = pd.Series(np.nan, index=table.index)
        relaxed, raw = (table.get(f"{key}_{name}", missing) for name in ("relaxed", "raw"))
        return relaxed.where(table["pose"] == "relaxed", raw)

    score = pd.to_numeric(figure("vina_score"), errors="coerce")
    valid = figure("pb_valid") == True  # noqa: E712, the column may hold None
    if rank_by == "efficiency":
        value = -pd.to_numeric(figure("ligand_efficiency"), errors="coerce")
    else:
        value = values(pd.DataFrame({"row": table["index"], "pose": 1, "score": score, "pb_valid": valid}))
    odd = table["rare_rings"].fillna(0).to_numpy(dtype=int) > 0
    nothing = (table["pose"] == "") | ~np.isfinite(score)
    order = np.lexsort(
        (table["index"], value.fillna(np.inf), odd, ~valid, ~table["fits"], nothing, table["pose"] == "")
    )
    rank = np.empty(len(table), dtype=int)
    rank[order] = np.arange(1, len(table) + 1)
    return table.assign(value=value.where(~nothing).round(4), rank=rank)


@dataclass(frozen=True)
class PocketGeneration:
    """What a run made in a pocket: one entry and one row a molecule asked for."""

    generation: Generation
    """With the table of `InPocket`: rank, value, fits, misfit, figures of both poses, pose, pose_reason."""
    receptor: Receptor
    """Prepared protein."""
    site: Site
    """Of the pocket."""
    reference: Chem.Mol | None
    """Ligand to compare with."""
    raw: list[Chem.Mol | None]
    """As generated, hydrogens added by RDKit where they are implied; None for what is no valid molecule."""
    raw_figures: Scoring
    """Of the raw poses."""
    relaxed: Refinement
    """Relaxed poses."""
    relaxed_figures: Scoring
    """Of the relaxed poses."""
    wished: bool = False
    """Whether anything was wished for."""
    reference_figures: dict = field(default_factory=dict)
    """Of the reference ligand as given, by the same code in the same box; empty without one."""

    @property
    def table(self) -> pd.DataFrame:
        """One row a molecule."""
        return self.generation.table

    @property
    def about(self) -> dict:
        """Settings of the run."""
        return self.generation.about

    @property
    def order(self) -> list[int]:
        """Indices of the molecules that have a pose, best first."""
        table = self.table.sort_values("rank")
        return [int(i) for i in table["index"][table["pose"] != ""]]

    def pose(self, i: int) -> Chem.Mol | None:
        """The pose of molecule i by which it is ranked: relaxed, or raw where that failed."""
        return self.raw[i] if self.relaxed.mols[i] is None else self.relaxed.mols[i]

    @property
    def beside(self) -> str:
        """The reference ligand's figures in words; '' without one."""
        found = self.reference_figures
        if not found:
            return ""
        score = found.get("vina_score")
        words = "not scored" if score is None or not np.isfinite(score) else f"Vina {score:.2f} kcal/mol"
        said = f" ({found['reason']})" if found.get("reason") else ""
        return f"{words}, {'PB-valid' if found.get('pb_valid') == True else 'not PB-valid'}{said}"  # noqa: E712

    @property
    def counts(self) -> dict[str, int]:
        """As of the generation; scored (raw, relaxed), PB-valid (raw, relaxed), fitting, with usual ring systems."""
        t = self.table
        scored = {f"scored_{k}": int(np.isfinite(t[f"closest_{k}"].astype(float)).sum()) for k in ("raw", "relaxed")}
        valid = {f"pb_valid_{k}": int(t[f"pb_valid_{k}"].sum()) for k in ("raw", "relaxed")}
        usual = int((t["rare_rings"] == 0).sum())
        return self.generation.counts | scored | valid | {"fits": int(t["fits"].sum()), "usual_rings": usual}

    def save(self, folder: Path | str, report: bool = False) -> Path:
        """Write what a generation writes and the poses; see `molediff.report.in_pocket`.

        Args:
            folder: to write to.
            report: also write report.html.
        """
        from molediff.report.in_pocket import write_in_pocket

        return write_in_pocket(self, Path(folder), report)
