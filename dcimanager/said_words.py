"""Which of the panel's words stand in a server's row: of its operation, state, power, ports and addresses.

Source: docs/sources.md, panel 6.1 to 6.5 and 8.
"""

from collections.abc import Iterator, Mapping

from dcimanager.parsing import each, first, text_or_none
from dcimanager.words import WordKind

Said = tuple[WordKind, str, str]
"""Kind, field, word as the panel spells it."""


def said_words(row: Mapping[str, object]) -> Iterator[Said]:
    """Every word in a server's row, as often as it is said; what is no text, or blank, is none."""
    operation = row.get("operation")
    if isinstance(operation, Mapping):
        yield from _word_at(WordKind.OPERATION, "operation.status", operation.get("status"))
        yield from _word_at(WordKind.OPERATION_TYPE, "operation.type", first(operation, "kind", "type", "name"))
        for step in _objects(operation.get("progress_info")):
            yield from _word_at(WordKind.OPERATION, "operation.progress_info.status", first(step, "status", "state"))
    yield from _word_at(WordKind.POWER, "power_status", first(row, "power", "power_status"))
    for unit in _objects(row.get("pdu_connection")):
        yield from _word_at(WordKind.POWER, "pdu_connection.power_status", unit.get("power_status"))
    for port in _objects(first(row, "connections", "switch_connection")):
        yield from _word_at(WordKind.PORT, "switch_connection.admin_status", port.get("admin_status"))
    yield from _word_at(WordKind.STATE, "state", row.get("state"))
    for address in _objects(first(row, "addresses", "ip")):
        yield from _word_at(WordKind.ADDRESS, "ip.status", address.get("status"))


def _objects(value: object) -> Iterator[Mapping[str, object]]:
    return (one for one in each(value) if isinstance(one, Mapping))


def _word_at(kind: WordKind, field: str, value: object) -> Iterator[Said]:
    word = text_or_none(value)
    if word is not None:
        yield kind, field, word
