"""What a call's path and texts say, word by word: the ground that candidates are compared on."""

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from dcimanager.learning.description import Call
from dcimanager.learning.language import FILLER, VERSION, concepts_in, concepts_of, speaks_of_many, tokens

_PLACES = ("server", "switch", "port", "operation", "address", "token", "user")
"""Our words for places in paths; whatever else stands in braces is a place that we cannot fill."""
_AROUND = frozenset({"network", "physical", "managed", "my", "hardware", "all"})
"""Words beside a thing that leave it what it is; any other (a virtual machine, a storage node) makes it another."""
_OTHERS = (
    "virtual",
    "rack",
    "pdu",
    "pool",
    "network",
    "template",
    "location",
    "disk",
    "configuration",
    "record",
    "bulk",
    "software",
)
_MANY_OF = frozenset({"server", "switch", "port"})


@dataclass(frozen=True)
class Features:
    """A call, looked at once for all entries."""

    call: Call

    @cached_property
    def parts(self) -> list[str]:
        """The path's segments without service and version, and without api or rest before them."""
        parts = self.call.path.split("/")
        for number, part in enumerate(parts[:4]):
            if VERSION.fullmatch(part):
                return parts[number + 1 :]
        return [part for part in parts if part not in ("api", "rest")]

    @cached_property
    def version(self) -> tuple[str, int]:
        """The path with its version left out, and the version; 0 if it has none."""
        found = re.search(r"(?:^|/)v(\d+)(?:[./]|$)", self.call.path)
        rest = re.sub(r"(^|/)v\d+(?:\.\d+)*(?=/|$)", r"\1", self.call.shape)
        return rest, int(found[1]) if found else 0

    @cached_property
    def places(self) -> tuple[str, ...]:
        """Our word for each place of the path, in its order; "?" where none of ours is meant."""
        told = {parameter.name: parameter.description for parameter in self.call.parameters}
        found = []
        before = ""
        for part in self.parts:
            if part.startswith("{") and part.endswith("}"):
                name = part[1:-1]
                found.append(_place(before, name, told.get(name, "")))
                before = ""
            else:
                before = "?" if "{" in part else part
                if "{" in part:
                    found.append("?")
        return tuple(found)

    @cached_property
    def tail(self) -> list[str]:
        """The words of the path after its last place; of the whole path if it has none.

        Segments that the path begins with and that speak of nothing (gateway, control) are the service's address.
        """
        parts = list(self.parts)
        while len(parts) > 1 and "{" not in parts[0] and not concepts_in(parts[0]):
            parts.pop(0)
        last = max((number for number, part in enumerate(parts) if "{" in part), default=-1)
        return [word for part in parts[last + 1 :] for word in tokens(part)]

    @cached_property
    def operation_word(self) -> str:
        """What the path calls an operation ("operation", "task", "job"), "" if it names none by its id."""
        parts = self.parts
        for before, part in pairwise(parts):
            if "{" in part and "{" not in before and "operation" in concepts_in(before):
                return tokens(before)[-1].removesuffix("s")
        return ""

    @cached_property
    def last(self) -> list[str]:
        """The words of the last segment that says something."""
        for part in reversed(self.parts):
            words = [word for word in tokens(part) if word not in FILLER and word != "list"]
            if words or "{" in part:
                return words
        return []

    @cached_property
    def path_concepts(self) -> frozenset[str]:
        """What the path speaks of, service and version left out."""
        return frozenset().union(*(concepts_in(part) for part in self.parts if "{" not in part))

    @cached_property
    def sources(self) -> dict[str, frozenset[str]]:
        """What each part of the call speaks of."""
        return {
            "path": self.path_concepts,
            "operationId": concepts_in(self.call.operation_id),
            "summary": concepts_in(self.call.summary),
            "description": concepts_in(self.call.description),
            "tags": frozenset().union(*map(concepts_in, self.call.tags)),
        }

    @cached_property
    def old(self) -> bool:
        """It is said to be on its way out."""
        texts = self.sources["summary"] | self.sources["description"] | self.sources["operationId"]
        return self.call.deprecated or "old" in texts | self.path_concepts

    @cached_property
    def many(self) -> str:
        """Why it acts on more than one server or port; "" if nothing says so."""
        for text in (self.call.summary, self.call.description):
            if speaks_of_many(text):
                return f"it says: {text}"
        for key in self.call.body or ():
            words = tokens(key.name)
            if key.type == "array" and (words == ["ids"] or _MANY_OF & concepts_in(key.name)):
                return f"it takes a list of {key.name}"
        return ""

    @cached_property
    def answers(self) -> frozenset[str]:
        """What the names in the answer speak of."""
        return frozenset().union(*(concepts_in(one.name) for one in self.call.answer or ()))


def _place(before: str, name: str, description: str) -> str:
    around = concepts_in(before)
    own = concepts_in(name) or concepts_in(description)
    known = (*_PLACES, *_OTHERS)
    if before and any(
        not concepts_of(word) & {*_PLACES, *_OTHERS, "os"} and word not in _AROUND for word in tokens(before)
    ):
        # A segment that nothing explains (backup/{server}) makes another thing of what stands after it.
        return "?"
    # The last word of a segment is the thing: switch-ports are ports, ip_pools are pools.
    segment = next((one for word in reversed(tokens(before)) for one in _ranked(word, known)), None)
    named = [one for word in reversed(tokens(name)) for one in _ranked(word, known)]
    if set(around) & {"virtual", "rack", "bulk"}:
        return "?"
    if segment is None:
        first = named[0] if named else next((one for one in known if one in own), "?")
        return first if first in _PLACES and not around & set(_OTHERS) else "?"
    if named and segment not in own and not set(named) & around:
        return "?"
    return segment if segment in _PLACES else "?"


def _ranked(word: str, known: tuple[str, ...]) -> list[str]:
    meant = concepts_of(word)
    return [one for one in known if one in meant]
