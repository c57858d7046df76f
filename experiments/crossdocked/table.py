"""The table of run.py: figures over ALL molecules asked for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import kept  # noqa: E402
from bench import POSES  # noqa: E402

from molediff.evaluation.identity import in_training, inchikey  # noqa: E402
from molediff.evaluation.readers.training import read_training  # noqa: E402
from molediff.evaluation.ring_systems import rare  # noqa: E402

KEYS = ("row", "pocket", "n", "model", "steps", "settings", "relax", "rings", "energy", "seed")
"""What a line of results.jsonl.xz is known by."""
POOLED = ("pocket", "seed")
"""Those that a line of the table holds all of."""


def lines(path: Path) -> list[dict]:
    """What is finished."""
    # Lines from before models recommended settings, before other methods, and so on.
    old = {"settings": "", "relax": "mmff", "rings": "opened", "energy": False, "seed": 0}
    return [old | line for line in kept.read(path)]


def tabulate(data: pd.DataFrame) -> pd.DataFrame:
    """A line for each row, model and pose: over ALL molecules asked for; what cannot be scored counts as 0 or as no."""
    table = []
    keys = [k for k in KEYS if k not in POOLED]
    for values, part in data.groupby(keys, sort=False):
        how = dict(zip(keys, values, strict=True))
        n, energy = how.pop("n"), how.pop("energy")
        for pose in POSES:
            table.append(how | {"pose": pose} | figures(pooled(part), pose, int(n), energy))
    return pd.DataFrame(table)


def pooled(part: pd.DataFrame) -> pd.DataFrame:
    """A line a pocket: the molecules of all seeds, in their order."""
    part = part.drop_duplicates(["pocket", "seed"], keep="last").sort_values("seed", kind="stable")
    added = dict.fromkeys(("valid", "atoms", "connected", "smiles", "sampling", "figures"), "sum")
    return part.groupby("pocket", sort=False).agg(added).reset_index()


def figures(part: pd.DataFrame, pose: str, n: int, energy: bool) -> dict:
    """Figures of one line of the table.

    Args:
        part: lines, one a pocket.
        pose: of `POSES`.
        n: molecules of a line; 1 for the reference.
        energy: whether the energy ratio was looked at.
    """
    flat = [one for many in part["figures"] for one in many]

    def values(key: str) -> np.ndarray:
        return np.array([np.nan if one.get(key) is None else float(one[key]) for one in flat])

    def made(key: str) -> np.ndarray:
        return np.array([value for many in part[key] for value in many], float)

    def middle(key: str, what=np.nanmedian, digits: int = 2) -> float:
        found = values(key)
        return round(float(what(found)), digits) if np.isfinite(found).any() else float("nan")

    score = values(f"vina_score_{pose}")
    zero = np.nan_to_num(score)
    busted = np.nan_to_num(values(f"pb_valid_{pose}"))
    whole = busted * np.nan_to_num(values(f"energy_{pose}"))
    smiles = [valid_of(s, v) for s, v in zip(part["smiles"], part["valid"], strict=True)]
    cpu = {key: sum(one["cpu"].get(key, 0.0) for one in flat) for key in ("maps", "relax", "vina", "posebusters")}
    return {
        "pockets": len(part),
        "molecules": len(flat),
        "connected": round(100 * made("connected").mean(), 1),
        "strict_heavy": round(100 * made("valid").mean(), 1),
        "pb_valid": round(100 * busted.mean(), 1),
        "pb_valid_all": round(100 * whole.mean(), 1) if energy else float("nan"),
        "clashes": middle(f"clashes_{pose}", np.nanmean),
        "strain_median": middle(f"strain_{pose}", digits=1),
        "strained": int(np.isfinite(values(f"strain_{pose}")).sum()),
        "vina_mean": round(float(zero.mean()), 2),
        "vina_median": round(float(np.median(zero)), 2),
        "vina_above_0": round(100 * float((zero > 0).mean()), 1),
        "vina_minimised_median": round(float(np.median(np.nan_to_num(values(f"vina_minimised_{pose}")))), 2),
        "unscorable": int(np.isnan(score).sum()),
        "efficiency": middle(f"ligand_efficiency_{pose}", digits=3),
        "qed": middle("qed", np.nanmean, 3),
        "sa": middle("sa", lambda v: (10 - np.nanmean(v)) / 9, 3),  # as published tables have it: 1 is easy
        "usual_rings": round(100 * sum(usual(one) for many in smiles for one in many) / len(flat), 1),
        "novelty": novelty(smiles),
        "diversity": diversity(smiles, n),
        "atoms": round(float(made("atoms").mean()), 1),
        "sampling_s": round(float(part["sampling"].sum() / len(flat)), 2),
        "figures_s": round(sum(cpu.values()) / len(flat), 2),
    }


def valid_of(smiles: Sequence[str], valid: Sequence[bool]) -> list[str]:
    """Those of the valid ones."""
    return [one for one, ok in zip(smiles, valid, strict=True) if ok]


@cache
def usual(smiles: str) -> bool:
    """Whether a molecule has no ring system that is rare among drug-like molecules."""
    mol = Chem.MolFromSmiles(smiles)
    return mol is not None and not rare(mol)


def large(smiles: str) -> bool:
    """Whether a molecule has a ring of seven or more atoms."""
    mol = Chem.MolFromSmiles(smiles)
    return mol is not None and any(len(ring) > 6 for ring in mol.GetRingInfo().AtomRings())


@cache
def trained() -> np.ndarray:
    """Hashes of the training molecules of the bundled model."""
    return read_training(HERE.parents[1] / "molediff" / "weights" / "pocket" / "train_hashes.npy")["train_hashes"]


def novelty(pockets: Sequence[Sequence[str]]) -> float:
    """Per cent of the valid molecules that the bundled model was not trained on, by InChIKey without stereo."""
    keys = [inchikey(one) for smiles in pockets for one in smiles]
    return round(100 * (1 - float(in_training(keys, trained()).mean())), 1)


def diversity(pockets: Sequence[Sequence[str]], n: int) -> float:
    """1 - mean Tanimoto (Morgan, radius 2, 2048 bits) of the valid molecules of a pocket, averaged over pockets.

    NaN for the reference, of which there is one a pocket.
    """
    if n < 2:
        return float("nan")
    maker, out = rdFingerprintGenerator.GetMorganGenerator(2, fpSize=2048), []
    for smiles in pockets:
        mols = [m for s in smiles if s and (m := Chem.MolFromSmiles(s)) is not None]
        prints = [maker.GetFingerprint(m) for m in mols]
        alike = [s for k, p in enumerate(prints) for s in DataStructs.BulkTanimotoSimilarity(p, prints[:k])]
        if alike:
            out.append(1 - float(np.mean(alike)))
    return round(float(np.mean(out)), 3) if out else float("nan")
