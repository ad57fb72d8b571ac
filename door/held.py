"""The services that wait for a person, as published: which of them an installation may see and decide about."""

from typing import cast

from pydantic import JsonValue

from door.installations import Installation
from door.refusal import DoorRefusal
from door.shapes import DecideShape
from door.upstream import Upstream

HELD = "dciflow_held"
"""The variable (contract.json)."""


def own_held(value: JsonValue, installation: Installation) -> JsonValue:
    """The list without other installations' panels; their number is not told either."""
    if not isinstance(value, dict):
        return None
    listed = value.get("services")
    services = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    own = [one for one in services if installation.has_panel(str(one.get("panel")))]
    total = value.get("total") if len(own) == len(services) else len(own)
    return {"at": value.get("at"), "total": total, "services": cast(list[JsonValue], own)}


async def check_published(prefect: Upstream, installation: Installation, decided: DecideShape) -> None:
    """Raises DoorRefusal (403): the hold is not one that the installation's own page could have shown."""
    answer = await prefect.ask("GET", f"/variables/name/{HELD}")
    own = own_held(answer.get("value"), installation) if answer.status == 200 else None
    services = own.get("services") if isinstance(own, dict) else None
    for one in services if isinstance(services, list) else []:
        hold = (one.get("service_id"), one.get("held_at")) if isinstance(one, dict) else None
        if hold == (decided.service_id, decided.held_at):
            return
    raise DoorRefusal(403, f"Service {decided.service_id} is not HELD on a panel of {installation.name} since then.")
