"""Memorisation audit and diversity: how near a set lies to its training set and to itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator
from rdkit.rdBase import BlockLogs

FINGERPRINT = "Morgan radius 2, 2048 bits"
EDGES = tuple(round(0.1 * i, 1) for i in range(11))


def fingerprints(smiles: Iterable[str]) -> list:
    """Morgan fingerprints (radius 2, 2048 bits); SMILES that RDKit refuses are left out."""
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    with BlockLogs():
        mols = (Chem.MolFromSmiles(one) for one in smiles)
        return [generator.GetFingerprint(mol) for mol in mols if mol is not None]


def internal_diversity(smiles: Sequence[str], most: int = 1000, seed: int = 0) -> dict:
    """1 - mean Tanimoto similarity over all pairs of different molecules (Morgan radius 2, 2048 bits).

    More than `most` molecules are sampled without replacement; `n` says how many were compared.
    """
    held = fingerprints(_sample(smiles, most, seed))
    if len(held) < 2:
        return {"n": len(held), "diversity": float("nan"), "fingerprint": FINGERPRINT}
    total = sum(sum(DataStructs.BulkTanimotoSimilarity(held[i], held[:i])) for i in range(1, len(held)))
    pairs = len(held) * (len(held) - 1) / 2
    return {"n": len(held), "diversity": 1 - total / pairs, "fingerprint": FINGERPRINT}


def audit(smiles: Sequence[str], train_smiles: Sequence[str], most: int = 1000, seed: int = 0) -> dict:
    """The nearest training molecule of each generated one.

    Returns:
        `n` compared (a sample where there are more than `most`), `n_train`, `nearest` (mean and median Tanimoto
        similarity to the nearest training molecule), `histogram` (counts by tenths; the last bin includes 1),
        `identical_fingerprints` (similarity 1; duplicates by InChIKey are counted in `training_copies`), and
        `pairs`: (SMILES, nearest training SMILES, similarity) in the order compared.
    """
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    names, train = [], []
    with BlockLogs():
        for one in train_smiles:
            mol = Chem.MolFromSmiles(one)
            if mol is not None:
                names.append(one)
                train.append(generator.GetFingerprint(mol))
    pairs = []
    for one in _sample(smiles, most, seed) if train else []:
        for own in fingerprints([one]):
            near = np.asarray(DataStructs.BulkTanimotoSimilarity(own, train))
            pairs.append((one, names[int(near.argmax())], float(near.max())))
    values = np.array([value for _, _, value in pairs])
    return {
        "n": len(pairs),
        "n_train": len(train),
        "fingerprint": FINGERPRINT,
        "nearest": {"mean": float(values.mean()), "median": float(np.median(values))} if len(values) else {},
        "histogram": np.histogram(values, bins=EDGES)[0].tolist(),
        "edges": list(EDGES),
        "identical_fingerprints": int((values == 1).sum()),
        "pairs": pairs,
    }


def _sample(smiles: Sequence[str], most: int, seed: int) -> list[str]:
    held = sorted({one for one in smiles if one})
    if len(held) <= most:
        return held
    chosen = np.random.default_rng(seed).choice(len(held), most, replace=False)
    return [held[i] for i in sorted(chosen)]
