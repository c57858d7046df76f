"""One molecule coming out of the noise, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass, field

from molediff.config import UserError
from molediff.structures import Estimate, Molecules, take


@dataclass
class Trajectory:
    """Frames of molecule ``index``."""

    index: int
    """Of the molecule in the run."""
    states: list[Molecules] = field(default_factory=list)
    """State after every step, batch of one."""
    estimates: list[Molecules] = field(default_factory=list)
    """What the network thought the clean molecule to be, at every step."""

    @classmethod
    def of(cls, index: int | None, n: int) -> Trajectory | None:
        """An empty one, or None when none was asked for.

        Raises:
            UserError: for an index outside the run.
        """
        if index is None:
            return None
        if not 0 <= index < n:
            raise UserError(f"--trajectory takes the index of a molecule, 0 to {n - 1}, got {index}.")
        return cls(index)

    def watch(self, members: list[int]):
        """A callback for these molecules of the run, with no frames yet; None where the molecule is not among them."""
        if self.index not in members:
            return None
        self.states.clear()
        self.estimates.clear()
        row = members.index(self.index)

        def see(step: int, state: Molecules, estimate: Estimate) -> None:
            self.states.append(take(state, [row]).to("cpu"))
            guess = state.replace(
                pos=estimate.pos,
                atom=estimate.atom.argmax(-1) * state.mask,
                charge=estimate.charge.argmax(-1) * state.mask,
                bond=estimate.bond.argmax(-1) * state.pair_mask,
            )
            self.estimates.append(take(guess, [row]).to("cpu"))

        return see
