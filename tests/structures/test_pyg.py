"""Molecules -> torch_geometric -> Molecules keeps everything."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from molediff.config import UserError
from molediff.elements import Vocabulary
from molediff.structures import Molecules, Stereo
from molediff.structures.pyg import from_pyg, to_pyg

VOCABULARY = Vocabulary(("H", "C", "N", "O", "F", "Cl"), (0, -1, 1))
ROOT = Path(__file__).resolve().parents[2]


def random_batch(sizes: list[int], seed: int = 0) -> tuple[Molecules, Stereo]:
    """Any graphs with any tags."""
    g = torch.Generator().manual_seed(seed)
    b, n = len(sizes), max(sizes)
    mask = torch.arange(n) < torch.tensor(sizes)[:, None]
    both = mask[:, :, None] & mask[:, None, :]

    def pairs(top: int) -> torch.Tensor:
        upper = torch.randint(0, top, (b, n, n), generator=g).triu(1)
        return (upper + upper.transpose(1, 2)) * both

    molecules = Molecules(
        pos=torch.randn(b, n, 3, generator=g) * mask[..., None],
        atom=torch.randint(0, 6, (b, n), generator=g) * mask,
        charge=torch.randint(0, 3, (b, n), generator=g) * mask,
        bond=pairs(4),
        mask=mask,
    )
    tagged = (torch.rand(b, n, generator=g) < 0.4) & mask
    corners = (torch.rand(b, n, 4, generator=g) * torch.tensor(sizes)[:, None, None]).long()
    return molecules, Stereo(torch.where(tagged[..., None], corners, -1), pairs(3))


def test_round_trip():
    molecules, stereo = random_batch([7, 1, 12, 5])
    back, tags = from_pyg(to_pyg(molecules, VOCABULARY, stereo), VOCABULARY)
    for name in ("pos", "atom", "charge", "bond", "mask"):
        assert torch.equal(getattr(back, name), getattr(molecules, name)), name
    assert torch.equal(tags.centre, stereo.centre)
    assert torch.equal(tags.cistrans, stereo.cistrans)


def test_through_a_batch_of_torch_geometric():
    from torch_geometric.data import Batch

    molecules, stereo = random_batch([4, 9, 6], seed=1)
    joined = Batch.from_data_list(to_pyg(molecules, VOCABULARY, stereo))
    assert joined.num_nodes == 19
    assert int(joined.edge_index.max()) > 9
    back, tags = from_pyg(joined.to_data_list(), VOCABULARY)
    assert torch.equal(back.bond, molecules.bond)
    assert torch.equal(tags.centre, stereo.centre)
    assert torch.equal(tags.cistrans, stereo.cistrans)


def test_fields_are_plain_chemistry():
    mask = torch.ones(1, 2, dtype=torch.bool)
    bond = torch.tensor([[[0, 3], [3, 0]]])
    pos = torch.tensor([[[0.0, 0, 0], [1.1, 0, 0]]], dtype=torch.float64)
    (graph,) = to_pyg(Molecules(pos, torch.tensor([[1, 3]]), torch.tensor([[1, 2]]), bond, mask), VOCABULARY)
    assert graph.z.tolist() == [6, 8]
    assert graph.charge.tolist() == [-1, 1]
    assert graph.edge_index.tolist() == [[0, 1], [1, 0]]
    assert graph.order.tolist() == [3, 3]
    assert graph.centre_index.shape == (5, 0)
    assert graph.validate()
    back, _ = from_pyg([graph], VOCABULARY)
    assert back.pos.dtype == torch.float64


def test_bonds_given_once_and_no_stereo():
    from torch_geometric.data import Data

    once = Data(
        z=torch.tensor([6, 8]),
        charge=torch.tensor([0, 0]),
        pos=torch.zeros(2, 3),
        edge_index=torch.tensor([[0], [1]]),
        order=torch.tensor([2]),
    )
    molecules, stereo = from_pyg([once], VOCABULARY)
    assert molecules.bond.tolist() == [[[0, 2], [2, 0]]]
    assert (stereo.centre == -1).all()
    with pytest.raises(UserError, match=r"Atomic number 6 .*Allowed: \[1, 8\]"):
        from_pyg([once], Vocabulary(("H", "O")))
    once.order = torch.tensor([1.5])
    with pytest.raises(UserError, match=r"Bond order 1\.5"):
        from_pyg([once], VOCABULARY)
    del once.charge
    with pytest.raises(UserError, match="lacks 'charge'"):
        from_pyg([once], VOCABULARY)


def test_no_graphs():
    molecules, _ = from_pyg([], VOCABULARY)
    assert len(molecules) == 0
    assert to_pyg(molecules, VOCABULARY) == []


def test_without_torch_geometric():
    script = """
import sys
sys.modules["torch_geometric"] = None
import torch
from molediff.config import UserError
from molediff.elements import Vocabulary
from molediff.structures import Molecules
from molediff.structures.pyg import to_pyg
zero = torch.zeros(1, 1, dtype=torch.long)
try:
    to_pyg(Molecules(torch.zeros(1, 1, 3), zero, zero, zero[..., None], zero == 0), Vocabulary())
except UserError as error:
    print("pip install torch_geometric" in str(error))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "True", done.stderr
