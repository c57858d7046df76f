"""Growing from a fragment, and linking several: their atoms are known, with their positions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
from rdkit import Chem

from molediff.chem.fragments import Fragments, bonds_elsewhere, fragments_used, read_fragments
from molediff.model import Model
from molediff.pipelines.frame import Frame
from molediff.pipelines.tasks.task import FromFile, anchored_start
from molediff.sampling import Denoise, SamplingConfig, draw_hydrogens, draw_new, without_bonds
from molediff.structures import Condition, Known, Molecules, Stereo


class Grow(FromFile):
    """Known: elements, charges, positions, and the bonds within each fragment."""

    share = "fragment_share"
    kind, kind_in_pocket = "fragments", "fragments in a pocket"

    def __init__(self, source: Fragments, model: Model, frame: Frame | None = None):
        """Fragments, as `molediff.chem.fragments` reads them, and the pocket they lie in, if any."""
        super().__init__(source, model, frame)
        self.owner = torch.tensor(source.owner)  # (K,)
        self.closing = bool(model.source.about.get("training", {}).get("closed_marked", False))

    @classmethod
    def read(cls, path: Path | str, model: Model, attach: str = "", frame: Frame | None = None) -> Grow:
        """From an SDF file; see `read_fragments` for ``attach`` and for what is refused."""
        return cls(read_fragments(path, attach, model.vocabulary, model.config.explicit_hydrogens), model, frame)

    def sizes(self, model: Model, n: int, seed: int, atoms: str) -> list[int]:
        """``atoms`` counts new heavy atoms; hydrogens come beside them."""
        pieces, explicit = len(set(self.source.owner.tolist())), model.config.explicit_hydrogens

        def hydrogens(heavy: int, generator: torch.Generator) -> int:
            return draw_hydrogens(heavy, self.source.slots, pieces, generator) if explicit else 0

        counts = self.counts(model)
        if self.count >= max(counts, default=0):  # a core that fills the pocket: then the sizes of training
            counts = self.seen(model).counts
        new = draw_new(counts, self.count, atoms, seed, range(n), hydrogens)
        self.heavy = [heavy for heavy, _ in new]
        return [self.count + heavy + light for heavy, light in new]

    def settings(self, config: SamplingConfig, model: Model) -> SamplingConfig:
        return anchored_start(config, model, self.first) if self.frame is None else super().settings(config, model)

    def condition(self, part: Molecules, rows: list[int]) -> Condition:
        owner = torch.full(part.mask.shape, -1, device=part.mask.device)
        owner[:, : self.count] = self.owner.to(owner)
        closed = torch.zeros_like(part.mask)
        if self.closing:
            closed[:, : self.count] = ~torch.tensor(self.source.attach, device=closed.device)
        known = Known.fragments(part, owner, self.new_hydrogens(part), closed)
        return self.framed(Condition(known, Stereo.unspecified(part)), part)

    def guided(self, denoise: Denoise) -> Denoise:
        """New bonds begin at attachment points only."""
        return without_bonds(denoise, ~torch.tensor(self.source.attach), self.owner)

    def place(self, mol: Chem.Mol) -> Chem.Mol:
        return self._exact_positions(super().place(mol))

    def columns(self, made: Sequence[Molecules], mols: Sequence[Chem.Mol | None], table: pd.DataFrame) -> dict:
        """known_exact, attached_ok, new_bonds_elsewhere and new_heavy."""
        owner, attach = self.source.owner.tolist(), self.source.attach.tolist()
        elsewhere = [0 if mol is None else bonds_elsewhere(mol, owner, attach) for mol in mols]
        used = [mol is not None and fragments_used(mol, owner, attach) for mol in mols]
        return {
            "known_exact": [mol is not None and self._exact(one) for one, mol in zip(made, mols, strict=True)],
            "attached_ok": [ok and not wrong for ok, wrong in zip(used, elsewhere, strict=True)],
            "new_bonds_elsewhere": elsewhere,
            "new_heavy": [0 if mol is None else _heavy(mol) - int((self.source.z > 1).sum()) for mol in mols],
        }

    def lost(self, table: pd.DataFrame) -> int:
        return int(((table.new_bonds_elsewhere > 0) | ~table.known_exact).sum())

    def about(self) -> dict:
        points = [i + 1 for i in self.source.attach.nonzero()[0].tolist()]
        pieces = len(set(self.source.owner.tolist()))
        return super().about() | {"fragments": pieces, "attachment_points": points}

    def _exact(self, one: Molecules) -> bool:
        """Whether elements, charges, positions and bonds within fragments are the given ones."""
        k, first = self.count, self.first
        same = self.owner[:, None] == self.owner
        bonds = torch.where(same, one.bond[0, :k, :k], 0)
        return bool(
            self._kept(one)
            and torch.equal(one.atom[0, :k], first.atom[0])
            and torch.equal(one.charge[0, :k], first.charge[0])
            and torch.equal(bonds, first.bond[0])
        )


def _heavy(mol: Chem.Mol) -> int:
    return sum(atom.GetAtomicNum() > 1 for atom in mol.GetAtoms())
