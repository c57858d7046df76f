"""Molecules from noise."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch
from rdkit import Chem

from molediff.chem import to_rdkit
from molediff.config import UserError, from_dict
from molediff.elements import Vocabulary
from molediff.evaluation.protocols.strict_heavy import strict_heavy
from molediff.evaluation.strict import strict
from molediff.model import Model, load
from molediff.pipelines.batching import DEFAULT_BATCH, plan_groups, rows_of, run_batch
from molediff.pipelines.constraints import constraints
from molediff.pipelines.only import only
from molediff.pipelines.parts import Parts, identity
from molediff.pipelines.tasks import Task
from molediff.pipelines.usable import unusable
from molediff.pipelines.wants import Steer, Wants
from molediff.pipelines.watch import Trajectory
from molediff.sampling import Denoise, SamplingConfig, SteeringConfig, evaluations, groups
from molediff.structures import Molecules, take

Progress = Callable[[int, int], None]
"""(molecules done, molecules asked for)."""


@dataclass(frozen=True)
class Generation:
    """What a run made: one entry and one row a molecule asked for."""

    mols: list[Chem.Mol | None]
    """RDKit molecules, unsanitised, exactly as generated, with a conformer; None where sampling failed."""
    table: pd.DataFrame
    """index, seed, smiles, atoms, connected, strictly_valid (see `validity`), unique, reason, in_domain."""
    vocabulary: Vocabulary
    """Of the model."""
    about: dict = field(default_factory=dict)
    """Model, checksum, arguments."""
    trajectory: Trajectory | None = None
    """One molecule coming out of the noise, if asked for."""
    task: Task = field(default_factory=Task)
    """What the molecules began from."""

    @property
    def validity(self) -> str:
        """The column of validity: ``strictly_valid``, or ``strict_heavy_valid`` where hydrogens are implied."""
        return validity_of(self.table)

    @property
    def counts(self) -> dict[str, int]:
        """Molecules requested, connected, valid (by the name of `validity`), unique among those, failed, as wanted.

        Where a task has columns of its own, those that are true or not are counted too, bonds are added up, and
        ``lost`` counts the molecules that are not what was asked for.
        """
        t = self.table
        base = {
            "requested": len(t),
            "connected": int(t.connected.sum()),
            self.validity: int(t[self.validity].sum()),
            "unique": int(t.unique.sum()),
            "failed": int(sum(m is None for m in self.mols)),
        }
        if "as_wanted" in t:
            base |= {"as_wanted": int(t.as_wanted.sum()), "as_wanted_unique": t.smiles[t.as_wanted].nunique()}
        further = ("known_exact", "attached_ok", "new_bonds_elsewhere")
        base |= {name: int(t[name].sum()) for name in further if name in t}
        return base | ({"lost": self.task.lost(t)} if any(name in t for name in further) else {})

    def save(self, folder: Path | str) -> Path:
        """Write molecules.sdf, molecules.csv, grid.png and, if kept, the trajectory; see `molediff.report`.

        Where hydrogens are implied, molecules_with_h.sdf has those that are valid with RDKit's hydrogens.
        """
        from molediff.report import write_generation

        return write_generation(self, Path(folder))


class Generate:
    """De novo generation, and from fragments, positions or a lead; see `molediff.pipelines.tasks`.

    >>> out = Generate.from_pretrained("qm9")(n=100, seed=0, steps=50)  # doctest: +SKIP
    """

    def __init__(self, model: Model, denoise: Denoise | None = None):
        """A pipeline.

        Args:
            model: trained model.
            denoise: its denoiser under guidance; the model's own when None.
        """
        self.model, self.denoise = model, denoise

    @classmethod
    def from_pretrained(cls, name: str = "qm9", device: str = "cpu") -> Generate:
        """A bundled model by name, or a folder."""
        return cls(load(name).to(device))

    def __call__(
        self,
        n: int = 100,
        seed: int = 0,
        steps: int | None = None,
        atoms: str = "",
        elements: str = "",
        batch: int = DEFAULT_BATCH,
        trajectory: int | None = None,
        progress: Progress | None = None,
        parts: Path | str | None = None,
        task: Task | None = None,
        want: Sequence[str] = (),
        steering: SteeringConfig | None = None,
        **settings,
    ) -> Generation:
        """Make n molecules. The noise of molecule i depends on the seed and i alone; with ``want`` on its group too.

        Args:
            n: molecules.
            seed: of the run.
            steps: from noise to data; as many as the model recommends for the task when None.
            atoms: '18' or '12-20'; the training histogram when empty. From fragments: new heavy atoms.
            elements: 'C,N,O': new atoms have these only (and hydrogen, where it is an atom); all when empty.
            batch: molecules at once.
            trajectory: index of a molecule whose way out of the noise is kept.
            progress: called after every batch.
            parts: folder where finished batches are kept, to resume from; those of other arguments, another pocket or
                another model are made again. A denoiser under guidance is not looked into: give it a folder of its own.
            task: what the molecules begin from; nothing when None.
            want: ranges of properties to steer to, such as 'logp=2..3', see `molediff.pipelines.wants`.
            steering: how it is steered there; the usual settings when None.
            settings: further fields of `molediff.sampling.SamplingConfig`; see `Task.usual` for those not given.

        Raises:
            UserError: for settings that do not exist or cannot be.
        """
        task = task or Task()
        steps = task.usual_steps(self.model) if steps is None else steps
        config = self._config(task, steps, elements, settings)
        at_least_one(n)
        wants, watcher = check_wanted(want, trajectory, steering), Trajectory.of(trajectory, n)
        together = [[i] for i in range(n)] if wants is None else groups(n, wants.config)
        sizes = task.sizes(self.model, n, seed, atoms)
        sizes = [sizes[group[0]] for group in together for _ in group]
        batches = plan_groups(sizes, batch, together)
        made = self._sampled(task, config, seed, batches, sizes, watcher, progress, parts, wants)
        about = self._about(config, task) | {"n": n, "seed": seed, "atoms": atoms, "elements": elements, "batch": batch}
        mols, table = self._judged(made, sizes, seed, task, wants)
        about |= {} if wants is None else wants.about()
        return Generation(mols, table, self.model.vocabulary, about, watcher, task)

    def _sampled(
        self,
        task: Task,
        config: SamplingConfig,
        seed: int,
        batches: list[list[list[int]]],
        sizes: list[int],
        watcher: Trajectory | None,
        progress: Progress | None,
        parts: Path | str | None,
        wants: Wants | None,
    ) -> list[Molecules]:
        """The molecules, batch by batch; those of a group have the size of its first, and what that one begins with."""
        kept, denoise = Parts(parts), task.guided(self.denoise or self.model)
        constrain = constraints(config, self.model)
        resample = None if wants is None else Steer(wants, self.model, config, seed).resample
        made: list[Molecules | None] = [None] * len(sizes)
        for number, together in enumerate(batches):
            members = [i for group in together for i in group]
            first = [group[0] for group in together for _ in group]
            given = task.given([sizes[i] for i in members], first).to(_device(self.model))
            mark = identity(self.model.source.checksum, seed, members, config, given, task.about(), task.frame, wants)
            watched = watcher is not None and watcher.index in members
            result = None if watched else kept.read(number, mark)
            if result is None:
                run = (self.model, given, task.condition, seed, members, config, denoise, watcher, constrain)
                kept.write(number, result := run_batch(*run, rows_of(together), resample).to("cpu"), mark)
            for row, i in enumerate(members):
                made[i] = take(result, [row])
            if progress is not None:
                progress(len(made) - made.count(None), len(made))
        return made

    def _judged(
        self, made: Sequence[Molecules], sizes: list[int], seed: int, task: Task, wants: Wants | None
    ) -> tuple[list[Chem.Mol | None], pd.DataFrame]:
        reasons = [unusable(m) for m in made]
        mols = [None if reason else self._mol(m, task) for m, reason in zip(made, reasons, strict=True)]
        table = judge(mols, reasons, sizes, seed, task.seen(self.model).range, self.model.config.explicit_hydrogens)
        table = table.assign(**task.columns(made, mols, table))
        return mols, table if wants is None else table.assign(**wants.columns(mols, table[validity_of(table)]))

    def _config(self, task: Task, steps: int, elements: str, settings: dict) -> SamplingConfig:
        """What is given, then what the model recommends, then what is usual; as the task needs it."""
        given = sampling_config(steps=steps, **(task.usual(self.model, steps) | settings))
        bias = only(elements, self.model.vocabulary, given.atom_bias)
        return task.settings(dataclasses.replace(given, atom_bias=bias), self.model)

    def _about(self, config: SamplingConfig, task: Task) -> dict:
        source, explicit = self.model.source, self.model.config.explicit_hydrogens
        about = {"model": source.name, "checksum": source.checksum, **dataclasses.asdict(config)}
        about["hydrogens"] = "generated" if explicit else "implied"
        return about | {"evaluations": evaluations(self.model.process, config), **task.about()}

    def _mol(self, molecule: Molecules, task: Task) -> Chem.Mol:
        mol = task.place(to_rdkit(molecule, self.model.vocabulary, self.model.config.explicit_hydrogens)[0])
        if task.precise:
            mol.SetIntProp("_MolFileV3000", 1)
        return mol


def check_wanted(
    want: Sequence[str], trajectory: int | None = None, steering: SteeringConfig | None = None
) -> Wants | None:
    """What is wanted; None where nothing is.

    Raises:
        UserError: for what cannot be wanted, and together with a trajectory.
    """
    wants = Wants.of(want, steering)
    if wants is not None and trajectory is not None:
        raise UserError("--trajectory shows one molecule's way; with --want they take each other's. Leave one out.")
    return wants


def validity_of(table: pd.DataFrame) -> str:
    """See `Generation.validity`."""
    return "strictly_valid" if "strictly_valid" in table else "strict_heavy_valid"


def judge(
    mols: list[Chem.Mol | None],
    reasons: list[str],
    sizes: list[int],
    seed: int,
    trained: tuple[int, int],
    explicit: bool = True,
) -> pd.DataFrame:
    """One row a molecule asked for, also for those that failed.

    Args:
        mols: as generated.
        reasons: why there is none, of each.
        sizes: atoms asked for.
        seed: of the run.
        trained: smallest and largest molecule of the training set.
        explicit: whether hydrogens are atoms; if not, `strict_heavy` is the judge, in a column of its own.
    """
    rows, seen = [], set()
    column = "strictly_valid" if explicit else "strict_heavy_valid"
    for i, (mol, atoms) in enumerate(zip(mols, sizes, strict=True)):
        row = {"connected": False, column: False, "reason": reasons[i], "smiles": ""}
        if mol is not None:
            row = strict(mol) if explicit else heavy_row(mol)
        unique = bool(row[column]) and row["smiles"] not in seen
        seen.add(row["smiles"])
        rows.append(
            {
                "index": i,
                "seed": seed,
                "smiles": row["smiles"],
                "atoms": atoms,
                "connected": bool(row["connected"]),
                column: bool(row[column]),
                "unique": unique,
                "in_domain": trained[0] <= atoms <= trained[1],
                "reason": row["reason"],
            }
        )
    return pd.DataFrame(rows)


def heavy_row(mol: Chem.Mol) -> dict:
    """The row of a molecule whose hydrogens are implied."""
    row = strict_heavy(mol)
    return row | {"strict_heavy_valid": row["valid"]}


def sampling_config(**settings) -> SamplingConfig:
    """Settings by name, with the nearest one named when there is no such."""
    return from_dict(SamplingConfig, settings, "sampling")


def at_least_one(n: int) -> None:
    """Refuse to make no molecules."""
    if n < 1:
        raise UserError(f"The number of molecules must be at least 1, got {n}. Type for example --n 100.")


def _device(model: Model) -> torch.device:
    return next(model.parameters()).device
