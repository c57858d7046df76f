"""What a generation in a pocket leaves behind beside its molecules: poses in rank order, receptor, complex, page."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from rdkit import Chem

from molediff.docking.receptor import Receptor
from molediff.docking.receptor_files import pdb_text
from molediff.report.contacts import contacts_of
from molediff.report.docking import near_residues
from molediff.report.files import write_sdf, write_table
from molediff.report.page import write_page
from molediff.whole_files import write_whole

PAGE_POSES = 60
"""Poses on the page, best first."""
SHOWN = {
    **{"rank": "rank", "value": "value", "fits": "fits", "misfit": "misfit"},
    **{"vina_score_raw": "Vina_as_generated", "pb_valid_raw": "PB-valid_as_generated"},
    **{"clashes_raw": "clashes_as_generated", "moved": "moved", "unique": "unique", "smiles": "SMILES"},
    "rare_rings": "rare_rings",
}
"""Column of the molecules' table -> its name on the page, beside the figures of the ranked poses."""


def write_in_pocket(made, folder: Path, report: bool = False) -> Path:
    """Write a `molediff.pipelines.in_pocket.PocketGeneration`.

    Beside what a generation writes: receptor.pdb (as prepared, with hydrogens), best.sdf (ranked poses), raw.csv and
    relaxed.csv (every figure of the poses), complex_001.pdb (receptor and best ligand), and report.html if asked for.
    """
    made.generation.save(folder)
    write_whole(folder / "receptor.pdb", pdb_text(made.receptor))
    write_table(_by_index(made.raw_figures.table), folder / "raw.csv")
    write_table(_by_index(made.relaxed_figures.table), folder / "relaxed.csv")
    order, rows = made.order, made.table.set_index("index").to_dict("index")
    names = [_name(made, i) for i in order]
    write_sdf([made.pose(i) for i in order], names, [_properties(i, rows[i]) for i in order], folder / "best.sdf")
    if order:
        write_whole(folder / "complex_001.pdb", complex_text(made.receptor, made.pose(order[0])))
    else:
        (folder / "complex_001.pdb").unlink(missing_ok=True)
    if report:
        write_pocket_page(made, folder / "report.html")
    return folder


def complex_text(receptor: Receptor, mol: Chem.Mol, name: str = "LIG") -> str:
    """A receptor with a ligand as one PDB file, CONECT for every bond (twice or thrice for multiple ones).

    Args:
        receptor: prepared.
        mol: with one conformer in its frame.
        name: three letters for the ligand's residue.

    Raises:
        UserError: for more atoms than PDB can number.
    """
    lines = pdb_text(receptor).splitlines()
    first = len(receptor) + 1
    atoms = [k for k, line in enumerate(lines) if line.startswith(("ATOM", "HETATM"))]
    counted: dict[str, int] = {}
    ligand = []
    for k, (atom, (x, y, z)) in enumerate(zip(mol.GetAtoms(), mol.GetConformer().GetPositions(), strict=True)):
        symbol = atom.GetSymbol()
        counted[symbol] = counted.get(symbol, 0) + 1
        label = f"{symbol}{counted[symbol]}".upper()[:4]
        label = f" {label:<3}" if len(symbol) == 1 and len(label) < 4 else f"{label:<4}"
        charge = atom.GetFormalCharge()
        sign = f"{abs(charge)}{'+' if charge > 0 else '-'}" if charge else ""
        ligand.append(
            f"HETATM{first + k:5d} {label} {name:>3} Z   1    {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00"
            f"          {symbol.upper():>2}{sign:<2}".rstrip()
        )
    kekulised = Chem.Mol(mol)
    Chem.Kekulize(kekulised, clearAromaticFlags=True)
    bonds = []
    for atom in kekulised.GetAtoms():
        ends = [(b.GetOtherAtomIdx(atom.GetIdx()), int(b.GetBondTypeAsDouble())) for b in atom.GetBonds()]
        around = sorted(first + j for j, order in ends for _ in range(order))
        for k in range(0, len(around), 4):
            bonds.append(f"CONECT{first + atom.GetIdx():5d}" + "".join(f"{j:5d}" for j in around[k : k + 4]))
    last = atoms[-1] + 1
    body = [line for line in lines[last:] if line != "END"]
    return "\n".join([*lines[:last], *ligand, *body, *bonds, "END", ""])


def write_pocket_page(made, path: Path) -> Path:
    """One offline page of the molecules in rank order: pocket, poses, figures raw and relaxed, interactions."""
    chosen = made.order[:PAGE_POSES]
    mols, names = [made.pose(i) for i in chosen], [_name(made, i) for i in chosen]
    near = pdb_text(made.receptor, near_residues(made.receptor, made.site))
    found, without = contacts_of(mols, near, names)
    counts, about = made.counts, made.generation.about
    kept = ("model", "checksum", "n", "seed", "steps", "method", "guidance_scale", "vina_pull")
    kept += ("rank_by", "relax", "scored_by", "site", "pocket_atoms")
    subtitle = (
        f"{counts['requested']} molecules asked for, {counts[made.generation.validity]} valid, "
        f"{counts['pb_valid_raw']} PB-valid as generated, {counts['pb_valid_relaxed']} after relaxing; "
        f"the best {len(chosen)} are shown"
    )
    if made.beside:
        subtitle += f". The reference ligand as given: {made.beside}"
    return write_page(
        path,
        title=f"Molecules for {Path(made.receptor.source).name or 'a pocket'}",
        receptor_pdb=near,
        poses=mols,
        table=_page_table(made, chosen, names),
        interactions=found,
        without=without,
        reference=made.reference,
        subtitle=subtitle,
        about={key: about[key] for key in kept if key in about},
    )


def _page_table(made, chosen: list[int], names: list[str]) -> pd.DataFrame:
    """Figures of the poses by which the molecules are ranked, and what is said of the molecules."""
    rows = made.table.set_index("index")
    figures = {
        "raw": made.raw_figures.table.to_dict("records"),
        "relaxed": made.relaxed_figures.table.to_dict("records"),
    }
    out = []
    for i, name in zip(chosen, names, strict=True):
        row = rows.loc[i]
        out.append(
            figures[row["pose"]][i] | {"name": name} | {there: row[k] for k, there in SHOWN.items() if k in rows}
        )
    table = pd.DataFrame(out).drop(columns=["note"], errors="ignore")
    if made.wished or not out:
        return table
    return table.drop(columns=["misfit", "fits"])


def _name(made, i: int) -> str:
    return f"{made.generation.about['model']}-{made.generation.about['seed']}-{i}"


def _properties(i: int, row: dict) -> dict:
    keys = ("rank", "value", "pose", "fits", "misfit", "smiles", "qed", "sa", "rare_rings", "moved", "pose_reason")
    figures = [k for k in row if k.endswith(("_raw", "_relaxed"))]
    found = {"index": i} | {k: row[k] for k in (*keys, *figures)}
    return {k: f"{v:.4f}" if isinstance(v, float) else v for k, v in found.items() if v != ""}


def _by_index(table: pd.DataFrame) -> pd.DataFrame:
    return table.rename(columns={"pose": "index"}).drop(columns=["name"])
