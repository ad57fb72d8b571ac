"""What was in a ledger before a revision is still there after it."""

import asyncio
from datetime import timedelta

from alembic import command
from sqlalchemy import Connection, text
from sqlalchemy.pool import NullPool

from ledger import Ledger, State, decisions, schema, services
from ledger.engine import make_engine, parse, sqlite_file

ROWS_OF_REVISION_2 = [
    "INSERT INTO service (service_id, panel, state, generation, epoch, held_reason, held_from, created_at, updated_at) "
    "VALUES (1, 'main', 'HELD', 0, 4, 'odd', 'NEW', '2026-03-01 12:00:00.000000', '2026-03-02 12:00:00.000000')",
    "INSERT INTO service (service_id, panel, state, generation, epoch, created_at, updated_at) "
    "VALUES (2, 'main', 'RELEASING', 1, 4, '2026-03-01 12:00:00.000000', '2026-03-02 12:00:00.000000')",
    "INSERT INTO hold_decision (id, service_id, held_reason, decision, who, why, at) "
    "VALUES (7, 1, 'odd', 'NEW', 'ann', 'fine', '2026-03-01 13:00:00.000000')",
]


async def test_revision_3_keeps_holds_decisions_and_what_is_being_taken_back(empty_url: str) -> None:
    await asyncio.to_thread(_fill, empty_url, "0002", ROWS_OF_REVISION_2)
    ledger = Ledger(empty_url)
    await ledger.upgrade()
    held, released = await services.get(ledger, 1), await services.get(ledger, 2)
    assert held is not None
    assert released is not None
    assert held.held_at == held.updated_at
    assert (released.releasing_since, released.way_back) == (released.updated_at, None)
    [kept] = await decisions.of_service(ledger, 1)
    assert (kept.choice, kept.held_reason, kept.state, kept.who, kept.why) == (
        "release", "odd", State.NEW, "ann", "fine",
    )  # fmt: skip
    await decisions.leave_hold(ledger, 1, to=State.NEW, who="bob", why="again", now=kept.at + timedelta(days=2))
    assert [one.who for one in await decisions.of_service(ledger, 1)] == ["ann", "bob"]
    await ledger.dispose()


def _fill(url: str, revision: str, statements: list[str]) -> None:
    """Make the tables of an older revision and put rows into them."""

    def fill(connection: Connection) -> None:
        config = schema._config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        for statement in statements:
            connection.execute(text(statement))

    async def run() -> None:
        engine = make_engine(parse(url), poolclass=NullPool)
        file = sqlite_file(parse(url))
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        async with engine.begin() as connection:
            await connection.run_sync(fill)
        await engine.dispose()

    asyncio.run(run())
