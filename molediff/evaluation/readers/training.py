"""Training sets for novelty: SMILES, one a line, or an array of hashes."""

from __future__ import annotations

import lzma
from pathlib import Path

import numpy as np

from ..errors import InputError


def read_training(path: str | Path) -> dict:
    """`{'train_smiles': [...]}` from text (.smi, .txt, .smi.xz: first word of each line), or
    `{'train_hashes': uint64 array}` from .npy as written by numpy from `inchikey_hashes`.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"No training file '{path}'. Give SMILES a line (.smi, .txt, .smi.xz) or hashes (.npy).")
    if path.suffix == ".npy":
        try:
            hashes = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"'{path}' is not a readable .npy: {error}. Make it with inchikey_hashes.") from error
        if hashes.dtype != np.uint64:
            raise InputError(f"'{path}' holds {hashes.dtype}; expected uint64 hashes from inchikey_hashes.")
        return {"train_hashes": hashes}
    try:
        data = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
        lines = data.decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError, lzma.LZMAError) as error:
        raise InputError(f"'{path}' is not text: {error}. Expected one SMILES a line.") from error
    smiles = [line.replace(",", " ").split()[0] for line in lines if line.strip()]
    if not smiles:
        raise InputError(f"'{path}' holds no SMILES. Expected one a line.")
    return {"train_smiles": smiles}
