"""The door to gemmi: proteins of PDB, mmCIF and PDBQT files, plain or gzipped, as residues with all their atoms."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from molediff.chem.residue_table import CAPS
from molediff.config import UserError

PDB, CIF, PDBQT = (".pdb", ".ent"), (".cif", ".mmcif"), (".pdbqt",)
FORMATS = ".pdb, .ent, .cif, .mmcif, .pdbqt, each also .gz"
FILE_CAPS = (*CAPS, "NMA", "NH2", "FOR")
"""Caps of chains as files have them; `CAPS` are those whose bonds are known."""
AUTODOCK_ELEMENTS = {"A": "C", "HD": "H", "HS": "H", "NA": "N", "NS": "N", "OA": "O", "OS": "O", "SA": "S"}
"""AutoDock type -> element, where they differ."""


@dataclass
class ProteinAtom:
    """One atom of one alternative."""

    name: str
    element: str
    """Symbol, as 'Zn'."""
    pos: np.ndarray
    """(3,) angstrom."""
    charge: int = 0
    """Formal charge as the file says, elementary charge."""
    occupancy: float = 1.0
    altloc: str = ""


@dataclass
class ProteinResidue:
    """One residue, water, ion or small molecule, in the numbering of the authors."""

    name: str
    chain: str
    number: str
    """With insertion code, as '85' or '85A'."""
    polymer: bool
    """Of a chain of amino acids or nucleotides, as the file says."""
    atoms: list[ProteinAtom] = field(default_factory=list)
    state: str = ""
    """Protonation chosen by a rule: '' for the one of the pH."""

    def __str__(self) -> str:
        return f"{self.name} {self.chain}:{self.number}"

    def atom(self, name: str) -> ProteinAtom | None:
        """The first atom of that name."""
        return next((a for a in self.atoms if a.name == name), None)

    def heavy(self) -> np.ndarray:
        """(n, 3) positions of all but hydrogens, angstrom."""
        return np.array([a.pos for a in self.atoms if a.element != "H"], dtype=float).reshape(-1, 3)

    def with_atoms(self, atoms: list[ProteinAtom], **changes) -> ProteinResidue:
        """A copy with other atoms."""
        return replace(self, atoms=atoms, **changes)


def read_protein(path: str | Path) -> tuple[list[ProteinResidue], list[str]]:
    """All residues of the first model, nothing cleaned.

    Args:
        path: a file of `FORMATS`.

    Returns:
        The residues in the order of the file, and lines for the log ('rule: what').

    Raises:
        UserError: for a file that is missing, of another kind, empty, cut off or without coordinates.
    """
    path = Path(path)
    _kind(path)
    if not path.is_file():
        raise UserError(f"'{path}' does not exist or is no file. Give a protein as {FORMATS}.")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UserError(f"'{path}' cannot be read ({error}). Fetch or copy it again.") from error
    return protein_of_bytes(raw, path)


def protein_of_bytes(raw: bytes, path: Path) -> tuple[list[ProteinResidue], list[str]]:
    """As `read_protein`, of a file that was read already.

    Args:
        raw: contents of the file.
        path: its name says the format, and which file an error is about.
    """
    kind, text = _text(raw, path)
    if not text.strip():
        raise UserError(f"'{path}' is empty. Give a protein as {FORMATS}.")
    if kind in PDBQT:
        text = _pdb_of_pdbqt(text)
    if kind not in CIF:
        _complete_lines(text, path)
    structure = _parse(text, kind, path)
    counts = [sum(len(r) for chain in model for r in chain) for model in structure]
    if not sum(counts):
        what = "no atom_site records" if kind in CIF else "no ATOM or HETATM records"
        raise UserError(f"'{path}' has no coordinates ({what}). Give the file of the structure itself.")
    log = []
    if len(structure) > 1:
        log.append(f"models: the first of {len(structure)} is used")
    residues = [_residue(r, chain.name) for chain in structure[0] for r in chain]
    if kind in PDB:
        _complete_end(residues, text, path)
    return _merge_chains(residues), log


def _kind(path: Path) -> tuple[str, bool]:
    """Suffix without .gz, and whether there is a .gz."""
    suffixes = [s.lower() for s in path.suffixes]
    zipped = suffixes[-1:] == [".gz"]
    kind = (suffixes[:-1] if zipped else suffixes)[-1:] or [""]
    if kind[0] not in (*PDB, *CIF, *PDBQT):
        raise UserError(f"'{path}' is no protein file that can be read. Allowed: {FORMATS}.")
    return kind[0], zipped


def _text(raw: bytes, path: Path) -> tuple[str, str]:
    """Kind (suffix without .gz) and contents."""
    kind, zipped = _kind(path)
    try:
        return kind, (gzip.decompress(raw) if zipped else raw).decode("utf-8", errors="replace")
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"'{path}' cannot be read ({error}). Fetch or copy it again.") from error


def _parse(text: str, kind: str, path: Path):
    import gemmi

    try:
        if kind in CIF:
            block = gemmi.cif.read_string(text)
            structure = gemmi.make_structure_from_block(block[0]) if len(block) else gemmi.Structure()
        else:
            structure = gemmi.read_pdb_string(text)
    except (RuntimeError, ValueError, IndexError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"'{path}' is cut off or damaged ({reason}). Fetch or copy it again.") from error
    structure.setup_entities()
    return structure


def _complete_lines(text: str, path: Path) -> None:
    """Refuses a PDB file whose atoms end in the middle of a line."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(("ATOM", "HETATM")):
            try:
                if len(line) < 54:
                    raise ValueError(f"{len(line)} columns")
                [float(line[k : k + 8]) for k in (30, 38, 46)]
            except ValueError as error:
                raise UserError(
                    f"'{path}' is cut off or damaged: line {number} has no coordinates in columns 31 to 54 ({error}). "
                    "Fetch or copy it again."
                ) from None


def _complete_end(residues: list[ProteinResidue], text: str, path: Path) -> None:
    """Refuses a PDB file that stops in the middle of a residue of the chain, and has nothing after it."""
    last, record = residues[-1], text.rstrip().splitlines()[-1]
    if last.polymer and last.atom("CA") and not (last.atom("C") and last.atom("O")) and record.startswith("ATOM"):
        if len(last.atoms) == 1:  # a trace of C-alpha atoms, which is refused for what it is
            return
        raise UserError(
            f"'{path}' is cut off: it stops inside {last}, without an END. Fetch or copy it again; if it is meant so, "
            "write END as its last line."
        )


def _pdb_of_pdbqt(text: str) -> str:
    """PDB lines of a rigid receptor: the AutoDock type in columns 78 and 79 becomes an element."""
    lines = []
    for line in text.splitlines():
        if line.startswith(("ATOM", "HETATM")) and len(line) >= 78:
            kind = line[77:80].strip()
            lines.append(f"{line[:66]:<76}{AUTODOCK_ELEMENTS.get(kind, kind).upper():>2}")
    return "\n".join([*lines, "END", ""])


def _residue(residue, chain: str) -> ProteinResidue:
    """From gemmi's; deuterium is read as hydrogen."""
    atoms = [
        ProteinAtom(
            name=a.name,
            element="H" if a.element.name == "D" else a.element.name,
            pos=np.array([a.pos.x, a.pos.y, a.pos.z]),
            charge=a.charge,
            occupancy=a.occ,
            altloc=a.altloc.replace("\0", "").strip(),
        )
        for a in residue
    ]
    number = f"{residue.seqid.num}{residue.seqid.icode.strip()}"
    listed = residue.entity_type.name == "Polymer" or residue.het_flag == "A"
    return ProteinResidue(residue.name, chain or "A", number, listed and _is_link(residue.name, atoms), atoms)


def _is_link(name: str, atoms: list[ProteinAtom]) -> bool:
    """Whether it can be part of a chain: an alpha carbon, a sugar's C1', or a cap. Many files list ions as ATOM."""
    return name in FILE_CAPS or any((a.name, a.element) in (("CA", "C"), ("C1'", "C")) for a in atoms)


def _merge_chains(residues: list[ProteinResidue]) -> list[ProteinResidue]:
    """Residues of the same chain side by side, in the order in which chains appear."""
    order = {chain: k for k, chain in enumerate(dict.fromkeys(r.chain for r in residues))}
    return sorted(residues, key=lambda r: order[r.chain])
