"""What a panel may be called: its name stands in block names, addresses, keys and every guard of the ledger."""

import re
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from ledger.errors import LedgerError

PATTERN = "^[a-z0-9-]{1,40}$"
_NAME = re.compile(r"[a-z0-9-]{1,40}")


class NoPanelName(LedgerError, ValueError):
    """The text is no name of a panel."""


def panel_name(text: str) -> str:
    """The name as it is. Raises NoPanelName, one line: it is none, so two spellings of one name cannot exist."""
    if _NAME.fullmatch(text):
        return text
    raise NoPanelName(
        f"{ascii(text)[:60]} is no name of a panel: it has lower-case letters, digits and dashes only, at most 40. "
        "Nothing was touched."
    )


PanelName = Annotated[
    str,
    AfterValidator(panel_name),
    WithJsonSchema({"type": "string", "pattern": PATTERN}),
]
"""A flow's parameter: Prefect refuses another text before a run begins."""
