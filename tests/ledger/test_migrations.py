"""What was in a ledger before a revision is still there after it."""

import asyncio
from datetime import UTC, datetime, timedelta

from alembic import command
from sqlalchemy import Connection, text
from sqlalchemy.pool import NullPool

from ledger import decisions, panel_users, promised_hardware, proofs, schema, services
from ledger.database import Ledger
from ledger.engine import make_engine, parse, sqlite_file
from ledger.hardware import Identity
from ledger.proofs import EVERY_ENTRY, Backing
from ledger.states import State

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


ROWS_OF_REVISION_4 = [
    "INSERT INTO service (service_id, panel, state, generation, epoch, created_at, updated_at) "
    "VALUES (1, 'main', 'ACTIVE', 1, 1, '2026-03-01 12:00:00.000000', '2026-03-01 12:00:00.000000'), "
    "(2, 'main', 'ACTIVE', 1, 1, '2026-03-01 12:00:00.000000', '2026-03-01 12:00:00.000000'), "
    "(3, 'second', 'NEW', 0, 1, '2026-03-01 12:00:00.000000', '2026-03-01 12:00:00.000000')",
    "INSERT INTO claim (panel, server_id, service_id, generation, macs, claimed_at) "
    "VALUES ('main', 101, 1, 1, '[]', '2026-03-01 12:00:00.000000'), "
    "('main', 102, 2, 1, '[]', '2026-03-01 12:00:00.000000')",
]


async def test_revision_5_lets_each_panel_that_has_sold_go_on(empty_url: str) -> None:
    await asyncio.to_thread(_fill, empty_url, "0004", ROWS_OF_REVISION_4)
    ledger = Ledger(empty_url)
    await ledger.upgrade()
    [kept] = await proofs.of_panel(ledger, "main")
    assert (kept.entry, kept.backing, kept.who) == (EVERY_ENTRY, Backing.SOLD_BEFORE, "dciflow")
    assert await proofs.of_panel(ledger, "second") == []
    await ledger.dispose()


ROWS_OF_REVISION_6 = [
    "INSERT INTO service (service_id, panel, client_id, state, generation, epoch, created_at, updated_at) VALUES "
    "(1, 'main', 7, 'ACTIVE', 1, 1, '2026-03-01 12:00:00.000000', '2026-03-01 12:00:00.000000'), "
    "(2, 'main', 8, 'ACTIVE', 1, 1, '2026-03-02 12:00:00.000000', '2026-03-02 12:00:00.000000'), "
    "(-1, 'main', 0, 'ACTIVE', 1, 1, '2026-03-02 12:00:00.000000', '2026-03-02 12:00:00.000000')",
    "INSERT INTO claim (panel, server_id, service_id, generation, owner_id, macs, claimed_at) VALUES "
    "('main', 102, 2, 1, 25, '[]', '2026-03-02 12:00:00.000000'), "
    "('main', 101, 1, 1, 25, '[]', '2026-03-01 12:00:00.000000'), "
    "('main', 103, -1, 1, 26, '[]', '2026-03-01 12:00:00.000000')",
]


async def test_revision_7_remembers_each_panel_user_with_the_client_who_had_the_first_server(empty_url: str) -> None:
    await asyncio.to_thread(_fill, empty_url, "0006", ROWS_OF_REVISION_6)
    ledger = Ledger(empty_url)
    await ledger.upgrade()
    assert await panel_users.of_panel(ledger, "main") == {25: 7}
    await ledger.dispose()


ROWS_OF_REVISION_8 = [
    "INSERT INTO service (service_id, panel, state, generation, epoch, created_at, updated_at) "
    "VALUES (1, 'main', 'ACTIVE', 1, 1, '2026-03-01 12:00:00.000000', '2026-03-01 12:00:00.000000'), "
    "(2, 'main-2', 'ACTIVE', 1, 1, '2026-03-01 12:00:00.000000', '2026-03-01 12:00:00.000000'), "
    "(3, 'main', 'RELEASED', 1, 1, '2026-03-01 12:00:00.000000', '2026-03-01 12:00:00.000000')",
    "INSERT INTO claim (panel, server_id, service_id, generation, serial, macs, claimed_at) "
    "VALUES ('main', 101, 1, 1, 'SN-1', '[\"00:16:3e:00:00:01\"]', '2026-03-01 12:00:00.000000'), "
    "('main-2', 201, 2, 1, 'sn-1', '[\"00:16:3e:00:00:02\"]', '2026-03-01 12:00:00.000000')",
    "INSERT INTO permit (id, panel, server_id, service_id, generation, attempt, serial, macs, written_at) "
    "VALUES (1, 'main', 103, 3, 1, 1, 'SN-3', '[]', '2026-03-01 12:00:00.000000')",
    "INSERT INTO forgotten_server (panel, server_id, service_id, at) "
    "VALUES ('main', 103, 3, '2026-03-01 12:00:00.000000')",
]


async def test_revision_9_knows_the_machines_of_claims_and_forgotten_servers_and_a_clash_does_not_stop_it(
    empty_url: str,
) -> None:
    await asyncio.to_thread(_fill, empty_url, "0006", ROWS_OF_REVISION_8)
    ledger = Ledger(empty_url)
    await ledger.upgrade()
    assert await promised_hardware.places(ledger) == {
        Identity("serial", "sn-1"): ("main", 101),
        Identity("mac", "00:16:3e:00:00:01"): ("main", 101),
        Identity("mac", "00:16:3e:00:00:02"): ("main-2", 201),
        Identity("serial", "sn-3"): ("main", 103),
    }
    await ledger.dispose()


ROWS_OF_REVISION_11 = [
    "INSERT INTO service (service_id, panel, state, generation, epoch, held_from, created_at, updated_at) VALUES "
    "(1, 'main', 'ACTIVE', 1, 1, NULL, '2026-03-01 12:00:00.000000', '2026-03-01 12:00:00.000000'), "
    "(2, 'main', 'SUSPENDED', 1, 1, NULL, '2026-03-01 12:00:00.000000', '2026-03-01 12:00:00.000000'), "
    "(3, 'main', 'INSTALLING', 1, 1, NULL, '2026-03-01 12:00:00.000000', '2026-03-01 12:00:00.000000'), "
    "(4, 'main', 'HELD', 1, 1, 'ACTIVE', '2026-03-01 12:00:00.000000', '2026-03-01 12:00:00.000000')",
    "INSERT INTO claim (panel, server_id, service_id, generation, macs, claimed_at) VALUES "
    "('main', 101, 1, 1, '[]', '2026-03-01 12:00:00.000000'), ('main', 102, 2, 1, '[]', '2026-03-02 12:00:00.000000'), "
    "('main', 103, 3, 1, '[]', '2026-03-03 12:00:00.000000'), ('main', 104, 4, 1, '[]', '2026-03-04 12:00:00.000000')",
    "INSERT INTO request (id, service_id, panel, action, flow_run_id, requested_by, epoch, opened_at, heartbeat_at, "
    "closed_at, outcome) VALUES "
    "('a', 1, 'main', 'activate', 'r', 'api', 1, '2026-03-01 12:00:00', '2026-03-01 12:00:00', '2026-03-01 13:00:00', "
    "'done'), "
    "('b', 1, 'main', 'suspend', 'r', 'api', 1, '2026-03-05 12:00:00', '2026-03-05 12:00:00', '2026-03-05 13:00:00', "
    "'done'), "
    "('c', 2, 'main', 'activate', 'r', 'api', 1, '2026-01-01 12:00:00', '2026-01-01 12:00:00', '2026-01-01 13:00:00', "
    "'done'), "
    "('d', 4, 'main', 'activate', 'r', 'api', 1, '2026-03-04 12:00:00', '2026-03-04 12:00:00', '2026-03-04 13:00:00', "
    "'failed')",
]


async def test_revision_14_knows_since_when_the_servers_that_there_are_have_been_used(empty_url: str) -> None:
    await asyncio.to_thread(_fill, empty_url, "0011", ROWS_OF_REVISION_11)
    ledger = Ledger(empty_url)
    await ledger.upgrade()
    began = {}
    for service_id in (1, 2, 3, 4):
        service = await services.get(ledger, service_id)
        assert service is not None
        assert service.claim is not None
        began[service_id] = service.claim.active_since
    # Of service 2 an earlier server's activation is known, of service 4 one that failed: they count from their claims.
    assert began == {
        1: datetime(2026, 3, 1, 13, tzinfo=UTC),
        2: datetime(2026, 3, 2, 12, tzinfo=UTC),
        3: None,
        4: datetime(2026, 3, 4, 12, tzinfo=UTC),
    }
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
