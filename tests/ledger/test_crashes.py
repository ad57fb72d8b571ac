"""A process that dies right before or right after a commit leaves a state and all that it implies, or neither."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ledger import claims, decisions, journal, permits, requests
from ledger.columns import LedgerRow
from ledger.database import Ledger
from ledger.snapshots import Driver
from ledger.states import State
from tests.ledger.scenario import LedgerScenario


class DiedError(Exception):
    """The process is gone, as far as the test is concerned."""


Work = Callable[[LedgerScenario, Driver], Awaitable[Any]]
Seen = tuple[State, bool, bool, str | None]
"""What must change together: the state, whether there is a claim, whether a request is open, the permit's outcome."""


async def _release(story: LedgerScenario, driver: Driver) -> None:
    permit = await permits.current(story.ledger, 1, 1)
    assert permit is not None
    await claims.release(story.ledger, driver, permit_id=permit.id, now=story.now)


async def _unproven(story: LedgerScenario, driver: Driver) -> None:
    permit = await permits.current(story.ledger, 1, 1)
    assert permit is not None
    await permits.unproven(story.ledger, driver, story.now, permit.id)


WORK: dict[str, tuple[State, Work, Seen]] = {
    "take": (State.NEW, lambda story, driver: story.take(driver), (State.CLAIMED, True, True, None)),
    "drop": (
        State.CLAIMED,
        lambda story, driver: claims.drop(story.ledger, driver, now=story.now),
        (State.NEW, False, True, None),
    ),
    "permit": (State.RELEASING, lambda story, driver: story.permit(driver), (State.ERASING, True, True, "open")),
    "release": (State.ERASING, _release, (State.RELEASED, False, True, "proved")),
    "unproven": (State.ERASING, _unproven, (State.HELD, True, True, "unproven")),
    "close": (
        State.INSTALLING,
        lambda story, driver: requests.close(
            story.ledger, driver, outcome="done", message=None, now=story.now, to=State.ACTIVE
        ),
        (State.ACTIVE, True, False, None),
    ),
    "hold and close": (
        State.ACTIVE,
        lambda story, driver: requests.hold_and_close(story.ledger, driver, reason="odd", evidence="-", now=story.now),
        (State.HELD, True, False, None),
    ),
}


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_crash_never_parts_a_state_from_what_it_implies(
    ledger: Ledger, story: LedgerScenario, work: str, when: str
) -> None:
    start, do, expected = WORK[work]
    driver = await story.reach(start)
    if work in ("release", "unproven"):
        permit = await story.permit(driver)
        await permits.use(ledger, driver, story.now, permit.id)
        await permits.record_operation(ledger, driver, story.now, permit.id, 901)
    rows, seen = await _rows(ledger), await _seen(story)
    await _die(ledger, when, lambda: do(story, driver))
    if when == "before":
        assert (await _rows(ledger), await _seen(story)) == (rows, seen)
        await do(story, driver)  # the second run finishes the work
    assert await _seen(story) == expected


async def test_an_intent_and_its_move_are_one(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.PREPARING)

    async def note() -> object:
        return await journal.note(
            ledger, driver, generation=1, step="install", before=None, now=story.now, advance_to=State.INSTALLING
        )

    rows = await _rows(ledger)
    await _die(ledger, "before", note)
    assert await _rows(ledger) == rows
    await _die(ledger, "after", note)
    assert (await story.service()).state is State.INSTALLING
    assert [entry.state for entry in await journal.entries(ledger, 1, 1)] == ["intended"]


async def test_a_persons_decision_and_its_move_are_one(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ACTIVE)
    await story.hold(driver)

    async def leave() -> object:
        return await decisions.leave_hold(ledger, 1, to=State.RELEASING, who="ann", why="-", now=story.now)

    rows = await _rows(ledger)
    await _die(ledger, "before", leave)
    assert await _rows(ledger) == rows
    await _die(ledger, "after", leave)
    decided = [row for row in await _rows(ledger) if row[0] == "decision"]
    assert len(decided) == 1
    assert (await story.service()).state is State.RELEASING


async def test_a_crash_after_using_a_permit_never_uses_it_again(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ERASING)
    permit = await story.permit(driver)
    await _die(ledger, "after", lambda: permits.use(ledger, driver, story.now, permit.id))
    driver = await story.ask(run="run-2", takeover=True)
    with pytest.raises(Exception, match="was used before"):
        await permits.use(ledger, driver, story.now, permit.id)


async def _die(ledger: Ledger, when: str, work: Callable[[], Awaitable[object]]) -> None:
    def die() -> None:
        raise DiedError

    hooks = ledger.before_commit if when == "before" else ledger.after_commit
    hooks.append(die)
    with pytest.raises(DiedError):
        await work()
    hooks.remove(die)


async def _seen(story: LedgerScenario) -> Seen:
    service = await story.service()
    permit = await permits.current(story.ledger, 1, 1)
    open_ones = await requests.open_requests(story.ledger)
    return service.state, service.claim is not None, bool(open_ones), permit and (permit.outcome or "open")


async def _rows(ledger: Ledger) -> list[tuple[object, ...]]:
    async with ledger.reading() as session:
        connection = await session.connection()
        return [
            (table.name, *row)
            for table in LedgerRow.metadata.sorted_tables
            for row in await connection.execute(table.select())
        ]
