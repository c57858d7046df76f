"""Only some of a model's elements."""

from __future__ import annotations

from collections.abc import Sequence

from molediff.config import UserError, nearest
from molediff.elements import Vocabulary
from molediff.sampling.forbidden import NEVER


def only(elements: str, vocabulary: Vocabulary, bias: Sequence[float] = ()) -> tuple[float, ...]:
    """The bias of `molediff.sampling.SamplingConfig.atom_bias` under which new atoms have the elements asked for.

    Hydrogen is always allowed where it is an atom: nothing could be valid without.

    Args:
        elements: symbols such as 'C,N,O'; empty for all.
        vocabulary: of the model.
        bias: that holds among the allowed ones.

    Raises:
        UserError: for symbols that the model does not know.
    """
    if not elements:
        return tuple(bias)
    wanted = [symbol.strip().capitalize() for symbol in elements.split(",")]
    unknown = [symbol for symbol in wanted if symbol not in vocabulary.elements]
    if unknown:
        raise UserError(
            f"--elements {elements}: this model does not know '{unknown[0]}'. It knows "
            f"{', '.join(vocabulary.elements)}.{nearest(unknown[0], vocabulary.elements)}"
        )
    if set(wanted) == {"H"}:
        raise UserError("--elements H leaves nothing to build with. Name heavy elements, such as C,N,O.")
    base = bias or [0.0] * len(vocabulary.elements)
    allowed = {*wanted, "H"}
    return tuple(b if e in allowed else NEVER for e, b in zip(vocabulary.elements, base, strict=True))
