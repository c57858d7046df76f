"""What a residue is: bonds of the amino acids, other names, pKa, waters, ions and additives."""

from __future__ import annotations

BACKBONE = "N-CA CA-C C=O C-OXT CA-CB"
SIDE_CHAINS = {
    "ALA": "",
    "ARG": "CB-CG CG-CD CD-NE NE-CZ CZ-NH1 CZ=NH2",
    "ASN": "CB-CG CG=OD1 CG-ND2",
    "ASP": "CB-CG CG=OD1 CG-OD2",
    "CYS": "CB-SG",
    "GLN": "CB-CG CG-CD CD=OE1 CD-NE2",
    "GLU": "CB-CG CG-CD CD=OE1 CD-OE2",
    "GLY": "",
    "HIS": "CB-CG CG~ND1 CG:CD2 ND1:CE1 CD2~NE2 CE1~NE2",
    "ILE": "CB-CG1 CB-CG2 CG1-CD1",
    "LEU": "CB-CG CG-CD1 CG-CD2",
    "LYS": "CB-CG CG-CD CD-CE CE-NZ",
    "MET": "CB-CG CG-SD SD-CE",
    "PHE": "CB-CG CG:CD1 CG~CD2 CD1~CE1 CD2:CE2 CE1:CZ CE2~CZ",
    "PRO": "N-CD CB-CG CG-CD",
    "SER": "CB-OG",
    "THR": "CB-OG1 CB-CG2",
    "TRP": "CB-CG CG:CD1 CG~CD2 CD1~NE1 CD2:CE2 CD2~CE3 NE1~CE2 CE2~CZ2 CE3:CZ3 CZ2:CH2 CZ3~CH2",
    "TYR": "CB-CG CG:CD1 CG~CD2 CD1~CE1 CD2:CE2 CE1:CZ CE2~CZ CZ-OH",
    "VAL": "CB-CG1 CB-CG2",
    "ACE": "CH3-C",
    "NME": "N-CH3",
}
"""Bonds beyond `BACKBONE`; - single, = double, ~ and : single and double in an aromatic ring (as in the CCD)."""
CAPS = ("ACE", "NME")
AMINO = tuple(name for name in SIDE_CHAINS if name not in CAPS)
"""The twenty amino acids."""

OTHER_NAMES = {
    **{"HID": ("HIS", "HID"), "HSD": ("HIS", "HID"), "HIE": ("HIS", "HIE"), "HSE": ("HIS", "HIE")},
    **{"HIP": ("HIS", "HIP"), "HSP": ("HIS", "HIP"), "CYX": ("CYS", ""), "CYM": ("CYS", "CYM")},
    **{"ASH": ("ASP", "ASH"), "GLH": ("GLU", "GLH"), "LYN": ("LYS", "LYN"), "NMA": ("NME", "")},
}
"""Names of force fields -> (residue, protonation)."""
SELENO = {"MSE": ("MET", "SE", "SD"), "SEC": ("CYS", "SE", "SG"), "CSE": ("CYS", "SE", "SG")}
"""Residue -> (read as, its selenium, the sulphur it becomes)."""

STATES = {
    ("ARG", "NH2"): (12.1, 1, 0),
    ("ASP", "OD2"): (3.71, 0, -1),
    ("CYS", "SG"): (8.14, 0, -1),
    ("GLU", "OE2"): (4.15, 0, -1),
    ("HIS", "ND1"): (6.04, 1, 0),
    ("LYS", "NZ"): (10.67, 1, 0),
    ("TYR", "OH"): (10.1, 0, -1),
}
"""(residue, atom) -> (pKa of the free amino acid, charge below, charge above); of the CRC Handbook, as in hydride."""
N_TERMINUS, C_TERMINUS = (9.0, 1, 0), (2.2, 0, -1)
"""The same of the first N and of OXT, about the middle of the amino acids'."""
FIXED = {
    **{"HID": {"ND1": 0}, "HIE": {"ND1": 0}, "HIP": {"ND1": 1}, "CYM": {"SG": -1}},
    **{"ASH": {"OD2": 0}, "GLH": {"OE2": 0}, "LYN": {"NZ": 0}},
}
"""Protonation -> charges of its atoms, at any pH."""


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


WATERS = words("HOH WAT DOD H2O SPC SOL TIP TIP3 TIP4 TIP5 TP3 OH2 T3P T4P")
ADDITIVES = words(
    "1PE 2PE 7PE ACN ACT ACY BME BOG BTB BU3 CIT CPS DIO DMF DMS DOX DTT DTV EDO EOH EPE ETX FMT GOL IMD IPA IPH LDA "
    "LMT MES MLI MOH MPD MPO MRD NHE NO3 OLC P33 P4C P4G P6G PDO PE3 PE4 PE5 PE8 PEG PEU PG0 PG4 PG5 PG6 PGE PGO PGR "
    "POL SO4 TAR TFA TLA TRS XPE"
)
"""Solvents, cryoprotectants, buffers and detergents of crystallisation. Phosphate is none: it may be a substrate."""
METALS = words(
    "Li Be Na Mg Al K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Cs Ba La Ce Pr Nd Pm "
    "Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Th U"
)
IONS = METALS | frozenset(("F", "Cl", "Br", "I"))
"""Elements that stand alone."""
ION_CHARGES = {
    **{"Li": 1, "Na": 1, "K": 1, "Rb": 1, "Cs": 1, "Ag": 1, "F": -1, "Cl": -1, "Br": -1, "I": -1, "Fe": 3, "Al": 3},
    "Au": 1,
}
"""Usual charge; 2 for the metals not listed."""


def bonds_of(name: str) -> list[tuple[str, str, str]]:
    """(atom, atom, kind) of an amino acid or cap; kinds as in `SIDE_CHAINS`."""
    text = "C=O " if name == "ACE" else "" if name == "NME" else f"{BACKBONE} "
    return [split_bond(word) for word in (text + SIDE_CHAINS[name]).split()]


def split_bond(word: str) -> tuple[str, str, str]:
    """'CG=OD1' -> ('CG', 'OD1', '=')."""
    kind = next(c for c in word if c in "-=~:")
    first, _, second = word.partition(kind)
    return first, second, kind


def atoms_of(name: str) -> tuple[str, ...]:
    """Heavy atoms that a residue inside a chain must have."""
    if name == "GLY":
        return ("N", "CA", "C", "O")
    return tuple(dict.fromkeys(a for bond in bonds_of(name) for a in bond[:2] if a != "OXT"))
