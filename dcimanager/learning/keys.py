"""Finds the panel's key for each of our words in a body."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dcimanager.learning.language import concepts_in, tokens
from dcimanager.learning.schemas import Property
from dcimanager.learning.wanted_keys import Key


@dataclass(frozen=True)
class KeyMatch:
    """The panel's key for a word of ours; `by_name` is False where only its description tells. `doubt`: "" if none."""

    key: Key
    found: Property
    by_name: bool
    doubt: str


@dataclass(frozen=True)
class BodyMatch:
    """How our words and a body's keys go together."""

    matches: Mapping[str, KeyMatch]
    lacking: tuple[Key, ...]
    """Our words that the body has no key for."""
    wanted: tuple[Property, ...]
    """Keys that the panel requires and we do not send."""

    @property
    def body(self) -> dict[str, str]:
        """Our word = the panel's key."""
        return {word: match.found.name for word, match in self.matches.items()}


def match_body(keys: Sequence[Key], body: Iterable[Property]) -> BodyMatch:
    """The best key of the body for each of our words; a key is taken once, by the word that it fits best."""
    left = list(body)
    matches: dict[str, KeyMatch] = {}
    ranked = sorted(
        (
            (score, number, key, found)
            for number, key in enumerate(keys)
            for found in left
            if (score := _fit(key, found))
        ),
        key=lambda one: (-one[0], one[1]),
    )
    for score, _, key, found in ranked:
        if key.word in matches or any(match.found is found for match in matches.values()):
            continue
        equals = [other for points, _, of, other in ranked if of is key and points == score and other is not found]
        matches[key.word] = KeyMatch(key, found, score > 1, _doubt(key, found, equals))
    taken = [match.found for match in matches.values()]
    return BodyMatch(
        {key.word: matches[key.word] for key in keys if key.word in matches},
        tuple(key for key in keys if key.word not in matches),
        tuple(one for one in left if one.required and one not in taken),
    )


def best_name(patterns: Sequence[str], names: Iterable[str]) -> str | None:
    """The name that the earliest pattern fits; None if none does, or two do equally well."""
    for pattern in patterns:
        found = [name for name in names if re.fullmatch(pattern, _plain(name))]
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _plain(name: str) -> str:
    return re.sub(r"_ids?$", "", "_".join(tokens(name)))


def _fit(key: Key, found: Property) -> int:
    """0: not this key; 1: only its description tells; more: the better its name fits."""
    words = set(tokens(found.name))
    if words & key.never:
        return 0
    for number, pattern in enumerate(key.names):
        if re.fullmatch(pattern, _plain(found.name)):
            told = bool(key.says) and key.says <= concepts_in(found.description)
            return 10 - 2 * number + told
    if key.says and key.says <= concepts_in(found.name):
        return 3
    if key.enum and any("".join(tokens(word)) in key.enum for word in found.enum):
        return 2
    right_kind = found.type in ("", *key.kinds)
    return 1 if right_kind and key.says and key.says <= concepts_in(found.description) else 0


def _doubt(key: Key, found: Property, equals: Sequence[Property]) -> str:
    if (
        found.type
        and found.type not in key.kinds
        and not (found.type == "string" and key.kinds == {"integer", "number"})
    ):
        return f"{found.name} is of the type {found.type}, we send {' or '.join(sorted(key.kinds))}"
    if key.things and not key.things & set(tokens(f"{found.name} {found.description}")):
        return f"it does not say what {found.name} does it to"
    if equals:
        return f"{found.name} and {', '.join(one.name for one in equals)} fit {key.word} equally well"
    if key.never & set(tokens(found.description)) & {"not", "keep", "preserve", "skip"}:
        return f"{found.name} is described with a word that may turn it round: {found.description}"
    return ""
