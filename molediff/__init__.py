"""molediff: 3D molecules by diffusion. One equivariant network estimates the clean molecule from a noisy one."""

from __future__ import annotations

from importlib import import_module

EXPORTS = {
    "Conformers": "molediff.pipelines",
    "Generate": "molediff.pipelines",
    "Model": "molediff.model",
    "Molecules": "molediff.structures",
    "SamplingConfig": "molediff.sampling",
    "UserError": "molediff.config",
    "evaluate": "molediff.evaluation",
    "load": "molediff.model",
    "sample": "molediff.sampling",
    "save": "molediff.model",
}
"""name -> module it lives in; imported on first use, so that ``import molediff`` costs nothing."""

__all__ = sorted(EXPORTS)


def __getattr__(name: str):
    if name in EXPORTS:
        return getattr(import_module(EXPORTS[name]), name)
    raise AttributeError(f"module 'molediff' has no attribute '{name}'. It has: {', '.join(__all__)}.")


def __dir__() -> list[str]:
    return __all__
