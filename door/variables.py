"""The call that reads what flows publish for WHMCS: a variable of the installation's own panels."""

import re

from fastapi import APIRouter
from pydantic import JsonValue

from door.context import Context
from door.held import HELD, own_held
from door.installations import Installation
from door.refusal import DoorRefusal, not_allowed

router = APIRouter()

OF_A_PANEL = {
    "dcimanager_catalogue": True,
    "dcimanager_traffic": True,
    "dciflow_traffic": True,
    "dciflow_reconciliation": False,
}
"""The variables whose name goes on with a panel's (contract.json), and whether they come in parts, too."""

_NAME = re.compile(rf"(?P<variable>{'|'.join(OF_A_PANEL)})_(?P<of>[a-z0-9_]{{1,44}})")
_APART = re.compile(r"dcimanager_part_[0-9]{1,3}_of_(?:catalogue|traffic|dciflow_traffic)_(?P<of>[a-z0-9_]{1,40})")
"""A part that would have another panel's name otherwise (tasks/published/variables.py)."""
_PART = re.compile(r"(?P<panel>.+)_[0-9]{1,3}")


@router.get("/variables/name/{name}")
async def read_variable(name: str, context: Context) -> JsonValue:
    """A published variable: its name and its value."""
    if name != HELD and not is_own(name, context.installation):
        raise not_allowed()
    async with context.rate_limited("read variable") as prefect:
        answer = await prefect.ask("GET", f"/variables/name/{name}")
    if answer.status != 200:
        raise DoorRefusal(404, "Nothing was published under this name yet.")
    value = answer.get("value")
    return {"name": name, "value": own_held(value, context.installation) if name == HELD else value}


def is_own(name: str, installation: Installation) -> bool:
    """Whether a variable is of a panel of the installation. A dash of the panel's name is an underscore in it."""
    apart = _APART.fullmatch(name)
    if apart is not None:
        return installation.has_panel(apart["of"].replace("_", "-"))
    found = _NAME.fullmatch(name)
    if found is None:
        return False
    part = _PART.fullmatch(found["of"]) if OF_A_PANEL[found["variable"]] else None
    panels = [found["of"], *([part["panel"]] if part else [])]
    return any(installation.has_panel(panel.replace("_", "-")) for panel in panels)
