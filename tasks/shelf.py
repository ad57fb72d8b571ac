"""Lists for WHMCS in Prefect's variables: an index, and as many parts as it takes, all of them of one moment.

WHMCS's module may read Prefect's variables and nothing else of what is known here. A variable holds 5,000 characters.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from prefect.types import MAX_VARIABLE_VALUE_LENGTH
from prefect.variables import Variable
from pydantic import JsonValue

from tasks.run import asking_prefect

PART_CHARACTERS = MAX_VARIABLE_VALUE_LENGTH - 500
"""Room for the part's own moment and brackets."""

Kept = tuple[str, dict[str, JsonValue]]
"""A variable's name and its value."""


def variables(name: str, panel: str, at: datetime, lists: Mapping[str, Sequence[JsonValue]]) -> Iterator[Kept]:
    """Names and values of the variables, in the order in which they have to be written: the index comes last.

    Variables know no dashes: a panel's become "_".
    """
    name = f"{name}_{panel.replace('-', '_')}"
    moment = at.isoformat()
    parts: list[dict[str, list[JsonValue]]] = [{}]
    room = PART_CHARACTERS
    for kind, entries in lists.items():
        for entry in entries:
            size = len(json.dumps(entry)) + len(", ")
            if kind not in parts[-1]:
                size += len(json.dumps({kind: []}))
            if size > room:
                parts.append({})
                room = PART_CHARACTERS
            parts[-1].setdefault(kind, []).append(entry)
            room -= size
    for number, part in enumerate(parts, start=1):
        yield f"{name}_{number}", {"at": moment, **part}
    yield name, {"at": moment, "parts": len(parts)}


async def keep(kept: Iterable[Kept]) -> None:
    """Write the variables. Raises PrefectUnreachable."""
    with asking_prefect():
        for name, value in kept:
            await Variable.aset(name, value, overwrite=True)
