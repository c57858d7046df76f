"""`Molecules` to and from torch_geometric's `Data`, without loss. torch_geometric is imported when asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from molediff.config import UserError
from molediff.elements import Vocabulary
from molediff.structures.condition import Stereo
from molediff.structures.molecules import Molecules

if TYPE_CHECKING:
    from torch_geometric.data import Data

FIELDS = ("z", "charge", "pos", "edge_index", "order")


def to_pyg(molecules: Molecules, vocabulary: Vocabulary, stereo: Stereo | None = None) -> list[Data]:
    """One `Data` a molecule.

    Args:
        molecules: clean batch.
        vocabulary: of the classes.
        stereo: tags of the batch; none when None.

    Returns:
        Graphs with ``z`` (N,) atomic numbers, ``charge`` (N,) formal charges, ``pos`` (N, 3) angstrom, ``edge_index``
        (2, E) with both directions of every bond, ``order`` (E,) 1 to 3; ``centre_index`` (5, S) centre and its four
        neighbours in positive order, and ``cistrans_index`` (2, D) with ``cistrans`` (D,) 1 cis or 2 trans, both
        directions. Names with "index" are shifted by `Batch` as they should be.

    Raises:
        UserError: when torch_geometric is not installed.
    """
    data = _data_class()
    tags = Stereo.unspecified(molecules) if stereo is None else stereo
    numbers, charges = (torch.tensor(v, device=molecules.mask.device) for v in _values(vocabulary))
    graphs = []
    for k, n in enumerate(molecules.sizes.tolist()):
        edges, order = _sparse(molecules.bond[k, :n, :n])
        pairs, kind = _sparse(tags.cistrans[k, :n, :n])
        centre = tags.centre[k, :n]  # (n, 4)
        which = (centre[:, 0] >= 0).nonzero().view(-1)
        graphs.append(
            data(
                z=numbers[molecules.atom[k, :n]],
                charge=charges[molecules.charge[k, :n]],
                pos=molecules.pos[k, :n],
                edge_index=edges,
                order=order,
                centre_index=torch.cat([which[:, None], centre[which]], 1).t().contiguous(),
                cistrans_index=pairs,
                cistrans=kind,
                num_nodes=n,
            )
        )
    return graphs


def from_pyg(graphs: Sequence[Data], vocabulary: Vocabulary) -> tuple[Molecules, Stereo]:
    """The reverse of `to_pyg`; graphs without stereo fields have nothing specified.

    Raises:
        UserError: for a missing field, or an element, charge or bond order outside the vocabulary.
    """
    sizes = [_checked(graph) for graph in graphs]
    b, n = len(graphs), max(sizes, default=0)
    like = graphs[0].pos if b else torch.zeros(0)
    mask = torch.arange(n, device=like.device) < torch.tensor(sizes, device=like.device).view(b, 1)
    out = Molecules(
        pos=like.new_zeros(b, n, 3),
        atom=torch.zeros_like(mask, dtype=torch.long),
        charge=torch.zeros_like(mask, dtype=torch.long),
        bond=torch.zeros(b, n, n, dtype=torch.long, device=like.device),
        mask=mask,
    )
    stereo = Stereo.unspecified(out)
    numbers, charges = _values(vocabulary)
    for k, (graph, m) in enumerate(zip(graphs, sizes, strict=True)):
        out.pos[k, :m] = graph.pos
        out.atom[k, :m] = _classes(graph.z, numbers, "Atomic number")
        out.charge[k, :m] = _classes(graph.charge, charges, "Formal charge")
        i, j = graph.edge_index
        # a bond given once counts for both directions
        out.bond[k, i, j] = out.bond[k, j, i] = 1 + _classes(graph.order, (1, 2, 3), "Bond order")
        if "centre_index" in graph:
            stereo.centre[k, graph.centre_index[0]] = graph.centre_index[1:].t()
        if "cistrans_index" in graph:
            i, j = graph.cistrans_index
            stereo.cistrans[k, i, j] = stereo.cistrans[k, j, i] = graph.cistrans
    return out, stereo


def _data_class() -> type[Data]:
    try:
        from torch_geometric.data import Data
    except ImportError:
        raise UserError(
            "to_pyg needs torch_geometric, which is not installed. Type: pip install torch_geometric"
        ) from None
    return Data


def _values(vocabulary: Vocabulary) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return vocabulary.atomic_numbers, vocabulary.charges


def _sparse(dense: Tensor) -> tuple[Tensor, Tensor]:
    """(n, n) to the indices (2, E) and values (E,) of what is not zero."""
    index = dense.nonzero().t().contiguous()
    return index, dense[index[0], index[1]]


def _checked(graph: Data) -> int:
    """Number of atoms of a graph that has all it needs."""
    missing = [name for name in FIELDS if name not in graph]
    if missing:
        raise UserError(
            f"A graph lacks '{missing[0]}'. Needed: {', '.join(FIELDS)}; there are: {', '.join(graph.keys())}."
        )
    return len(graph.z)


def _classes(values: Tensor, allowed: Sequence[int], what: str) -> Tensor:
    """(M,) class index of each value."""
    match = values.view(-1, 1) == torch.tensor(allowed, device=values.device)  # (M, K)
    strange = ~match.any(1)
    if strange.any():
        raise UserError(f"{what} {values[strange][0].item()} is unknown to this model. Allowed: {list(allowed)}.")
    return match.long().argmax(1) if len(values) else values.long()
