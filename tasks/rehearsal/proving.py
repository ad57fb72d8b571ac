"""Evidence: what the panel showed before and after a call, and the proof that is kept of it.

A call is proved when the panel shows the change that its entry is there for, and showed something else before. Which
words it said of it is kept with the proof: the proof ends when one of them gets another meaning.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace

from dcimanager.errors import PanelRefused, UnexpectedPanelResponse, WrongCredentials
from dcimanager.operations import Operation
from dcimanager.panel import Panel
from dcimanager.servers import Server
from dcimanager.transport import accepted_calls
from dcimanager.words import WordKind
from ledger import proofs
from ledger.proofs import Backing
from ledger.snapshots import Service
from runtime.driver import driving
from runtime.errors import InstallationFailed, StepRefused
from runtime.flow_run import run_id
from runtime.run_log import run_log
from tasks.identity import claim_of, own_server

Words = Mapping[str, Mapping[str, str]]
"""The panel's words that were seen and what they mean: kind -> word -> meaning."""

Judge = Callable[[Server, Server], "Evidence | None"]
"""Compares the server before and after; None: the panel shows no such change."""


@dataclass(frozen=True)
class Evidence:
    """What was seen before and after; no personal data."""

    before: str
    after: str
    words: tuple[tuple[WordKind, str], ...] = ()
    """The panel's own words in it."""


@dataclass
class Findings:
    """What one rehearsal could not prove, and why: entry -> line."""

    doubts: dict[str, str] = field(default_factory=dict)


async def prove(service: Service, findings: Findings, entry: str, seen: Evidence) -> None:
    """Keep the proof of a call in the ledger; a doubt about it is over. Raises LedgerError.

    Only a call that this run sent and the panel took: what an interrupted run sent may have been another call.
    """
    drive = driving(service)
    panel = await drive.panel()
    sent = (accepted_calls.get() or {}).get(entry)
    if sent != panel.dialect[entry].call:
        how = "not sent" if sent is None else "sent as another call than the table has now"
        doubt(findings, f"it was {how} by this run: rehearse again", entry)
        return
    server_id = None if service.claim is None else service.claim.server_id
    await proofs.record(
        drive.ledger,
        panel=panel.name,
        entry=entry,
        call=panel.dialect[entry].call,
        words=meanings(panel, seen.words),
        backing=Backing.PROVED,
        who="rehearsal",
        why=f"played on server {server_id}",
        flow_run_id=run_id(),
        server_id=server_id,
        before=seen.before,
        after=seen.after,
        now=drive.now(),
    )
    findings.doubts.pop(entry, None)
    run_log().info("[%s] is proved: before %s, after %s", entry, seen.before, seen.after)


def words_of(operation: Operation) -> tuple[tuple[WordKind, str], ...]:
    """The panel's words for how far an operation is and for what it does."""
    kind = () if operation.kind is None else ((WordKind.OPERATION_TYPE, operation.kind),)
    return ((WordKind.OPERATION, operation.status), *kind)


def meanings(panel: Panel, said: tuple[tuple[WordKind, str], ...]) -> dict[str, dict[str, str]]:
    """What the panel's table makes of these words; those that are not in it are left out."""
    found: dict[str, dict[str, str]] = {}
    for kind, word in said:
        meaning = panel.dialect.vocabulary.meaning(kind, word)
        if meaning is not None:
            found.setdefault(kind.value, {})[word.strip().lower()] = meaning
    return found


@asynccontextmanager
async def proving(
    service: Service, findings: Findings, entry: str, *, judge: Judge, words: WordKind | None = None
) -> AsyncIterator[None]:
    """Play what stands in the block and prove the entry by the server before and after it.

    `words`: the kind of words that the proof rests on.

    What the panel refuses is a finding, and the rehearsal goes on. Raises PanelUnreachable, WrongCredentials, Held.
    """
    with doubting(findings, entry):
        before, said = await own_server(service), await _words(service, words)
        yield
        seen = judge(before, await own_server(service))
        if seen is None:
            doubt(findings, "the panel showed no change by it", entry)
        else:
            said |= await _words(service, words)
            await prove(service, findings, entry, replace(seen, words=tuple(sorted(said))))


@contextmanager
def doubting(findings: Findings, entry: str) -> Iterator[None]:
    """Make what the panel refuses in the block a doubt about the entry, and go on after the block."""
    try:
        yield
    except WrongCredentials:
        raise
    except (StepRefused, InstallationFailed, PanelRefused, UnexpectedPanelResponse) as error:
        doubt(findings, str(error), entry)


async def _words(service: Service, kind: WordKind | None) -> set[tuple[WordKind, str]]:
    if kind is None:
        return set()
    panel = await driving(service).panel()
    return {(of, word) for of, word in await panel.servers.words_of(claim_of(service).server_id) if of is kind}


def doubt(findings: Findings, why: str, *entries: str) -> None:
    """Note why entries are not proved."""
    for entry in entries:
        findings.doubts[entry] = why
        run_log().warning("[%s] is not proved: %s", entry, why)
