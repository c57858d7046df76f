"""Relaxation of poses in the rigid pocket: the pose as it came and as it relaxed, side by side.

`METHODS`: 'mmff' and 'uff' move every atom of the ligand in its force field (RDKit's MMFF94, Halgren 1996, or UFF,
Rappe 1992) and the van der Waals field of the pocket; 'vina' moves every atom in MMFF94 and Vina's intermolecular
energy; 'mmff+vina' in MMFF94 and both: walls that keep atoms apart, and what holds a ligand in its place; 'torch'
keeps bond lengths and angles and turns torsions, place and orientation in Vina's whole energy. The last three steer by
`molediff.docking.torch_vina`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdForceFieldHelpers
from rdkit.rdBase import BlockLogs
from scipy.optimize import minimize

from molediff.config import UserError, choose
from molediff.docking.pocket_field import PocketField
from molediff.docking.receptor import Receptor


@dataclass(frozen=True)
class Method:
    """A way to relax a pose."""

    force_field: str = "mmff"
    """Of the ligand: mmff or uff."""
    walls: bool = False
    """Whether it feels the pocket's van der Waals field."""
    vina: bool = False
    """Whether it feels Vina's energy with the pocket."""
    rigid: bool = False
    """Whether bond lengths and angles stay, so that the ligand's force field does not matter."""


METHODS = {
    "mmff": Method(walls=True),
    "uff": Method("uff", walls=True),
    "vina": Method(vina=True),
    "mmff+vina": Method(walls=True, vina=True),
    "torch": Method(vina=True, rigid=True),
}
USUAL = "mmff+vina"
"""Method where nothing is said. On 100 poses of 20 complexes as many pass PoseBusters as after 'mmff' but one, crystal
poses move less, rattled ones come nearer to them, and Vina's scores are better (`experiments/refine`)."""
NEAR = 10.0
"""Pocket atoms within this distance of the pose are felt, angstrom."""
REACH = 4.0
"""Where an atom has moved farther than this, angstrom, the pocket atoms that are felt are chosen anew."""
ROUNDS = 3
"""How often, at most."""
Field = Callable[[np.ndarray], tuple[float, np.ndarray]]
"""Positions (N, 3) -> energy (kcal/mol) and gradient (N, 3)."""


@dataclass(frozen=True)
class RefineConfig:
    """How poses are relaxed."""

    method: str = USUAL
    """One of `METHODS`."""
    steps: int = 300
    """At most."""
    same_isomer: bool = True
    """Whether a pose that relaxes to another stereoisomer is refused, as for a given ligand; if not, the note says it.
    The stereochemistry of a generated molecule is what its coordinates show, and was asked for by nobody."""

    def __post_init__(self):
        choose("method", self.method, METHODS)
        if self.steps < 1:
            raise UserError(f"--steps must be at least 1, got {self.steps}.")


@dataclass(frozen=True)
class Refined:
    """One pose before and after. Failures are values."""

    mol: Chem.Mol | None
    """Relaxed, hydrogens explicit; None where it failed."""
    figures: dict[str, float]
    """internal_raw, internal_relaxed (the ligand's force field), pocket_raw, pocket_relaxed (with the pocket),
    vina_raw, vina_relaxed (Vina's score), all kcal/mol; moved (RMSD of heavy atoms, angstrom)."""
    note: str = ""
    """What was done besides, as 'hydrogens added'."""
    reason: str = ""
    """Why it failed; '' otherwise."""


def refine(receptor: Receptor, mol: Chem.Mol | None, config: RefineConfig | None = None) -> Refined:
    """Relax one pose; the receptor does not move.

    Args:
        receptor: with hydrogens.
        mol: with one conformer in the receptor's frame; hydrogens are added where they are missing.
        config: how.
    """
    config = config or RefineConfig()
    reason = _unfit(mol)
    if reason:
        return Refined(None, {}, reason=reason)
    before = mol.GetNumAtoms()
    mol = Chem.AddHs(mol, addCoords=True)
    notes = ["hydrogens added"] if mol.GetNumAtoms() > before else []
    start = mol.GetConformer().GetPositions()
    if not _close(receptor, start).any():
        return Refined(None, {}, reason=f"no receptor atom within {NEAR:.0f} A of the pose")
    try:
        terms = _vina_terms(receptor, mol)
        internal, said = _internal(mol, METHODS[config.method].force_field)
    except UserError as error:
        return Refined(None, {}, reason=str(error))
    if said:
        notes.append(said)

    def field_at(pos: np.ndarray) -> Field:
        return _pocket_field(METHODS[config.method], receptor, mol, terms, pos)

    if METHODS[config.method].rigid:
        end, finished = _in_torsions(*terms, start, config.steps)
    else:
        end, finished = _in_cartesians(internal, field_at, start, config.steps)
    if not finished:
        notes.append(f"not converged in {config.steps} steps")
    if not np.isfinite(end).all():
        return Refined(None, {}, note="; ".join(notes), reason="the relaxation diverged")
    relaxed = Chem.Mol(mol)
    relaxed.GetConformer().SetPositions(end)
    if (changed := _changed(mol, relaxed)) and config.same_isomer:
        return Refined(None, {}, note="; ".join(notes), reason=changed)
    if changed:
        notes.append(changed)
        Chem.AssignStereochemistryFrom3D(relaxed)
    return Refined(relaxed, _figures(internal, field_at, terms, mol, start, end), "; ".join(notes))


def _close(receptor: Receptor, pos: np.ndarray) -> np.ndarray:
    """(M,) bool, receptor atoms that a pose feels."""
    return np.linalg.norm(receptor.pos[:, None] - pos[None], axis=-1).min(1) < NEAR


def _unfit(mol: Chem.Mol | None) -> str:
    if mol is None:
        return "cannot be read"
    if not mol.GetNumConformers() or not mol.GetConformer().Is3D():
        return "has no 3D coordinates"
    if not mol.GetNumHeavyAtoms():
        return "has no heavy atom"
    if len(Chem.GetMolFrags(mol)) > 1:
        return "has more than one fragment"
    return "" if np.isfinite(mol.GetConformer().GetPositions()).all() else "has coordinates that are no numbers"


def _internal(mol: Chem.Mol, method: str) -> tuple[Field, str]:
    """The ligand's own force field, and what to say of it: MMFF94 gives way to UFF where it has no parameters.

    Raises:
        UserError: where neither has parameters.
    """
    said, mol = "", Chem.Mol(mol)
    made = None
    if method == "mmff":
        properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(mol)
        made = None if properties is None else rdForceFieldHelpers.MMFFGetMoleculeForceField(mol, properties)
        said = "" if made is not None else "MMFF94 has no parameters, UFF instead"
    if made is None and rdForceFieldHelpers.UFFHasAllMoleculeParams(mol):
        made = rdForceFieldHelpers.UFFGetMoleculeForceField(mol)
    if made is None:
        raise UserError("neither MMFF94 nor UFF has parameters for it")
    made.Initialize()

    def field(pos: np.ndarray, keep=mol) -> tuple[float, np.ndarray]:  # the force field lives as long as its molecule
        flat = pos.ravel().tolist()
        return made.CalcEnergy(flat), np.array(made.CalcGrad(flat)).reshape(-1, 3)

    return field, said


def _vina_terms(receptor: Receptor, mol: Chem.Mol):
    """(ligand, receptor) as torch Vina wants them; the receptor's are made once as long as the object lives."""
    from molediff.docking.torch_vina.energy import LigandTerms
    from molediff.docking.torch_vina.maps import receptor_terms

    return LigandTerms.of(mol), receptor_terms(receptor)


def _pocket_field(method: Method, receptor: Receptor, mol: Chem.Mol, terms, start: np.ndarray) -> Field:
    """What the pocket does to a pose that is near ``start``; nothing where no receptor atom is."""
    close = _close(receptor, start)
    fields = [PocketField.of(receptor, close, mol)] if method.walls and close.any() else []
    fields += [_vina_field(*terms, start)] if method.vina and close.any() else []

    def total(pos: np.ndarray) -> tuple[float, np.ndarray]:
        found = [field(pos) for field in fields]
        return sum(e for e, _ in found), sum((g for _, g in found), np.zeros_like(pos))

    return total


def _vina_field(ligand, receptor, start: np.ndarray) -> Field:
    """Vina's intermolecular energy, smooth; of the receptor atoms that a pose can reach from ``start``."""
    from molediff.docking.vina_field import VinaField

    return VinaField.of(ligand, receptor, start, REACH)


def _in_cartesians(internal: Field, field_at: Callable, start: np.ndarray, steps: int) -> tuple[np.ndarray, bool]:
    """L-BFGS over all atoms, with the pocket as it is felt near the pose; of all rounds at most so many steps."""
    for _ in range(ROUNDS):
        options = {"maxiter": steps, "maxfun": 4 * steps, "ftol": 1e-7, "gtol": 0.02}
        pocket = field_at(start)

        def both(flat: np.ndarray, pocket=pocket) -> tuple[float, np.ndarray]:
            pos = flat.reshape(-1, 3)
            (a, da), (b, db) = internal(pos), pocket(pos)
            return a + b, (da + db).ravel()

        found = minimize(both, start.ravel(), jac=True, method="L-BFGS-B", options=options)
        end = found.x.reshape(-1, 3)
        steps -= found.nit
        if steps < 1 or not np.isfinite(end).all() or np.linalg.norm(end - start, axis=1).max() < REACH:
            break
        start = end
    return end, found.status == 0


def _in_torsions(ligand, receptor, start: np.ndarray, steps: int) -> tuple[np.ndarray, bool]:
    """BFGS in place, orientation and torsions; the geometry of the pose stays."""
    import torch

    from molediff.docking.torch_vina.landscape import ExactEnergy, heavy_only
    from molediff.docking.torch_vina.minimise import minimise
    from molediff.docking.torch_vina.torsions import Placement, Torsions

    pos = torch.tensor(start)
    whole = Torsions.of(pos, ligand.tree, ligand.heavy)
    heavy = whole.only(ligand.heavy)
    far = torch.full((3,), 1e4, dtype=pos.dtype)
    energy = ExactEnergy(heavy_only(ligand), receptor, -far, far)
    at = Placement(whole.centre[None], torch.eye(3, dtype=pos.dtype)[None], pos.new_zeros(1, len(whole)))
    with torch.no_grad():
        at, early = minimise(at, heavy, energy, max(1, 2 * steps // 3))
        at, late = minimise(at, heavy, energy, max(1, steps // 3))
        return whole.poses(at)[0].numpy(), bool((early - late).abs().max() < 0.02)


def _changed(mol: Chem.Mol, relaxed: Chem.Mol) -> str:
    """Why the relaxed pose is another molecule, or ''. The hydrogen of C=NH may turn to the other side."""
    return "" if _isomer(relaxed) == _isomer(mol) else "the relaxation changed the stereochemistry"


def _isomer(mol: Chem.Mol) -> str:
    shown = Chem.Mol(mol)
    Chem.AssignStereochemistryFrom3D(shown)
    return Chem.MolToSmiles(Chem.RemoveAllHs(shown))


def _figures(internal: Field, field_at: Callable, terms, mol: Chem.Mol, start: np.ndarray, end: np.ndarray) -> dict:
    """Before and after."""
    import torch

    from molediff.docking.torch_vina.energy import score

    total = score(torch.tensor(np.stack([start, end])), *terms).total.tolist()
    heavy = [a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() > 1]
    return {
        "internal_raw": float(internal(start)[0]),
        "internal_relaxed": float(internal(end)[0]),
        "pocket_raw": float(field_at(start)(start)[0]),
        "pocket_relaxed": float(field_at(end)(end)[0]),
        "vina_raw": total[0],
        "vina_relaxed": total[1],
        "moved": float(np.sqrt(((end - start)[heavy] ** 2).sum(-1).mean())),
    }


@dataclass
class RefineTask:
    """Work of a child process, see `molediff.docking.pool`: rows of a library in, plain values out."""

    receptor: Receptor
    config: RefineConfig

    def start(self) -> None:
        """Nothing to prepare."""

    def __call__(self, row) -> dict:
        """{'block' (relaxed), 'note', 'reason', 'figures'} of a `molediff.docking.ligands.Row`."""
        from molediff.docking.ligands import parse

        mol, reason = parse(row)
        if reason:
            return {"block": "", "note": "", "reason": reason, "figures": {}}
        with BlockLogs():  # force fields that have no type for an atom say so, pose by pose
            done = refine(self.receptor, mol, self.config)
        block = "" if done.mol is None else Chem.MolToMolBlock(done.mol)
        return {"block": block, "note": done.note, "reason": done.reason, "figures": done.figures}
