from typing import Any

import pytest

from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger.lifecycle import State
from tests.flows.play import is_held, let_go_on, one_line, only_fit, promised, sent, take_panel_down
from tests.stage import Stage

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


async def live(stage: Stage, service_id: int, act: Act, **more: Any) -> int:
    """Run a lifecycle until it goes through, each time as a new worker; how many runs it took."""
    for runs in range(1, 4):
        try:
            await stage.run(act[1], service_id, **more)
        except Exception as error:
            assert "\n" not in str(error)
            stage.connect()
        else:
            return runs
    raise AssertionError(f"{act[0]} did not get through in three runs")


def effects(stage: Stage, endpoint: str) -> int:
    """How many calls of the endpoint had their effect."""
    return sum(call.status is not None and call.status < 300 for call in sent(stage, endpoint))


@pytest.mark.parametrize("effect", [True, False], ids=["after its effect", "before its effect"])
@pytest.mark.parametrize(("action", "endpoint"), WRITES, ids=lambda word: word)
async def test_a_write_whose_answer_is_lost_happens_once(
    stage: Stage, action: str, endpoint: str, effect: bool
) -> None:
    server = only_fit(stage, STALE_AND_CUT_OFF)
    if endpoint == "operation_end":
        stage.faults.admin_acts_after("power_on", 1, lambda: stage.panel.by_hand.start_operation(server.id))
    service_id = stage.buy()
    more: dict[str, Any] = {"order": stage.order(ipv4_count=2)}
    for act in PREPARED:
        if act[0] == action:
            break
        await stage.run(act[1], service_id, **more)
        more = {}
    if action == "terminate":
        stage.panel.write_tenant_data(server.id, "the client's photographs")
    (stage.faults.lose_answer if effect else stage.faults.refuse_before)(endpoint)
    before = len(stage.panel.writes())

    assert await live(stage, service_id, act, **more) <= 2

    assert endpoint in [call.endpoint for call in stage.panel.writes()[before:]]
    assert stage.panel.incidents == []
    if action == "terminate":
        assert server.disk.is_clear
        assert await promised(stage) == {}
        assert sum(operation.clear_disks for operation in server.operations) == 1
        return
    assert stage.panel.owner_of(server.id) == stage.client.email
    assert len(stage.panel.world.users) == 2
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
    stage: Stage, endpoint: str, held_from: State
) -> None:
    server = only_fit(stage, 5)
    stage.faults.admin_acts_after(endpoint, 1, lambda: take_panel_down(stage))
    stage.faults.lose_answer(endpoint)
    service_id = stage.buy()
    line = await one_line(stage.run(activate, service_id, order=stage.order(ipv4_count=2)))
    assert "HELD (answer-lost)" in line
    held = await is_held(stage, service_id, "answer-lost")
    assert held.held_from is held_from

    stage.faults.clear()
    await let_go_on(stage, service_id, held_from)
    await stage.run(activate, service_id)
    assert len(sent(stage, endpoint)) == 1
    assert len(stage.panel.world.users) == 2
    assert len(server.addresses) == 2
    assert stage.panel.incidents == []


async def test_a_wipe_whose_answer_is_lost_on_a_panel_that_then_goes_down_needs_a_person(stage: Stage) -> None:
    server = only_fit(stage, 5)
    service_id = stage.buy()
    await stage.run(activate, service_id, order=stage.order())
    stage.faults.admin_acts_after("diagnostics", 1, lambda: take_panel_down(stage))
    stage.faults.lose_answer("diagnostics")
    line = await one_line(stage.run(terminate, service_id))
    assert "HELD (answer-lost)" in line
    assert (await is_held(stage, service_id, "answer-lost")).held_from is State.ERASING

    stage.faults.clear()
    await let_go_on(stage, service_id, State.ERASING)
    await stage.run(terminate, service_id)
    assert len(sent(stage, "diagnostics")) == 2, "nobody can tell whether what ran there was the wipe"
    assert server.disk.is_clear
    assert (await stage.service(service_id)).state is State.RELEASED


async def test_a_wipe_is_asked_for_once_for_each_permit(stage: Stage) -> None:
    service_id = stage.buy()
    await stage.run(activate, service_id, order=stage.order())
    server = await stage.server(service_id)
    for nth in (1, 2):
        stage.faults.refuse_before("diagnostics", nth)
    for asked in (1, 2):
        line = await one_line(stage.run(terminate, service_id))
        assert "did not start" in line
        assert len(sent(stage, "diagnostics")) == asked
        assert list(await promised(stage)) == [server.id]
    await stage.run(terminate, service_id)
    assert len(sent(stage, "diagnostics")) == 3
    assert (await stage.service(service_id)).state is State.RELEASED


async def test_a_panel_that_answers_503_did_nothing_and_is_simply_asked_again(stage: Stage) -> None:
    service_id = stage.buy()
    for endpoint in ("user_create", "owner_set", "address_add", "os_install"):
        stage.faults.unavailable(2, endpoint)
    await stage.run(activate, service_id, order=stage.order())
    for endpoint in ("user_create", "address_add", "os_install"):
        assert effects(stage, endpoint) == 1


@pytest.mark.parametrize("status", [502, 504])
async def test_a_gateway_that_lost_the_service_behind_it_says_nothing_of_the_effect(stage: Stage, status: Any) -> None:
    stage.faults.server_error(status, "os_install", after_effect=True)
    await stage.run(activate, stage.buy(), order=stage.order())
    assert len(sent(stage, "os_install")) == 1


async def test_a_late_answer_counts_as_none(stage: Stage) -> None:
    stage.faults.answer_late(45, "os_install")
    service_id = stage.buy()
    await stage.run(activate, service_id, order=stage.order())
    assert effects(stage, "os_install") == 1
