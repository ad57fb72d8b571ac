"""A person decides on a HELD service: by command and by form, both through `tasks.held.decisions`."""

from typing import Any

import pytest

from flows import decide_held as module
from flows.activate import activate
from flows.decide_held import DecisionForm, decide_held
from flows.reconcile import reconcile
from flows.suspend import suspend
from flows.terminate import terminate
from ledger import claims, decisions
from ledger.errors import DecidedAlready
from ledger.hold_reasons import HoldReason
from ledger.snapshots import Choice
from ledger.states import State
from runtime.errors import PrefectUnreachable, StepRefused
from simulator.panel.profile import XEON
from tasks.held.decisions import DecisionRequest, carry_out
from tasks.published.catalogue import read_catalogue
from tasks.service_summary import held_summary
from tests.harness import PANEL, Harness
from tests.stories.scenario import activated, is_held, one_line, only_fit


async def decide(service_id: int, choice: Choice, **more: Any) -> str:
    return await carry_out(service_id, DecisionRequest(choice=choice, who="anna", why="looked at it", **more))


async def held_in_its_suspension(harness: Harness) -> int:
    """A service whose server was somebody else's for a while; the owner is right again."""
    service_id, server = await activated(harness)
    harness.panel.admin.set_owner(server.id, "other@example.com")
    await one_line(harness.run(suspend, service_id))
    await is_held(harness, service_id, "owner-changed")
    harness.panel.admin.set_owner(server.id, harness.client.email)
    return service_id


async def test_released_it_is_what_it_was_and_nothing_starts(harness: Harness) -> None:
    service_id = await held_in_its_suspension(harness)
    assert await decide(service_id, "release") == f"Service {service_id} is ACTIVE again. Nothing was started."
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert harness.started == []


async def test_retried_the_action_that_stopped_starts_again(harness: Harness) -> None:
    service_id = await held_in_its_suspension(harness)
    await one_line(harness.run(terminate, service_id))  # refused while HELD: it is not what stopped here
    assert "suspend is started" in await decide(service_id, "retry")
    asked = {"service_id": service_id, "panel": PANEL, "requested_by": "admin", "who": "anna"}
    assert [started[:2] for started in harness.started] == [("suspend/whmcs", asked)]
    await harness.run(suspend, service_id)
    assert (await harness.service(service_id)).state is State.SUSPENDED


async def test_a_watchers_hold_is_retried_as_an_activation(harness: Harness) -> None:
    from flows.watch_os_install import watch_os_install

    service_id = harness.buy()
    await harness.run(activate, service_id, order=harness.order(wait_for_os=False))
    server = await harness.server(service_id)
    harness.panel.admin.set_owner(server.id, "other@example.com")
    await one_line(harness.run(watch_os_install, service_id))
    harness.started.clear()
    assert "activate is started" in await decide(service_id, "retry")


async def test_a_reconciliations_hold_is_retried_by_the_next_one_and_nothing_is_started(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.panel.admin.set_owner(server.id, "other@example.com")
    harness.clock.simulated.advance(60)  # what was driven a moment ago is not compared
    await reconcile.fn(panel=PANEL, repair="safe")
    await is_held(harness, service_id, "owner-changed")
    assert await decide(service_id, "retry") == f"Service {service_id} is ACTIVE again. Nothing was started."
    assert harness.started == []


async def test_terminated_its_deletion_starts_and_wipes(harness: Harness) -> None:
    service_id = await held_in_its_suspension(harness)
    server = await harness.server(service_id)
    assert "terminate is started" in await decide(service_id, "terminate")
    assert (await harness.service(service_id)).state is State.RELEASING
    await harness.run(terminate, service_id)
    assert (await harness.service(service_id)).state is State.RELEASED
    assert server.disk.is_clear


async def test_a_wipe_that_has_begun_is_proved_from_where_it_is(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    harness.panel.fail_next("diagnostics")
    await one_line(harness.run(terminate, service_id))
    await is_held(harness, service_id, "wipe-unproven")
    assert "is ERASING again; terminate is started" in await decide(service_id, "terminate")
    await harness.run(terminate, service_id)
    assert (await harness.service(service_id)).state is State.RELEASED


async def test_a_replaced_board_is_accepted_and_the_server_goes_on(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.panel.admin.swap_hardware(server.id)
    await one_line(harness.run(suspend, service_id))
    await is_held(harness, service_id, "hardware-changed")
    await decide(service_id, "accept-hardware")
    service = await harness.service(service_id)
    assert service.claim is not None
    assert (service.state, service.claim.hardware.serial) == (State.ACTIVE, server.serial)
    await harness.run(suspend, service_id)
    await harness.run(terminate, service_id)
    assert harness.panel.incidents == []


async def test_hardware_of_a_server_that_is_somebody_elses_is_not_accepted(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.panel.admin.swap_hardware(server.id)
    await one_line(harness.run(suspend, service_id))
    harness.panel.admin.set_owner(server.id, "other@example.com")
    line = await one_line(decide(service_id, "accept-hardware"))
    assert "Put the owner right first; nothing was accepted" in line
    await is_held(harness, service_id, "hardware-changed")


async def test_a_server_that_is_gone_is_forgotten_and_sold_to_nobody_should_it_come_back(harness: Harness) -> None:
    service_id, server = await activated(harness)
    only_fit(harness, server.id)
    harness.panel.admin.remove_server(server.id)
    await one_line(harness.run(terminate, service_id))
    await decide(service_id, "forget-server")
    assert (await harness.service(service_id)).state is State.RELEASED

    server.owner_id = None
    harness.panel.world.servers[server.id] = server
    second = harness.buy("web2.example.com")
    line = await one_line(harness.run(activate, second, order=harness.order()))
    assert "1 forgotten without a proved wipe" in line
    (stock,) = [one for one in (await read_catalogue(PANEL)).configurations if one.name == XEON]
    assert stock.total == 0
    assert await claims.claimed(harness.ledger, PANEL) == {}


async def test_a_server_that_is_there_is_not_forgotten(harness: Harness) -> None:
    service_id, server = await activated(harness)
    kept = harness.panel.world.servers[server.id]
    harness.panel.admin.remove_server(server.id)
    await one_line(harness.run(terminate, service_id))
    harness.panel.world.servers[server.id] = kept
    assert "so it is not forgotten" in await one_line(decide(service_id, "forget-server"))
    await is_held(harness, service_id, "server-vanished")


@pytest.mark.parametrize("verdict", [{"who": "", "why": "x"}, {"who": "anna", "why": " "}])
async def test_a_decision_without_name_or_reason_is_none(harness: Harness, verdict: dict[str, str]) -> None:
    service_id = await held_in_its_suspension(harness)
    with pytest.raises(StepRefused, match="needs a name and a reason"):
        await carry_out(service_id, DecisionRequest(choice="release", **verdict))
    assert (await harness.service(service_id)).state is State.HELD


async def test_a_run_whose_start_of_the_next_one_was_lost_only_starts_it(harness: Harness) -> None:
    service_id = await held_in_its_suspension(harness)
    connections = harness.connect()
    started, connections.start_run = connections.start_run, _prefect_is_away
    with pytest.raises(PrefectUnreachable):
        await decide(service_id, "retry", flow_run_id="form-1")
    connections.start_run = started
    with pytest.raises(DecidedAlready):
        await decide(service_id, "terminate", flow_run_id="form-2")
    assert "suspend is started" in await decide(service_id, "retry", flow_run_id="form-1")
    assert len(await decisions.of_service(harness.ledger, service_id)) == 1
    assert [deployment for deployment, _, _ in harness.started] == ["suspend/whmcs"]


async def _prefect_is_away(deployment: str, parameters: dict[str, Any], key: str) -> None:
    raise PrefectUnreachable("away")


async def test_the_addon_decides_by_the_runs_parameters(harness: Harness) -> None:
    service_id = await held_in_its_suspension(harness)
    await decide_held.fn(service_id, decision="retry", who="boris", why="client called")
    [kept] = await decisions.of_service(harness.ledger, service_id)
    assert (kept.choice, kept.who, kept.why) == ("retry", "boris (typed in Prefect)", "client called")
    assert kept.flow_run_id is not None


async def test_a_run_without_a_decision_asks_by_a_form_and_does_what_is_answered(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id = await held_in_its_suspension(harness)
    asked: list[type[DecisionForm]] = []

    async def suspend_flow_run(*, wait_for_input: type[DecisionForm], timeout: None, key: str) -> DecisionForm:
        asked.append(wait_for_input)
        return DecisionForm(decision="release", who="anna", why="put right")

    monkeypatch.setattr(module, "asuspend_flow_run", suspend_flow_run)
    await decide_held.fn(service_id)
    [form] = asked
    assert "owner-changed" in (form._description or "")
    assert (await harness.service(service_id)).state is State.ACTIVE
    await decide_held.fn(service_id)  # nothing waits any more: nobody is asked
    assert len(asked) == 1


async def test_an_answer_to_an_earlier_hold_is_no_answer_to_this_one(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id = await held_in_its_suspension(harness)
    first = (await harness.service(service_id)).held_at

    async def nobody_is_asked(**_: object) -> DecisionForm:
        raise AssertionError("a form for a hold that is over")

    monkeypatch.setattr(module, "asuspend_flow_run", nobody_is_asked)
    await decide(service_id, "release")
    harness.panel.admin.set_owner((await harness.server(service_id)).id, "other@example.com")
    await one_line(harness.run(suspend, service_id))
    await decide_held.fn(service_id, held_at=first)
    assert (await harness.service(service_id)).state is State.HELD


async def test_somebody_who_was_quicker_ends_the_form_quietly(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id = await held_in_its_suspension(harness)

    async def meanwhile(**_: object) -> DecisionForm:
        await decide(service_id, "release")
        return DecisionForm(decision="terminate", who="boris", why="too late")

    monkeypatch.setattr(module, "asuspend_flow_run", meanwhile)
    await decide_held.fn(service_id)
    assert (await harness.service(service_id)).state is State.ACTIVE


async def test_a_held_card_says_what_a_person_needs_and_runs_no_markup(harness: Harness) -> None:
    service_id = await held_in_its_suspension(harness)
    await decisions.protect(harness.ledger, service_id, who="ann|`", why="<b>big</b>", now=harness.clock.now())
    text = await held_summary(await harness.service(service_id))
    server = await harness.server(service_id)
    for fact in (HoldReason.OWNER_CHANGED, "ACTIVE", str(server.id), server.serial, "suspend", "retry", "Protected"):
        assert fact in text
    assert "protect by `ann/'`" in text
