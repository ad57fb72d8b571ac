"""Power after the sale: the errand through its steps, and everything that must keep it from the server."""

import asyncio
from typing import Any
from unittest.mock import AsyncMock

import pytest

from flows.power import power
from flows.suspend import suspend
from ledger.service_identity import ServiceIdentity
from ledger.states import State
from tests.harness import Harness, forget_proofs
from tests.ledger.scenario import last_request
from tests.stories.scenario import activated, by_client, is_held, one_line, sent, take_panel_down, taken_over, written


async def ask(harness: Harness, service_id: int, command: str, **more: Any) -> None:
    await harness.run(power, service_id, **{"command": command, **by_client(harness, service_id), **more})


def calls(harness: Harness, since: int) -> list[str | None]:
    return written(harness, since=since)


async def test_a_client_switches_off_and_on_and_reboots(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    before = len(harness.panel.writes())
    for command in ("off", "on", "reboot", "look"):
        await ask(harness, service_id, command)
        harness.clock.simulated.advance(60)
    assert calls(harness, before) == ["power_off", "power_on", "power_reset"]
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert (await last_request(harness.ledger, service_id)).outcome == "done"


async def test_a_server_that_is_off_already_is_not_asked_again(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    await ask(harness, service_id, "off")
    before = len(harness.panel.writes())
    harness.clock.simulated.advance(60)
    await ask(harness, service_id, "off")
    assert calls(harness, before) == []


async def test_a_reboot_whose_answer_was_lost_is_not_sent_twice(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    harness.faults.lose_answer("power_reset", 1)
    line = await one_line(ask(harness, service_id, "reboot"))
    assert "may have been rebooted, or not" in line
    assert len(sent(harness, "power_reset")) == 1


async def test_a_panel_that_goes_away_after_a_reboot_does_not_get_a_second_one(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    harness.faults.admin_acts_after("power_reset", 1, lambda: take_panel_down(harness))
    await one_line(ask(harness, service_id, "reboot"))  # it starts again, and ends without an answer
    harness.faults.clear()
    assert len(sent(harness, "power_reset")) == 1


async def test_an_errand_takes_no_request_of_a_lifecycle_that_broke_off(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    await taken_over(harness, service_id, "suspend")
    harness.clock.simulated.advance(3600)
    line = await one_line(ask(harness, service_id, "reboot"))
    assert "is busy with suspend" in line
    assert (await last_request(harness.ledger, service_id)).closed_at is None


async def test_a_press_long_ago_is_not_done(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    pressed = by_client(harness, service_id)
    harness.clock.simulated.advance(3600)
    before = len(harness.panel.writes())
    line = await one_line(harness.run(power, service_id, command="reboot", **pressed))
    assert "asked for 60 minutes before it could begin" in line
    assert calls(harness, before) == []


async def test_two_presses_at_once_are_two_refusals_of_the_second(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    await ask(harness, service_id, "reboot")
    harness.clock.simulated.advance(3)
    line = await one_line(ask(harness, service_id, "reboot"))
    assert line.startswith("Too often: ")
    harness.clock.simulated.advance(8)
    await ask(harness, service_id, "reboot")  # the refused press in between does not count
    assert len(sent(harness, "power_reset")) == 2


async def test_staff_are_not_counted(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    for _ in range(3):
        await harness.run(power, service_id, command="reboot", requested_by="admin")
    assert len(sent(harness, "power_reset")) == 3


async def test_a_client_of_a_suspended_service_is_refused_and_staff_are_not(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    harness.billed(service_id).status = "Suspended"
    await harness.run(suspend, service_id, requested_by="admin")
    before = len(harness.panel.writes())
    assert "is not for it by its client now" in await one_line(ask(harness, service_id, "reboot"))
    assert calls(harness, before) == []
    await harness.run(power, service_id, command="off", requested_by="admin")
    assert calls(harness, before) == ["power_off"]


async def test_a_service_without_a_server_is_refused(harness: Harness) -> None:
    service_id = harness.buy()
    line = await one_line(harness.run(power, service_id, command="on", requested_by="admin"))
    assert "does not know service" in line


async def test_a_client_must_say_whose_service_it_is(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    before = len(harness.panel.requests)
    line = await one_line(harness.run(power, service_id, command="off", requested_by="client"))
    assert "has to name whose service it is" in line
    assert len(harness.panel.requests) == before


async def test_another_clients_service_is_left_alone(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    stranger = {**by_client(harness, service_id), "identity": ServiceIdentity(installation="whmcs", client_id=999)}
    before = len(harness.panel.writes())
    line = await one_line(harness.run(power, service_id, command="off", **stranger))
    assert "names another client" in line
    assert calls(harness, before) == []


async def test_a_server_that_was_given_to_somebody_else_by_hand_is_held(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.panel.admin.set_owner(server.id, "admin@example.com")
    before = len(harness.panel.writes())
    await one_line(ask(harness, service_id, "reboot"))
    await is_held(harness, service_id, "owner-changed")
    assert calls(harness, before) == []


async def test_without_a_proof_the_errand_is_off_and_says_so(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    await forget_proofs(harness.ledger)
    harness.clock.simulated.advance(120)  # what counted a minute ago is not asked for again
    before = len(harness.panel.writes())
    assert "power_reset is neither proved nor trusted" in await one_line(ask(harness, service_id, "reboot"))
    assert calls(harness, before) == []


async def test_a_panel_that_is_away_ends_it_in_one_line(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    take_panel_down(harness)
    await one_line(ask(harness, service_id, "off"))
    harness.faults.clear()
    assert (await last_request(harness.ledger, service_id)).outcome == "failed"


@pytest.mark.parametrize("command", ["on", "off", "reboot"])
async def test_a_run_that_began_in_time_and_stood_over_night_does_nothing_in_the_morning(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    service_id, server = await activated(harness)
    if command == "on":
        harness.panel.admin.power(server.id, "off")
    monkeypatch.setattr("flows._request.run_id", lambda: "one run")
    monkeypatch.setattr("flows._request.will_resume", lambda: True)
    pressed = {"command": command, **by_client(harness, service_id)}
    before = len(harness.panel.writes())
    with monkeypatch.context() as dies:
        dies.setattr("flows.power.confirm_identity", AsyncMock(side_effect=asyncio.CancelledError))
        with pytest.raises(asyncio.CancelledError):
            await harness.run(power, service_id, **pressed)
    harness.clock.simulated.advance(14 * 3600)
    line = await one_line(harness.run(power, service_id, **pressed))
    assert "was asked for 840 minutes ago" in line
    assert calls(harness, before) == []


async def test_a_reboot_of_the_night_that_may_have_been_sent_says_so_in_the_morning(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id, _ = await activated(harness)
    monkeypatch.setattr("flows._request.run_id", lambda: "one run")
    monkeypatch.setattr("flows._request.will_resume", lambda: True)
    pressed = {"command": "reboot", **by_client(harness, service_id)}
    with monkeypatch.context() as dies:
        dies.setattr("tasks.power.until", AsyncMock(side_effect=asyncio.CancelledError))
        dies.setattr("ledger.journal.done", AsyncMock(side_effect=asyncio.CancelledError))
        with pytest.raises(asyncio.CancelledError):
            await harness.run(power, service_id, **pressed)
    harness.clock.simulated.advance(14 * 3600)
    assert "may have been rebooted, or not" in await one_line(harness.run(power, service_id, **pressed))
    assert len(sent(harness, "power_reset")) == 1


async def test_a_look_is_late_at_no_time(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    service_id, _ = await activated(harness)
    monkeypatch.setattr("flows._request.run_id", lambda: "one run")
    monkeypatch.setattr("flows._request.will_resume", lambda: True)
    pressed = {"command": "look", **by_client(harness, service_id)}
    with monkeypatch.context() as dies:
        dies.setattr("flows.power.show_power", AsyncMock(side_effect=asyncio.CancelledError))
        with pytest.raises(asyncio.CancelledError):
            await harness.run(power, service_id, **pressed)
    harness.clock.simulated.advance(14 * 3600)
    await harness.run(power, service_id, **pressed)
    assert (await last_request(harness.ledger, service_id)).outcome == "done"
