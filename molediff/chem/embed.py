"""A 3D conformer from a SMILES: ETKDG, then MMFF94. The same text and seed give the same coordinates."""

from __future__ import annotations

from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers
from rdkit.rdBase import BlockLogs

TRIES = 50
"""Embeddings a molecule is given, from each kind of start; what needs more is a cage that does not exist."""
STEPS = 5_000
"""Steps of MMFF94; drug-like molecules need some hundred."""


class EmbedError(Exception):
    """No conformer: the rule of `molediff.data.rules.LEFT_OUT` that it breaks, and words to it."""

    def __init__(self, rule: str, detail: str):
        super().__init__(rule, detail)
        self.rule, self.detail = rule, detail


def read_smiles(text: str) -> Chem.Mol:
    """A sanitised molecule of one piece.

    Raises:
        EmbedError: 'unreadable', 'not_sanitised' or 'fragments', with RDKit's words.
    """
    with BlockLogs():
        mol = Chem.MolFromSmiles(text, sanitize=False)
        if mol is None:
            raise EmbedError("unreadable", f"not a SMILES: '{text[:80]}'")
        if not mol.GetNumAtoms():
            raise EmbedError("unreadable", "empty")
        problems = Chem.DetectChemistryProblems(mol)
        if problems:
            raise EmbedError("not_sanitised", problems[0].Message())
        mol = Chem.MolFromSmiles(text)
    if mol is None:
        raise EmbedError("not_sanitised", f"RDKit refuses '{text[:80]}'")
    pieces = len(Chem.GetMolFrags(mol))
    if pieces > 1:
        raise EmbedError("fragments", f"{pieces} pieces")
    return mol


def embed(mol: Chem.Mol, seed: int) -> tuple[Chem.Mol, str]:
    """A copy with all hydrogens and one conformer, in angstrom.

    ETKDG version 3 (Wang et al., J. Chem. Inf. Model. 60, 2044, 2020), from random coordinates when that fails, then
    MMFF94 (Halgren, J. Comput. Chem. 17, 490, 1996) to its minimum. Stereochemistry that the molecule leaves open
    comes out either way.

    Args:
        mol: sanitised, without hydrogen atoms.
        seed: of the embedding, 0 to 2^31 - 1.

    Returns:
        The molecule, and '' or the rule for which its geometry is no minimum of MMFF94: 'no_force_field' (as embedded)
        or 'not_relaxed'.

    Raises:
        EmbedError: 'not_embedded'.
    """
    with BlockLogs():
        full = Chem.AddHs(mol)
        settings = rdDistGeom.ETKDGv3()
        settings.randomSeed, settings.maxIterations = seed, TRIES
        if rdDistGeom.EmbedMolecule(full, settings) < 0:
            settings.useRandomCoords = True
            if rdDistGeom.EmbedMolecule(full, settings) < 0:
                raise EmbedError("not_embedded", f"{2 * TRIES} attempts")
        if not rdForceFieldHelpers.MMFFHasAllMoleculeParams(full):
            return full, "no_force_field"
        unfinished = rdForceFieldHelpers.MMFFOptimizeMolecule(full, maxIters=STEPS)
    return full, "not_relaxed" if unfinished else ""
