"""What staff are told of, and what they are not."""

import asyncio

import pytest
from pydantic import JsonValue

from flows.activate import activate
from flows.reconcile import reconcile
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from flows.watch_os_install import watch_os_install
from ledger import requests
from ledger.lifecycle import State
from simulator.profile import XEON
from tasks import alerts
from tasks.catalogue import keep_catalogue, read_catalogue
from tasks.outcomes import Unforeseen
from tests.flows.play import activated, cancelled_meanwhile, is_held, midway, one_line, take_panel_down
from tests.flows.test_caps import Cap, cap
from tests.stage import PANEL, Stage

__all__ = ["cap"]


def told(stage: Stage) -> tuple[str, str, dict[str, JsonValue]]:
    """The one alert that there was: event, resource, payload."""
    ((event, resource, payload),) = stage.events
    return event, resource["prefect.resource.id"], payload


async def suspended(stage: Stage) -> tuple[int, int]:
    service_id, server = await activated(stage)
    await stage.run(suspend, service_id)
    return service_id, server.id


async def test_a_life_that_goes_well_tells_nobody_anything(stage: Stage) -> None:
    service_id, _ = await suspended(stage)
    await stage.run(unsuspend, service_id)
    await stage.run(terminate, service_id)
    assert stage.events == []


async def test_a_hold_is_told_once_with_its_reason_and_without_its_evidence(stage: Stage) -> None:
    service_id, server = await activated(stage)
    stage.panel.by_hand.set_owner(server.id, "stranger@example.com")
    await one_line(stage.run(suspend, service_id))
    await is_held(stage, service_id, "owner-changed")
    event, resource, payload = told(stage)
    assert (event, resource) == (alerts.HELD, f"dciflow.service.{service_id}")
    assert (payload["reason"], payload["action"], payload["urgency"]) == ("owner-changed", "suspend", "high")
    assert f"Service {service_id}" in str(payload["line"])
    assert f"dciflow held show {service_id}" in str(payload["line"])
    assert str(payload["line"]).endswith(str(payload["link"]))
    assert "stranger" not in str(payload)


async def test_so_is_one_that_a_reconciliation_finds(stage: Stage) -> None:
    service_id, server = await activated(stage)
    stage.panel.by_hand.set_owner(server.id, "stranger@example.com")
    stage.clock.simulated.advance(60)
    await reconcile.fn(panel=PANEL, repair="safe")
    event, resource, payload = told(stage)
    assert (event, resource, payload["action"]) == (alerts.HELD, f"dciflow.service.{service_id}", "reconcile")


async def test_an_activation_that_fails_is_told_with_its_line(stage: Stage) -> None:
    service_id = stage.buy()
    line = await one_line(stage.run(activate, service_id, order=stage.order(configuration="Nothing")))
    event, _, payload = told(stage)
    assert event == alerts.ACTIVATION_FAILED
    assert line in str(payload["line"])
    assert payload["urgency"] == "high"


async def test_an_installation_that_nobody_waited_for_fails_as_an_activation(stage: Stage) -> None:
    service_id = stage.buy()
    stage.panel.fail_next("os_install")
    await stage.run(activate, service_id, order=stage.order(wait_for_os=False))
    await one_line(stage.run(watch_os_install, service_id))
    assert told(stage)[0] == alerts.ACTIVATION_FAILED


async def test_an_order_that_was_cancelled_meanwhile_is_no_failure(stage: Stage) -> None:
    service_id = stage.buy()
    cancelled_meanwhile(stage, service_id)
    await one_line(stage.run(activate, service_id, order=stage.order()))
    assert stage.events == []


async def test_an_unsuspension_that_fails_is_the_most_urgent(stage: Stage) -> None:
    service_id, _ = await suspended(stage)
    take_panel_down(stage)
    await one_line(stage.run(unsuspend, service_id))
    event, resource, payload = told(stage)
    assert (event, resource) == (alerts.UNSUSPEND_FAILED, f"dciflow.service.{service_id}")
    assert payload["urgency"] == "highest"
    assert str(payload["title"]).startswith("HIGHEST URGENCY: ")


async def test_one_that_ends_held_is_told_once_and_says_what_to_press(stage: Stage) -> None:
    service_id, server = await suspended(stage)
    stage.panel.by_hand.set_owner(server, "stranger@example.com")
    await one_line(stage.run(unsuspend, service_id))
    event, _, payload = told(stage)
    assert (event, payload["urgency"], payload["reason"]) == (alerts.UNSUSPEND_FAILED, "highest", "owner-changed")
    assert "press retry or release" in str(payload["line"])


async def test_one_that_is_refused_because_another_run_is_at_it_is_told_too(stage: Stage) -> None:
    service_id, _ = await suspended(stage)
    async with midway(stage, stage.run(terminate, service_id)) as deletion:
        assert "is busy with terminate" in await one_line(stage.run(unsuspend, service_id))
    await deletion
    assert told(stage)[0] == alerts.UNSUSPEND_FAILED


async def test_a_suspension_that_fails_is_left_to_whmcs(stage: Stage) -> None:
    service_id, _ = await activated(stage)
    take_panel_down(stage)
    await one_line(stage.run(suspend, service_id))
    assert stage.events == []


async def test_a_cap_is_told_of_as_itself_however_many_it_stops(stage: Stage, cap: Cap) -> None:
    (first, _), (second, _), (third, _) = [await activated(stage) for _ in range(3)]
    cap("TERMINATIONS_PER_DAY", 1)
    await stage.run(terminate, first)
    for service_id in (second, third):
        await one_line(stage.run(terminate, service_id))
    assert [event for event, _, _ in stage.events] == [alerts.CAP_REACHED] * 2
    assert {resource["prefect.resource.id"] for _, resource, _ in stage.events} == {"dciflow.cap.termination-cap"}
    assert f"dciflow held retry {second} --past-cap" in str(stage.events[0][2]["line"])


async def test_installations_that_wait_for_their_turn_tell_of_the_cap(stage: Stage, cap: Cap) -> None:
    cap("INSTALLATIONS", 1)
    bought = [stage.buy(f"web{number}.example.com") for number in range(2)]
    await asyncio.gather(*(stage.run(activate, service_id, order=stage.order()) for service_id in bought))
    assert [(await stage.service(service_id)).state for service_id in bought] == [State.ACTIVE] * 2
    assert {event for event, _, _ in stage.events} == {alerts.CAP_REACHED}
    assert {resource["prefect.resource.id"] for _, resource, _ in stage.events} == {
        f"dciflow.cap.installation-cap.{PANEL}"
    }


async def test_a_panel_that_is_not_compared_is_told(stage: Stage) -> None:
    await activated(stage)
    take_panel_down(stage)
    stage.clock.simulated.advance(60)
    await one_line(reconcile.fn(panel=PANEL))
    event, resource, payload = told(stage)
    assert (event, resource) == (alerts.RECONCILIATION_STOPPED, f"dciflow.panel.{PANEL}")
    assert f"The reconciliation of panel {PANEL} stopped: " in str(payload["line"])


async def test_a_configuration_that_runs_short_is_told_and_one_whose_stock_is_unknown_is_not(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def kept(*_: object, **__: object) -> None:
        """Prefect's variables are not what this is about."""

    monkeypatch.setattr("tasks.shelf.Variable.aset", kept)
    await keep_catalogue(await read_catalogue(PANEL))
    assert stage.events == []
    for server in stage.panel.servers.values():
        if server.configuration == XEON:
            stage.panel.by_hand.protect(server.id)
    found = await read_catalogue(PANEL)
    await keep_catalogue(found)
    event, resource, payload = told(stage)
    assert (event, resource) == (alerts.STOCK_LOW, f"dciflow.stock.{PANEL}.{XEON}")
    assert (payload["configuration"], payload["left"]) == (XEON, 0)
    stage.events.clear()
    unknown = [one.model_copy(update={"fit": None, "total": None}) for one in found.configurations]
    await keep_catalogue(found.model_copy(update={"configurations": unknown}))
    assert stage.events == []


async def test_an_error_that_nobody_foresaw_is_one_line_that_quotes_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service_id, _ = await suspended(stage)

    async def stumble(*_: object, **__: object) -> None:
        raise ValueError("canary-" + "password")

    monkeypatch.setitem(unsuspend.fn.__wrapped__.__globals__, "enable_ports", stumble)
    with pytest.raises(Unforeseen) as caught:
        await stage.run(unsuspend, service_id)
    line = str(caught.value)
    assert "ValueError at test_alerts.py:" in line and "press Retry" in line and "\n" not in line
    _, _, payload = told(stage)
    assert "ValueError" in str(payload["line"])
    closed = await requests.last(stage.ledger, service_id)
    assert closed is not None and closed.message == line
    assert "in stumble" in caplog.text
    assert "canary-password" not in f"{line} {payload} {closed} {caplog.text}"


async def test_an_event_that_cannot_be_emitted_changes_nothing(stage: Stage) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no server")

    service_id, server = await activated(stage)
    stage.connect().emit = broken
    stage.panel.by_hand.set_owner(server.id, "stranger@example.com")
    line = await one_line(stage.run(suspend, service_id))
    assert "is HELD (owner-changed)" in line
    await is_held(stage, service_id, "owner-changed")


def test_a_line_is_short_and_has_no_e_mail_address() -> None:
    said = "User anna+dc@example.com exists:\n<boris@example.com> " + "x" * 1000
    line = alerts.of_failure("activate", 7, "main", said, "run").payload["line"]
    assert "@" not in str(line)
    assert "User (an e-mail address) exists: <(an e-mail address)>" in str(line)
    assert "\n" not in str(line)
    assert len(str(line)) < alerts.LINE_CHARACTERS + 200
