"""Conformers of molecules whose graph is known: the same network, with elements, charges and bonds given."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch
from rdkit import Chem
from rdkit.Geometry import Point3D
from rdkit.rdBase import BlockLogs

from molediff.chem import from_rdkit
from molediff.chem.asked import centres_as_asked, double_bonds_as_asked, graph_as_asked
from molediff.config import UserError
from molediff.model import Model, load
from molediff.pipelines.batching import DEFAULT_BATCH, plan, run_batch
from molediff.pipelines.generate import Progress, at_least_one, sampling_config
from molediff.pipelines.parts import Parts, identity
from molediff.sampling import Denoise, evaluations, sided
from molediff.structures import Condition, Known, Molecules, Stereo, take

STEREO = {"a centre has the other hand": centres_as_asked, "a double bond has the other sides": double_bonds_as_asked}
ANOTHER = "distances show another graph"
CHECKS = STEREO | {ANOTHER: graph_as_asked}
"""Reason -> what a conformer as asked passes."""


@dataclass(frozen=True)
class Ensemble:
    """Conformers asked for, one row each; a molecule of ``mols`` holds those that came out as asked."""

    mols: list[Chem.Mol | None]
    """One a molecule asked for, hydrogens as in the model, with a conformer for every row that is ``as_asked``; None
    for what is no molecule that the model knows, whose rows say why."""
    table: pd.DataFrame
    """molecule, smiles, conformer, stereo_as_asked, graph_as_asked, as_asked, reason."""
    about: dict = field(default_factory=dict)
    """Model, checksum, arguments."""

    def save(self, folder: Path | str) -> Path:
        """Write conformers.sdf and conformers.csv."""
        from molediff.report import write_ensemble

        return write_ensemble(self, Path(folder))


class Conformers:
    """Coordinates for known molecules, stereochemistry as asked.

    >>> out = Conformers.from_pretrained("qm9")(["C[C@H](O)CC"], n=20)  # doctest: +SKIP
    """

    def __init__(self, model: Model, denoise: Denoise | None = None):
        """A pipeline.

        Args:
            model: trained model.
            denoise: its denoiser under guidance; when None the model's own, held to the sides of double bonds asked for
                (`molediff.sampling.sided`).
        """
        self.model, self.denoise = model, denoise or sided(model, model.process)

    @classmethod
    def from_pretrained(cls, name: str = "qm9", device: str = "cpu") -> Conformers:
        """A bundled model by name, or a folder."""
        return cls(load(name).to(device))

    def __call__(
        self,
        molecules: Sequence[str | Chem.Mol],
        n: int = 20,
        seed: int = 0,
        steps: int = 50,
        batch: int = DEFAULT_BATCH,
        progress: Progress | None = None,
        parts: Path | None = None,
        **settings,
    ) -> Ensemble:
        """Make n conformers of each molecule. Noise depends on the seed and the place among all conformers alone.

        Args:
            molecules: SMILES or RDKit molecules; what their tags leave open comes out either way.
            n: conformers a molecule.
            seed: of the run.
            steps: from noise to data.
            batch: conformers at once.
            progress: called after every batch.
            parts: folder in which finished batches are kept, so that a run can be resumed.
            settings: further fields of `molediff.sampling.SamplingConfig`.

        Raises:
            UserError: where no molecule can be used: SMILES that cannot be read, elements the model does not know,
                several fragments. Beside others that can, these are rows that say so.
        """
        config = sampling_config(steps=steps, **settings)
        at_least_one(n)
        asked = [self._usable(m) for m in molecules]
        mols = self._some(asked)
        given, stereo = from_rdkit(mols, self.model.vocabulary)
        device = next(self.model.parameters()).device
        sizes = given.sizes.tolist()
        owner = [k for k in range(len(mols)) for _ in range(n)]
        positions: list[torch.Tensor | None] = [None] * len(owner)
        kept = Parts(parts)
        done = 0
        for number, members in enumerate(plan([sizes[k] for k in owner], batch)):
            rows = [owner[i] for i in members]
            part = take(given, rows).to(device)
            tags = _rows(stereo, rows, part).to(device)
            mark = identity(self.model.source.checksum, seed, members, config, part, tags)
            result = kept.read(number, mark)
            if result is None:
                result = run_batch(self.model, part, _graph_known(tags), seed, members, config, self.denoise)
                result = result.to("cpu")
                kept.write(number, result, mark)
            for row, i in enumerate(members):
                positions[i] = result.pos[row, : sizes[owner[i]]]
            done += len(members)
            if progress is not None:
                progress(done, len(owner))
        about = {"model": self.model.source.name, "checksum": self.model.source.checksum, "n": n, "seed": seed}
        about |= {"batch": batch, **dataclasses.asdict(config)}
        about["evaluations"] = evaluations(self.model.process, config)
        about["hydrogens"] = "generated" if self.model.config.explicit_hydrogens else "implied"
        table = _attach(mols, owner, positions, n)
        return Ensemble([mol for mol, _ in asked], _with_refused(table, molecules, asked, n), about)

    def _some(self, asked: list[tuple[Chem.Mol | None, str]]) -> list[Chem.Mol]:
        """The molecules that can be used; an error where there is none."""
        mols = [mol for mol, _ in asked if mol is not None]
        if not mols:
            given = (
                asked[0][1] if asked else "No molecule was given. Type for example: molediff conformers 'CCO' --n 20"
            )
            raise UserError(given)
        return mols

    def _usable(self, molecule: str | Chem.Mol) -> tuple[Chem.Mol | None, str]:
        """The molecule and '', or None and why not."""
        try:
            mol = self._prepare(molecule)
            from_rdkit([mol], self.model.vocabulary)
        except UserError as error:
            return None, str(error)
        except (ValueError, RuntimeError) as error:  # RDKit, of a molecule that was not sanitised
            return None, f"RDKit cannot use it ({str(error).strip().splitlines()[0]}). Sanitise it first."
        return mol, ""

    def _prepare(self, molecule: str | Chem.Mol) -> Chem.Mol:
        """Sanitised, hydrogens as the model wants them, no conformers."""
        if molecule is None:
            raise UserError("None is no molecule: RDKit could not read it. Give SMILES or RDKit molecules.")
        with BlockLogs():  # the row says it
            mol = Chem.MolFromSmiles(molecule) if isinstance(molecule, str) else Chem.Mol(molecule)
        if mol is not None and not mol.GetNumAtoms() and mol.HasProp("_Name"):
            raise UserError(f"{mol.GetProp('_Name')} cannot be read as a molecule.")
        if mol is None or not mol.GetNumAtoms():
            raise UserError(f"'{molecule}' is not a molecule in SMILES. Type for example 'C[C@H](O)CC'.")
        if len(Chem.GetMolFrags(mol)) > 1:
            raise UserError(f"'{Chem.MolToSmiles(mol)}' has several fragments. Give them one by one, without salts.")
        # RemoveHs leaves hydrogens that define a double bond, which a model without hydrogens does not know
        mol = Chem.AddHs(mol) if self.model.config.explicit_hydrogens else Chem.RemoveAllHs(mol)
        if not mol.GetNumAtoms():
            raise UserError(f"'{molecule}' has nothing but hydrogens, which this model implies.")
        mol.RemoveAllConformers()
        # A side that was set on a bond is a tag alone; the assignment reads it from the directions of its neighbours.
        Chem.SetDoubleBondNeighborDirections(mol)
        Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
        return mol


def _graph_known(tags: Stereo):
    def condition(part: Molecules, rows: list[int]) -> Condition:
        return Condition(Known.graph(part), _rows(tags, rows, part))

    return condition


def _rows(stereo: Stereo, rows: list[int], part: Molecules) -> Stereo:
    n = part.mask.shape[1]
    return Stereo(stereo.centre[rows, :n], stereo.cistrans[rows, :n, :n])


def _attach(mols: list[Chem.Mol], owner: list[int], positions: list[torch.Tensor], n: int) -> pd.DataFrame:
    """Give the molecules the conformers that are as asked; a row for each, also the others."""
    rows = []
    for i, (k, pos) in enumerate(zip(owner, positions, strict=True)):
        mol = mols[k]
        row = {"molecule": k, "smiles": Chem.MolToSmiles(Chem.RemoveHs(mol)), "conformer": i % n}
        if not torch.isfinite(pos).all():
            row |= {"stereo_as_asked": False, "graph_as_asked": False, "as_asked": False}
            rows.append(row | {"reason": "sampling gave no finite positions"})
            continue
        conformer = Chem.Conformer(mol.GetNumAtoms())
        for a, (x, y, z) in enumerate(pos.tolist()):
            conformer.SetAtomPosition(a, Point3D(x, y, z))
        number = mol.AddConformer(conformer, assignId=True)
        wrong = [word for word, right in CHECKS.items() if not right(mol, number)]
        stereo, graph, reason = not set(wrong) & set(STEREO), ANOTHER not in wrong, "; ".join(wrong)
        rows.append(
            row | {"stereo_as_asked": stereo, "graph_as_asked": graph, "as_asked": stereo and graph, "reason": reason}
        )
        if not (stereo and graph):
            mol.RemoveConformer(number)
    return pd.DataFrame(rows)


def _with_refused(table: pd.DataFrame, molecules: Sequence, asked: list[tuple], n: int) -> pd.DataFrame:
    """The rows with the numbers of the molecules as given, and n failed ones for each that could not be used."""
    used = [k for k, (mol, _) in enumerate(asked) if mol is not None]
    table = table.assign(molecule=[used[k] for k in table.molecule])
    no = {"stereo_as_asked": False, "graph_as_asked": False, "as_asked": False}
    refused = [
        {"molecule": k, "smiles": _text(molecules[k]), "conformer": i, **no, "reason": why}
        for k, (mol, why) in enumerate(asked)
        if mol is None
        for i in range(n)
    ]
    if not refused:
        return table
    return pd.concat([table, pd.DataFrame(refused)]).sort_values(["molecule", "conformer"], ignore_index=True)


def _text(molecule: str | Chem.Mol) -> str:
    """What a row calls a molecule that could not be used."""
    if molecule is None or isinstance(molecule, str):
        return molecule or ""
    return Chem.MolToSmiles(molecule)
