"""Poses from a translation, a rotation and torsion angles, on a batch.

A fragment f turns about its bond by an angle, which in the coordinates of the reference conformer is the rigid motion
M_f; with its ancestors G_f = G_parent M_f, and an atom of f stands at G_f x. All M_f are made at once, the products run
down the tree level by level, and all atoms of all poses are placed by one matrix product.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor

from molediff.docking.torch_vina.tree import Tree


def skew(v: Tensor) -> Tensor:
    """The matrix of v x, (..., 3) -> (..., 3, 3)."""
    x, y, z = v.unbind(-1)
    o = torch.zeros_like(x)
    return torch.stack([o, -z, y, z, o, -x, -y, x, o], -1).unflatten(-1, (3, 3))


def rotation(vector: Tensor) -> Tensor:
    """Rotation matrices from rotation vectors (axis times angle in radian; Rodrigues), smooth at 0.

    Args:
        vector: (..., 3).

    Returns:
        (..., 3, 3)
    """
    squared = vector.pow(2).sum(-1)
    small = squared < 1e-8
    safe = torch.where(small, torch.ones_like(squared), squared)
    angle = safe.sqrt()
    a = torch.where(small, 1 - squared / 6, torch.sin(angle) / angle)[..., None, None]
    b = torch.where(small, 0.5 - squared / 24, (1 - torch.cos(angle)) / safe)[..., None, None]
    k = skew(vector)
    return torch.eye(3, dtype=vector.dtype, device=vector.device) + a * k + b * (k @ k)


def quaternion_rotation(q: Tensor) -> Tensor:
    """Rotation matrices from quaternions (w, x, y, z) of any length but 0, (..., 4) -> (..., 3, 3)."""
    q = q / q.norm(dim=-1, keepdim=True)
    k = skew(q[..., 1:])
    return torch.eye(3, dtype=q.dtype, device=q.device) + 2 * (q[..., :1, None] * k + k @ k)


def orthonormal(turn: Tensor) -> Tensor:
    """The nearest-by-rows rotation (Gram-Schmidt), against drift; (..., 3, 3)."""
    x = turn[..., 0, :] / turn[..., 0, :].norm(dim=-1, keepdim=True)
    y = turn[..., 1, :] - (turn[..., 1, :] * x).sum(-1, keepdim=True) * x
    y = y / y.norm(dim=-1, keepdim=True)
    return torch.stack([x, y, torch.linalg.cross(x, y, dim=-1)], -2)


@dataclass(frozen=True)
class Placement:
    """Where P poses are."""

    place: Tensor
    """(P, 3) the root's centroid, angstrom."""
    turn: Tensor
    """(P, 3, 3) rotation of the whole."""
    angles: Tensor
    """(P, T) radian, added to the conformer's."""

    def __len__(self) -> int:
        return len(self.place)

    def __getitem__(self, rows) -> Placement:
        return Placement(self.place[rows], self.turn[rows], self.angles[rows])

    def moved(self, step: Tensor) -> Placement:
        """By (P, 6 + T): translation, rotation vector applied from the left, torsions."""
        return Placement(self.place + step[:, :3], rotation(step[:, 3:6]) @ self.turn, self.angles + step[:, 6:])

    def where(self, chosen: Tensor, other: Placement) -> Placement:
        """``self`` where ``chosen`` (P,) bool, else ``other``."""
        one, three = chosen[:, None], chosen[:, None, None]
        return Placement(
            torch.where(one, self.place, other.place),
            torch.where(three, self.turn, other.turn),
            torch.where(one, self.angles, other.angles),
        )

    @staticmethod
    def cat(parts: list[Placement]) -> Placement:
        """One after the other."""
        return Placement(*(torch.cat([getattr(p, f) for p in parts]) for f in ("place", "turn", "angles")))


@dataclass(frozen=True)
class Torsions:
    """The moving parts of one conformer: N atoms, T torsions, T + 1 fragments, parents first.

    ``design``, ``centre``, ``origin`` and ``direction`` may have a leading P: a conformer for each pose (see `each`).
    """

    design: Tensor
    """(N, 4 (T + 1)): the atom's (x, y, z, 1) relative to ``centre``, in the columns of its fragment."""
    centre: Tensor
    """(3,) the root's centroid in the conformer, about which poses turn."""
    parent: tuple[int, ...]
    """(T,) fragment that torsion t hangs on; torsion t moves fragment t + 1."""
    levels: tuple[int, ...]
    """Torsions at each depth of the tree."""
    origin: Tensor
    """(T, 3) a point on each axis, relative to ``centre``."""
    direction: Tensor
    """(T, 3) unit vectors along each axis, away from the root."""
    moved: Tensor
    """(T, N) 1 where a torsion moves an atom."""

    def __len__(self) -> int:
        return len(self.parent)

    @classmethod
    def of(cls, pos: Tensor, tree: Tree, heavy: Tensor | None = None) -> Torsions:
        """From a conformer (N, 3).

        Args:
            pos: (N, 3) angstrom.
            tree: of the molecule.
            heavy: atoms that count; torsions that move none of these beyond their axis are held. None: all turn.
        """
        counts = set(range(len(pos)) if heavy is None else heavy.tolist())
        turns = {f for f in range(1, len(tree.parent)) if (set(tree.moved(f)) - {tree.axis[f][1]}) & counts}
        depth = {-1: 0}
        for f, p in enumerate(tree.parent):
            depth[f] = depth[p] + (f in turns)
        turning = sorted(turns, key=lambda f: (depth[f], f))
        joined = {0: 0}
        for f in range(1, len(tree.parent)):
            joined[f] = turning.index(f) + 1 if f in turns else joined[tree.parent[f]]
        fragment = torch.tensor([joined[tree.fragment_of[a]] for a in range(len(pos))], device=pos.device)
        centre = pos[fragment == 0].mean(0)
        local = pos - centre
        design = pos.new_zeros(len(pos), len(turning) + 1, 4)
        design[torch.arange(len(pos), device=pos.device), fragment] = torch.cat([local, pos.new_ones(len(pos), 1)], 1)
        moved = pos.new_zeros(len(turning), len(pos))
        for t, f in enumerate(turning):
            moved[t, tree.moved(f)] = 1
        ends = torch.tensor([tree.axis[f] for f in turning], dtype=torch.long, device=pos.device).reshape(-1, 2)
        along = local[ends[:, 1]] - local[ends[:, 0]]
        return cls(
            design.flatten(1),
            centre,
            tuple(joined[tree.parent[f]] for f in turning),
            tuple(sum(depth[f] == d for f in turning) for d in range(1, max(depth.values()) + 1)),
            local[ends[:, 1]],
            along / along.norm(dim=-1, keepdim=True),
            moved,
        )

    @classmethod
    def each(cls, pos: Tensor, tree: Tree, heavy: Tensor | None = None) -> Torsions:
        """From a conformer for each pose, whose bonds and angles it keeps.

        Args:
            pos: (P, N, 3) angstrom.
            tree, heavy: as of `of`.
        """
        alone = [cls.of(one, tree, heavy) for one in pos]
        names = ("design", "centre", "origin", "direction")
        return dataclasses.replace(alone[0], **{n: torch.stack([getattr(t, n) for t in alone]) for n in names})

    def here(self) -> Placement:
        """The poses that the conformers of `each` are."""
        at = self.centre
        return Placement(at, torch.eye(3).to(at).expand(len(at), 3, 3), at.new_zeros(len(at), len(self)))

    def only(self, atoms: Tensor) -> Torsions:
        """The same motions of some atoms, (H,) long."""
        return dataclasses.replace(self, design=self.design[..., atoms, :], moved=self.moved[:, atoms])

    def to(self, **kwargs) -> Torsions:
        """To another device or dtype."""
        names = ("design", "centre", "origin", "direction", "moved")
        return dataclasses.replace(self, **{name: getattr(self, name).to(**kwargs) for name in names})

    def frames(self, at: Placement) -> Tensor:
        """(P, T + 1, 3, 4) the rigid motion of each fragment: x -> R x + s, s in the last column."""
        frames = torch.cat([at.turn, at.place[..., None]], -1)[:, None]  # (P, 1, 3, 4)
        if not len(self):
            return frames
        own = rotation(at.angles[..., None] * self.direction)  # (P, T, 3, 3)
        shift = self.origin - (own * self.origin.unsqueeze(-2)).sum(-1)  # (P, T, 3)
        local = torch.cat([own, shift[..., None]], -1)  # (P, T, 3, 4)
        first = 0
        for count in self.levels:
            rows = slice(first, first + count)
            above = frames[:, list(self.parent[rows])]  # (P, L, 3, 4)
            below = above[..., :3] @ local[:, rows]
            below = torch.cat([below[..., :3], below[..., 3:] + above[..., 3:]], -1)
            frames = torch.cat([frames, below], 1)
            first += count
        return frames

    def atoms(self, frames: Tensor) -> Tensor:
        """(P, 3, N) positions from the motions of `frames`."""
        return frames.permute(0, 2, 1, 3).flatten(2) @ self.design.mT

    def poses(self, at: Placement) -> Tensor:
        """(P, N, 3) angstrom, differentiable in the placement."""
        return self.atoms(self.frames(at)).transpose(1, 2)

    def pull(self, pos: Tensor, gradient: Tensor, frames: Tensor) -> Tensor:
        """The gradient in translation, rotation about the root's centroid and torsions.

        Args:
            pos: (P, 3, N).
            gradient: (P, 3, N) of an energy at ``pos``.
            frames: that made ``pos``.

        Returns:
            (P, 6 + T), along the step of `Placement.moved` at 0.
        """
        root = frames[:, 0, :, 3]  # (P, 3)
        torque = torch.linalg.cross(pos - root[..., None], gradient, dim=1)  # (P, 3, N)
        whole = [gradient.sum(-1), torque.sum(-1)]
        if not len(self):
            return torch.cat(whole, -1)
        hung = frames[:, list(self.parent)]  # (P, T, 3, 4)
        axis = (hung[..., :3] * self.direction.unsqueeze(-2)).sum(-1)  # (P, T, 3)
        point = (hung[..., :3] * self.origin.unsqueeze(-2)).sum(-1) + hung[..., 3] - root[:, None]
        force, about = (torch.matmul(x, self.moved.T).transpose(1, 2) for x in (gradient, torque))
        about = about - torch.linalg.cross(point, force, dim=-1)
        return torch.cat([*whole, (axis * about).sum(-1)], -1)
