"""How folders of complexes are laid out: one layout a file, listed in `LAYOUTS` and recognised by looking."""

from molediff.data.layouts.crossdocked import crossdocked
from molediff.data.layouts.layout import Found, Layout
from molediff.data.layouts.pdbbind import pdbbind
from molediff.data.layouts.plain import plain
from molediff.data.layouts.pocket10 import pocket10

LAYOUTS: dict[str, Layout] = {
    "SET/ID/{protein.pdb, ligand.sdf}": plain,
    "CrossDocked2020: POCKET/{X_rec.pdb, X_*.sdf}": crossdocked,
    "crossdocked_pocket10: POCKET/{X_pocket10.pdb, X.sdf}": pocket10,
    "PDBbind: ID/{ID_protein.pdb, ID_ligand.sdf or .mol2}": pdbbind,
}
"""words -> layout, in the order in which they are tried; the first that finds something in a folder counts."""

__all__ = ["LAYOUTS", "Found", "Layout"]
