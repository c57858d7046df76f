"""Options that several verbs share, and the folder rules that go with them."""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from molediff.config import UserError


def add_model(parser: argparse.ArgumentParser, default: str = "qm9", said: str = "") -> None:
    """--model (its default, and what the help says of it), --device, --threads, --compile."""
    parser.add_argument("--model", default=default, help=f"bundled model or a folder (default {said or default})")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda (default auto)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 for all (default 0)")
    parser.add_argument("--compile", action="store_true", help="torch.compile the network: a minute, then faster")


def add_sampling(parser: argparse.ArgumentParser) -> None:
    """--seed, --steps, --method, --temperature, --precision, --batch."""
    parser.add_argument("--seed", type=int, default=0, help="of the run (default 0)")
    parser.add_argument("--steps", type=int, help="from noise to data (default 50; to generate, what the model says)")
    parser.add_argument(
        "--method",
        help="churn, ddim, ddpm, euler, heun (asks the network twice a step) or dpm++2m (default: what the model "
        "recommends for so many steps and such a task, else churn)",
    )
    parser.add_argument(
        "--temperature",
        type=float,
        help="of types, charges, bonds (default: what the model recommends for such a task, else 0.9)",
    )
    parser.add_argument("--precision", default="float32", help="float32 or bf16, faster where the CPU has AVX512-BF16")
    parser.add_argument("--batch", type=int, default=64, help="molecules at once (default 64)")


def add_output(parser: argparse.ArgumentParser, default: str) -> None:
    """--out, --overwrite, --quiet."""
    parser.add_argument("--out", type=Path, default=Path(default), help=f"folder to write (default {default})")
    parser.add_argument("--overwrite", action="store_true", help="replace what an earlier run wrote there")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def set_threads(args: argparse.Namespace) -> None:
    """--threads, for torch.

    Raises:
        UserError: for a negative number.
    """
    import torch

    if args.threads < 0:
        raise UserError(f"--threads must be 0 (all) or more, got {args.threads}.")
    if args.threads:
        torch.set_num_threads(args.threads)


def sampling(args: argparse.Namespace) -> dict:
    """The values of `add_sampling`, as a pipeline takes them."""
    found = {key: getattr(args, key) for key in ("seed", "steps", "method", "temperature", "precision", "batch")}
    return {key: value for key, value in found.items() if value is not None}


def device_of(name: str) -> str:
    """A torch device.

    Raises:
        UserError: for one that is not there.
    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name).tolist()  # of the device 'meta' there is nothing to read
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"Device '{name}' cannot be used ({reason}). Allowed here: auto, cpu, or a device of this machine."
        ) from error
    return name


@dataclass
class Run:
    """A verb at work in its folder; made by `begin_run`."""

    folder: Path
    record: dict
    """What run.json holds."""
    status: int | None = None
    """Exit status, once all is there: 1 where molecules were lost."""
    began: float = field(default_factory=time.perf_counter)

    @property
    def parts(self) -> Path:
        """Folder of what is finished, from which a run goes on."""
        return self.folder / ".parts"

    def finish(self, counts: dict, lost: bool, **more) -> float:
        """Write run.json as complete, with ``counts`` and ``more``, and drop the parts; seconds since the beginning.

        ``lost``: whether anything that was asked for is not there; `status` follows from it.
        """
        from molediff.report import write_json

        seconds = time.perf_counter() - self.began
        self.status = int(lost)
        self.record |= {"status": "complete", "exit": self.status, "counts": counts, "seconds": round(seconds, 2)}
        self.record |= more
        drop_parts(self.folder)
        self.record["files"] = [name for name in _files(self.folder) if name not in self.record["found"]]
        write_json(self.record, self.folder / "run.json")
        return seconds


def begin_run(args: argparse.Namespace, arguments: dict, wanted: Path | None = None, **about) -> Run:
    """Open ``--out`` and write run.json, or say that all is there.

    Args:
        args: of a parser that had `add_output`.
        arguments: that decide the result.
        wanted: a file that is written with the run.
        about: more for run.json.

    Returns:
        The run; its ``status`` is that of an earlier run where that is complete, else None.

    Raises:
        UserError: see `open_run`; and for a complete run without the file that is ``wanted``.
    """
    from molediff.report import write_json

    status = open_run(args.out, arguments, args.overwrite)
    if status == "complete" and wanted is not None and not wanted.is_file():
        raise UserError(
            f"'{args.out}' holds this run, complete, but without {wanted.name}, which is written with it. "
            "Add --overwrite to make all of it anew, with the page."
        )
    if status == "complete":
        there = json.loads((args.out / "run.json").read_text())
        status = int(there.get("exit", 0))
        lost = ", with molecules lost (see the reasons in its table)" if status else ""
        print(f"{args.out}: complete{lost}. Nothing to do; --overwrite makes it anew.")
        return Run(args.out, there, status)
    args.out.mkdir(parents=True, exist_ok=True)
    record = {"status": "running", "command": command_line(), "arguments": arguments, "versions": versions()}
    record |= {"found": found_before(args.out), **about}
    if status == "resume":
        record |= earlier(_record(args.out), record["versions"])
    write_json(record, args.out / "run.json")
    return Run(args.out, record)


def earlier(before: dict, now: dict[str, str]) -> dict:
    """{'earlier': versions of sittings before this one, where they were others}; says so on stderr.

    Args:
        before: what run.json held.
        now: versions of this sitting.
    """
    then, known = before.get("versions", now), before.get("earlier", [])
    different = [
        f"{k} {then.get(k)}, now {now.get(k)}" for k in dict.fromkeys([*then, *now]) if then.get(k) != now.get(k)
    ]
    if different:
        print(
            f"Warning: what is finished was made with {'; '.join(different)}. It is kept; --overwrite makes all anew.",
            file=sys.stderr,
        )
        known = [*known, then]
    return {"earlier": known} if known else {}


def open_run(folder: Path, arguments: dict, overwrite: bool) -> str:
    """Decide what to do with an output folder.

    Args:
        folder: of the run.
        arguments: that decide the result.
        overwrite: throw an earlier run away.

    Returns:
        'new', 'resume' or 'complete'.

    Raises:
        UserError: for a folder that holds a run with other arguments, or files but no run.
    """
    record = folder / "run.json"
    if folder.exists() and not folder.is_dir():
        raise UserError(f"'{folder}' is a file. Give a folder: --out FOLDER")
    if overwrite:
        clear(folder)
    if not record.is_file():
        if not overwrite and _anything(folder):
            raise UserError(
                f"'{folder}' holds files, but no run of molediff (run.json). "
                "Choose another --out, or --overwrite to write over them."
            )
        return "new"
    try:
        there = json.loads(record.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"'{record}' is damaged ({error}). Type --overwrite to begin anew.") from error
    if there.get("status") == "running" and not _anything(folder):
        return "new"  # it was refused, or stopped before the first molecules: nothing to go on from, nothing to lose
    known = there.get("arguments", {})
    different = [
        f"{k}: {_short(known.get(k))} there, {_short(arguments.get(k))} now"
        for k in dict.fromkeys([*arguments, *known])  # also what was given then and is not now
        if known.get(k) != arguments.get(k)
    ]
    if different:
        raise UserError(
            f"'{folder}' holds a run with other arguments ({'; '.join(different)}). "
            "Choose another --out, or --overwrite to replace it."
        )
    return "complete" if there.get("status") == "complete" else "resume"


def clear(folder: Path) -> None:
    """Throw away what an earlier run wrote, so that no file of it stands beside those of another; nothing else."""
    drop_parts(folder)
    for name in _record(folder).get("files", []):
        path = (folder / name).resolve()
        if path.is_relative_to(folder.resolve()):
            path.unlink(missing_ok=True)
    (folder / "run.json").unlink(missing_ok=True)


def found_before(folder: Path) -> list[str]:
    """Files in a folder that were there before the run in it began."""
    there = _record(folder)
    return there["found"] if "found" in there else _files(folder)


def _record(folder: Path) -> dict:
    """What run.json holds; nothing where it cannot be read."""
    try:
        there = json.loads((folder / "run.json").read_text())
    except (OSError, ValueError):
        return {}
    return there if isinstance(there, dict) else {}


def _files(folder: Path) -> list[str]:
    """Files in a folder but run.json and the parts, relative to it."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if path.parts[0] not in ("run.json", ".parts"))


def _anything(folder: Path) -> bool:
    """Whether a run has left anything beside its run.json."""
    return any(path.is_file() and path != folder / "run.json" for path in folder.rglob("*"))


def _short(value) -> str:
    """For a message: of a checksum its beginning."""
    text = repr(value)
    return f"{text[:9]}...'" if isinstance(value, str) and len(value) == 64 else text


def file_mark(path: Path, option: str) -> str:
    """Name and checksum of an input, to know it by in run.json.

    Args:
        path: of the input.
        option: the option that takes it, as "--molecules".

    Raises:
        UserError: when it cannot be read.
    """
    try:
        return f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
    except OSError as error:
        raise UserError(f"{option}: '{path}' cannot be read ({error.strerror}). Give a file that is there.") from error


def rows_in(library: Path) -> int:
    """Rows of a library of molecules or poses, for a progress bar.

    Raises:
        UserError: for a file that cannot be read.
    """
    from molediff.docking.ligands import read_library

    return len(read_library(library))


def drop_parts(folder: Path) -> None:
    """Throw away the finished batches of a run that is complete."""
    shutil.rmtree(folder / ".parts", ignore_errors=True)


def add_workers(parser, what: str = "processes") -> None:
    """--workers, see `workers_of`; of a parser or a group of its options."""
    parser.add_argument("--workers", type=int, default=0, help=f"{what}; 0 for one a core (default 0)")


def workers_of(args: argparse.Namespace) -> int:
    """--workers.

    Raises:
        UserError: for a negative number.
    """
    if args.workers < 0:
        raise UserError(f"--workers must be 0 (one a core) or more, got {args.workers}.")
    return args.workers


def versions(*more: str) -> dict[str, str]:
    """Of everything that decides a result, and of more packages."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for package in ("molediff", "torch", "rdkit", "numpy", "pandas", *more):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def command_line() -> str:
    """What was typed, to be typed again."""
    return shlex.join(["molediff", *sys.argv[1:]])


def progress_bar(total: int, quiet: bool, unit: str = "mol"):
    """A callback (done, total) that shows progress; plain lines where there is no terminal."""
    if quiet:
        return None
    if not sys.stderr.isatty():
        return _plain_lines(unit)
    from tqdm import tqdm

    bar = tqdm(total=total, unit=unit, leave=False)

    def update(done: int, _: int) -> None:
        bar.update(done - bar.n)
        if done >= total:
            bar.close()

    return update


def _plain_lines(unit: str):
    began, shown = time.perf_counter(), [0.0]

    def update(done: int, total: int) -> None:
        now = time.perf_counter()
        if now - shown[0] > 10 or done >= total:
            shown[0] = now
            print(f"{done} / {total} {unit}, {done / max(now - began, 1e-9):.1f} {unit}/s", file=sys.stderr, flush=True)

    return update
