"""Training throughput of the networks: about equal parameters, equal batch and precision, eager and compiled.

One process measures all, in turns, so that whatever else the machine does falls on each alike. A step is what
training does: corrupt, estimate, loss, backward, clip, AdamW. Run with --help for the options.
"""

from __future__ import annotations

import argparse
import csv
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from molediff.denoisers import DENOISERS
from molediff.geometry import centre
from molediff.model import Model, ModelConfig, SizePrior
from molediff.noise import Draws, Times, batch_draws
from molediff.structures import Condition, Molecules

CLASSES = (5, 3, 4)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=128, help="molecules a step (default 128)")
    parser.add_argument("--atoms", type=int, default=18, help="atoms a molecule (default 18, QM9's mean)")
    parser.add_argument("--precision", choices=("bf16", "float32"), default="bf16", help="bf16 is autocast")
    parser.add_argument("--rounds", type=int, default=10, help="turns; each measures every network once (default 10)")
    parser.add_argument("--steps", type=int, default=3, help="steps a network and turn (default 3)")
    parser.add_argument("--modes", choices=("eager", "compiled", "both"), default="both")
    parser.add_argument(
        "--networks", default="attention,egnn", help="of attention, egnn, tensor_product (default attention,egnn)"
    )
    parser.add_argument("--layers", type=int, default=9, help="depth of the egnn (default 9, EDM's)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 leaves torch's choice")
    parser.add_argument("--note", default="", help="a word for the table, as 'quiet' or 'busy'")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("result.csv"))
    return parser.parse_args()


def count(name: str, settings: dict[str, int]) -> int:
    """Parameters of a network, without making them where its parts allow it (e3nn's do not)."""
    network, config = DENOISERS[name]
    with torch.device("cpu" if name == "tensor_product" else "meta"):
        return sum(p.numel() for p in network(config(**settings), CLASSES, CLASSES, 1.72).parameters())


def equal_egnn(parameters: int, layers: int) -> dict[str, int]:
    """Width (a multiple of 8) of the `egnn` whose number of parameters is nearest, at a given depth."""
    choices = [{"layers": layers, "width": width} for width in range(64, 513, 8)]
    return min(choices, key=lambda settings: abs(count("egnn", settings) - parameters))


def equal_tensor_product(parameters: int) -> dict[str, int]:
    """Width (a multiple of 32) of the `tensor_product` whose number of parameters is nearest, the rest by default."""
    choices = [{"width": width} for width in range(192, 385, 32)]
    return min(choices, key=lambda settings: abs(count("tensor_product", settings) - parameters))


def batch(b: int, n: int, device: str) -> Molecules:
    """Random molecules of one size: dense networks do the same work whatever the values."""
    g = torch.Generator().manual_seed(0)
    mask = torch.ones(b, n, dtype=torch.bool)
    upper = torch.randint(4, (b, n, n), generator=g).triu(1)
    pos = centre(1.72 * torch.randn(b, n, 3, generator=g), mask)
    atom, charge = (torch.randint(k, (b, n), generator=g) for k in CLASSES[:2])
    return Molecules(pos, atom, charge, upper + upper.transpose(1, 2), mask).to(device)


def training_step(name: str, settings: dict[str, int], compiled: bool, args: argparse.Namespace) -> Callable[[], None]:
    """A function that does one step of training."""
    torch.manual_seed(0)
    model = Model(ModelConfig(denoiser=name, network=settings), SizePrior()).to(args.device)
    if compiled:
        model.denoiser.compile(dynamic=True)  # as `molediff train` does
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, foreach=True)
    clean = batch(args.batch, args.atoms, args.device)
    condition = Condition.nothing(clean)
    generator = torch.Generator().manual_seed(0)

    def step() -> None:
        draws, times = batch_draws(*clean.mask.shape, generator), model.process.training_times(args.batch, generator)
        draws = Draws(**{k: v.to(args.device) for k, v in vars(draws).items()})
        times = Times(**{k: v.to(args.device) for k, v in vars(times).items()})
        with torch.autocast(torch.device(args.device).type, dtype=torch.bfloat16, enabled=args.precision == "bf16"):
            loss = model.loss(clean, condition, times, draws)["loss"]
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def seconds(step: Callable[[], None], steps: int, device: str) -> float:
    """Wall time of one step, mean over ``steps``."""
    settle = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
    settle()
    begin = time.perf_counter()
    for _ in range(steps):
        step()
    settle()
    return (time.perf_counter() - begin) / steps


def machine(device: str) -> str:
    """What ran, in words."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    info = Path("/proc/cpuinfo")
    names = (
        [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        if info.exists()
        else []
    )
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name}, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}"


def main() -> None:
    args = arguments()
    if args.threads:
        torch.set_num_threads(args.threads)
    makers = {
        "attention": lambda: {},
        "egnn": lambda: equal_egnn(count("attention", {}), args.layers),
        "tensor_product": lambda: equal_tensor_product(count("attention", {})),
    }
    settings = {name: makers[name]() for name in args.networks.split(",")}
    modes = ("eager", "compiled") if args.modes == "both" else (args.modes,)
    where = machine(args.device)
    print(f"{where}; torch {torch.__version__}; {args.precision}; batch {args.batch} x {args.atoms} atoms")
    cells = [(name, mode) for mode in modes for name in settings]
    steps = {}
    for name, mode in cells:
        steps[name, mode] = training_step(name, settings[name], mode == "compiled", args)
        first = seconds(steps[name, mode], 1, args.device)
        seconds(steps[name, mode], 2, args.device)
        size = f"{count(name, settings[name]):,} parameters {settings[name] or '(default)'}"
        print(f"{name} {mode}: {size}, first step {first:.1f} s", flush=True)
    taken: dict[tuple[str, str], list[float]] = {cell: [] for cell in cells}
    for _ in range(args.rounds):
        for cell in cells:
            taken[cell].append(seconds(steps[cell], args.steps, args.device))
    rows = []
    for name, mode in cells:
        beside = taken.get(("egnn", mode), [])
        ratios = [b / a for a, b in zip(taken[name, mode], beside, strict=True)] if beside else [float("nan")]
        rows.append(
            {
                "network": name,
                "mode": mode,
                "parameters": count(name, settings[name]),
                "settings": " ".join(f"{key}={value}" for key, value in settings[name].items()),
                "molecules_per_second_median": round(args.batch / statistics.median(taken[name, mode]), 1),
                "molecules_per_second_best": round(args.batch / min(taken[name, mode]), 1),
                "times_egnn_median": round(statistics.median(ratios), 2),
                "times_egnn_worst_turn": round(min(ratios), 2),
                "times_egnn_best_turn": round(max(ratios), 2),
                "precision": args.precision,
                "batch": args.batch,
                "atoms": args.atoms,
                "rounds": args.rounds,
                "machine": where,
                "torch": torch.__version__,
                "note": args.note,
            }
        )
        print("  ".join(f"{key} {value}" for key, value in list(rows[-1].items())[:7]))
    with args.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
