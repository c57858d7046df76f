"""Floor 3: the door to RDKit."""

from molediff.chem.mols import arrays_from_mol, from_rdkit, mol_from_arrays, to_rdkit
from molediff.chem.stereo import centres, double_bonds, perceive_from_3d, volumes

__all__ = [
    "arrays_from_mol",
    "centres",
    "double_bonds",
    "from_rdkit",
    "mol_from_arrays",
    "perceive_from_3d",
    "to_rdkit",
    "volumes",
]
