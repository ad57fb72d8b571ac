"""What staff are told of, and what they are not."""

import asyncio
import time

import pytest
from pydantic import JsonValue

from flows.activate import activate
from flows.reconcile import reconcile
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from flows.watch_os_install import watch_os_install
from ledger.states import State
from runtime import alerts
from runtime.errors import Unforeseen
from simulator.panel.profile import XEON
from tasks.published.catalogue import keep_catalogue, read_catalogue
from tests.harness import PANEL, Harness
from tests.ledger.scenario import last_request
from tests.stories.scenario import activated, cancelled_meanwhile, is_held, midway, one_line, take_panel_down
from tests.tasks.test_caps import Cap, cap

__all__ = ["cap"]


def told(harness: Harness) -> tuple[str, str, dict[str, JsonValue]]:
    """The one alert that there was: event, resource, payload."""
    ((event, resource, payload),) = harness.events
    return event, resource["prefect.resource.id"], payload


async def suspended(harness: Harness) -> tuple[int, int]:
    service_id, server = await activated(harness)
    await harness.run(suspend, service_id)
    return service_id, server.id


async def test_a_life_that_goes_well_tells_nobody_anything(harness: Harness) -> None:
    service_id, _ = await suspended(harness)
    await harness.run(unsuspend, service_id)
    await harness.run(terminate, service_id)
    assert harness.events == []


async def test_a_hold_is_told_once_with_its_reason_and_without_its_evidence(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.panel.admin.set_owner(server.id, "stranger@example.com")
    await one_line(harness.run(suspend, service_id))
    await is_held(harness, service_id, "owner-changed")
    event, resource, payload = told(harness)
    assert (event, resource) == (alerts.HELD, f"dciflow.service.{service_id}")
    assert (payload["reason"], payload["action"], payload["urgency"]) == ("owner-changed", "suspend", "high")
    assert f"Service {service_id}" in str(payload["line"])
    assert f"dciflow held show {service_id}" in str(payload["line"])
    assert str(payload["line"]).endswith(str(payload["link"]))
    assert "stranger" not in str(payload)


async def test_so_is_one_that_a_reconciliation_finds(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.panel.admin.set_owner(server.id, "stranger@example.com")
    harness.clock.simulated.advance(60)
    await reconcile.fn(panel=PANEL, repair="safe")
    event, resource, payload = told(harness)
    assert (event, resource, payload["action"]) == (alerts.HELD, f"dciflow.service.{service_id}", "reconcile")


async def test_an_activation_that_fails_is_told_with_its_line(harness: Harness) -> None:
    service_id = harness.buy()
    line = await one_line(harness.run(activate, service_id, order=harness.order(configuration="Nothing")))
    event, _, payload = told(harness)
    assert event == alerts.ACTIVATION_FAILED
    assert line in str(payload["line"])
    assert payload["urgency"] == "high"


async def test_an_installation_that_nobody_waited_for_fails_as_an_activation(harness: Harness) -> None:
    service_id = harness.buy()
    harness.panel.fail_next("os_install")
    await harness.run(activate, service_id, order=harness.order(wait_for_os=False))
    await one_line(harness.run(watch_os_install, service_id))
    assert told(harness)[0] == alerts.ACTIVATION_FAILED


async def test_an_order_that_was_cancelled_meanwhile_is_no_failure(harness: Harness) -> None:
    service_id = harness.buy()
    cancelled_meanwhile(harness, service_id)
    await one_line(harness.run(activate, service_id, order=harness.order()))
    assert harness.events == []


async def test_an_unsuspension_that_fails_is_the_most_urgent(harness: Harness) -> None:
    service_id, _ = await suspended(harness)
    take_panel_down(harness)
    await one_line(harness.run(unsuspend, service_id))
    event, resource, payload = told(harness)
    assert (event, resource) == (alerts.UNSUSPEND_FAILED, f"dciflow.service.{service_id}")
    assert payload["urgency"] == "highest"
    assert str(payload["title"]).startswith("HIGHEST URGENCY: ")


async def test_one_that_ends_held_is_told_once_and_says_what_to_press(harness: Harness) -> None:
    service_id, server = await suspended(harness)
    harness.panel.admin.set_owner(server, "stranger@example.com")
    await one_line(harness.run(unsuspend, service_id))
    event, _, payload = told(harness)
    assert (event, payload["urgency"], payload["reason"]) == (alerts.UNSUSPEND_FAILED, "highest", "owner-changed")
    assert "press retry or release" in str(payload["line"])


async def test_one_that_is_refused_because_another_run_is_at_it_is_told_too(harness: Harness) -> None:
    service_id, _ = await suspended(harness)
    async with midway(harness, harness.run(terminate, service_id)) as deletion:
        assert "is busy with terminate" in await one_line(harness.run(unsuspend, service_id))
    await deletion
    assert told(harness)[0] == alerts.UNSUSPEND_FAILED


async def test_a_suspension_that_fails_is_left_to_whmcs(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    take_panel_down(harness)
    await one_line(harness.run(suspend, service_id))
    assert harness.events == []


async def test_a_cap_is_told_of_as_itself_however_many_it_stops(harness: Harness, cap: Cap) -> None:
    (first, _), (second, _), (third, _) = [await activated(harness) for _ in range(3)]
    cap("TERMINATIONS_PER_DAY", 1)
    await harness.run(terminate, first)
    for service_id in (second, third):
        await one_line(harness.run(terminate, service_id))
    assert [event for event, _, _ in harness.events] == [alerts.CAP_REACHED] * 2
    assert {resource["prefect.resource.id"] for _, resource, _ in harness.events} == {"dciflow.cap.termination-cap"}
    assert f"dciflow held retry {second} --past-cap" in str(harness.events[0][2]["line"])


async def test_installations_that_wait_for_their_turn_tell_of_the_cap(harness: Harness, cap: Cap) -> None:
    cap("INSTALLATIONS", 1)
    bought = [harness.buy(f"web{number}.example.com") for number in range(2)]
    await asyncio.gather(*(harness.run(activate, service_id, order=harness.order()) for service_id in bought))
    assert [(await harness.service(service_id)).state for service_id in bought] == [State.ACTIVE] * 2
    assert {event for event, _, _ in harness.events} == {alerts.CAP_REACHED}
    assert {resource["prefect.resource.id"] for _, resource, _ in harness.events} == {
        f"dciflow.cap.installation-cap.{PANEL}"
    }


async def test_a_panel_that_is_not_compared_is_told(harness: Harness) -> None:
    await activated(harness)
    take_panel_down(harness)
    harness.clock.simulated.advance(60)
    await one_line(reconcile.fn(panel=PANEL))
    event, resource, payload = told(harness)
    assert (event, resource) == (alerts.RECONCILIATION_STOPPED, f"dciflow.panel.{PANEL}")
    assert f"The reconciliation of panel {PANEL} stopped: " in str(payload["line"])


async def test_a_configuration_that_runs_short_is_told_and_one_whose_stock_is_unknown_is_not(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def kept(*_: object, **__: object) -> None:
        """Prefect's variables are not what this is about."""

    monkeypatch.setattr("tasks.published.variables.Variable.aset", kept)
    await keep_catalogue(await read_catalogue(PANEL))
    assert harness.events == []
    for server in harness.panel.servers.values():
        if server.configuration == XEON:
            harness.panel.admin.protect(server.id)
    found = await read_catalogue(PANEL)
    await keep_catalogue(found)
    event, resource, payload = told(harness)
    assert (event, resource) == (alerts.STOCK_LOW, f"dciflow.stock.{PANEL}.{XEON}")
    assert (payload["configuration"], payload["left"]) == (XEON, 0)
    harness.events.clear()
    unknown = [one.model_copy(update={"fit": None, "total": None}) for one in found.configurations]
    await keep_catalogue(found.model_copy(update={"configurations": unknown}))
    assert harness.events == []


async def test_an_error_that_nobody_foresaw_is_one_line_that_quotes_nothing(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service_id, _ = await suspended(harness)

    async def stumble(*_: object, **__: object) -> None:
        raise ValueError("canary-" + "password")

    monkeypatch.setitem(unsuspend.fn.__wrapped__.__globals__, "enable_ports", stumble)
    with pytest.raises(Unforeseen) as caught:
        await harness.run(unsuspend, service_id)
    line = str(caught.value)
    assert "ValueError at test_alerts.py:" in line and "press Retry" in line and "\n" not in line
    _, _, payload = told(harness)
    assert "ValueError" in str(payload["line"])
    closed = await last_request(harness.ledger, service_id)
    assert closed is not None and closed.message == line
    assert " > stories/test_alerts.py:" in caplog.text and caplog.text.rstrip().endswith(" stumble")
    assert "canary-password" not in f"{line} {payload} {closed} {caplog.text}"


async def test_an_event_that_cannot_be_emitted_changes_nothing(harness: Harness) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no server")

    service_id, server = await activated(harness)
    harness.connect().emit = broken
    harness.panel.admin.set_owner(server.id, "stranger@example.com")
    line = await one_line(harness.run(suspend, service_id))
    assert "is HELD (owner-changed)" in line
    await is_held(harness, service_id, "owner-changed")


def test_a_configurations_name_links_nowhere_in_a_message_and_has_no_control_character() -> None:
    alert = alerts.low_stock_alert("main", "<https://evil|E5> [x](https://evil) @all \x1b[31m" + "x" * 50_000, 2)
    for sent in (alert.payload["title"], alert.payload["line"]):
        assert not any(sign in str(sent) for sign in ("<", "](", "@", "\x1b"))
        assert len(str(sent)) < 1_000


def test_a_line_is_short_and_has_no_e_mail_address() -> None:
    said = "User anna+dc@example.com exists:\n<boris@example.com> " + "x" * 1000
    line = alerts.failure_alert("activate", 7, "main", said, "run").payload["line"]
    assert "@" not in str(line)
    assert "User (an e-mail address) exists: ((an e-mail address))" in str(line)
    assert "\n" not in str(line)
    assert len(str(line)) < alerts.LINE_CHARACTERS + 200


def test_a_text_without_an_end_is_made_a_line_in_no_time() -> None:
    began = time.process_time()
    line = str(alerts.standstill_alert("w", 12, "a" * 1_000_000).payload["line"])
    address = alerts.standstill_alert("w", 12, f"{'word ' * 50}{'a' * 60}@example.com {'b ' * 2_000}").payload["line"]
    assert time.process_time() - began < 0.1
    assert len(line) < 1_000
    assert "example.com" not in str(address)
