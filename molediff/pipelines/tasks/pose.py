"""Poses of one molecule whose graph is known: only its coordinates are made."""

from __future__ import annotations

from collections.abc import Sequence

from rdkit import Chem

from molediff.chem import from_rdkit
from molediff.model import Model
from molediff.pipelines.frame import Frame
from molediff.pipelines.tasks.task import Task
from molediff.sampling import Denoise, sided
from molediff.structures import Condition, Known, Molecules, Stereo, take


class Pose(Task):
    """Known: elements, charges, bonds, and the stereochemistry that the tags specify."""

    share = "conformer_share"

    def __init__(self, mol: Chem.Mol, model: Model, frame: Frame | None = None):
        """A molecule.

        Args:
            mol: sanitised, hydrogens as the model has them, stereochemistry assigned; its conformers are not looked at.
            model: that makes the poses.
            frame: the pocket that they are made in.

        Raises:
            UserError: for an element, charge or bond that the model does not know.
        """
        super().__init__(frame)
        bare = Chem.Mol(mol)
        bare.RemoveAllConformers()
        self.process = model.process
        self.first, self.stereo = from_rdkit([bare], model.vocabulary)

    def sizes(self, model: Model, n: int, seed: int, atoms: str = "") -> list[int]:
        """Those of the molecule."""
        return [int(self.first.sizes[0])] * n

    def given(self, sizes: Sequence[int], members: Sequence[int]) -> Molecules:
        return take(self.first, [0] * len(sizes))

    def condition(self, part: Molecules, rows: list[int]) -> Condition:
        of = [0] * len(part)
        stereo = Stereo(self.stereo.centre[of], self.stereo.cistrans[of]).to(part.mask.device)
        return self.framed(Condition(Known.graph(part), stereo), part)

    def guided(self, denoise: Denoise) -> Denoise:
        """Double bonds are held to the sides asked for."""
        return sided(denoise, self.process)
