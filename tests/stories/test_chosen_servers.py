"""Staff reserve a server, or choose one for an order: it is that one and no other, or one line says why not."""

from typing import Any

import pytest

from flows.activate import activate
from flows.terminate import terminate
from ledger import server_notes
from ledger.states import State
from ledger.tables import ServiceRow
from tasks import allocation
from tasks.published.catalogue import read_catalogue
from tests.harness import PANEL, Harness
from tests.stories.scenario import activated, one_line, only_fit, promised, written
from tests.tasks.published.test_catalogue import offered


async def reserve(harness: Harness, server_id: int, service_id: int | None = None) -> None:
    await server_notes.reserve(
        harness.ledger,
        panel=PANEL,
        server_id=server_id,
        service_id=service_id,
        who="anna",
        why="for Boris",
        now=harness.clock.now(),
    )


async def test_a_reserved_server_is_neither_sold_nor_stock(harness: Harness) -> None:
    only_fit(harness, 5)
    await reserve(harness, 5)
    assert offered(await read_catalogue(PANEL)).total == 0
    line = await one_line(harness.run(activate, harness.buy(), order=harness.order()))
    assert "1 reserved" in line
    assert written(harness) == []


async def test_a_server_that_is_reserved_for_a_service_is_its_first_and_nobody_elses(harness: Harness) -> None:
    first, second = harness.buy(), harness.buy()
    stock = offered(await read_catalogue(PANEL)).total
    await reserve(harness, 5, second)
    after = offered(await read_catalogue(PANEL)).total
    assert stock is not None and after == stock - 1
    only = {server.id for server in harness.panel.servers.values()} - {5}
    await harness.run(activate, first, order=harness.order())
    assert (await harness.server(first)).id in only
    await harness.run(activate, second, order=harness.order())
    assert (await harness.server(second)).id == 5
    assert await server_notes.listed(harness.ledger, PANEL) == []


async def test_a_reserve_for_another_service_is_counted_as_a_near_miss(harness: Harness) -> None:
    only_fit(harness, 5)
    await reserve(harness, 5, 9999)
    assert "1 reserved for another service" in await one_line(
        harness.run(activate, harness.buy(), order=harness.order())
    )


@pytest.mark.parametrize("where", ["identifying_hardware", "_lost"])
async def test_a_reserve_that_comes_while_a_server_is_claimed_is_seen_before_the_panel_is_changed(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    only_fit(harness, 5)
    go_on = getattr(allocation, where)

    async def reserved_first(*given: Any) -> Any:
        await reserve(harness, 5)
        return await go_on(*given)

    monkeypatch.setattr(allocation, where, reserved_first)
    assert "1 reserved" in await one_line(harness.run(activate, harness.buy(), order=harness.order()))
    assert written(harness) == []
    assert await promised(harness) == {}


async def test_the_chosen_server_is_taken_and_no_other(harness: Harness) -> None:
    for chosen in (3, 5, 1):
        _, server = await activated(harness, server_id=chosen)
        assert server.id == chosen


UNFIT: list[tuple[str, Any, str]] = [
    ("owner", lambda harness: harness.panel.admin.set_owner(5, "other@example.com"), "with an owner"),
    ("protected", lambda harness: harness.panel.admin.protect(5), "protected"),
    ("reserved", lambda harness: reserve(harness, 5), "reserved"),
    ("another's", lambda harness: reserve(harness, 5, 9999), "reserved for another service"),
    (
        "aside",
        lambda harness: server_notes.set_aside(
            harness.ledger, panel=PANEL, server_id=5, who="anna", why="fan", now=harness.clock.now()
        ),
        "set aside",
    ),
    ("promised", lambda harness: activated(harness, server_id=5), "promised to another service"),
]


@pytest.mark.parametrize(("make", "reason"), [row[1:] for row in UNFIT], ids=[row[0] for row in UNFIT])
async def test_a_chosen_server_that_is_unfit_is_named_with_the_reason_and_no_other_is_taken(
    harness: Harness, make: Any, reason: str
) -> None:
    made = make(harness)
    if hasattr(made, "__await__"):
        await made
    before, claims_before = written(harness), await promised(harness)
    service_id = harness.buy()
    line = await one_line(harness.run(activate, service_id, order=harness.order(server_id=5)))
    assert line.startswith(f"Server 5 of panel main was chosen for service {service_id} and cannot be its: it is one ")
    assert reason in line
    assert written(harness) == before
    assert await promised(harness) == claims_before
    assert (await harness.service(service_id)).claim is None


async def test_a_chosen_server_of_another_configuration_or_of_no_panel_is_refused(harness: Harness) -> None:
    other = next(one for one in harness.panel.servers.values() if one.configuration != harness.order().configuration)
    line = await one_line(harness.run(activate, harness.buy(), order=harness.order(server_id=other.id)))
    assert "of another configuration" in line
    line = await one_line(harness.run(activate, harness.buy(), order=harness.order(server_id=4711)))
    assert "the panel has no such server. Choose another one" in line
    line = await one_line(harness.run(activate, harness.buy(), order=harness.order(server_id=0)))
    assert "asks for server 0" in line
    assert written(harness) == []


async def test_a_server_that_is_reserved_for_the_service_may_be_chosen_for_it(harness: Harness) -> None:
    service_id = harness.buy()
    await reserve(harness, 5, service_id)
    await harness.run(activate, service_id, order=harness.order(server_id=5))
    assert (await harness.server(service_id)).id == 5


async def test_a_server_that_was_claimed_and_not_touched_goes_back_when_another_one_is_chosen(
    harness: Harness,
) -> None:
    service_id = harness.buy()
    only_fit(harness, 5)
    harness.faults.server_error(500, "user_list")
    await one_line(harness.run(activate, service_id, order=harness.order()))
    assert (await harness.service(service_id)).state is State.CLAIMED
    harness.faults.clear()
    harness.panel.admin.protect(3, on=False)
    await harness.run(activate, service_id, order=harness.order(server_id=3))
    assert await promised(harness) == {3: service_id}


async def test_another_server_cannot_be_chosen_once_one_is_made_ready(harness: Harness) -> None:
    service_id = harness.buy()
    harness.panel.fail_next("os_install", 5)
    await one_line(harness.run(activate, service_id, order=harness.order(server_id=5)))
    line = await one_line(harness.run(activate, service_id, order=harness.order(server_id=3)))
    assert "differs in server_id" in line
    await harness.run(activate, service_id, order=harness.order())
    assert (await harness.server(service_id)).id == 5


async def test_an_order_from_before_servers_were_chosen_runs_again(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    async with harness.ledger.transaction() as session:
        row = await session.get(ServiceRow, service_id)
        assert row is not None and row.order is not None
        row.order = {name: value for name, value in row.order.items() if name != "server_id"}
    await harness.run(terminate, service_id)
    await harness.run(activate, service_id)
    assert (await harness.service(service_id)).state is State.ACTIVE
