"""How good the molecules are, while the run goes on."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable

import pytorch_lightning as pl
import torch

from molediff.model import Model

Judge = Callable[[Model, int], dict[str, float]]
"""(model, seed) -> figures by name, see `molediff.training.curve.QUALITY`. From outside: training needs no RDKit."""
SAMPLES, STEPS = 256, 50


def missing() -> str:
    """Which of the packages that `sample_and_judge` needs is not installed; empty when all are."""
    return next((name for name in ("rdkit", "pandas") if importlib.util.find_spec(name) is None), "")


def sample_and_judge(model: Model, seed: int) -> dict[str, float]:
    """Generate molecules and judge them; shares in percent of those asked for.

    Args:
        model: with the weights to judge.
        seed: the same all over a run, so that a curve shows the weights and not the noise.
    """
    from molediff.evaluation.edm import edm, percent, summary
    from molediff.pipelines.generate import Generate

    result = Generate(model)(n=SAMPLES, seed=seed, steps=STEPS)
    out = {"requested": float(SAMPLES)}
    for name, column in (("strictly_valid", result.validity), ("connected", "connected"), ("unique", "unique")):
        out[name] = percent(float(result.table[column].sum()), SAMPLES)
    # EDM looks bonds up from distances, which makes no sense without hydrogens.
    if model.config.explicit_hydrogens:
        rows = [edm([], []) if mol is None else edm(*_arrays(mol)) for mol in result.mols]
        out["molecule_stability"] = summary(rows)["molecule_stability"]
    return out


def _arrays(mol):
    return [atom.GetAtomicNum() for atom in mol.GetAtoms()], mol.GetConformer().GetPositions()


class Quality(pl.Callback):
    """Judges the averaged weights every so many steps and after the last one."""

    def __init__(self, judge: Judge, every: int, seed: int):
        """What to ask, and when.

        Args:
            judge: gets the model with averaged weights, in eval mode.
            every: steps.
            seed: for the judge.
        """
        self.judge, self.every, self.seed = judge, every, seed

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_) -> None:
        step = trainer.global_step
        if step % self.every and step < trainer.max_steps:
            return
        if trainer.is_global_zero:
            figures = self._ask(pl_module)
            for logger in trainer.loggers:
                logger.log_metrics({f"quality/{k}": v for k, v in figures.items()}, step)
        # The others wait: their next gradient needs this one.
        trainer.strategy.barrier("quality")

    @torch.no_grad()
    def _ask(self, module: pl.LightningModule) -> dict[str, float]:
        began = time.monotonic()
        # Whatever the judge draws or switches must not change the training after it.
        with torch.random.fork_rng(), module.average.applied(module.model.denoiser):
            module.model.eval()
            try:
                figures = self.judge(module.model, self.seed)
            finally:
                module.model.train()
        return {"molecules": module.seen, **figures, "seconds": round(time.monotonic() - began, 1)}
