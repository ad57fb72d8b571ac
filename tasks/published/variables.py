"""The one way to leave something for WHMCS: Prefect's variables, which are all that its module may read here.

A variable holds 5,000 characters. A longer list is written as an index and as many parts as it takes.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from prefect.types import MAX_VARIABLE_VALUE_LENGTH
from prefect.variables import Variable
from pydantic import JsonValue

from runtime.flow_run import asking_prefect

PART_CHARACTERS = MAX_VARIABLE_VALUE_LENGTH - 500
"""The rest is for the part's own moment and its brackets."""

CATALOGUE = "dcimanager_catalogue"
TRAFFIC = "dcimanager_traffic"
TRAFFIC_DAYS = "dciflow_traffic"
RECONCILIATION = "dciflow_reconciliation"
"""Variables of a panel, whose name follows; whmcs-module/contract.json says what is in each."""
HELD = "dciflow_held"
"""One variable for all panels."""

MOST_PARTS = 200
"""WHMCS's module reads no more parts of one variable (ChunkedVariable.php)."""

NamedValue = tuple[str, dict[str, JsonValue]]
"""A variable's name and its value."""


def variable_of(panel: str, variable: str) -> str:
    """The name of a panel's variable: Prefect's variables know no dashes, so a panel's become underscores."""
    return f"{variable}_{panel.replace('-', '_')}"


def part_apart(name: str, number: int) -> str:
    """Another name of a part of that variable, which no panel's own variable has, however the panel is called."""
    return f"dcimanager_part_{number}_of_{name.removeprefix('dcimanager_')}"


async def publish(name: str, value: dict[str, JsonValue]) -> None:
    """Write one variable, in place of what it held. Raises PrefectUnreachable."""
    with asking_prefect():
        await Variable.aset(name, value, overwrite=True)


async def publish_chunks(chunks: Iterable[NamedValue]) -> None:
    """Write what `chunked` made, in its order. Raises PrefectUnreachable."""
    for name, value in chunks:
        await publish(name, value)


def chunked(
    name: str, panel: str, at: datetime, lists: Mapping[str, Sequence[JsonValue]], panels: Collection[str] = ()
) -> Iterator[NamedValue]:
    """Names and values of the variables that hold these lists, in the order in which they have to be written.

    The parts come first and the index last, all with the same moment: a reader who finds another moment in a part than
    in the index came between two writings.

    Part 2 of panel main's would be called as the index of panel main-2's. Where one of `panels`, all there are, is
    called so, the parts have other names (`part_apart`), and the index says so.
    """
    taken = {variable_of(other, name) for other in panels if other != panel}
    name = variable_of(panel, name)
    moment = at.isoformat()
    parts: list[dict[str, list[JsonValue]]] = [{}]
    left = PART_CHARACTERS
    for kind, entries in lists.items():
        for entry in entries:
            size = len(json.dumps(entry)) + len(", ")
            if kind not in parts[-1]:
                size += len(json.dumps({kind: []}))
            if size > left:
                parts.append({})
                left = PART_CHARACTERS
            parts[-1].setdefault(kind, []).append(entry)
            left -= size
    names = [f"{name}_{number}" for number in range(1, len(parts) + 1)]
    index: dict[str, JsonValue] = {"at": moment, "parts": len(parts)}
    if not taken.isdisjoint(names):
        names = [part_apart(name, number) for number in range(1, len(parts) + 1)]
        index["apart"] = True
    for part_name, part in zip(names, parts, strict=True):
        yield part_name, {"at": moment, **part}
    yield name, index


def shortened(facts: dict[str, JsonValue], name: str, shown: list[dict[str, JsonValue]]) -> dict[str, JsonValue]:
    """The facts with as many of the rows under `name`, from the first on, as one variable has room for."""
    while True:
        value: dict[str, JsonValue] = {**facts, name: list(shown)}
        if not shown or len(json.dumps(value)) <= MAX_VARIABLE_VALUE_LENGTH:
            return value
        shown = shown[:-1]
