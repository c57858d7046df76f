"""Floor 3: the door to RDKit. Names are looked up when they are used, so that the tables come without torch."""

from importlib import import_module

_WHERE = {
    "arrays_from_mol": "mols",
    "centres": "stereo",
    "double_bonds": "stereo",
    "from_rdkit": "mols",
    "mol_from_arrays": "mols",
    "perceive_from_3d": "stereo",
    "to_rdkit": "mols",
    "volumes": "stereo",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str):
    """Import a public name when it is first used (PEP 562)."""
    if name not in _WHERE:
        raise AttributeError(f"module 'molediff.chem' has no '{name}'. It has: {', '.join(__all__)}.")
    found = getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    globals()[name] = found
    return found
