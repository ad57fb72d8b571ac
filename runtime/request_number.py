"""The number that WHMCS's module gives each request: by it a restored WHMCS is known (ledger/whmcs_numbers.py)."""

import re

from ledger import whmcs_numbers
from ledger.errors import WhmcsOfBefore
from ledger.whmcs_numbers import NumberedRequest
from runtime.alerts import emit_alert, whmcs_restored_alert
from runtime.clock import clock
from runtime.connections import ledger
from runtime.flow_run import created_at, request_key
from runtime.run_log import run_log

NUMBERED_KEY = re.compile(r"(?P<source>.{1,120}):n(?P<number>[0-9]{1,15})\.(?P<token>[0-9a-f]{12,40})")
"""An idempotency key of the module's that has a number (contract.json, request_key). The door writes before it."""


def numbered_request(key: str) -> NumberedRequest | None:
    """What the key says of its request; None: it has no number."""
    found = NUMBERED_KEY.fullmatch(key)
    return None if found is None else NumberedRequest.model_validate(found.groupdict())


async def note_number() -> None:
    """Remember the number of the current run's request; say so, once, if WHMCS counts as restored from now on.

    A run that WHMCS's module did not ask for, or a module without numbers, changes nothing. Raises LedgerError.
    """
    numbered, created = numbered_request(request_key()), created_at()
    if numbered is None or created is None:
        return
    if await whmcs_numbers.note(ledger(), numbered, created=created, now=clock().now()):
        why = str(WhmcsOfBefore(numbered.number))
        run_log().error("%s", why)
        emit_alert(whmcs_restored_alert(why))
