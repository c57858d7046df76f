"""The judge: evaluate anyone's 3D molecules under every published protocol, with nothing hidden.

It imports nothing else of molediff, and importing it imports nothing heavy: names are looked up when they are used.

    from molediff.evaluation import evaluate
    report = evaluate("samples.sdf", reference="qm9")
    report.save("eval/")
"""

from importlib import import_module

from .errors import InputError

_WHERE = {
    "Comparison": "compare",
    "DEFINITIONS": "distributions",
    "PROTOCOLS": "protocols",
    "Record": "record",
    "Report": "report",
    "compare": "compare",
    "distances": "distributions",
    "edm_row": "edm",
    "evaluate": "evaluation",
    "impossible": "flags",
    "inchikey_hashes": "identity",
    "interaction_table": "poses",
    "make_reference": "make_reference",
    "novelty": "identity",
    "pose_figures": "poses",
    "pose_interactions": "poses",
    "read": "readers",
    "statistics_of": "statistics",
    "strict_row": "strict",
    "uniqueness": "identity",
    "with_vina": "poses",
}
# two functions share their module's name, which Python would shadow
_RENAMED = {"edm_row": "edm", "strict_row": "strict", "statistics_of": "statistics"}

__all__ = ["InputError", *sorted(_WHERE)]


def __getattr__(name: str):
    """Import a public name when it is first used (PEP 562)."""
    if name not in _WHERE:
        raise AttributeError(f"module 'molediff.evaluation' has no '{name}'. It has: {', '.join(__all__)}.")
    found = getattr(import_module(f".{_WHERE[name]}", __name__), _RENAMED.get(name, name))
    globals()[name] = found
    return found
