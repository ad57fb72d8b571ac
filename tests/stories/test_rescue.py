"""The rescue system: a server is booted into it and out of it again, once for each press, and its disks stay."""

from typing import Any

import pytest

from flows.reinstall import reinstall
from flows.rescue import rescue
from flows.suspend import suspend
from ledger.service_identity import ServiceIdentity
from ledger.states import State
from ledger.tables import ProofRow
from simulator.panel.variants import Variants
from tests.conftest import HarnessMaker
from tests.harness import QUICK, Harness
from tests.ledger.scenario import last_request
from tests.stories.anew import change_templates
from tests.stories.scenario import activated, by_client, is_held, one_line, sent, take_panel_down, written


async def ask(harness: Harness, service_id: int, command: str = "start", **more: Any) -> None:
    await harness.run(rescue, service_id, **{"command": command, **by_client(harness, service_id), **more})


@pytest.mark.parametrize("told", ["told", "untold"])
async def test_a_client_starts_the_rescue_system_and_leaves_it(make_harness: HarnessMaker, told: Any) -> None:
    harness = make_harness(QUICK, Variants(rescue=told))
    service_id, server = await activated(harness)
    disk, since = server.disk.content, len(harness.panel.writes())
    await ask(harness, service_id)
    assert server.in_recovery
    harness.clock.simulated.advance(60)
    await ask(harness, service_id, "leave")
    harness.panel.settle()
    assert not server.in_recovery
    assert written(harness, since) == ["rescue_start", "rescue_leave"]
    assert server.disk.content == disk
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert (await last_request(harness.ledger, service_id)).outcome == "done"


@pytest.mark.parametrize("told", ["told", "untold"])
@pytest.mark.parametrize("command", ["start", "leave"])
async def test_what_is_so_already_is_not_asked_again(make_harness: HarnessMaker, told: Any, command: str) -> None:
    harness = make_harness(QUICK, Variants(rescue=told))
    service_id, _ = await activated(harness)
    await ask(harness, service_id)
    if command == "leave":
        await harness.run(rescue, service_id, command="leave", requested_by="admin")
        harness.panel.settle()
    since = len(harness.panel.writes())
    await harness.run(rescue, service_id, command=command, requested_by="admin")
    assert written(harness, since) == []
    assert (await last_request(harness.ledger, service_id)).outcome == "done"


async def test_it_is_started_again_after_it_was_left(make_harness: HarnessMaker) -> None:
    harness = make_harness(QUICK, Variants(rescue="untold"))
    service_id, server = await activated(harness)
    for command in ("start", "leave", "start"):
        await harness.run(rescue, service_id, command=command, requested_by="admin")
        harness.panel.settle()
    assert server.in_recovery
    assert len(sent(harness, "rescue_start")) == 2


async def test_two_presses_at_once_are_one_and_a_refusal(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    await ask(harness, service_id)
    harness.clock.simulated.advance(1)
    assert (await one_line(ask(harness, service_id, "leave"))).startswith("Too often: ")


@pytest.mark.parametrize("command", ["start", "leave"])
async def test_nothing_is_done_while_another_operation_runs(harness: Harness, command: str) -> None:
    service_id, server = await activated(harness)
    if command == "leave":
        await in_rescue(harness, service_id)
    harness.panel.admin.start_operation(server.id)
    since = len(harness.panel.writes())
    line = await one_line(ask(harness, service_id, command))
    assert "is busy with operation" in line
    assert written(harness, since) == []


async def test_a_client_of_a_suspended_service_is_refused_and_staff_are_not(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.billed(service_id).status = "Suspended"
    await harness.run(suspend, service_id, requested_by="admin")
    assert "is not for it by its client now" in await one_line(ask(harness, service_id))
    assert sent(harness, "rescue_start") == []
    await ask(harness, service_id, requested_by="admin")
    assert server.in_recovery
    assert not any(port.admin_up for port in server.network_ports)


async def test_a_service_without_a_server_is_refused(harness: Harness) -> None:
    service_id = harness.buy()
    assert "does not know service" in await one_line(ask(harness, service_id, requested_by="admin"))


async def test_another_clients_service_is_left_alone(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    stranger = {"identity": ServiceIdentity(installation="whmcs", client_id=999)}
    assert "names another client" in await one_line(ask(harness, service_id, **stranger))
    assert sent(harness, "rescue_start") == []


@pytest.mark.parametrize("command", ["start", "leave"])
async def test_a_strangers_server_is_held(harness: Harness, command: str) -> None:
    service_id, server = await activated(harness)
    if command == "leave":
        await in_rescue(harness, service_id)
    harness.panel.admin.set_owner(server.id, "admin@example.com")
    since = len(harness.panel.writes())
    await one_line(ask(harness, service_id, command))
    await is_held(harness, service_id, "owner-changed")
    assert written(harness, since) == []


@pytest.mark.parametrize("entry", ["rescue_start", "rescue_leave"])
async def test_without_a_proof_of_both_ways_nobody_is_led_in(harness: Harness, entry: str) -> None:
    service_id, _ = await activated(harness)
    async with harness.ledger.transaction() as session:
        table = ProofRow.__table__  # type: ignore[attr-defined]
        await (await session.connection()).execute(table.delete().where(table.c.entry == entry))
    harness.clock.simulated.advance(120)  # what counted a minute ago is not asked for again
    assert f"{entry} is neither proved nor trusted" in await one_line(ask(harness, service_id))
    assert sent(harness, "rescue_start") == []


@pytest.mark.parametrize("told", ["told", "untold"])
async def test_a_lost_answer_is_looked_for_and_nothing_is_sent_twice(make_harness: HarnessMaker, told: Any) -> None:
    harness = make_harness(QUICK, Variants(rescue=told))
    service_id, server = await activated(harness)
    harness.faults.lose_answer("rescue_start", 1)
    await ask(harness, service_id)
    assert server.in_recovery
    harness.clock.simulated.advance(60)
    harness.faults.lose_answer("rescue_leave", 1)
    if told == "told":
        await ask(harness, service_id, "leave")
    else:
        assert "may have left the rescue system, or not" in await one_line(ask(harness, service_id, "leave"))
    harness.panel.settle()
    assert not server.in_recovery
    assert (len(sent(harness, "rescue_start")), len(sent(harness, "rescue_leave"))) == (1, 1)


async def test_a_call_that_did_not_arrive_says_so_and_may_be_asked_for_again(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.faults.refuse_before("rescue_start", 1)
    assert "may have been booted into the rescue system, or not" in await one_line(ask(harness, service_id))
    assert not server.in_recovery
    harness.clock.simulated.advance(60)
    await ask(harness, service_id)
    assert server.in_recovery


async def test_a_start_that_fails_is_told_and_leaves_the_disks(harness: Harness) -> None:
    service_id, server = await activated(harness)
    disk = server.disk.content
    harness.panel.fail_next("recovery", server.id)
    line = await one_line(ask(harness, service_id))
    assert "did not get into the rescue system" in line
    assert server.disk.content == disk


async def test_a_start_that_never_ends_is_given_up_after_half_an_hour(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.panel.hang_next("recovery", server.id)
    assert "in the rescue system after 30 minutes" in await one_line(ask(harness, service_id))


async def test_a_panel_without_a_rescue_system_says_so(make_harness: HarnessMaker) -> None:
    harness = make_harness(QUICK, Variants(rescue="absent"))
    service_id, _ = await activated(harness)
    await one_line(ask(harness, service_id))
    assert (await last_request(harness.ledger, service_id)).outcome == "failed"
    assert len(sent(harness, "rescue_start")) == 1


@pytest.mark.parametrize(
    ("change", "by", "goes"),
    [
        ({"kind": "os"}, "admin", False),
        ({"location_id": 99}, "admin", False),
        ({"admin_only": True}, "client", False),
        ({"admin_only": True}, "admin", True),
    ],
)
async def test_only_a_rescue_template_of_the_servers_place_that_who_asks_may_use_is_booted(
    harness: Harness, change: dict[str, Any], by: str, goes: bool
) -> None:
    service_id, server = await activated(harness)
    change_templates(harness, "SystemRescue-11", **change)
    if goes:
        await ask(harness, service_id, requested_by=by)
    else:
        assert "has no template of the kind 'recovery'" in await one_line(ask(harness, service_id, requested_by=by))
    assert server.in_recovery is goes
    assert len(sent(harness, "rescue_start")) == goes


async def test_no_os_is_installed_from_a_rescue_template(harness: Harness) -> None:
    service_id, server = await activated(harness, hostname="web1.example.com")
    asked = {"os_template": "SystemRescue-11", "hostname_typed": "web1.example.com", "requested_by": "admin"}
    line = await one_line(harness.run(reinstall, service_id, **asked))
    assert "is for diagnostics or rescue, and no OS" in line
    assert "os Debian" in server.disk.content


async def test_a_panel_that_is_away_ends_it_in_one_line(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    take_panel_down(harness)
    await one_line(ask(harness, service_id))
    harness.faults.clear()
    assert (await last_request(harness.ledger, service_id)).outcome == "failed"


async def in_rescue(harness: Harness, service_id: int) -> None:
    """The service's server, booted into the rescue system a minute ago."""
    await ask(harness, service_id)
    harness.clock.simulated.advance(60)
