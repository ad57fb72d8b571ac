"""The words in which a panel says how things stand: the simulator thinks in its own and speaks in the panel's.

Source: docs/sources.md, panel 6.1 to 6.5, 8 and 18.1.
"""

from collections.abc import Mapping
from types import MappingProxyType

from simulator.panel.models import Status
from simulator.panel.state import PanelState
from simulator.panel.variants import Variants

DOCUMENTED: Mapping[str, str] = MappingProxyType({"finished": "ok"})
"""An operation's status in the words that are documented, where they are; the rest as we call it."""

OTHERS: Mapping[str, str] = MappingProxyType(
    {"queued": "new", "in_progress": "running", "failed": "error", "canceled": "cancelled"}
)

UNKNOWN: Mapping[str, str] = MappingProxyType(
    {
        "queued": "wartend",
        "in_progress": "laufend",
        "finished": "beendet",
        "failed": "gescheitert",
        "canceled": "abgebrochen",
    }
)
"""Words that nobody knows, and that no part tells."""

OTHER_PORTS: Mapping[str, str] = MappingProxyType({"up": "enabled", "down": "disabled"})
OTHER_ADDRESSES: Mapping[str, str] = MappingProxyType({"allocated": "used", "releasing": "deallocating"})


class Spelling:
    """Says the panel's words as its variants want them at that moment."""

    def __init__(self, world: PanelState) -> None:
        self._world = world

    @property
    def variants(self) -> Variants:
        """How the panel speaks now."""
        return self._world.variants

    def plain(self, word: str) -> str:
        """A word that is the same in every vocabulary."""
        return {"lower": str.lower, "upper": str.upper, "title": str.title}[self.variants.case](word)

    def status(self, status: Status) -> str:
        """How far an operation or one of its steps is."""
        words = DOCUMENTED if self.variants.words == "documented" else OTHERS
        return self.plain((UNKNOWN if status in self.variants.unknown_words else words).get(status, status))

    def port(self, *, up: bool) -> str:
        """What a port was told to be."""
        return self._other(OTHER_PORTS, "up" if up else "down")

    def address(self, status: str) -> str:
        """Whether an address can be used."""
        return self._other(OTHER_ADDRESSES, status)

    def _other(self, words: Mapping[str, str], word: str) -> str:
        return self.plain(words.get(word, word) if self.variants.words == "others" else word)
