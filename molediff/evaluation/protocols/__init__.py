"""All protocols by name."""

from .alerts import ALERTS
from .chemistry import CHEMISTRY
from .edm import EDM, EDM_GEOM
from .energy import ENERGY
from .geometry import GEOMETRY
from .jodo import JODO
from .midi import MIDI, MIDI_PUBLISHED
from .posebusters import POSEBUSTERS
from .poses import INTERACTIONS, POSES, STRAIN
from .protocol import Context, Protocol
from .revisited import REVISITED
from .strict import STRICT
from .strict_heavy import STRICT_HEAVY
from .xtb import XTB

PROTOCOLS: dict[str, Protocol] = {
    "strict": STRICT,
    "strict-heavy": STRICT_HEAVY,
    "edm": EDM,
    "edm-geom": EDM_GEOM,
    "midi": MIDI,
    "midi-published": MIDI_PUBLISHED,
    "revisited": REVISITED,
    "jodo": JODO,
    **POSEBUSTERS,
    "poses": POSES,
    "strain": STRAIN,
    "interactions": INTERACTIONS,
    "chemistry": CHEMISTRY,
    "alerts": ALERTS,
    "energy": ENERGY,
    "xtb": XTB,
}
# run for the distributions, never asked for by name
INTERNAL = {"geometry": GEOMETRY}

__all__ = ["INTERNAL", "PROTOCOLS", "Context", "Protocol"]
