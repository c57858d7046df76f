"""molediff doctor"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

CORE = (
    *("torch", "torch-geometric", "rdkit", "e3nn", "pandas", "pytorch-lightning", "numpy", "scipy", "safetensors"),
    *("posebusters", "gemmi", "matplotlib", "pyyaml", "tqdm"),
)
EXTRAS = {"tensorboard": "train", "tblite": "xtb"} | dict.fromkeys(
    ("vina", "meeko", "biotite", "hydride", "prolif"), "dock"
)
"""package -> extra that brings it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb has no options."""


def run(args: argparse.Namespace) -> int:
    """Print versions and what is missing; 1 when something of the core is missing or damaged."""
    from molediff.cli.main import installed_version

    print(f"molediff {installed_version()}, Python {platform.python_version()}, {platform.platform()}")
    missing = []
    for package in CORE:
        found = _version(package)
        print(f"  {package:<18} {found or 'MISSING'}")
        if not found:
            missing.append(package)
    for package, extra in EXTRAS.items():
        print(f"  {package:<18} {_version(package) or _how_to_get(package, extra)}")
    if missing:
        print(f"Missing: {', '.join(missing)}. Type: pip install {' '.join(missing)}")
        return 1
    import torch

    print(f"  CPU threads        {torch.get_num_threads()} of {os.cpu_count()}")
    cuda = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none; everything runs on the CPU"
    print(f"  CUDA device        {cuda}")
    print(f"  RDKit drawing      {_drawing()}")
    return _check_models()


def _check_models() -> int:
    from molediff.config import UserError
    from molediff.model.files import bundled, load

    bad = 0
    for name in bundled():
        try:
            model = load(name)
            print(f"  model {name:<12} {model.parameter_count:,} parameters, checksum fine")
        except UserError as error:
            bad = 1
            print(f"  model {name:<12} {error}")
    return bad


def _how_to_get(package: str, extra: str) -> str:
    if package == "vina" and sys.version_info >= (3, 13):
        return "not installed: it has no wheel for this Python; dock and score use Vina in torch instead, or use 3.12"
    return f"not installed; optional: pip install -e '.[{extra}]' in the clone of molediff"


def _drawing() -> str:
    try:
        from rdkit.Chem import Draw  # noqa: F401
    except ImportError as error:
        return f"not importable ({error}); matplotlib draws instead. On Debian: apt-get install libxrender1 libxext6"
    return "fine"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
