"""A small receptor preparation for these experiments: biotite + hydride, all residues kept, AutoDock types by name."""

from __future__ import annotations

from pathlib import Path

import biotite.structure as struc
import biotite.structure.io.pdb as pdb
import hydride
import numpy as np

from molediff.docking.receptor import Receptor


def simple_receptor(path: Path | str) -> Receptor:
    """Hydrogens by hydride at pH 7.4 on amino acids only; nitrogens with fewer than three bonds accept."""
    a = pdb.PDBFile.read(path).get_structure(model=1, altloc="occupancy", extra_fields=["charge"], include_bonds=True)
    a = a[~np.isin(a.element, ["H", "D"]) & (a.res_name != "HOH")]
    a.charge = hydride.estimate_amino_acid_charges(a, ph=7.4)
    chain = struc.filter_amino_acids(a)
    protein, rest = a[chain], a[~chain]
    protein, _ = hydride.add_hydrogen(protein)
    protein.coord = hydride.relax_hydrogen(protein, iterations=100)
    a = protein + rest
    bonds = a.bonds.as_array()[:, :2].astype(np.int64)
    types = _types(a, bonds)
    return Receptor(
        pos=a.coord.astype(np.float64).round(3),
        element=tuple(e.capitalize() for e in a.element),
        name=tuple(a.atom_name),
        residue=tuple(a.res_name),
        chain=tuple(a.chain_id),
        number=tuple(map(str, a.res_id)),
        hetero=np.asarray(a.hetero),
        bonds=bonds,
        types=types,
        source=str(path),
    )


def _types(a: struc.AtomArray, bonds: np.ndarray) -> tuple[str, ...]:
    near: list[list[int]] = [[] for _ in range(len(a))]
    for i, j in bonds:
        near[i].append(j)
        near[j].append(i)
    types = []
    for i, element in enumerate(a.element):
        around = [a.element[j] for j in near[i]]
        if element == "H":
            types.append("HD" if set(around) & {"N", "O", "S"} else "H")
        elif element == "N":
            types.append("NA" if len(around) < 3 else "N")
        elif element in ("O", "S"):
            types.append(element + "A")
        elif element in ("C", "P", "F", "I"):
            types.append(element)
        else:
            types.append(element.capitalize())
    return tuple(types)


def pdbqt(receptor: Receptor) -> str:
    """Rigid PDBQT; only what Vina reads: serial, coordinates, type. Hydrogens on carbon are left out."""
    lines = []
    for i, (kind, (x, y, z)) in enumerate(zip(receptor.types, receptor.pos, strict=True)):
        if kind not in ("", "H"):
            lines.append(
                f"ATOM  {i % 99999 + 1:5d}  X   RES A   1    {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00     0.000 {kind}"
            )
    return "\n".join(lines) + "\n"
