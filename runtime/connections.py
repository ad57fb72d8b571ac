"""The ledger, the panels and WHMCS as steps use them: opened once for each event loop and shared by all runs."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar
from uuid import uuid4
from weakref import WeakKeyDictionary

from prefect import get_client
from prefect.deployments import arun_deployment
from prefect.events import emit_event
from prefect.exceptions import ObjectNotFound
from prefect.variables import Variable
from pydantic import JsonValue

from dcimanager.endpoints import load_dialect
from dcimanager.panel import Panel
from dcimanager.transport import PanelAccess
from ledger import panels
from ledger.database import Ledger
from ledger.errors import LedgerUnavailable, SecondName
from ledger.panel_name import NoPanelName, panel_name
from runtime.blocks import DcimanagerPanel, Whmcs
from runtime.clock import clock, seconds, sleep
from runtime.errors import PrefectUnreachable, StepRefused
from runtime.flow_run import asking_prefect, door_tags, run_link, run_name, run_tags
from runtime.run_log import log_panel_call, log_whmcs_call
from runtime.settings import settings
from runtime.slots import slot_lent
from whmcs.api import WhmcsApi
from whmcs.transport import WhmcsAccess

AccessT = TypeVar("AccessT", PanelAccess, WhmcsAccess)

WHMCS_BLOCK = "default"
"""dciflow serves one WHMCS; its block has one name."""

WHMCS = "WHMCS"
"""What it is called among what is in doubt; no panel has a name with capitals."""

READ_AGAIN_SECONDS = 5.0
"""How often a block is read again at most, in real seconds: a hundred runs that fail together ask Prefect once."""

UNSAVED = "whmcs-unsaved"
"""The panel block of a WHMCS server record whose connection is tested before it is saved: it sells nothing."""

RECOGNISED = timedelta(seconds=30)
"""A panel may be renamed while workers are up."""


class RunStarter(Protocol):
    """Starts a run of a deployment with these parameters, once for each idempotency key; returns the run's id.

    `at`: when it begins, by Prefect's clock; None: now.
    """

    def __call__(
        self, deployment: str, parameters: dict[str, JsonValue], key: str, *, at: datetime | None = None
    ) -> Awaitable[str]: ...


Emitter = Callable[[str, dict[str, str], dict[str, JsonValue]], None]
"""Emits a Prefect event (name, resource, payload) and does not wait until Prefect's server has it."""


async def _start_with_prefect(
    deployment: str, parameters: dict[str, JsonValue], key: str, *, at: datetime | None = None
) -> str:
    # Named from the start: whoever looks for a service's runs finds one that has not begun yet, too.
    name = run_name(deployment.partition("/")[0], parameters["service_id"])
    tags = door_tags() if at is None else [*door_tags(), *_tags_of(parameters)]  # who begins at once tags itself
    for tried in (key, f"{key}-{uuid4()}"):
        with asking_prefect():
            try:
                run = await arun_deployment(
                    deployment,
                    parameters=parameters,
                    flow_run_name=name,
                    tags=tags,
                    idempotency_key=tried,
                    scheduled_time=at,
                    timeout=0,
                    as_subflow=False,
                )
            except ObjectNotFound:
                raise StepRefused(f"Prefect has no deployment {deployment}. Register it: dciflow setup") from None
        # A ledger that was restored may name something as it was named before: that run is another one's.
        if run.name == name and all(run.parameters.get(what) == value for what, value in parameters.items()):
            return str(run.id)
    raise StepRefused(f"Prefect answers with another run than was asked for ({run_link(str(run.id))}). Press Retry.")


def _tags_of(parameters: Mapping[str, JsonValue]) -> list[str]:
    """The tags by which staff find a service's runs."""
    identity = parameters.get("identity")
    client_id = identity.get("client_id") if isinstance(identity, dict) else None
    return run_tags(parameters["service_id"], parameters["panel"], client_id)


def _emit_with_prefect(event: str, resource: dict[str, str], payload: dict[str, JsonValue]) -> None:
    emit_event(event, resource, payload=payload)


INCARNATION = "dciflow_incarnation"
"""The variable by which Prefect knows which ledger it belongs to, and how far that one had come."""


async def _read_incarnation() -> JsonValue:
    with asking_prefect():
        kept: JsonValue = await Variable.aget(INCARNATION)
    return kept


async def _write_incarnation(value: dict[str, JsonValue]) -> None:
    with asking_prefect():
        await Variable.aset(INCARNATION, value, overwrite=True)


async def stored_panels() -> list[str]:
    """The names of the panels that Prefect has credentials of, in order. Raises PrefectUnreachable."""
    with asking_prefect():
        async with get_client() as client:
            try:
                documents = await client.read_block_documents_by_type(DcimanagerPanel.get_block_type_slug())
            except ObjectNotFound:  # no panel was ever stored
                return []
    return sorted(document.name for document in documents if document.name and document.name != UNSAVED)


@dataclass
class Connections:
    """What one event loop has open. Tests and the benchmark put their own in with `use_connections`."""

    ledger: Ledger
    panels: dict[str, Panel] = field(default_factory=dict)
    recognised: dict[str, datetime] = field(default_factory=dict)
    """When the ledger last knew each panel by its name and no other."""
    whmcs: WhmcsApi | None = None
    start_run: RunStarter = _start_with_prefect
    emit: Emitter = _emit_with_prefect
    name_panels: Callable[[], Awaitable[list[str]]] = stored_panels
    read_incarnation: Callable[[], Awaitable[JsonValue]] = _read_incarnation
    write_incarnation: Callable[[dict[str, JsonValue]], Awaitable[None]] = _write_incarnation
    in_doubt: set[str] = field(default_factory=set)
    """What was opened from a block and then refused our credentials or did not answer: the block may be newer."""
    read_at: dict[str, float] = field(default_factory=dict)
    """When each block was read last, in seconds of this process."""

    async def aclose(self) -> None:
        """Log out everywhere and close the ledger."""
        for panel in self.panels.values():
            await panel.aclose()
        if self.whmcs is not None:
            await self.whmcs.aclose()
        await self.ledger.dispose()


# Connection pools belong to the loop that opened them, and Prefect runs some calls in a loop of its own.
_open: "WeakKeyDictionary[asyncio.AbstractEventLoop, Connections]" = WeakKeyDictionary()


def connections() -> Connections:
    """The connections of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _open:
        _open[loop] = Connections(ledger=Ledger(settings().ledger_url))
    return _open[loop]


def use_connections(opened: Connections) -> None:
    """Make these the connections of the running event loop."""
    _open[asyncio.get_running_loop()] = opened


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

    Once it refused them or did not answer, the block is read again; what differs there is used from then on.
    Raises StepRefused: there is no such block, it is no name of a panel, or a second name of one that is known.
    """
    here = connections()
    try:
        panel_name(name)
    except NoPanelName as no:
        raise StepRefused(str(no)) from None
    panel = await _opened_panel(here, name)
    await _recognise(here, panel)
    return panel


async def _opened_panel(here: Connections, name: str) -> Panel:
    known = here.panels.get(name)
    if known is not None and not _is_due(here, name):
        return known
    access = await _read_again(here, name, _access_of_panel(name), None if known is None else known.transport.access)
    if known is not None and access == known.transport.access:
        return known
    opened = Panel(
        access,
        load_dialect(settings().endpoints_file),
        on_call=log_panel_call,
        sleep=sleep,
        now=seconds,
        calls_at_once=settings().panel_calls,
    )
    opened.transport.on_doubt = lambda: here.in_doubt.add(name)
    opened.transport.while_waiting = slot_lent
    # Another run may have opened it while we waited for the block: one session per panel and process. The session
    # before it is not closed: runs that are under way go on with it to their end.
    now = here.panels.get(name)
    if now is not known and now is not None and now.transport.access == access:
        await opened.aclose()
        return now
    here.panels[name] = opened
    here.recognised.pop(name, None)
    return opened


async def _access_of_panel(name: str) -> PanelAccess:
    block = await _block(DcimanagerPanel, name, f"Add it: dciflow panel add {name} --url ... --username ...")
    return PanelAccess(
        name=name, url=block.url, username=block.username, password=block.password, verify_tls=block.verify_tls
    )


async def _read_again(here: Connections, what: str, read: Awaitable[AccessT], known: AccessT | None) -> AccessT:
    """Where its block says that it is reached; what is known already, where the block cannot be read now."""
    here.read_at[what] = time.monotonic()
    here.in_doubt.discard(what)
    try:
        return await read
    except (StepRefused, PrefectUnreachable):
        if known is None:
            raise
        return known


def _is_due(here: Connections, what: str) -> bool:
    """Whether its block has to be read again: it is in doubt, and was not read just now."""
    return what in here.in_doubt and time.monotonic() - here.read_at.get(what, -READ_AGAIN_SECONDS) >= (
        READ_AGAIN_SECONDS
    )


async def _recognise(here: Connections, panel: Panel) -> None:
    """Make sure that the panel has this name only. Raises StepRefused; LedgerError."""
    name, now = panel.name, clock().now()
    at = here.recognised.get(name)
    if name == UNSAVED or (at is not None and clock().elapsed(at) < RECOGNISED):
        return
    address = panels.address_of(panel.transport.access.url)
    try:
        if await panels.known(here.ledger, name) != address:
            try:
                await panels.recognise(here.ledger, name, address, now)
            except LedgerUnavailable:  # the commit's answer was lost: it may be kept, and may be written again
                await panels.recognise(here.ledger, name, address, now)
    except SecondName as second:
        raise StepRefused(str(second)) from None
    here.recognised[name] = now


def forget_panel(name: str) -> None:
    """Make the next run read the panel's block again, after its password was changed, for example.

    The session is not closed: runs that are under way share it and go on with it to their end.
    """
    connections().panels.pop(name, None)
    connections().recognised.pop(name, None)


async def whmcs_api() -> WhmcsApi:
    """WHMCS, with the credential of the block whmcs/default; read again as a panel's is.

    Raises StepRefused: there is no such block.
    """
    here = connections()
    known = here.whmcs
    if known is not None and not _is_due(here, WHMCS):
        return known
    access = await _read_again(here, WHMCS, _access_of_whmcs(), None if known is None else known.transport.access)
    if known is not None and access == known.transport.access:
        return known
    here.whmcs = opened = WhmcsApi(access, on_call=log_whmcs_call, now=seconds)
    opened.transport.on_doubt = lambda: here.in_doubt.add(WHMCS)
    opened.transport.while_waiting = slot_lent
    return opened


async def _access_of_whmcs() -> WhmcsAccess:
    block = await _block(Whmcs, WHMCS_BLOCK, "Add it: dciflow whmcs set --url ... --identifier ...")
    return WhmcsAccess(url=block.url, identifier=block.identifier, secret=block.secret, verify_tls=block.verify_tls)


async def _block(kind: type[Any], name: str, remedy: str) -> Any:
    try:
        with asking_prefect():
            return await kind.aload(name)
    except ValueError:  # what Prefect raises for a block that does not exist
        raise StepRefused(f"Prefect has no block {kind.get_block_type_slug()}/{name}. {remedy}") from None
