"""WHMCS's API: reached, over TLS, with a role that allows what is called and no more, and on time."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import cast
from urllib.parse import urlsplit

import httpx

from dciflow.doctor.findings import Answer, Finding, look, ok, wrong
from dciflow.doctor.prefect_server import is_loopback
from runtime import connections
from runtime.errors import StepRefused
from runtime.ledger_time import MOST_SKEW
from whmcs.api import WhmcsApi
from whmcs.errors import WhmcsError, WhmcsRefused, WhmcsUnreachable, WhmcsWrongCredentials
from whmcs.transport import API, ApiCall

NEEDED_READS: dict[ApiCall, dict[str, int]] = {
    "GetClientsProducts": {"limitnum": 1},
    "GetClientsDetails": {"clientid": 0},
}
"""What a run reads with. The role's other calls write, so nobody tries them here."""

NEVER_CALLED = ("GetInvoices", "GetOrders", "GetTickets", "GetAdminUsers", "GetTransactions")
"""Reads that a right role refuses. None of their answers is looked at."""

ROLE = "allow the calls of docs/install.md, step 6, in the credential's API role, and no others"
NOT_ALLOWED = "invalid permissions"


async def check_whmcs() -> Answer:
    """Look at WHMCS's API. Raises PrefectUnreachable."""
    try:
        api = await connections.whmcs_api()
    except StepRefused as refused:
        return [wrong(str(refused), "dciflow whmcs set --url ... --identifier ...")]
    found: list[Finding] = []
    access = api.transport.access
    parts = urlsplit(access.url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        found.append(wrong("its API's secret travels unencrypted", "dciflow whmcs set with https://"))
    elif not access.verify_tls:
        found.append(wrong("its certificate is not verified", "make its authority known here, then dciflow whmcs set"))
    for action, asked in NEEDED_READS.items():
        try:
            await api.transport.call(action, asked)
        except (WhmcsUnreachable, WhmcsWrongCredentials) as error:
            return [*found, wrong(str(error), "see the line")]
        except WhmcsRefused as refused:
            if NOT_ALLOWED in str(refused).lower():
                found.append(wrong(f"the role does not allow {action}", ROLE))
    too_many = [action for action in NEVER_CALLED if await _is_allowed(api, action)]
    if too_many:
        found.append(wrong(f"the role allows what dciflow never calls: {', '.join(too_many)}", ROLE))
    return found or [ok("it lets us in, and its role allows nothing beyond")]


async def _is_allowed(api: WhmcsApi, action: str) -> bool:
    try:
        await api.transport.call(cast(ApiCall, action), {"limitnum": 1})
    except WhmcsError:
        return False
    return True


async def check_whmcs_clock(now: datetime | None = None, transport: httpx.AsyncBaseTransport | None = None) -> Answer:
    """Whether WHMCS's clock and this machine's agree: by the date of an answer to a call without a credential."""
    try:
        access = (await connections.whmcs_api()).transport.access
    except StepRefused:  # `check_whmcs` says that there is none
        return []
    async with (
        httpx.AsyncClient(verify=access.verify_tls, timeout=10.0, transport=transport) as client,
        client.stream("POST", access.url + API, data={}) as answer,
    ):
        said = answer.headers.get("date", "")
    try:
        at = parsedate_to_datetime(said)
    except ValueError:
        return [look("it does not say what time it has", "see there that NTP is right")]
    apart = abs(at - (datetime.now(UTC) if now is None else now))
    if apart > MOST_SKEW:
        return [wrong(f"its clock and this machine's differ by {apart.total_seconds():.0f} s", "set NTP right on both")]
    return [ok("its clock agrees with this machine's")]
