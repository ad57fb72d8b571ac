"""The three things that steps talk to (ledger, panels, WHMCS): opened once for each event loop, shared by all runs."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from prefect import get_client
from prefect.deployments import arun_deployment
from prefect.events import emit_event
from prefect.exceptions import ObjectNotFound
from pydantic import JsonValue

from dcimanager.endpoints import load_dialect
from dcimanager.panel import Panel
from dcimanager.transport import Access as PanelAccess
from ledger.database import Ledger
from tasks.blocks import DcimanagerPanel, Whmcs
from tasks.clock import seconds, sleep
from tasks.log import log_billing_call, log_panel_call
from tasks.outcomes import Refusal
from tasks.run import asking_prefect, run_name
from tasks.settings import settings
from whmcs.billing import Billing
from whmcs.transport import Access as BillingAccess

BILLING_BLOCK = "default"
"""dciflow serves one WHMCS; its block has one name."""

UNSAVED = "whmcs-unsaved"
"""The panel block of a WHMCS server record whose connection is tested before it is saved: it sells nothing."""

RunStarter = Callable[[str, dict[str, JsonValue], str], Awaitable[str]]
"""Starts a run of a deployment with these parameters once for this key; returns the run's id."""

Emitter = Callable[[str, dict[str, str], dict[str, JsonValue]], None]
"""Emits an event by its name, about a resource, with a payload, and does not wait until it is there."""


async def _start_with_prefect(deployment: str, parameters: dict[str, JsonValue], key: str) -> str:
    # Named from the start: whoever looks for a service's runs finds one that has not begun yet, too.
    name = run_name(deployment.partition("/")[0], parameters["service_id"])
    with asking_prefect():
        try:
            run = await arun_deployment(
                deployment,
                parameters=parameters,
                flow_run_name=name,
                idempotency_key=key,
                timeout=0,
                as_subflow=False,
            )
        except ObjectNotFound:
            raise Refusal(f"Prefect has no deployment {deployment}. Register it: dciflow setup") from None
    return str(run.id)


def _emit_with_prefect(event: str, resource: dict[str, str], payload: dict[str, JsonValue]) -> None:
    emit_event(event, resource, payload=payload)


async def _stored_panels() -> list[str]:
    with asking_prefect():
        async with get_client() as client:
            try:
                documents = await client.read_block_documents_by_type(DcimanagerPanel.get_block_type_slug())
            except ObjectNotFound:  # no panel was ever stored
                return []
    return sorted(document.name for document in documents if document.name and document.name != UNSAVED)


@dataclass
class Connections:
    """What one event loop has open. Tests and other hosts put their own things in."""

    ledger: Ledger
    panels: dict[str, Panel] = field(default_factory=dict)
    billing: Billing | None = None
    start_run: RunStarter = _start_with_prefect
    emit: Emitter = _emit_with_prefect
    name_panels: Callable[[], Awaitable[list[str]]] = _stored_panels

    async def aclose(self) -> None:
        """Log out everywhere and close the ledger."""
        for panel in self.panels.values():
            await panel.aclose()
        if self.billing is not None:
            await self.billing.aclose()
        await self.ledger.dispose()


# Connection pools belong to the loop that opened them, and Prefect runs some calls in a loop of its own.
_open: "WeakKeyDictionary[asyncio.AbstractEventLoop, Connections]" = WeakKeyDictionary()


def connections() -> Connections:
    """The connections of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _open:
        _open[loop] = Connections(ledger=Ledger(settings().ledger_url))
    return _open[loop]


def use(mine: Connections) -> None:
    """Put connections in place for the running event loop."""
    _open[asyncio.get_running_loop()] = mine


async def close_connections() -> None:
    """Close what the running event loop has open, if anything."""
    here = _open.pop(asyncio.get_running_loop(), None)
    if here is not None:
        await here.aclose()


def ledger() -> Ledger:
    """The ledger."""
    return connections().ledger


async def panel_named(name: str) -> Panel:
    """The panel whose credentials are in the block dcimanager-panel/<name>; one session for all runs of this process.

    Raises Refusal: there is no such block.
    """
    here = connections()
    if name not in here.panels:
        block = await _block(DcimanagerPanel, name, f"Add it: dciflow panel add {name} --url ... --username ...")
        access = PanelAccess(
            name=name, url=block.url, username=block.username, password=block.password, verify_tls=block.verify_tls
        )
        opened = Panel(
            access,
            load_dialect(settings().endpoints_file),
            on_call=log_panel_call,
            sleep=sleep,
            now=seconds,
            calls_at_once=settings().panel_calls,
        )
        # Another run may have opened it while we waited for the block: one session per panel and process.
        if here.panels.setdefault(name, opened) is not opened:
            await opened.aclose()
    return here.panels[name]


def forget_panel(name: str) -> None:
    """Let the next run read the panel's block afresh (the password was changed, say).

    The session is not closed: runs that are under way share it and go on with it to their end.
    """
    connections().panels.pop(name, None)


async def billing() -> Billing:
    """WHMCS, with the credential of the block whmcs/default.

    Raises Refusal: there is no such block.
    """
    here = connections()
    if here.billing is None:
        block = await _block(Whmcs, BILLING_BLOCK, "Add it: dciflow whmcs set --url ... --identifier ...")
        access = BillingAccess(
            url=block.url, identifier=block.identifier, secret=block.secret, verify_tls=block.verify_tls
        )
        here.billing = Billing(access, on_call=log_billing_call)
    return here.billing


async def _block(kind: type[Any], name: str, remedy: str) -> Any:
    try:
        with asking_prefect():
            return await kind.aload(name)
    except ValueError:  # what Prefect raises for a block that does not exist
        raise Refusal(f"Prefect has no block {kind.get_block_type_slug()}/{name}. {remedy}") from None
