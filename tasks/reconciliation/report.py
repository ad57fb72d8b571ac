"""What a reconciliation tells: tables beside the run, a line as its name, an event, and variables for WHMCS's pages."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from prefect import get_client
from prefect.artifacts import acreate_table_artifact
from prefect.context import FlowRunContext
from prefect.events import emit_event
from pydantic import JsonValue

from ledger import requests, services
from ledger.snapshots import Request, Service
from ledger.through_whmcs import may_decide
from runtime.alerts import emit_alert, stopped_alert
from runtime.clock import clock
from runtime.connections import ledger
from runtime.flow_run import asking_prefect
from runtime.plain_text import one_line
from runtime.run_log import run_log
from runtime.steps import ensures
from tasks.published.variables import HELD, RECONCILIATION, NamedValue, publish, shortened, variable_of
from tasks.reconciliation.comparison import Comparison
from tasks.reconciliation.differences import Difference, Drift
from tasks.reconciliation.repairs import Repaired, RepairOutcome
from tasks.service_summary import ways_out

COMPARED = "dciflow.reconciled"
"""The event of a panel that was compared; one that could not be is an alert (runtime/alerts.py)."""

SHOWN, SHOWN_HELD = 20, 40
"""What WHMCS's page shows at most; the tables beside the run have all."""

ROWS = 1000
"""More in one table helps nobody, and the whole has to go through Prefect's database."""

REMEDIES = {
    Drift.RUN_SILENT: "Look whether a worker lives; if one does and it stays silent, cancel the run.",
    Drift.REQUEST_TOO_LONG: "Look at the run: what does it wait for? Cancel it, or mend that.",
    Drift.HELD_TOO_LONG: "Decide: dciflow held list",
    Drift.NOT_IN_WHMCS: "Was it deleted in WHMCS? Then start terminate. Else look at the API credential.",
    Drift.CLIENT_CHANGED: "Held by repair=safe. If it was moved: dciflow held hand-over. Else put it right in WHMCS.",
    Drift.TWO_SERVICES: "Find out whose server it is, and correct the other service in WHMCS.",
    Drift.ODD_ROW: "Look at that row on the panel, or in WHMCS. Until it can be read nothing is done about it.",
    Drift.SERVER_VANISHED: "Held by repair=safe. Search the panel for the server.",
    Drift.HARDWARE_CHANGED: "Held by repair=safe. Was a part replaced, or the server swapped?",
    Drift.OWNER_CHANGED: "Held by repair=safe. Set the owner right on the panel, then let the service go back.",
    Drift.ENDED_OWNS_SERVER: "If the deletion is meant, start terminate for the service: nothing else takes it back.",
    Drift.STANDS_MIDWAY: "Press Retry on its last run, or start activate or terminate.",
    Drift.LEFTOVER_STAYS: "Start terminate for the leftover's number once its client has moved.",
    Drift.NEVER_SEEN: "Adopt it, or look after its server by hand.",
    Drift.ACTIVE_WITHOUT_SERVER: "Start activate, or correct the status in WHMCS.",
    Drift.PORTS_OFF: "Switched on by repair=safe. Where the ledger says SUSPENDED: start unsuspend, if it is paid.",
    Drift.SHARED_PORT: "Nothing is switched at such a port. Correct the switch connections of both on the panel.",
    Drift.PORTS_ON: "Start suspend if it is not paid, or correct the status in WHMCS.",
    Drift.POWER_ON: "Press Suspend once more if it should be off. Its client is off the network in any case.",
    Drift.STATUS_DIFFERS: "Find out which is right; start suspend or unsuspend, or correct the status in WHMCS.",
    Drift.NOT_WRITTEN_BACK: "Written by repair=safe.",
    Drift.ADDRESSES_DIFFER: "Written by repair=safe, as the panel has them, if one is the same. Else look whose it is.",
    Drift.RESCUE_FORGOTTEN: "Ask its client, then press Leave rescue on the page of the service: it boots its own OS.",
    Drift.UNCLAIMED_SERVER: "Adopt its service, or take the owner off on the panel.",
    Drift.DIRTY_FREE_SERVER: "Run diagnostics with the disks cleared on the panel before it is sold.",
    Drift.SET_ASIDE: "Look at the server, then: dciflow server allow PANEL N --why ...",
    Drift.REHEARSAL_UNFINISHED: "Start it again, it goes on: dciflow panel rehearse PANEL --server N",
    Drift.DIALECT_UNPROVED: "Prove the calls: dciflow panel rehearse PANEL --server N; or: dciflow panel trust PANEL.",
}
"""What staff do about each class, as the table's description."""


@ensures("the report is shown", run_name="report on panel {comparison.panel}")
async def report_differences(comparison: Comparison, repaired: Collection[Repaired]) -> str:
    """Show a table for each class of drift, emit the counts as an event, publish them for WHMCS; returns the summary.

    Raises PrefectUnreachable.
    """
    line = summary(comparison, repaired)
    run_log().info("%s", line)
    if FlowRunContext.get() is None:
        return line
    panel, counts = comparison.panel, comparison.counts
    gone = {key.drift for key in comparison.known} - set(counts)  # or the last table would go on being shown
    for drift in [drift for drift in Drift if drift in counts or drift in gone]:
        with asking_prefect():
            await acreate_table_artifact(
                table(comparison, drift, repaired),
                key=f"reconcile-{panel}-{drift}",
                description=f"{drift}: {counts.get(drift, 0)}. {REMEDIES[drift]}",
            )
    emit_event(
        COMPARED,
        resource={"prefect.resource.id": f"dciflow.panel.{panel}", "prefect.resource.name": panel},
        payload={"counts": dict(counts), "repaired": _repaired(repaired), "run_id": comparison.flow_run_id},
    )
    await publish(*compared(comparison, repaired))
    return line


@ensures("the stop is told", run_name="report that the reconciliation of panel {panel} stopped")
async def report_stop(panel: str, flow_run_id: str, why: str) -> None:
    """Emit an alert and publish for WHMCS that a panel could not be compared, and why.

    What was open before is not known now, so no row is published. Raises PrefectUnreachable.
    """
    run_log().error("panel %s was not compared: %s", panel, why)
    emit_alert(stopped_alert(panel, why, flow_run_id))
    if FlowRunContext.get() is None:
        return
    facts: dict[str, JsonValue] = {"at": _iso(clock().now()), "run_id": flow_run_id, "counts": {}, "repaired": 0}
    await publish(variable_of(panel, RECONCILIATION), {**facts, "stopped": one_line(why), "open": []})


@ensures("WHMCS's page knows who is HELD", run_name="tell who is HELD")
async def report_held() -> None:
    """Publish the HELD services of all panels for WHMCS's page, which knows no rehearsals.

    Raises PrefectUnreachable, LedgerError.
    """
    held = [service for service in await services.held(ledger()) if service.is_known_to_whmcs]
    if FlowRunContext.get() is not None:
        stopped = {one.service_id: await requests.last_held(ledger(), one.service_id) for one in held[:SHOWN_HELD]}
        await publish(*waiting(held, clock().now(), stopped))


def compared(comparison: Comparison, repaired: Collection[Repaired]) -> NamedValue:
    """The variable that tells WHMCS's page of a comparison."""
    shown: list[dict[str, JsonValue]] = [
        {
            "class": one.drift.value,
            "service_id": one.service_id,
            "server_id": one.server_id,
            "since": _iso(one.since),
            "what": one_line(one.what),
        }
        for one in still_open(comparison, repaired)[:SHOWN]
    ]
    facts: dict[str, JsonValue] = {
        "at": _iso(comparison.at),
        "run_id": comparison.flow_run_id,
        "counts": dict(comparison.counts),
        "repaired": _repaired(repaired),
        "stopped": None,
    }
    return variable_of(comparison.panel, RECONCILIATION), shortened(facts, "open", shown)


def waiting(held: Sequence[Service], now: datetime, stopped: Mapping[int, Request | None]) -> NamedValue:
    """The variable that tells WHMCS's page who is HELD, what it may decide, and what is decided elsewhere.

    `stopped`: the request that put each service on HELD.
    """
    shown: list[dict[str, JsonValue]] = [
        {
            "service_id": one.service_id,
            "panel": one.panel,
            "reason": one.held_reason,
            "since": _iso(one.held_at),
            # To the last digit: a decision names the hold that was looked at, and this list may be hours old.
            "held_at": None if one.held_at is None else one.held_at.isoformat(),
            "decisions": list(may_decide(one, stopped.get(one.service_id))),
            "ways": list(ways_out(one)),
        }
        for one in held[:SHOWN_HELD]
    ]
    return HELD, shortened({"at": _iso(now), "total": len(held)}, "services", shown)


def summary(comparison: Comparison, repaired: Collection[Repaired]) -> str:
    """One line: how many of what, and what became of the repairs."""
    counted = ", ".join(f"{count} {drift}" for drift, count in comparison.counts.items()) or "no difference"
    outcomes = [(outcome, sum(one.outcome is outcome for one in repaired)) for outcome in RepairOutcome]
    ended = ", ".join(f"{count} {outcome}" for outcome, count in outcomes if count)
    return f"{comparison.panel}: {counted}{'; ' if ended else ''}{ended}"


def still_open(comparison: Comparison, repaired: Collection[Repaired]) -> list[Difference]:
    """What was found and not repaired."""
    done = {one.difference.key for one in repaired if one.outcome is RepairOutcome.REPAIRED}
    return [difference for difference in comparison.differences if difference.key not in done]


def table(comparison: Comparison, drift: Drift, repaired: Collection[Repaired]) -> list[dict[str, JsonValue]]:
    """One class as rows; no row holds personal data, and text from outside is one line."""
    became = {one.difference.key: one.line for one in repaired}
    found = [one for one in comparison.differences if one.drift is drift]
    rows: list[dict[str, JsonValue]] = [
        {
            "service": one.service_id,
            "server": one.server_id,
            "client": one.client_id,
            "since": None if one.since is None else f"{one.since:%Y-%m-%d %H:%M} UTC",
            "what": one_line(one.what),
            "safe repair": one.repair.value,
            "done now": one_line(became.get(one.key, "")),
        }
        for one in found[:ROWS]
    ]
    return rows if len(found) <= ROWS else [*rows, {"what": f"and {len(found) - ROWS} more"}]


@ensures("the run's name says what was found", run_name="name the run after what was found")
async def name_run(line: str) -> None:
    """Give the current run its summary as its name; outside of one, do nothing. Raises PrefectUnreachable."""
    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None:
        with asking_prefect():
            async with get_client() as client:
                await client.update_flow_run(context.flow_run.id, name=f"reconcile {line}"[:200])


def _repaired(repaired: Collection[Repaired]) -> int:
    return sum(one.outcome is RepairOutcome.REPAIRED for one in repaired)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
