"""What a reconciliation tells: tables beside the run, a line as its name, an event, and variables for WHMCS's pages."""

import json
from collections.abc import Collection
from datetime import datetime

from prefect import get_client
from prefect.artifacts import acreate_table_artifact
from prefect.context import FlowRunContext
from prefect.events import emit_event
from prefect.types import MAX_VARIABLE_VALUE_LENGTH
from prefect.variables import Variable
from pydantic import JsonValue

from ledger import services
from tasks.alerts import of_stop, sound
from tasks.clock import clock
from tasks.connections import ledger
from tasks.differences import Difference, Drift
from tasks.effects import ensures
from tasks.log import run_log
from tasks.reconciliation import Comparison
from tasks.repairs import Outcome, Repaired

COMPARED = "dciflow.reconciled"
"""The event of a panel that was compared; one that could not be is an alert (tasks/alerts.py)."""

SHOWN, SHOWN_HELD = 20, 40
"""What WHMCS's page shows at most; the tables beside the run have all."""

ROWS = 1000
"""More in one table helps nobody, and the whole has to go through Prefect's database."""

REMEDIES = {
    Drift.RUN_SILENT: "Look whether a worker lives; if one does and it stays silent, cancel the run.",
    Drift.REQUEST_TOO_LONG: "Look at the run: what does it wait for? Cancel it, or mend that.",
    Drift.HELD_TOO_LONG: "Decide: dciflow held list",
    Drift.NOT_IN_WHMCS: "Was it deleted in WHMCS? Then start terminate. Else look at the API credential.",
    Drift.TWO_SERVICES: "Find out whose server it is, and correct the other service in WHMCS.",
    Drift.SERVER_VANISHED: "Held by repair=safe. Search the panel for the server.",
    Drift.HARDWARE_CHANGED: "Held by repair=safe. Was a part replaced, or the server swapped?",
    Drift.OWNER_CHANGED: "Held by repair=safe. Set the owner right on the panel, then let the service go back.",
    Drift.ENDED_OWNS_SERVER: "If the deletion is meant, start terminate for the service: nothing else takes it back.",
    Drift.STANDS_MIDWAY: "Press Retry on its last run, or start activate or terminate.",
    Drift.NEVER_SEEN: "Adopt it, or look after its server by hand.",
    Drift.ACTIVE_WITHOUT_SERVER: "Start activate, or correct the status in WHMCS.",
    Drift.PORTS_OFF: "Switched on by repair=safe. Where the ledger says SUSPENDED: start unsuspend, if it is paid.",
    Drift.PORTS_ON: "Start suspend if it is not paid, or correct the status in WHMCS.",
    Drift.STATUS_DIFFERS: "Find out which is right; start suspend or unsuspend, or correct the status in WHMCS.",
    Drift.NOT_WRITTEN_BACK: "Written by repair=safe.",
    Drift.ADDRESSES_DIFFER: "Written by repair=safe, as the panel has them. If WHMCS is right: correct the panel.",
    Drift.UNCLAIMED_SERVER: "Adopt its service, or take the owner off on the panel.",
    Drift.DIRTY_FREE_SERVER: "Run diagnostics with the disks cleared on the panel before it is sold.",
}
"""What staff do about each class, as the table's description."""


@ensures("the report is shown", run_name="report on panel {comparison.panel}")
async def report_differences(comparison: Comparison, repaired: Collection[Repaired]) -> str:
    """Show a table for each class, tell the counts as an event and to WHMCS; returns the line that says it all."""
    line = summary(comparison, repaired)
    run_log().info("%s", line)
    if FlowRunContext.get() is None:
        return line
    panel, counts = comparison.panel, comparison.counts
    gone = {key.drift for key in comparison.known} - set(counts)  # or the last table would go on being shown
    for drift in [drift for drift in Drift if drift in counts or drift in gone]:
        await acreate_table_artifact(
            table(comparison, drift, repaired),
            key=f"reconcile-{panel}-{drift}",
            description=f"{drift}: {counts.get(drift, 0)}. {REMEDIES[drift]}",
        )
    done = _repaired(repaired)
    emit_event(
        COMPARED,
        resource={"prefect.resource.id": f"dciflow.panel.{panel}", "prefect.resource.name": panel},
        payload={"counts": dict(counts), "repaired": done, "run_id": comparison.flow_run_id},
    )
    shown: list[dict[str, JsonValue]] = [
        {
            "class": one.drift.value,
            "service_id": one.service_id,
            "server_id": one.server_id,
            "since": _iso(one.since),
            "what": one.what,
        }
        for one in still_open(comparison, repaired)[:SHOWN]
    ]
    await _set(
        f"dciflow_reconciliation_{panel.replace('-', '_')}",
        {
            "at": _iso(comparison.at),
            "run_id": comparison.flow_run_id,
            "counts": dict(counts),
            "repaired": done,
            "stopped": None,
        },
        "open",
        shown,
    )
    return line


@ensures("the stop is told", run_name="report that the reconciliation of panel {panel} stopped")
async def report_stop(panel: str, flow_run_id: str, why: str) -> None:
    """Tell as an event and to WHMCS that a panel could not be compared, and why; what was open is not known now."""
    run_log().error("panel %s was not compared: %s", panel, why)
    sound(of_stop(panel, why, flow_run_id))
    if FlowRunContext.get() is None:
        return
    facts: dict[str, JsonValue] = {"at": _iso(clock().now()), "run_id": flow_run_id, "counts": {}, "repaired": 0}
    await _set(f"dciflow_reconciliation_{panel.replace('-', '_')}", {**facts, "stopped": why[:1000]}, "open", [])


@ensures("WHMCS's page knows who is HELD", run_name="tell who is HELD")
async def report_held() -> None:
    """Keep the services that wait for a person, of all panels, in a variable that WHMCS's page reads."""
    held = await services.held(ledger())
    if FlowRunContext.get() is None:
        return
    shown: list[dict[str, JsonValue]] = [
        {
            "service_id": one.service_id,
            "panel": one.panel,
            "reason": one.held_reason,
            "since": _iso(one.held_at),
            # To the last digit: a decision names the hold that was looked at, and this list may be hours old.
            "held_at": None if one.held_at is None else one.held_at.isoformat(),
        }
        for one in held[:SHOWN_HELD]
    ]
    await _set("dciflow_held", {"at": _iso(clock().now()), "total": len(held)}, "services", shown)


def summary(comparison: Comparison, repaired: Collection[Repaired]) -> str:
    """One line: how many of what, and what became of the repairs."""
    counted = ", ".join(f"{count} {drift}" for drift, count in comparison.counts.items()) or "no difference"
    outcomes = [(outcome, sum(one.outcome is outcome for one in repaired)) for outcome in Outcome]
    ended = ", ".join(f"{count} {outcome}" for outcome, count in outcomes if count)
    return f"{comparison.panel}: {counted}{'; ' if ended else ''}{ended}"


def still_open(comparison: Comparison, repaired: Collection[Repaired]) -> list[Difference]:
    """What was found and not repaired."""
    done = {one.difference.key for one in repaired if one.outcome is Outcome.REPAIRED}
    return [difference for difference in comparison.differences if difference.key not in done]


def table(comparison: Comparison, drift: Drift, repaired: Collection[Repaired]) -> list[dict[str, JsonValue]]:
    """One class as rows; no row holds personal data, and no text from outside."""
    became = {one.difference.key: one.line for one in repaired}
    found = [one for one in comparison.differences if one.drift is drift]
    rows: list[dict[str, JsonValue]] = [
        {
            "service": one.service_id,
            "server": one.server_id,
            "client": one.client_id,
            "since": None if one.since is None else f"{one.since:%Y-%m-%d %H:%M} UTC",
            "what": one.what,
            "safe repair": one.repair.value,
            "done now": became.get(one.key, ""),
        }
        for one in found[:ROWS]
    ]
    return rows if len(found) <= ROWS else [*rows, {"what": f"and {len(found) - ROWS} more"}]


def fitting(facts: dict[str, JsonValue], name: str, shown: list[dict[str, JsonValue]]) -> dict[str, JsonValue]:
    """The facts with as many of the shown ones, in order, as a variable has room for."""
    while True:
        value: dict[str, JsonValue] = {**facts, name: list(shown)}
        if not shown or len(json.dumps(value)) <= MAX_VARIABLE_VALUE_LENGTH:
            return value
        shown = shown[:-1]


async def name_run(line: str) -> None:
    """Give the current run its summary as its name; outside of one, do nothing."""
    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None:
        async with get_client() as client:
            await client.update_flow_run(context.flow_run.id, name=f"reconcile {line}"[:200])


async def _set(variable: str, facts: dict[str, JsonValue], name: str, shown: list[dict[str, JsonValue]]) -> None:
    await Variable.aset(variable, fitting(facts, name, shown), overwrite=True)


def _repaired(repaired: Collection[Repaired]) -> int:
    return sum(one.outcome is Outcome.REPAIRED for one in repaired)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
