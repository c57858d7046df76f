"""Many tasks, one molecule each, sampled in shared batches: what `generate` does one file at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pandas as pd
import torch
from rdkit import Chem

from molediff.chem import to_rdkit
from molediff.model import Model
from molediff.noise import MoleculeNoise, Times
from molediff.pipelines.constraints import constraints
from molediff.pipelines.generate import judge
from molediff.pipelines.tasks import Task
from molediff.sampling import SamplingConfig, sample
from molediff.structures import Condition, Estimate, Known, Molecules, Stereo, stack, take
from molediff.structures.molecules import pad_atoms, pad_pairs


def run_together(
    model: Model, tasks: Sequence[Task], atoms: Sequence[str], config: SamplingConfig, seed: int, batch: int = 64
) -> tuple[list[Chem.Mol | None], pd.DataFrame]:
    """One molecule of each task, in the frame of its file, and its row of the table with the task's own columns.

    Tasks that begin at nearly the same noise share a batch, which begins at the mean of theirs; noise of task i depends
    on (seed, i) alone.

    Args:
        model: that makes the molecules.
        tasks: what they begin from.
        atoms: ``--atoms`` of each, '' for none.
        config: settings.
        seed: of the run.
        batch: molecules at once.
    """
    sizes = [task.sizes(model, 1, seed + i, wish)[0] for i, (task, wish) in enumerate(zip(tasks, atoms, strict=True))]
    settings = [task.settings(config, model) for task in tasks]
    order = sorted(range(len(tasks)), key=lambda i: (settings[i].start, sizes[i]))
    mols: list[Chem.Mol | None] = [None] * len(tasks)
    rows: list[pd.DataFrame] = [pd.DataFrame()] * len(tasks)
    for k in range(0, len(order), batch):
        members = order[k : k + batch]
        some, widths = [tasks[i] for i in members], [sizes[i] for i in members]
        start = sum(settings[i].start for i in members) / len(members)
        shared = dataclasses.replace(settings[members[0]], start=start)
        given = [task.given([n], [0]) for task, n in zip(some, widths, strict=True)]
        conditions = [task.condition(one, [0]) for task, one in zip(some, given, strict=True)]
        noise = MoleculeNoise(seed, members, widths)
        whole = stacked(conditions, max(widths))
        constrain = constraints(shared, model)
        made = sample(guided(model, some), model.process, stack(given), whole, noise.next, shared, constrain=constrain)
        for row, i in enumerate(members):
            one = take(made, [row])
            mols[i] = to_mol(one, tasks[i], model)
            table = judge([mols[i]], [""], [sizes[i]], seed, model.sizes.range, model.config.explicit_hydrogens)
            rows[i] = table.assign(**tasks[i].columns([one], [mols[i]], table))
    return mols, pd.concat(rows, ignore_index=True).assign(index=range(len(tasks)))


def to_mol(one: Molecules, task: Task, model: Model) -> Chem.Mol | None:
    """As `Generate` makes it."""
    if not torch.isfinite(one.pos).all():
        return None
    return task.place(to_rdkit(one, model.vocabulary, model.config.explicit_hydrogens)[0])


def stacked(conditions: Sequence[Condition], n: int) -> Condition:
    """Conditions of one molecule each as that of a batch of n atoms."""
    known = [c.known for c in conditions]
    atom = [torch.cat([pad_atoms(getattr(k, f), n) for k in known]) for f in ("pos", "atom", "charge")]
    bond = torch.cat([pad_pairs(k.bond, n) for k in known])
    b = len(conditions)
    none = Stereo(torch.full((b, n, 4), -1), torch.zeros(b, n, n, dtype=torch.long))
    return Condition(Known(*atom, bond), none)


def guided(model: Model, tasks: Sequence[Task]):
    """The model, each row under what its task knows."""

    def denoise(noisy: Molecules, times: Times, condition: Condition) -> Estimate:
        estimate = model(noisy, times, condition)

        def row(k: int) -> Estimate:
            mine = Estimate(*(getattr(estimate, f)[k : k + 1] for f in ("pos", "atom", "charge", "bond")))
            return tasks[k].guided(lambda *_: mine)(one(noisy, k), times, condition)

        rows = [row(k) for k in range(len(tasks))]
        return Estimate(*(torch.cat([getattr(r, f) for r in rows]) for f in ("pos", "atom", "charge", "bond")))

    return denoise


def one(molecules: Molecules, k: int) -> Molecules:
    """Row k, padding as it is."""
    return Molecules(**{name: value[k : k + 1] for name, value in vars(molecules).items()})
