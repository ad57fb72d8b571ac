"""Whatever is asked, in whatever order, the life of a service keeps to its table of moves."""

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from ledger import claims, decisions, journal, permits, releases, requests, services
from ledger.database import Ledger
from ledger.errors import LedgerError
from ledger.snapshots import Driver, Service
from ledger.states import MOVES, State
from ledger.tables import PermitRow, RequestRow
from tests.ledger.scenario import LedgerScenario, last_request

PROMISED = frozenset(State) - {State.NEW, State.RELEASED, State.HELD}
"""A service has a server in exactly these states, or when it was HELD in one of them."""

_numbers = itertools.count(1)
STATES = st.sampled_from(State)
ASKED = st.one_of(
    st.tuples(st.sampled_from(["ask", "take", "own", "drop", "hold_and_close", "note", "untouched"])),
    st.tuples(st.sampled_from(["permit", "use", "operation", "void", "unproven", "release", "on"])),
    st.tuples(st.sampled_from(["begin", "begin_and_come_back", "close_way_back", "bring_back"])),
    st.tuples(st.just("on")),
    st.tuples(st.just("on")),
    st.tuples(st.sampled_from(["advance", "close", "leave_hold"]), STATES),
)
NEXT = {
    State.CLAIMED: State.PREPARING,
    State.PREPARING: State.INSTALLING,
    State.INSTALLING: State.ACTIVE,
}


@dataclass
class Walker:
    """Asks one service for one thing after another, as its driver of the moment."""

    story: LedgerScenario
    service_id: int
    driver: Driver
    trail: list[str] = field(default_factory=list)

    async def ask(self, word: str, *arguments: State) -> None:
        self.trail.append(" ".join([word, *map(str, arguments)]))
        ledger, now, driver = self.story.ledger, self.story.now, self.driver
        service = await self.story.service(self.service_id)
        permit = await permits.current(ledger, self.service_id, service.generation)
        number = permit.id if permit else 0
        asked: dict[str, Callable[..., Awaitable[Any]]] = {
            "take": lambda: self.story.take(driver),
            "own": lambda: claims.record_owner(ledger, driver, now, 31),
            "drop": lambda: claims.drop(ledger, driver, now=now),
            "hold_and_close": lambda: requests.hold_and_close(ledger, driver, reason="odd", evidence="-", now=now),
            "note": lambda: journal.note(
                ledger, driver, generation=service.generation, step="install", before=None, now=now
            ),
            "untouched": lambda: claims.release_untouched(ledger, driver, now),
            "begin": lambda: self.story.begin(driver),
            "begin_and_come_back": lambda: self.story.begin(driver, may_come_back=True),
            "close_way_back": lambda: releases.close_way_back(ledger, driver, now),
            "bring_back": lambda: releases.bring_back(ledger, self.service_id, who="ann", why="-", now=now),
            "permit": lambda: self.story.permit(driver),
            "use": lambda: permits.use(ledger, driver, now, number),
            "operation": lambda: permits.record_operation(ledger, driver, now, number, 901),
            "void": lambda: permits.void(ledger, driver, now, number),
            "unproven": lambda: permits.unproven(ledger, driver, now, number),
            "release": lambda: claims.release(ledger, driver, permit_id=number, now=now),
            "on": lambda: self._on(service),
            "advance": lambda to: services.advance(ledger, driver, now, to),
            "close": lambda to: requests.close(ledger, driver, outcome="done", message=None, now=now, to=to),
            "leave_hold": lambda to: decisions.leave_hold(ledger, self.service_id, to=to, who="ann", why="-", now=now),
        }
        if word == "ask":
            self.driver = await self.story.ask(self.service_id, run=f"run-{len(self.trail)}", takeover=True)
        else:
            await asked[word](*arguments)

    async def is_over(self) -> bool:
        """Whether the driver's request was closed, by itself or by a person's decision."""
        request = await last_request(self.story.ledger, self.service_id)
        return request is None or request.closed_at is not None

    async def _on(self, service: Service) -> None:
        """What a lifecycle would do next, so that the walks get far."""
        ledger, driver = self.story.ledger, self.driver
        if service.state in (State.NEW, State.RELEASED):
            await self.story.take(driver)
        elif service.state is State.SUSPENDED:
            await self.story.begin(driver)
        elif service.state is State.RELEASING:
            await self.story.permit(driver)
        elif service.state is State.ERASING:
            await self.story.wiped(driver)
        elif service.state is State.HELD and service.held_from is not None:
            await decisions.leave_hold(
                ledger, self.service_id, to=service.held_from, who="ann", why="-", now=self.story.now
            )
        elif service.state is State.ACTIVE:
            self.driver = await self.story.suspend(driver)
        else:
            await services.advance(ledger, driver, self.story.now, NEXT[service.state])


@pytest.mark.parametrize("ledger_url", ["sqlite"], indirect=True)
@settings(
    max_examples=15,
    deadline=None,
    # Each walk takes a service of its own, so the ledger may well be the same.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(start=st.sampled_from(sorted(frozenset(State) - {State.HELD})), walk=st.lists(ASKED, min_size=8, max_size=20))
async def test_no_walk_leaves_the_table_of_moves(
    ledger: Ledger, story: LedgerScenario, start: State, walk: list[tuple[Any, ...]]
) -> None:
    service_id = next(_numbers)
    walker = Walker(story, service_id, await story.reach(start, service_id))
    for asked in walk:
        if await walker.is_over():
            await walker.ask("ask")  # the next run
        before = await story.service(service_id)
        refused = False
        try:
            await walker.ask(*asked)
        except LedgerError as error:
            refused = True
            assert "\n" not in str(error)
        after = await story.service(service_id)
        _keeps_to_the_moves(before, after, asked[0], refused)
        await _is_whole(ledger, after)


def _keeps_to_the_moves(before: Service, after: Service, word: str, refused: bool) -> None:
    if refused and word != "on":  # "on" may take several calls, of which a later one is refused
        assert after == before
    if after.state is before.state:
        return
    if word == "bring_back":
        assert (before.state, after.state) == (State.RELEASING, State.SUSPENDED)
        assert before.way_back is not None
        return
    assert after.state in MOVES[before.state]
    if before.state is State.HELD:
        assert word in ("leave_hold", "on")
        assert after.state is before.held_from or (
            after.state is State.RELEASING and before.held_from is not State.ERASING
        )
    assert after.epoch >= before.epoch


async def _is_whole(ledger: Ledger, service: Service) -> None:
    standing = service.held_from if service.state is State.HELD else service.state
    assert (service.claim is not None) == (standing in PROMISED)
    assert (service.held_reason is not None) == (service.state is State.HELD)
    async with ledger.reading() as session:
        open_ones = (
            await session.exec(
                select(RequestRow).where(
                    RequestRow.service_id == service.service_id, col(RequestRow.closed_at).is_(None)
                )
            )
        ).all()
        written = (
            await session.exec(
                select(PermitRow).where(
                    PermitRow.service_id == service.service_id, PermitRow.generation == service.generation
                )
            )
        ).all()
    assert [request.epoch for request in open_ones] in ([], [service.epoch])
    assert (standing is State.ERASING) <= bool(written)
    if written and standing is State.RELEASED:
        assert [permit.outcome for permit in written].count("proved") == 1
    assert all(permit.used_at for permit in written if permit.outcome in ("proved", "unproven"))
