"""`alerts`: structural alerts and molecules of concern; reported, never removed."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from rdkit import Chem
from rdkit.Chem import FilterCatalog
from rdkit.rdBase import BlockLogs

from ..figures import Measure
from ..record import Record, molecule
from ..strict import plain_smiles, sanitise
from .protocol import Context, Protocol, share

if TYPE_CHECKING:
    import pandas as pd

CATALOGS = ("PAINS", "BRENK", "NIH")

_NITRO = "[$(N(=O)~O),$([N+](=O)[O-])]"

# Broad patterns that ask for a look by a person; a match is not a finding, and no match is not a clearance.
CONCERN = {
    "organophosphorus with a leaving group": "[P;X4](=[O,S])([#6,#7,#8])([#8,#7,#16])[F,$(C#N),$(SCC[N])]",
    "mustard (two 2-haloethyl on S or N)": "[S,N]([CH2][CH2][Cl,Br,I])[CH2][CH2][Cl,Br,I]",
    "chlorovinyl arsine": "[As]([Cl])C=C[Cl]",
    "phosgene-like acyl dihalide": "[F,Cl]C(=O)[F,Cl]",
    "three nitro groups or nitrate esters": f"{_NITRO}.{_NITRO}.{_NITRO}",
    "organic peroxide": "[#6]-[OX2]-[OX2]-[#6]",
    "organic azide": "[#6]-[NX2]=[N+]=[N-]",
    "4-anilidopiperidine opioid": "O=C([#6])N(c1ccccc1)C1CCN(CCc2ccccc2)CC1",
}
FAILED = dict.fromkeys(("pains", "brenk", "nih", "concern"))


def alerts(mol: Chem.Mol) -> dict:
    """Names of the alerts that match, '; ' between them, '' for none; columns pains, brenk, nih, concern.

    PAINS (Baell and Holloway 2010), BRENK (Brenk et al. 2008) and NIH (Jadhav et al. 2010) are RDKit's FilterCatalog;
    `concern` is the list CONCERN.
    """
    work = Chem.RWMol(mol)
    reason = sanitise(work)
    bare = None if reason else Chem.MolFromSmiles(plain_smiles(work))
    if bare is None:
        return FAILED | {"reason": reason or "sanitise"}
    row = {}
    for name in CATALOGS:
        row[name.lower()] = "; ".join(entry.GetDescription() for entry in _catalog(name).GetMatches(bare))
    row["concern"] = "; ".join(name for name, pattern in _concern() if bare.HasSubstructMatch(pattern))
    return row | {"any": any(row.values()), "reason": ""}


@lru_cache(maxsize=4)
def _catalog(name: str) -> FilterCatalog.FilterCatalog:
    params = FilterCatalog.FilterCatalogParams()
    params.AddCatalog(getattr(FilterCatalog.FilterCatalogParams.FilterCatalogs, name))
    return FilterCatalog.FilterCatalog(params)


@lru_cache(maxsize=1)
def _concern() -> tuple:
    return tuple((name, Chem.MolFromSmarts(smarts)) for name, smarts in CONCERN.items())


def judge(record: Record, context: Context) -> dict:
    """See `alerts`."""
    mol, bonds = molecule(record)
    with BlockLogs():
        return alerts(mol) | {"bonds": bonds}


def measures(table: pd.DataFrame, prefix: str) -> list[Measure]:
    """Share of attempts with an alert of each list; what does not sanitise cannot be asked and counts as none."""
    hit = table.assign(
        **{f"_{n}": table[prefix + n].fillna("").astype(str) != "" for n in ("pains", "brenk", "nih", "concern")}
    )
    return [
        share(n, f"matches a pattern of {n} / attempts", hit, f"_{n}") for n in ("pains", "brenk", "nih", "concern")
    ]


ALERTS = Protocol(judge, FAILED, measures, "RDKit FilterCatalog; molediff's list of concern")
