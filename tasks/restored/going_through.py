"""A person goes through the restoration of a side: first shown, then done; repeated after an interruption.

It needs no worker: while it goes on, and until both sides have a new incarnation, none takes a run.
"""

from asyncio import sleep
from collections.abc import Callable, Collection
from datetime import datetime
from uuid import uuid4

from pydantic import BaseModel, ConfigDict

from ledger import incarnation, overview, reconciliation, rehearsals, restored, server_notes, whmcs_numbers
from ledger.incarnation import Side
from ledger.reconciliation import Remembered
from ledger.snapshots import Request
from runtime.clock import clock
from runtime.connections import connections, ledger
from runtime.errors import StepRefused
from runtime.incarnation import begin_new, last_seen
from tasks.reconciliation.matching import join_sources
from tasks.reconciliation.sources import read_sources
from tasks.restored.findings import DECIDE, MIDWAY, Memory, RestoredFinding, of_case
from tasks.restored.runs import OpenRun, OpenRuns, is_of_before

ALL = 1.0
"""Any part of a list may be missing: what is not shown is put on HELD, and nothing is concluded of it."""

LET_GO_SECONDS = 25.0
"""In real time: until every worker that is up has looked (15 s) and has given back what it executed (10 s).

One that gives a run back later than that puts it into the queue once more, over its end.
"""


class Plan(BaseModel):
    """What is done when the side was restored."""

    model_config = ConfigDict(frozen=True)

    side: Side
    requests: list[Request]
    runs: list[OpenRun]
    findings: list[RestoredFinding]
    compared: list[str] = []
    """The panels that were compared; nothing runs on those that were left out."""

    def of(self, does: str) -> list[RestoredFinding]:
        """The findings about which that is done."""
        return [one for one in self.findings if one.does == does]


async def plan(side: Side, runs: OpenRuns, *, without: Collection[str] = ()) -> Plan:
    """Compare the three sides of every panel, and say what would be done; nothing is changed.

    `without`: panels that are left out, because they do not answer: nothing runs on them until they were compared.
    Raises StepRefused: there is no such panel. Raises StepRefused, PanelError, WhmcsError, LedgerError,
    PrefectUnreachable: a side cannot be read as a whole.
    """
    there = await _panels(without)
    findings: list[RestoredFinding] = []
    for panel in there:
        findings += [await _left_out(panel, side)] if panel in without else await _compare(panel, side)
    seen = await last_seen()
    return Plan(
        side=side,
        requests=await restored.open_ones(ledger()),
        runs=[run for run in await runs.not_over() if is_of_before(run, side, seen)],
        findings=findings,
        compared=[panel for panel in there if panel not in without],
    )


async def plan_left_out(side: Side, panel: str) -> Plan:
    """Compare a panel that was left out when the side was restored; nothing is changed.

    Nothing ran on it since, so no run and no request is of before. Raises what `plan` raises.
    """
    await _left_out_since(side, panel)
    return Plan(side=side, requests=[], runs=[], findings=await _compare(panel, side), compared=[panel])


async def take_in_left_out(side: Side, panel: str, *, who: str, say: Callable[[str], None]) -> Plan:
    """Do what the plan of a panel that was left out says, and let work on it go on; other panels' work goes on.

    May be called again whenever it was interrupted. Raises what `plan` raises.
    """
    since = await _left_out_since(side, panel)
    found = await plan_left_out(side, panel)
    await _hold_and_set_aside(found, restored.closed_by(side, since), who=who, say=say)
    await incarnation.take_in(ledger(), found.compared, side)
    say(f"Work on panel {panel} goes on.")
    return found


async def go_through(
    side: Side, runs: OpenRuns, *, who: str, say: Callable[[str], None], without: Collection[str] = ()
) -> Plan:
    """Do what the plan says, and let workers go on. Returns what was done, as it was found once nothing ran any more.

    May be called again whenever it was interrupted: until its end no worker takes a run. Raises what `plan` raises.
    """
    await _panels(without)
    begun = await incarnation.current(ledger())
    if begun is not None and begun.restoring not in (None, side):
        raise StepRefused(
            f"The restoration of the {begun.restoring} was begun and is not over. Finish it first: "
            f"dciflow restored {begun.restoring}"
        )
    begun = await incarnation.begin_restoring(ledger(), side, now=clock().now())
    assert begun.restoring_since is not None  # noqa: S101 - it was just written
    message = restored.closed_by(side, begun.restoring_since)
    await incarnation.leave_out(ledger(), without, side, who=who, now=begun.restoring_since)
    say("From here on no worker takes a run.")
    seen = await last_seen()
    if any(run.at_work for run in await runs.not_over()):
        say(f"Prefect shows runs at work: {LET_GO_SECONDS:.0f} s are waited, in which every worker gives its own back.")
        await sleep(LET_GO_SECONDS)
    say(f"{await _end(side, runs, seen, message)} run(s) of before are ended in Prefect.")
    closed = await restored.close_requests(ledger(), message=message, now=clock().now())
    await restored.raise_epochs(ledger(), now=clock().now())
    say(f"{closed} open request(s) are closed; whatever drove a service until now drives it no more.")
    found = await plan(side, runs, without=without)
    await _hold_and_set_aside(found, message, who=who, say=say)
    await incarnation.take_in(ledger(), found.compared, side)
    late = await _end(side, runs, seen, message)
    if late:
        say(f"{late} more run(s) of before were given back meanwhile, and are ended.")
    if side == "whmcs":
        await whmcs_numbers.begin_anew(ledger(), now=clock().now())
    await begin_new()
    say("Ledger and Prefect have a new incarnation: workers go on.")
    return found


async def _hold_and_set_aside(found: Plan, message: str, *, who: str, say: Callable[[str], None]) -> None:
    for one in found.of("hold"):
        if one.service_id is not None:
            evidence = f"{message} {one.what}"
            await restored.hold(ledger(), one.service_id, evidence=evidence, message=message, now=clock().now())
    for one in found.of("set-aside"):
        if one.server_id is not None:
            await server_notes.set_aside(
                ledger(), panel=one.panel, server_id=one.server_id, who=who, why=f"{message} {one.what}",
                now=clock().now(),
            )  # fmt: skip
    say(f"{len(found.of('hold'))} service(s) are HELD, {len(found.of('set-aside'))} server(s) are set aside.")


async def _panels(without: Collection[str]) -> list[str]:
    """Every panel, by name. Raises StepRefused: one that is to be left out is none."""
    there = {*await connections().name_panels(), *await restored.panels_in_use(ledger())}
    unknown = sorted(set(without) - there)
    if unknown:
        raise StepRefused(f"There is no panel {', '.join(unknown)} to leave out: {', '.join(sorted(there)) or 'none'}.")
    return sorted(there)


async def _left_out(panel: str, side: Side) -> RestoredFinding:
    services = len(await overview.services_in_use(ledger(), panel))
    what = f"it is left out: nothing is compared, and nothing runs on it; its {services} service(s) stay as they are"
    do = f"when it answers: dciflow restored {side} --only {panel}"
    return RestoredFinding(does="nothing", panel=panel, what=what, do=do)


async def _left_out_since(side: Side, panel: str) -> datetime:
    """When the restoration was begun of which the panel was left out. Raises StepRefused."""
    begun = await incarnation.current(ledger())
    if begun is not None and begun.restoring is not None:
        raise StepRefused(
            f"The restoration of the {begun.restoring} is not over. Finish it first: dciflow restored {begun.restoring}"
        )
    out = await incarnation.left_out(ledger(), side)
    if panel not in out:
        raise StepRefused(
            f"Panel {panel} was not left out when the {side} was restored: {', '.join(out) or 'none was'}."
        )
    return out[panel]


async def _end(side: Side, runs: OpenRuns, seen: datetime | None, message: str) -> int:
    """End the runs of before; returns how many there were."""
    ended = [run for run in await runs.not_over() if is_of_before(run, side, seen)]
    for run in ended:
        await runs.end(run, f"{message} Ask for it again if it is still wanted.")
    return len(ended)


async def _compare(panel: str, side: Side) -> list[RestoredFinding]:
    products = await reconciliation.products(ledger(), panel)
    nothing = Remembered(flow_run_id=str(uuid4()), counts={}, products=products, differences={})
    sources = await read_sources(panel, nothing, share=ALL)
    spares = await rehearsals.under_way(ledger(), panel)
    memory = Memory(
        wipes=await restored.proved_wipes(ledger(), panel),
        newest=await restored.newest_operation(ledger(), panel),
        aside=await server_notes.aside(ledger(), panel),
        spare={one.claim.server_id for one in spares if one.claim is not None},
    )
    now = clock().now()
    findings = [one for case in join_sources(sources) for one in of_case(case, panel, side, memory, now)]
    for one in spares:
        if one.state in MIDWAY:
            what, do = f"a rehearsal stands midway ({one.state})", DECIDE.format(service=one.service_id)
            server_id = None if one.claim is None else one.claim.server_id
            findings.append(
                RestoredFinding(
                    does="hold", panel=panel, service_id=one.service_id, server_id=server_id, what=what, do=do
                )
            )
    return findings
