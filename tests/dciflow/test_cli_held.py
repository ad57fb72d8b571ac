"""The commands of the person who decides, as they are typed."""

from datetime import UTC, datetime, timedelta

from ledger import claims, decisions, releases, requests, services
from ledger.caps import Caps
from ledger.database import Ledger
from ledger.hardware import Hardware
from ledger.snapshots import Driver
from ledger.states import State
from tests.dciflow.command_line import typed

NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)


async def drive(ledger: Ledger) -> Driver:
    driver, _ = await requests.open(
        ledger, service_id=1042, panel="main", action="suspend", flow_run_id="run-1", requested_by="cron", now=NOW,
        silent_after=timedelta(seconds=90),
    )  # fmt: skip
    return driver


async def active(ledger: Ledger, *, held: bool = False, releasing: bool = False) -> None:
    """Service 1042 is ACTIVE on server 7; held, or being taken back within its wipe delay, if so wished."""
    await ledger.upgrade()
    await services.remember(ledger, service_id=1042, panel="main", client_id=7, now=NOW)
    driver = await drive(ledger)
    await claims.take(ledger, driver, server_id=7, hardware=Hardware(serial="SN-7"), now=NOW)
    for state in (State.PREPARING, State.INSTALLING, State.ACTIVE):
        await services.advance(ledger, driver, NOW, state)
    if held:
        await requests.hold_and_close(ledger, driver, reason="owner-changed", evidence="seen: user 9", now=NOW)
    if releasing:
        caps = Caps(terminations_per_day=9, terminations_share=1, wipes_per_hour=9)
        await requests.close(ledger, driver, outcome="done", message=None, now=NOW, to=State.SUSPENDED)
        driver = await drive(ledger)
        await releases.begin(ledger, driver, caps=caps, may_come_back=True, now=NOW)


async def test_a_held_service_is_listed_shown_and_released(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    await active(ledger, held=True)
    listed = await typed("held", "list")
    for word in ("1042", "owner-changed", "2027-01-01 12:00", "seen: user 9"):
        assert word in listed.output
    shown = await typed("held", "show", "1042")
    for word in ("owner-changed", "SN-7", "retry", "suspend", "run-1"):
        assert word in shown.output

    said = await typed("held", "release", "1042", "--why", "put right")
    assert said.output.strip() == "Service 1042 is ACTIVE again. Nothing was started."
    [kept] = await decisions.of_service(ledger, 1042)
    assert (kept.choice, kept.who, kept.why) == ("release", "anna", "put right")
    again = await typed("held", "release", "1042", "--why", "put right")
    assert (again.exit_code, again.output.strip()) == (
        1, "dciflow: Service 1042 is ACTIVE, not HELD: there is nothing to decide.",
    )  # fmt: skip
    assert "release by anna" in (await typed("held", "show", "1042")).output
    await ledger.dispose()


async def test_a_decision_needs_its_reason(ledger_url: str) -> None:
    said = await typed("held", "release", "1042")
    assert said.exit_code == 2
    assert "--why" in said.output


async def test_a_service_in_its_wipe_delay_is_brought_back(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    await active(ledger, releasing=True)
    said = await typed("bring-back", "1042", "--why", "paid")
    assert said.output.strip() == "Service 1042 is SUSPENDED again, as it was before its deletion."
    again = await typed("bring-back", "1042", "--why", "paid")
    assert again.exit_code == 1
    assert "Only a service in its wipe delay can be brought back" in again.output
    await ledger.dispose()


async def test_a_service_is_protected_and_unprotected(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    await active(ledger)
    assert (await typed("protect", "1042", "--why", "large")).output.strip() == "Service 1042 is protected."
    service = await services.get(ledger, 1042)
    assert service is not None
    assert service.protected_at is not None
    assert (await typed("unprotect", "1042", "--why", "left")).exit_code == 0
    assert (await typed("unprotect", "1042", "--why", "left")).exit_code == 1
    assert [one.who for one in await decisions.of_service(ledger, 1042)] == ["anna", "anna"]
    await ledger.dispose()


async def test_a_service_that_its_client_uses_gets_no_other_server(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    await active(ledger)
    said = await typed("held", "another-server", "1042", "--why", "slow")
    assert said.exit_code == 1
    assert "Service 1042 is ACTIVE: another server is for an activation" in said.output
    await ledger.dispose()


async def test_a_burst_is_released_as_a_whole_with_account_and_name(ledger_url: str) -> None:
    ledger = Ledger(ledger_url)
    await active(ledger)
    [request] = await requests.open_requests(ledger)
    driver = Driver(service_id=1042, request_id=request.id, epoch=request.epoch)
    await requests.hold_and_close(ledger, driver, reason="burst", evidence="-", now=NOW)
    said = await typed("held", "burst", "release", "--why", "a mistake", "--who", "Berta")
    assert said.output.strip() == "Service 1042 is ACTIVE again. Nothing was started."
    [kept] = await decisions.of_service(ledger, 1042)
    assert (kept.choice, kept.held_reason, kept.who) == ("release", "burst", "anna (Berta)")
    again = await typed("held", "burst", "release", "--why", "a mistake")
    assert (again.exit_code, again.output.strip()) == (
        1, "dciflow: No service is HELD as a burst: there is nothing to decide."
    )  # fmt: skip
    await ledger.dispose()


async def test_a_burst_is_neither_terminated_nor_handed_over_as_a_whole(ledger_url: str) -> None:
    assert (await typed("held", "burst", "terminate", "--why", "-")).exit_code == 2
