"""How it is written what an entry of endpoints.toml wants of a call: what must be said, what must never be, which keys.

Source: docs/sources.md, panel 6 to 12 (what the calls do); docs/safety.md, rules 4, 5 and 22 (why `strict` is strict).
"""

from dataclasses import dataclass

from dcimanager.learning.wanted_keys import Key, word_set


@dataclass(frozen=True)
class Way:
    """One form that the call may have on a panel.

    `places`: sets of our words, one of which the path's places must be. `says`: sets of concepts, one of which must be
    said whole; the first is the best. `tail`: further concepts that the path may end on. `collection`: the concepts
    that a list's path ends on. `never`: concepts that path and summary must not speak of. `in_path`: the path itself
    must name the owner or the user. `doubt`: why it is never sure.
    """

    methods: frozenset[str]
    places: tuple[frozenset[str], ...]
    says: tuple[frozenset[str], ...] = ()
    tail: frozenset[str] = frozenset()
    collection: frozenset[str] = frozenset()
    keys: tuple[Key, ...] = ()
    never: frozenset[str] = frozenset()
    in_path: bool = False
    doubt: str = ""


@dataclass(frozen=True)
class Wish:
    """What an entry wants. `strict`: it destroys or hands out. `answer`: keys that speak for a call, as concepts."""

    entry: str
    ways: tuple[Way, ...]
    strict: bool = False
    answer: frozenset[str] = frozenset()


def said(*combinations: str) -> tuple[frozenset[str], ...]:
    """Sets of concepts, one of which must be said whole."""
    return tuple(map(word_set, combinations))


GET, POST, DELETE = word_set("GET"), word_set("POST"), word_set("DELETE")
NONE, SERVER = (word_set(""),), (word_set("server"),)
PORT = (word_set("switch port"), word_set("port"))
OPERATION = (word_set("server operation"), word_set("operation"))
ADDRESS = (word_set("server address"),)
OF_AN_ADDRESS = (*ADDRESS, word_set("address"))
USER = (word_set("user"),)

NOT_ONE = word_set("rack bulk schedule record trial old message right lock virtual")
"""What makes a call that acts another one: it acts on many, later, only says something, or tells what was."""
NOT_A_SERVER = NOT_ONE | word_set("pdu bmc software rescue iso") | {"network extras"}
NOT_A_LIST = word_set(
    "virtual free sort rack record settings bulk trial old message right template software secret schedule"
)
