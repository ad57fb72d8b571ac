"""A person decides on a HELD service: by command and by form, both through `tasks.decisions`."""

from typing import Any

import pytest

from flows import decide_held as module
from flows.activate import activate
from flows.decide_held import Decision, decide_held
from flows.reconcile import reconcile
from flows.suspend import suspend
from flows.terminate import terminate
from ledger import claims, decisions
from ledger.errors import DecidedAlready
from ledger.lifecycle import State
from ledger.snapshots import Choice
from simulator.profile import XEON
from tasks.card import held_card
from tasks.catalogue import read_catalogue
from tasks.decisions import Verdict, carry_out
from tasks.outcomes import PrefectUnreachable, Reason, Refusal
from tests.flows.play import activated, is_held, one_line, only_fit
from tests.stage import PANEL, Stage


async def decide(service_id: int, choice: Choice, **more: Any) -> str:
    return await carry_out(service_id, Verdict(choice=choice, who="anna", why="looked at it", **more))


async def held_in_its_suspension(stage: Stage) -> int:
    """A service whose server was somebody else's for a while; the owner is right again."""
    service_id, server = await activated(stage)
    stage.panel.by_hand.set_owner(server.id, "other@example.com")
    await one_line(stage.run(suspend, service_id))
    await is_held(stage, service_id, "owner-changed")
    stage.panel.by_hand.set_owner(server.id, stage.client.email)
    return service_id


async def test_released_it_is_what_it_was_and_nothing_starts(stage: Stage) -> None:
    service_id = await held_in_its_suspension(stage)
    assert await decide(service_id, "release") == f"Service {service_id} is ACTIVE again. Nothing was started."
    assert (await stage.service(service_id)).state is State.ACTIVE
    assert stage.started == []


async def test_retried_the_action_that_stopped_starts_again(stage: Stage) -> None:
    service_id = await held_in_its_suspension(stage)
    await one_line(stage.run(terminate, service_id))  # refused while HELD: it is not what stopped here
    assert "suspend is started" in await decide(service_id, "retry")
    epoch = (await stage.service(service_id)).epoch
    asked = {"service_id": service_id, "panel": PANEL, "requested_by": "admin"}
    assert stage.started == [("suspend/whmcs", asked, f"decided-{service_id}-{epoch}")]
    await stage.run(suspend, service_id)
    assert (await stage.service(service_id)).state is State.SUSPENDED


async def test_a_watchers_hold_is_retried_as_an_activation(stage: Stage) -> None:
    from flows.watch_os_install import watch_os_install

    service_id = stage.buy()
    await stage.run(activate, service_id, order=stage.order(wait_for_os=False))
    server = await stage.server(service_id)
    stage.panel.by_hand.set_owner(server.id, "other@example.com")
    await one_line(stage.run(watch_os_install, service_id))
    stage.started.clear()
    assert "activate is started" in await decide(service_id, "retry")


async def test_a_reconciliations_hold_is_retried_by_the_next_one_and_nothing_is_started(stage: Stage) -> None:
    service_id, server = await activated(stage)
    stage.panel.by_hand.set_owner(server.id, "other@example.com")
    stage.clock.simulated.advance(60)  # what was driven a moment ago is not compared
    await reconcile.fn(panel=PANEL, repair="safe")
    await is_held(stage, service_id, "owner-changed")
    assert await decide(service_id, "retry") == f"Service {service_id} is ACTIVE again. Nothing was started."
    assert stage.started == []


async def test_terminated_its_deletion_starts_and_wipes(stage: Stage) -> None:
    service_id = await held_in_its_suspension(stage)
    server = await stage.server(service_id)
    assert "terminate is started" in await decide(service_id, "terminate")
    assert (await stage.service(service_id)).state is State.RELEASING
    await stage.run(terminate, service_id)
    assert (await stage.service(service_id)).state is State.RELEASED
    assert server.disk.is_clear


async def test_a_wipe_that_has_begun_is_proved_from_where_it_is(stage: Stage) -> None:
    service_id, _ = await activated(stage)
    stage.panel.fail_next("diagnostics")
    await one_line(stage.run(terminate, service_id))
    await is_held(stage, service_id, "wipe-unproven")
    assert "is ERASING again; terminate is started" in await decide(service_id, "terminate")
    await stage.run(terminate, service_id)
    assert (await stage.service(service_id)).state is State.RELEASED


async def test_a_replaced_board_is_accepted_and_the_server_goes_on(stage: Stage) -> None:
    service_id, server = await activated(stage)
    stage.panel.by_hand.swap_hardware(server.id)
    await one_line(stage.run(suspend, service_id))
    await is_held(stage, service_id, "hardware-changed")
    await decide(service_id, "accept-hardware")
    service = await stage.service(service_id)
    assert service.claim is not None
    assert (service.state, service.claim.serial) == (State.ACTIVE, server.serial)
    await stage.run(suspend, service_id)
    await stage.run(terminate, service_id)
    assert stage.panel.incidents == []


async def test_hardware_of_a_server_that_is_somebody_elses_is_not_accepted(stage: Stage) -> None:
    service_id, server = await activated(stage)
    stage.panel.by_hand.swap_hardware(server.id)
    await one_line(stage.run(suspend, service_id))
    stage.panel.by_hand.set_owner(server.id, "other@example.com")
    line = await one_line(decide(service_id, "accept-hardware"))
    assert "Put the owner right first; nothing was accepted" in line
    await is_held(stage, service_id, "hardware-changed")


async def test_a_server_that_is_gone_is_forgotten_and_sold_to_nobody_should_it_come_back(stage: Stage) -> None:
    service_id, server = await activated(stage)
    only_fit(stage, server.id)
    stage.panel.by_hand.remove_server(server.id)
    await one_line(stage.run(terminate, service_id))
    await decide(service_id, "forget-server")
    assert (await stage.service(service_id)).state is State.RELEASED

    server.owner_id = None
    stage.panel.world.servers[server.id] = server
    second = stage.buy("web2.example.com")
    line = await one_line(stage.run(activate, second, order=stage.order()))
    assert "1 forgotten without a proved wipe" in line
    (stock,) = [one for one in (await read_catalogue(PANEL)).configurations if one.name == XEON]
    assert stock.total == 0
    assert await claims.claimed(stage.ledger, PANEL) == {}


async def test_a_server_that_is_there_is_not_forgotten(stage: Stage) -> None:
    service_id, server = await activated(stage)
    kept = stage.panel.world.servers[server.id]
    stage.panel.by_hand.remove_server(server.id)
    await one_line(stage.run(terminate, service_id))
    stage.panel.world.servers[server.id] = kept
    assert "so it is not forgotten" in await one_line(decide(service_id, "forget-server"))
    await is_held(stage, service_id, "server-vanished")


@pytest.mark.parametrize("verdict", [{"who": "", "why": "x"}, {"who": "anna", "why": " "}])
async def test_a_decision_without_name_or_reason_is_none(stage: Stage, verdict: dict[str, str]) -> None:
    service_id = await held_in_its_suspension(stage)
    with pytest.raises(Refusal, match="needs a name and a reason"):
        await carry_out(service_id, Verdict(choice="release", **verdict))
    assert (await stage.service(service_id)).state is State.HELD


async def test_a_run_whose_start_of_the_next_one_was_lost_only_starts_it(stage: Stage) -> None:
    service_id = await held_in_its_suspension(stage)
    connections = stage.connect()
    started, connections.start_run = connections.start_run, _prefect_is_away
    with pytest.raises(PrefectUnreachable):
        await decide(service_id, "retry", flow_run_id="form-1")
    connections.start_run = started
    with pytest.raises(DecidedAlready):
        await decide(service_id, "terminate", flow_run_id="form-2")
    assert "suspend is started" in await decide(service_id, "retry", flow_run_id="form-1")
    assert len(await decisions.of_service(stage.ledger, service_id)) == 1
    assert [deployment for deployment, _, _ in stage.started] == ["suspend/whmcs"]


async def _prefect_is_away(deployment: str, parameters: dict[str, Any], key: str) -> None:
    raise PrefectUnreachable("away")


async def test_the_addon_decides_by_the_runs_parameters(stage: Stage) -> None:
    service_id = await held_in_its_suspension(stage)
    await decide_held.fn(service_id, decision="retry", who="boris", why="client called")
    [kept] = await decisions.of_service(stage.ledger, service_id)
    assert (kept.choice, kept.who, kept.why) == ("retry", "boris", "client called")
    assert kept.flow_run_id is not None


async def test_a_run_without_a_decision_asks_by_a_form_and_does_what_is_answered(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id = await held_in_its_suspension(stage)
    asked: list[type[Decision]] = []

    async def suspend_flow_run(*, wait_for_input: type[Decision], timeout: None, key: str) -> Decision:
        asked.append(wait_for_input)
        return Decision(decision="release", who="anna", why="put right")

    monkeypatch.setattr(module, "asuspend_flow_run", suspend_flow_run)
    await decide_held.fn(service_id)
    [form] = asked
    assert "owner-changed" in (form._description or "")
    assert (await stage.service(service_id)).state is State.ACTIVE
    await decide_held.fn(service_id)  # nothing waits any more: nobody is asked
    assert len(asked) == 1


async def test_an_answer_to_an_earlier_hold_is_no_answer_to_this_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id = await held_in_its_suspension(stage)
    first = (await stage.service(service_id)).held_at

    async def nobody_is_asked(**_: object) -> Decision:
        raise AssertionError("a form for a hold that is over")

    monkeypatch.setattr(module, "asuspend_flow_run", nobody_is_asked)
    await decide(service_id, "release")
    stage.panel.by_hand.set_owner((await stage.server(service_id)).id, "other@example.com")
    await one_line(stage.run(suspend, service_id))
    await decide_held.fn(service_id, held_at=first)
    assert (await stage.service(service_id)).state is State.HELD


async def test_somebody_who_was_quicker_ends_the_form_quietly(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    service_id = await held_in_its_suspension(stage)

    async def meanwhile(**_: object) -> Decision:
        await decide(service_id, "release")
        return Decision(decision="terminate", who="boris", why="too late")

    monkeypatch.setattr(module, "asuspend_flow_run", meanwhile)
    await decide_held.fn(service_id)
    assert (await stage.service(service_id)).state is State.ACTIVE


async def test_a_held_card_says_what_a_person_needs_and_runs_no_markup(stage: Stage) -> None:
    service_id = await held_in_its_suspension(stage)
    await decisions.protect(stage.ledger, service_id, who="ann|`", why="<b>big</b>", now=stage.clock.now())
    text = await held_card(await stage.service(service_id))
    server = await stage.server(service_id)
    for fact in (Reason.OWNER_CHANGED, "ACTIVE", str(server.id), server.serial, "suspend", "retry", "Protected"):
        assert fact in text
    assert "protect by `ann/'`" in text
