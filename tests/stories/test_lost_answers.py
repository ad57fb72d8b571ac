from typing import Any

import pytest

from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger.states import State
from tests.harness import Harness
from tests.stories.scenario import is_held, let_go_on, one_line, only_fit, promised, sent, take_panel_down

STALE_AND_CUT_OFF = 6
"""A server with an old address, its ports down and its power off: its activation makes every write there is."""

Act = tuple[str, Any]
PREPARED: list[Act] = [("activate", activate), ("suspend", suspend), ("unsuspend", unsuspend), ("terminate", terminate)]
WRITES = [
    ("activate", "user_create"),
    ("activate", "owner_set"),
    ("activate", "port_on"),
    ("activate", "power_on"),
    ("activate", "operation_end"),
    ("activate", "address_remove"),
    ("activate", "address_add"),
    ("activate", "os_install"),
    ("suspend", "port_off"),
    ("unsuspend", "port_on"),
    ("terminate", "address_remove"),
    ("terminate", "owner_clear"),
    ("terminate", "diagnostics"),
]


async def live(harness: Harness, service_id: int, act: Act, **more: Any) -> int:
    """Run a lifecycle until it goes through, each time as a new worker; how many runs it took."""
    for runs in range(1, 4):
        try:
            await harness.run(act[1], service_id, **more)
        except Exception as error:
            assert "\n" not in str(error)
            harness.connect()
        else:
            return runs
    raise AssertionError(f"{act[0]} did not get through in three runs")


def effects(harness: Harness, endpoint: str) -> int:
    """How many calls of the endpoint had their effect."""
    return sum(call.status is not None and call.status < 300 for call in sent(harness, endpoint))


@pytest.mark.parametrize("effect", [True, False], ids=["after its effect", "before its effect"])
@pytest.mark.parametrize(("action", "endpoint"), WRITES, ids=lambda word: word)
async def test_a_write_whose_answer_is_lost_happens_once(
    harness: Harness, action: str, endpoint: str, effect: bool
) -> None:
    server = only_fit(harness, STALE_AND_CUT_OFF)
    if endpoint == "operation_end":
        harness.faults.admin_acts_after("power_on", 1, lambda: harness.panel.admin.start_operation(server.id))
    service_id = harness.buy()
    more: dict[str, Any] = {"order": harness.order(ipv4_count=2)}
    for act in PREPARED:
        if act[0] == action:
            break
        await harness.run(act[1], service_id, **more)
        more = {}
    if action == "terminate":
        harness.panel.write_tenant_data(server.id, "the client's photographs")
    (harness.faults.lose_answer if effect else harness.faults.refuse_before)(endpoint)
    before = len(harness.panel.writes())

    assert await live(harness, service_id, act, **more) <= 2

    assert endpoint in [call.endpoint for call in harness.panel.writes()[before:]]
    assert harness.panel.incidents == []
    if action == "terminate":
        assert server.disk.is_clear
        assert await promised(harness) == {}
        assert sum(operation.clear_disks for operation in server.operations) == 1
        return
    assert harness.panel.owner_of(server.id) == harness.client.email
    assert len(harness.panel.world.users) == 2
    assert len(server.addresses) == 2
    assert [operation.type for operation in server.operations].count("os_install") == 1
    assert all(port.admin_up is (action != "suspend") for port in server.network_ports)


@pytest.mark.parametrize(
    ("endpoint", "held_from"),
    [
        ("user_create", State.CLAIMED),
        ("address_add", State.PREPARING),
        ("os_install", State.INSTALLING),
    ],
)
async def test_a_create_whose_answer_is_lost_on_a_panel_that_then_goes_down_needs_a_person(
    harness: Harness, endpoint: str, held_from: State
) -> None:
    server = only_fit(harness, 5)
    harness.faults.admin_acts_after(endpoint, 1, lambda: take_panel_down(harness))
    harness.faults.lose_answer(endpoint)
    service_id = harness.buy()
    line = await one_line(harness.run(activate, service_id, order=harness.order(ipv4_count=2)))
    assert "HELD (answer-lost)" in line
    held = await is_held(harness, service_id, "answer-lost")
    assert held.held_from is held_from

    harness.faults.clear()
    await let_go_on(harness, service_id, held_from)
    await harness.run(activate, service_id)
    assert len(sent(harness, endpoint)) == 1
    assert len(harness.panel.world.users) == 2
    assert len(server.addresses) == 2
    assert harness.panel.incidents == []


async def test_a_wipe_whose_answer_is_lost_on_a_panel_that_then_goes_down_needs_a_person(harness: Harness) -> None:
    server = only_fit(harness, 5)
    service_id = harness.buy()
    await harness.run(activate, service_id, order=harness.order())
    harness.faults.admin_acts_after("diagnostics", 1, lambda: take_panel_down(harness))
    harness.faults.lose_answer("diagnostics")
    line = await one_line(harness.run(terminate, service_id))
    assert "HELD (answer-lost)" in line
    assert (await is_held(harness, service_id, "answer-lost")).held_from is State.ERASING

    harness.faults.clear()
    await let_go_on(harness, service_id, State.ERASING)
    await harness.run(terminate, service_id)
    assert len(sent(harness, "diagnostics")) == 2, "nobody can tell whether what ran there was the wipe"
    assert server.disk.is_clear
    assert (await harness.service(service_id)).state is State.RELEASED


async def test_a_wipe_is_asked_for_once_for_each_permit(harness: Harness) -> None:
    service_id = harness.buy()
    await harness.run(activate, service_id, order=harness.order())
    server = await harness.server(service_id)
    for nth in (1, 2):
        harness.faults.refuse_before("diagnostics", nth)
    for asked in (1, 2):
        line = await one_line(harness.run(terminate, service_id))
        assert "did not start" in line
        assert len(sent(harness, "diagnostics")) == asked
        assert list(await promised(harness)) == [server.id]
    await harness.run(terminate, service_id)
    assert len(sent(harness, "diagnostics")) == 3
    assert (await harness.service(service_id)).state is State.RELEASED


async def test_a_panel_that_answers_503_did_nothing_and_is_simply_asked_again(harness: Harness) -> None:
    service_id = harness.buy()
    for endpoint in ("user_create", "owner_set", "address_add", "os_install"):
        harness.faults.unavailable(2, endpoint)
    await harness.run(activate, service_id, order=harness.order())
    for endpoint in ("user_create", "address_add", "os_install"):
        assert effects(harness, endpoint) == 1


@pytest.mark.parametrize("status", [502, 504])
async def test_a_gateway_that_lost_the_service_behind_it_says_nothing_of_the_effect(
    harness: Harness, status: Any
) -> None:
    harness.faults.server_error(status, "os_install", after_effect=True)
    await harness.run(activate, harness.buy(), order=harness.order())
    assert len(sent(harness, "os_install")) == 1


async def test_a_late_answer_counts_as_none(harness: Harness) -> None:
    harness.faults.answer_late(45, "os_install")
    service_id = harness.buy()
    await harness.run(activate, service_id, order=harness.order())
    assert effects(harness, "os_install") == 1
