"""Settings of a training run, as a YAML file holds them."""

from __future__ import annotations

from dataclasses import dataclass, field

from molediff.model import ModelConfig


@dataclass(frozen=True)
class TrainConfig:
    """One run: data, model, optimiser, where things go."""

    data: str
    """Folder of prepared data, as `molediff data prepare` wrote it."""
    out: str
    """Folder of the run: checkpoints, logs, plots, the model."""
    model: ModelConfig = field(default_factory=ModelConfig)
    """What is trained."""
    split: str = "all"
    """Which molecules of ``data`` are trained on: all; edm (of QM9 alone: EDM's training part, by QM9's numbers); geom
    (of MiDi's GEOM-Drugs alone: numbers below 1,000,000)."""
    seed: int = 0
    """Seed of weights, order and noise."""
    steps: int = 50_000
    """Steps at constant rate; --finish ends this part at once."""
    finish_steps: int = 5_000
    """Steps of the decay that follows."""
    warmup_steps: int = 500
    """Steps over which the learning rate rises."""
    optimizer: str = "adamw"
    """adamw, or muon (on the inner matrices, with adamw on the rest)."""
    learning_rate: float = 1e-3
    """At the constant part."""
    weight_decay: float = 1e-4
    """Decoupled from the gradient, as AdamW's."""
    clip: float = 1.0
    """Largest norm of the gradient; 0 leaves it as it is."""
    pairs: int = 41_472
    """Atoms squared a batch, see `molediff.data.batches.Batches`."""
    ema: float = 0.999
    """Decay of the averaged weights, min(ema, (1 + step) / (10 + step))."""
    conformer_share: float = 0.2
    """Share of molecules trained with their graph known."""
    fragment_share: float = 0.0
    """Share trained with connected pieces known, for `generate --known`."""
    retype_share: float = 0.0
    """Share trained with the positions of the heavy atoms known, for `generate --retype`."""
    hydrogens_marked: bool = False
    """Whether these two tasks know which new atoms are hydrogens: the number of new heavy atoms is then exact."""
    closed_marked: bool = False
    """Whether atoms of a fragment may know that they bond to nothing new, for models whose hydrogens are implied."""
    recall_share: float = 0.5
    """Share of the steps in which a network with ``self_conditioning`` sees what it said at first sight."""
    complexes: str = ""
    """Folder of prepared complexes to train on beside ``data``, as `molediff data prepare complexes` wrote it."""
    complex_share: float = 0.5
    """Share of the steps that are on complexes."""
    complex_pairs: int = 20_000
    """Ligand atoms squared a batch of complexes, copies included."""
    complex_copies: int = 4
    """Noise levels a pose in a batch: its pocket is encoded once for all of them."""
    pocket_drop: float = 0.1
    """Share of the molecules in pockets that are trained without seeing it, for guidance."""
    precision: str = "bf16-mixed"
    """Lightning's: bf16-mixed or 32-true."""
    compile: bool = False
    """Whether to torch.compile the network (over a minute at first, then faster)."""
    accelerator: str = "auto"
    """Lightning's: auto, cpu, gpu."""
    devices: int = 1
    """Lightning's: processes, one a device."""
    strategy: str = "auto"
    """Lightning's: auto or ddp."""
    threads: int = 0
    """CPU threads of torch; 0 leaves it alone."""
    checkpoint_minutes: float = 5.0
    """Time between checkpoints."""
    sample_every: int = 0
    """Steps between samplings of 256 molecules for the log; 0 for never."""
    log_every: int = 50
    """Steps between lines of the log."""
    initial: str = ""
    """A model folder or bundled name whose weights to begin with; empty for fresh ones."""
