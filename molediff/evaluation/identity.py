"""Who is the same as whom: uniqueness, novelty and copies of the training set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from rdkit import Chem
from rdkit.Chem import inchi
from rdkit.rdBase import BlockLogs

from .errors import InputError
from .strict import plain_smiles, sanitise


def inchikey(mol: Chem.Mol | str | None) -> str:
    """Standard InChIKey of a molecule or SMILES without stereo, or '' where RDKit or InChI refuses.

    Standard InChI merges mobile hydrogens (tautomers of acids, amidines), so novelty by InChIKey is stricter than
    novelty by SMILES. Stereo is left out: a generator's enantiomer of a training molecule is not new.
    """
    with BlockLogs():
        try:
            work = Chem.MolFromSmiles(mol) if isinstance(mol, str) else _sanitised(mol)
            if work is None or work.GetNumAtoms() == 0:
                return ""
            Chem.RemoveStereochemistry(work)
            return inchi.MolToInchiKey(work, options="-SNon") or ""
        except (ValueError, RuntimeError):
            return ""


def key_hash(key: str) -> np.uint64:
    """First 8 bytes of the SHA-256 of a key, as uint64; two of 10^6 keys collide with probability 3e-8."""
    return np.frombuffer(hashlib.sha256(key.encode()).digest()[:8], dtype="<u8")[0]


def inchikey_hashes(mols: Iterable[Chem.Mol | str]) -> np.ndarray:
    """Sorted unique uint64 hashes of the InChIKeys of molecules or SMILES; what has no InChIKey is left out."""
    keys = {key for key in map(inchikey, mols) if key}
    return np.unique(np.array([key_hash(key) for key in keys], dtype=np.uint64))


def in_training(keys: Sequence[str], train_hashes: np.ndarray) -> np.ndarray:
    """(M,) bool: whether each InChIKey's hash is in the training set; '' never is.

    Args:
        keys: InChIKeys from `inchikey`.
        train_hashes: uint64, from `inchikey_hashes` (any order).
    """
    train = np.asarray(train_hashes)
    if train.dtype != np.uint64:
        raise InputError(f"Training hashes are {train.dtype}; expected uint64. Make them with inchikey_hashes(smiles).")
    hashes = np.array([key_hash(key) if key else 0 for key in keys], dtype=np.uint64)
    return np.isin(hashes, train) & np.array([bool(key) for key in keys], dtype=bool)


def uniqueness(identifiers: Iterable[str]) -> dict:
    """Share of different identifiers (SMILES or InChIKeys; '' = no molecule, left out) with the n it depends on.

    Uniqueness falls as n grows, so figures at different n cannot be compared.

    Returns:
        `n` (identifiers that are not ''), `unique`, `duplicates` (n - unique), `uniqueness` (percent; NaN if n is 0).
    """
    held = [one for one in identifiers if one]
    unique = len(set(held))
    share = 100.0 * unique / len(held) if held else float("nan")
    return {"n": len(held), "unique": unique, "duplicates": len(held) - unique, "uniqueness": share}


def novelty(mols: Iterable[Chem.Mol | str], train_hashes: np.ndarray, keys: Sequence[str] | None = None) -> dict:
    """Novelty by InChIKey under the denominators in use; published codes differ in them without saying so.

    Args:
        mols: valid molecules or their SMILES.
        train_hashes: uint64, from `inchikey_hashes`.
        keys: their InChIKeys, when they are known already.

    Returns:
        `n`, `copies` (how many are in the training set), `novel_per_unique` (EDM), `novel_per_all` (Semla, ADiT:
        over valid), both percent, and `without_key` (no InChIKey: counted as neither novel nor copy, but in n).
    """
    keys = list(keys) if keys is not None else [inchikey(mol) for mol in mols]
    copied = in_training(keys, train_hashes)
    known = np.array([bool(key) for key in keys], dtype=bool)
    unique = {key: bool(copy) for key, copy in zip(keys, copied, strict=True) if key}
    return {
        "n": len(keys),
        "copies": int(copied.sum()),
        "without_key": int((~known).sum()),
        "novel_per_unique": 100.0 * sum(not c for c in unique.values()) / len(unique) if unique else float("nan"),
        "novel_per_all": 100.0 * int((known & ~copied).sum()) / len(keys) if keys else float("nan"),
    }


def _sanitised(mol: Chem.Mol | None) -> Chem.Mol | None:
    """Through SMILES, so that a record and a SMILES of one molecule get one key."""
    if mol is None:
        return None
    work = Chem.RWMol(mol)
    if sanitise(work):
        return None
    smiles = plain_smiles(work)
    return Chem.MolFromSmiles(smiles) if smiles else None
