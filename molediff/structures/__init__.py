"""Floor 2: what everything else speaks of. Tensors only."""

from molediff.structures.condition import Condition, Known, Levels, Stereo
from molediff.structures.estimate import Estimate
from molediff.structures.molecules import Molecules, pad_atoms, pad_pairs, stack, take
from molediff.structures.pocket import EncodedPocket, Pocket

__all__ = [
    "Condition",
    "EncodedPocket",
    "Estimate",
    "Known",
    "Levels",
    "Molecules",
    "Pocket",
    "Stereo",
    "pad_atoms",
    "pad_pairs",
    "stack",
    "take",
]
