"""Shared by the tests of pockets: a tiny untrained model that reads pockets, and a receptor. Not a test."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from molediff.docking.receptor import Receptor
from molediff.docking.site import Site
from molediff.elements import Vocabulary
from molediff.model import Model, ModelConfig, SizePrior
from molediff.noise import ProcessConfig

NETWORK = {
    **{"layers": 2, "width": 16, "vectors": 8, "pair": 8, "hidden": 8, "heads": 4},
    **{"pocket": 8, "pocket_vectors": 4, "pocket_layers": 1},
}
ELEMENTS = ("C", "N", "O", "F", "Si", "P", "S", "Cl", "Br", "I")


def pocket_model(pocket: bool = True) -> Model:
    """Untrained; heavy atoms, hydrogens implied."""
    torch.manual_seed(0)
    network = NETWORK if pocket else {k: v for k, v in NETWORK.items() if not k.startswith("pocket")}
    config = ModelConfig(
        network=network,
        process=ProcessConfig(scale=2.41),
        vocabulary=Vocabulary(ELEMENTS, (0, -1, 1)),
        explicit_hydrogens=False,
    )
    model = Model(config, SizePrior(dict.fromkeys(range(5, 40), 1))).eval()
    with torch.no_grad():
        for value in model.parameters():  # what begins at zero must count in tests
            if not value.any():
                value.normal_(std=0.05)
    return model


def cave(residues: int = 60, radius: float = 7.0, centre=(20.0, -5.0, 12.0)) -> tuple[Receptor, Site]:
    """A hollow ball of alanines without hydrogens: (receptor, its middle)."""
    rng = np.random.default_rng(3)
    k = np.arange(residues) + 0.5
    z, phi = 1 - 2 * k / residues, np.pi * (1 + 5**0.5) * k
    out = np.stack([np.sqrt(1 - z**2) * np.cos(phi), np.sqrt(1 - z**2) * np.sin(phi), z], 1)
    pos = (radius * out[:, None] + rng.normal(scale=0.9, size=(residues, 5, 3)) + 1.5 * out[:, None]).reshape(-1, 3)
    n = 5 * residues
    receptor = Receptor(
        np.round(pos + np.array(centre), 3),
        ("N", "C", "C", "O", "C") * residues,
        ("N", "CA", "C", "O", "CB") * residues,
        ("ALA",) * n,
        ("A",) * n,
        tuple(str(i // 5 + 1) for i in range(n)),
        np.zeros(n, bool),
        np.zeros((0, 2), np.int64),
        ("NA", "C", "C", "OA", "C") * residues,
        "cave.pdb",
    )
    return receptor, Site(np.array(centre), np.full(3, 20.0), "box")


def turned(receptor: Receptor, turn: np.ndarray, shift: np.ndarray) -> Receptor:
    """The receptor moved as a whole."""
    return replace(receptor, pos=receptor.pos @ turn + shift)


def placed(smiles: str, centre, seed: int = 5) -> Chem.Mol:
    """Heavy atoms of a conformer round a place, four decimals."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    rdDistGeom.EmbedMolecule(mol, randomSeed=seed)
    mol = Chem.RemoveAllHs(mol)
    pos = mol.GetConformer().GetPositions()
    mol.GetConformer().SetPositions(np.round(pos - pos.mean(0) + np.asarray(centre), 4))
    return mol


def write_sdf(path, *mols) -> str:
    """V2000 records."""
    path.write_text("".join(f"{Chem.MolToMolBlock(m)}$$$$\n" for m in mols))
    return str(path)
