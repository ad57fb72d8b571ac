import pytest

from ledger import claims, decisions, permits, releases, requests
from ledger.database import Ledger
from ledger.errors import AlreadyClaimed, DecidedAlready, IllegalMove, LedgerError, Protected
from ledger.hardware import Hardware
from ledger.snapshots import Driver
from ledger.states import State
from tests.ledger.scenario import LedgerScenario

NEW_ONE = Hardware(serial="SN-2", macs=("00:16:3e:00:00:02",))


async def hold(story: LedgerScenario, driver: Driver, reason: str) -> None:
    await requests.hold_and_close(story.ledger, driver, reason=reason, evidence="seen: SN-2", now=story.now)


async def test_who_decided_what_when_and_why_is_kept_with_what_he_saw(ledger: Ledger, story: LedgerScenario) -> None:
    await hold(story, await story.reach(State.ACTIVE), "owner-changed")
    await decisions.leave_hold(
        ledger,
        1,
        to=State.ACTIVE,
        who="ann",
        why="put right",
        now=story.later(hours=2),
        choice="retry",
        flow_run_id="f",
    )
    [kept] = await decisions.of_service(ledger, 1)
    assert (kept.choice, kept.held_reason, kept.evidence) == ("retry", "owner-changed", "seen: SN-2")
    assert (kept.state, kept.who, kept.why, kept.flow_run_id, kept.at) == (
        State.ACTIVE, "ann", "put right", "f", story.now
    )  # fmt: skip
    assert kept.epoch == (await story.service()).epoch


async def test_a_decision_on_an_earlier_hold_does_not_end_the_present_one(
    ledger: Ledger, story: LedgerScenario
) -> None:
    await hold(story, await story.reach(State.ACTIVE), "owner-changed")
    first = (await story.service()).held_at
    await decisions.leave_hold(ledger, 1, to=State.ACTIVE, who="ann", why="-", now=story.later(minutes=1))
    await hold(story, await story.ask(run="run-2"), "owner-changed")
    with pytest.raises(DecidedAlready, match="is HELD anew since"):
        await decisions.leave_hold(
            ledger, 1, to=State.RELEASING, who="ann", why="-", now=story.now, held_at=first, choice="terminate"
        )
    assert (await story.service()).state is State.HELD


async def test_a_second_reason_does_not_make_it_another_hold(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ERASING)
    driver = await story.hold(driver, reason="first")
    began = story.now
    story.later(hours=1)
    await story.hold(driver, reason="second")
    assert (await story.service()).held_at == began


async def test_accepted_hardware_is_the_services_from_then_on(ledger: Ledger, story: LedgerScenario) -> None:
    await hold(story, await story.reach(State.ACTIVE), "hardware-changed")
    service = await decisions.accept_hardware(
        ledger, 1, hardware=NEW_ONE, who="ann", why="board replaced", now=story.now
    )
    assert service.state is State.ACTIVE
    assert service.claim is not None
    assert service.claim.hardware == NEW_ONE
    [kept] = await decisions.of_service(ledger, 1)
    assert "serial SN-1" in (kept.evidence or "")


async def test_a_server_without_identity_gets_one_from_a_person(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.RELEASING)
    await hold(story, driver, "no-identity")
    await decisions.accept_hardware(ledger, 1, hardware=NEW_ONE, who="ann", why="serial entered", now=story.now)
    driver = await story.ask(run="run-2", action="terminate")
    permit = await story.permit(driver, hardware=NEW_ONE)
    assert permit.hardware.serial == "SN-2"


async def test_hardware_is_accepted_for_hardware_only_and_never_without_any(
    ledger: Ledger, story: LedgerScenario
) -> None:
    await hold(story, await story.reach(State.ACTIVE), "owner-changed")
    with pytest.raises(IllegalMove, match="hardware is accepted for hardware-changed and no-identity only"):
        await decisions.accept_hardware(ledger, 1, hardware=NEW_ONE, who="ann", why="-", now=story.now)
    await hold(story, await story.reach(State.ACTIVE, 2, run="run-2"), "hardware-changed")
    with pytest.raises(LedgerError, match="has neither serial number, MAC address nor barcode"):
        await decisions.accept_hardware(ledger, 2, hardware=Hardware(), who="ann", why="-", now=story.now)
    assert (await story.service(2)).state is State.HELD


async def test_a_forgotten_server_is_nobodys_and_stays_so(ledger: Ledger, story: LedgerScenario) -> None:
    await hold(story, await story.reach(State.ACTIVE), "server-vanished")
    service = await decisions.forget_server(ledger, 1, who="ann", why="scrapped", now=story.now)
    assert (service.state, service.claim) == (State.RELEASED, None)
    assert await claims.claimed(ledger, "main") == {}
    assert await claims.forgotten(ledger, "main") == {101}
    with pytest.raises(AlreadyClaimed):
        await story.take(await story.ask(2, run="run-2"), server_id=101)


async def test_a_forgotten_servers_open_permit_is_settled(ledger: Ledger, story: LedgerScenario) -> None:
    for number, used, outcome in ((1, False, "void"), (2, True, "unproven")):
        driver = await story.reach(State.ERASING, number, run=f"run-{number}")
        permit = await story.permit(driver)
        if used:
            await permits.use(ledger, driver, story.now, permit.id)
        await hold(story, driver, "server-vanished")
        await decisions.forget_server(ledger, number, who="ann", why="burnt", now=story.now)
        settled = await permits.current(ledger, number, 1)
        assert settled is not None
        assert settled.outcome == outcome


async def test_a_server_is_forgotten_only_when_it_is_gone(ledger: Ledger, story: LedgerScenario) -> None:
    await hold(story, await story.reach(State.ACTIVE), "owner-changed")
    with pytest.raises(IllegalMove, match="a server is forgotten for server-vanished and restored only"):
        await decisions.forget_server(ledger, 1, who="ann", why="-", now=story.now)
    assert (await story.service()).claim is not None


async def test_a_protected_service_keeps_its_server_until_somebody_ends_that(
    ledger: Ledger, story: LedgerScenario
) -> None:
    driver = await story.reach(State.ACTIVE)
    service = await decisions.protect(ledger, 1, who="ann", why="our largest client", now=story.now)
    assert service.protected_at == story.now
    with pytest.raises(Protected, match="end the protection first"):
        await story.begin(driver)
    await hold(story, driver, "server-vanished")
    with pytest.raises(Protected):
        await decisions.leave_hold(ledger, 1, to=State.RELEASING, who="bob", why="-", now=story.now)
    with pytest.raises(Protected):
        await decisions.forget_server(ledger, 1, who="bob", why="-", now=story.now)

    await decisions.unprotect(ledger, 1, who="ann", why="left us", now=story.now)
    service = await decisions.leave_hold(ledger, 1, to=State.RELEASING, who="bob", why="-", now=story.now)
    assert service.state is State.RELEASING
    assert [one.choice for one in await decisions.of_service(ledger, 1)] == ["protect", "unprotect", "release"]


async def test_protection_comes_too_late_for_a_server_that_is_being_taken_back(
    ledger: Ledger, story: LedgerScenario
) -> None:
    await story.reach(State.RELEASING)
    with pytest.raises(IllegalMove, match="being taken back already"):
        await decisions.protect(ledger, 1, who="ann", why="-", now=story.now)
    await story.reach(State.ACTIVE, 2, run="run-2")
    with pytest.raises(IllegalMove, match="is not protected"):
        await decisions.unprotect(ledger, 2, who="ann", why="-", now=story.now)


@pytest.mark.parametrize("was", [State.ACTIVE, State.SUSPENDED])
async def test_a_service_is_brought_back_during_its_wipe_delay(
    ledger: Ledger, story: LedgerScenario, was: State
) -> None:
    driver = await story.reach(was)
    service = await story.begin(driver, may_come_back=True)
    assert (service.way_back, service.releasing_since) == (was, story.now)
    assert await releases.bring_back(ledger, 1, who="ann", why="paid", now=story.later(hours=1)) is was
    service = await story.service()
    assert (service.state, service.way_back, service.releasing_since) == (State.SUSPENDED, None, None)
    with pytest.raises(LedgerError, match="is closed"):
        await story.permit(driver)
    [kept] = await decisions.of_service(ledger, 1)
    assert (kept.choice, kept.why, kept.state) == ("bring-back", "paid", State.SUSPENDED)


async def test_nobody_brings_a_service_back_once_its_delay_is_over(ledger: Ledger, story: LedgerScenario) -> None:
    driver = await story.reach(State.ACTIVE)
    await story.begin(driver, may_come_back=True)
    await releases.close_way_back(ledger, driver, story.now)
    with pytest.raises(IllegalMove, match="its wipe delay is over, or it has none"):
        await releases.bring_back(ledger, 1, who="ann", why="-", now=story.now)
    assert (await story.service()).state is State.RELEASING


@pytest.mark.parametrize("was", [State.CLAIMED, State.PREPARING, State.INSTALLING])
async def test_there_is_no_way_back_to_a_server_that_was_never_delivered(
    ledger: Ledger, story: LedgerScenario, was: State
) -> None:
    assert (await story.begin(await story.reach(was), may_come_back=True)).way_back is None


async def test_what_a_reinstallation_left_installing_is_brought_back_as_the_active_one_that_it_was(
    ledger: Ledger, story: LedgerScenario
) -> None:
    driver = await story.reinstall_midway()
    service = await story.begin(driver, may_come_back=True)
    assert (service.way_back, service.releasing_since) == (State.ACTIVE, story.now)
    assert await releases.bring_back(ledger, 1, who="ann", why="paid", now=story.later(hours=1)) is State.ACTIVE
    assert (await story.service()).state is State.SUSPENDED


async def test_without_a_wipe_delay_there_is_no_way_back_from_a_reinstallation(story: LedgerScenario) -> None:
    assert (await story.begin(await story.reinstall_midway(), may_come_back=False)).way_back is None


async def test_a_person_who_sends_a_held_service_to_release_counts_it(ledger: Ledger, story: LedgerScenario) -> None:
    await hold(story, await story.reach(State.ACTIVE), "owner-changed")
    service = await decisions.leave_hold(ledger, 1, to=State.RELEASING, who="ann", why="-", now=story.later(hours=3))
    assert service.releasing_since == story.now
