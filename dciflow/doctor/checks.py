"""All checks, in the order in which their lines are printed."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from prefect.settings import PREFECT_API_URL, PREFECT_HOME

from dciflow.doctor import database, host, panels, prefect_server, units, whmcs_api
from dciflow.doctor.findings import Answer, Check, Finding, Verdict, look
from ledger import claims
from ledger.engine import parse, sqlite_file
from runtime.connections import ledger
from runtime.errors import PrefectUnreachable
from runtime.settings import settings

NO_API = look("PREFECT_API_URL is not set", "type this in the shell of docs/install.md, step 5")


async def all_checks(backups: Path | None) -> list[Check]:
    """What is to be looked at here. backups: the folder of the back-ups; None: nobody named it."""
    url = str(PREFECT_API_URL.value() or "")
    home = Path(PREFECT_HOME.value())
    on_this_host = [
        Check("packages", host.check_packages),
        Check("code", host.check_code),
        Check("bytecode", host.check_bytecode),
        Check("secrets", host.check_secrets),
        Check("units", units.check_units),
        Check("proxy", host.check_proxy),
    ]
    of_the_ledger = [
        Check("ledger", lambda: database.check_ledger(ledger())),
        Check("room", lambda: database.check_room(sqlite_file(parse(settings().ledger_url)), home)),
        Check("clock", lambda: database.check_clock(ledger())),
        Check("back-ups", lambda: database.check_backups(backups)),
        Check("caps", _check_caps),
    ]
    if not url:
        return [*on_this_host, *of_the_ledger, Check("Prefect", lambda: [NO_API])]
    of_prefect = [
        Check("Prefect", lambda: prefect_server.check_answer(url)),
        Check("Prefect's auth", lambda: prefect_server.check_auth(url)),
        Check("Prefect's port", lambda: prefect_server.check_listening(url)),
        Check("worker", prefect_server.check_pool),
        Check("deployments", prefect_server.check_deployments),
        Check("messages", prefect_server.check_messages),
    ]
    return [*on_this_host, *of_the_ledger, *of_prefect, *await _of_panels(), *_of_whmcs()]


async def _of_panels() -> list[Check]:
    try:
        return await panels.panel_checks()
    except PrefectUnreachable as error:
        unknown = look(f"could not be looked at: {error}", "start Prefect's server")
        return [Check("panels", lambda: [unknown])]


def _of_whmcs() -> list[Check]:
    return [Check("WHMCS", whmcs_api.check_whmcs), Check("WHMCS's clock", whmcs_api.check_whmcs_clock)]


async def _check_caps() -> Answer:
    await ledger().check()
    return database.check_settings(settings(), await claims.promised(ledger()))


async def examine(checks: Iterable[Check]) -> list[Finding]:
    """What all checks find, in their order. They are made side by side: one that waits keeps no other."""
    answers = await asyncio.gather(*(check.findings() for check in checks))
    return [finding for answer in answers for finding in answer]


def is_wrong(findings: Iterable[Finding]) -> bool:
    """Whether anything has to be put right."""
    return any(finding.verdict is Verdict.WRONG for finding in findings)
