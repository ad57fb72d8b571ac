import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from dcimanager.endpoints import Dialect, load_dialect
from dcimanager.panel import Panel
from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger import proofs, services
from ledger.proofs import EVERY_ENTRY, Backing
from ledger.snapshots import Driver
from ledger.states import State
from runtime.connections import connections, panel_named
from runtime.driver import begin_drive
from runtime.gate import NEEDED, entries_of, is_answered_for, require_proofs
from runtime.steps import ensures
from tasks.panel_trust import trust
from tests.harness import PANEL, Harness, forget_proofs, trust_panel
from tests.ledger.scenario import last_request
from tests.stories.scenario import activated, one_line, promised, written

WAYS_OUT = (f"dciflow panel rehearse {PANEL} --server N", f"dciflow panel trust {PANEL} --why")


def speak(harness: Harness, dialect: Dialect) -> Panel:
    """Sessions with the panel anew, as of a worker that was restarted with a site's own table of endpoints."""
    opened = harness.connect()
    panel = opened.panels[PANEL]
    panel.dialect = dialect
    return panel


def corrected(tmp_path: Path, text: str) -> Dialect:
    file = tmp_path / "endpoints.toml"
    file.write_text(text, encoding="utf-8")
    return load_dialect(file)


async def sold_before(harness: Harness) -> None:
    """The ledger after its migration: the panel had clients' servers when proofs were not kept."""
    await forget_proofs(harness.ledger)
    await proofs.record(
        harness.ledger, panel=PANEL, entry=EVERY_ENTRY, call="", words={}, backing=Backing.SOLD_BEFORE, who="dciflow",
        why="sold before proofs were kept", now=harness.clock.now(),
    )  # fmt: skip
    harness.connect()


async def test_nothing_is_claimed_or_touched_for_an_order_on_a_panel_that_showed_nothing(harness: Harness) -> None:
    await forget_proofs(harness.ledger)
    service_id = harness.buy()
    line = await one_line(harness.run(activate, service_id, order=harness.order()))
    assert all(entry in line for entry in NEEDED["activate"])
    assert all(command in line for command in WAYS_OUT)
    assert "diagnostics" not in line
    assert written(harness) == []
    assert await promised(harness) == {}
    assert (await harness.service(service_id)).state is State.NEW
    request = await last_request(harness.ledger, service_id)
    assert request is not None
    assert (request.outcome, request.message) == ("failed", line)


@pytest.mark.parametrize(("flow", "entry"), [(suspend, "port_off"), (terminate, "diagnostics")])
async def test_a_client_keeps_what_he_has_while_the_panel_has_shown_nothing(
    harness: Harness, flow: object, entry: str
) -> None:
    service_id, server = await activated(harness)
    await forget_proofs(harness.ledger)
    harness.connect()
    before, owner = len(harness.panel.writes()), server.owner_id
    line = await one_line(harness.run(flow, service_id))  # type: ignore[arg-type]
    assert entry in line
    assert written(harness, since=before) == []
    assert server.owner_id == owner
    assert (await harness.service(service_id)).state is State.ACTIVE


async def test_a_suspended_service_comes_back_only_on_a_proved_port_call(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    await harness.run(suspend, service_id)
    await forget_proofs(harness.ledger)
    harness.connect()
    assert "port_on is neither proved nor trusted" in await one_line(harness.run(unsuspend, service_id))
    await trust_panel(harness.ledger)
    await harness.run(unsuspend, service_id)
    assert (await harness.service(service_id)).state is State.ACTIVE


async def test_a_service_without_a_server_is_deleted_on_any_panel(harness: Harness) -> None:
    service_id = harness.buy()
    await services.remember(harness.ledger, service_id=service_id, panel=PANEL, now=harness.clock.now())
    await forget_proofs(harness.ledger)
    await harness.run(terminate, service_id)
    assert written(harness) == []


async def test_a_trusted_panel_is_sold_from_at_once_though_it_was_refused_before(harness: Harness) -> None:
    await forget_proofs(harness.ledger)
    service_id = harness.buy()
    await one_line(harness.run(activate, service_id, order=harness.order()))
    await trust_panel(harness.ledger)
    await harness.run(activate, service_id)  # its number suffices: what was ordered is known
    assert (await harness.service(service_id)).state is State.ACTIVE


async def test_an_entry_that_was_changed_is_refused_again_by_its_name(harness: Harness, tmp_path: Path) -> None:
    speak(harness, corrected(tmp_path, '[owner_set]\npath = "dci/v3/server/{server}/set_owner"\n'))
    line = await one_line(harness.run(activate, harness.buy(), order=harness.order()))
    assert "owner_set (changed since it was trusted on 2027-01-01) is neither proved nor trusted" in line
    assert written(harness) == []


async def test_a_word_with_another_meaning_ends_the_proof_of_what_rests_on_it(harness: Harness, tmp_path: Path) -> None:
    service_id, _ = await activated(harness)
    before = len(harness.panel.writes())
    speak(harness, corrected(tmp_path, '[words.operation.ok]\nmeans = "ended"\n'))
    line = await one_line(harness.run(terminate, service_id))
    assert "operation_end (changed" in line
    assert "diagnostics (changed" in line
    assert "port_on" not in line
    assert written(harness, since=before) == []
    await harness.run(suspend, service_id)  # no word of operations is needed for it


async def test_a_word_that_is_new_in_the_table_ends_no_proof(harness: Harness, tmp_path: Path) -> None:
    speak(harness, corrected(tmp_path, '[words.operation.beendet]\nmeans = "finished"\n'))
    await activated(harness)


async def test_an_entry_changed_midway_stops_the_step_and_a_retry_goes_on(
    harness: Harness,
) -> None:
    changed = corrected_owner(harness)
    service_id = harness.buy()
    harness.faults.admin_acts_before("user_create", 1, lambda: changed(True))
    line = await one_line(harness.run(activate, service_id, order=harness.order()))
    assert "owner_set" in line
    assert "set_owner was not begun" in line
    service = await harness.service(service_id)
    assert (service.state, service.claim is not None) == (State.CLAIMED, True)
    changed(False)
    await harness.run(activate, service_id)
    assert (await harness.service(service_id)).state is State.ACTIVE


def corrected_owner(harness: Harness) -> Callable[[bool], None]:
    """Changes the entry owner_set under a run's feet, and back: a worker reads its table anew with a new session."""

    def change(to_another: bool) -> None:
        panel = harness.connect().panels[PANEL]
        if to_another:
            entry = panel.dialect["owner_set"].model_copy(update={"path": "elsewhere"})
            panel.dialect = panel.dialect.model_copy(
                update={"endpoints": {**panel.dialect.endpoints, "owner_set": entry}}
            )

    return change


async def test_what_was_sold_before_goes_on_with_one_warning_in_each_run(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    await sold_before(harness)
    with caplog.at_level(logging.WARNING):
        service_id, _ = await activated(harness)
    assert len(warnings(caplog)) == 1
    for flow in (suspend, unsuspend, terminate):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            await harness.run(flow, service_id)
        [line] = warnings(caplog)
        assert all(entry in line for entry in NEEDED[flow.name])
        assert WAYS_OUT[0] in line
    assert (await harness.service(service_id)).state is State.RELEASED


async def test_a_call_that_is_written_later_is_not_one_that_was_sold_before(harness: Harness, tmp_path: Path) -> None:
    await sold_before(harness)
    service_id, _ = await activated(harness)
    before = len(harness.panel.writes())
    speak(harness, corrected(tmp_path, '[port_off]\npath = "dci/v3/switch/{switch}/port/{port}/power_off"\n'))
    line = await one_line(harness.run(suspend, service_id))
    assert "port_off (changed since it was last used on 2027-01-01) is neither proved nor trusted" in line
    assert len(harness.panel.writes()) == before


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if "sold before proofs were kept" in one.getMessage()]


async def test_a_panel_that_sold_before_is_quiet_once_a_person_answers_for_it(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    await sold_before(harness)
    await trust_panel(harness.ledger)
    with caplog.at_level(logging.WARNING):
        await activated(harness)
    assert warnings(caplog) == []


async def test_a_rehearsal_passes_the_gate_and_its_steps_do(harness: Harness) -> None:
    await forget_proofs(harness.ledger)

    @ensures("ports off", calls=("port_off",))
    async def play(service: object) -> str:
        """Play a call."""
        return "played"

    for service_id, passes in ((-17, True), (17, False)):
        service = await services.remember(harness.ledger, service_id=service_id, panel=PANEL, now=harness.clock.now())
        begin_drive(Driver(service_id, 1, "request"), service)
        panel = await panel_named(PANEL)
        if passes:
            await require_proofs(panel, service, "rehearse")
            assert await play.body(service) == "played"
        else:
            assert "suspend was not begun" in await one_line(require_proofs(panel, service, "suspend"))


async def test_a_run_writes_nothing_that_its_action_does_not_name(harness: Harness) -> None:
    service_id = harness.buy()
    for flow in (activate, suspend, unsuspend, terminate):
        before = len(harness.panel.writes())
        more = {"order": harness.order(wipe_delay_hours=1)} if flow is activate else {}
        await harness.run(flow, service_id, **more)
        calls = {name for name in written(harness, since=before) if name != "login"}
        assert calls <= set(NEEDED[flow.name]), flow.name
        assert calls


async def test_the_ledger_is_asked_once_a_minute_and_process_when_all_is_well(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    async def counted(panel: Panel) -> object:
        asked.append(panel.name)
        return await entries_of(panel)

    monkeypatch.setattr("runtime.gate.entries_of", counted)
    service_id, _ = await activated(harness)
    service, panel = await harness.service(service_id), connections().panels[PANEL]
    asked.clear()
    for seconds, looks in ((61, 1), (30, 1), (31, 2)):
        harness.clock.simulated.advance(seconds)
        await require_proofs(panel, service, "suspend")
        assert len(asked) == looks


async def test_what_clients_are_billed_by_counts_on_a_word_that_names_it_and_that_call_only(harness: Harness) -> None:
    panel = await panel_named(PANEL)
    assert not await is_answered_for(panel, "server_traffic")
    assert "server_traffic" not in await trust(panel, [], who="anna", why="all of it")
    assert not await is_answered_for(panel, "server_traffic")
    assert await trust(panel, ["server_traffic"], who="anna", why="compared with the panel's page") == [
        "server_traffic"
    ]
    assert await is_answered_for(panel, "server_traffic")
    entry = panel.dialect["server_traffic"].model_copy(update={"path": "report/v3/server/{server}"})
    changed = {**panel.dialect.endpoints, "server_traffic": entry}
    harness.dialect = panel.dialect.model_copy(update={"endpoints": changed})
    harness.connect()
    assert not await is_answered_for(await panel_named(PANEL), "server_traffic")
