import pytest

from ledger import claims, decisions, journal, leftovers, requests, server_notes, services
from ledger.errors import DecidedAlready, IllegalMove, Protected, RequestInProgress, SetAside
from ledger.orders import Order
from ledger.snapshots import FIRST_LEFTOVER, Service
from ledger.states import State
from ledger.tables import ServiceRow
from tests.ledger.scenario import LedgerScenario, hardware_for

BY = {"who": "shift", "why": "the disk is dying"}


async def stuck(story: LedgerScenario, state: State = State.INSTALLING, service_id: int = 1) -> None:
    """An activation that failed on its way; no run drives it."""
    driver = await story.reach(state, service_id)
    await requests.close(story.ledger, driver, story.now, outcome="failed", message="it failed")


async def leave(story: LedgerScenario, service_id: int = 1) -> Service:
    return await leftovers.give_another_server(story.ledger, service_id, **BY, now=story.now)


@pytest.mark.parametrize("state", [State.CLAIMED, State.PREPARING, State.INSTALLING])
async def test_the_old_server_goes_to_a_leftover_and_the_service_begins_anew(
    story: LedgerScenario, state: State
) -> None:
    await stuck(story, state)
    before = await story.service(1)
    leftover = await leave(story)
    now = await story.service(1)
    assert (now.state, now.claim, now.generation) == (State.NEW, None, before.generation + 1)
    assert (leftover.service_id, leftover.state, leftover.leftover_of) == (FIRST_LEFTOVER, state, 1)
    assert leftover.is_leftover and not leftover.is_known_to_whmcs
    assert leftover.claim is not None and before.claim is not None
    assert leftover.claim.model_dump(exclude={"service_id"}) == before.claim.model_dump(exclude={"service_id"})
    assert leftover.client_id == before.client_id
    assert await leftovers.of_service(story.ledger, 1) == [FIRST_LEFTOVER]


async def test_what_was_done_for_the_old_server_is_the_leftovers_and_nothing_of_it_the_next_generations(
    story: LedgerScenario,
) -> None:
    driver = await story.reach(State.INSTALLING)
    await journal.note(story.ledger, driver, story.now, generation=1, step="deploy_os", before={"operation": 900})
    await requests.close(story.ledger, driver, story.now, outcome="failed", message="it failed")
    before = await journal.entries(story.ledger, 1, 1)
    await leave(story)
    assert await journal.entries(story.ledger, 1, 1) == []
    kept = await journal.entries(story.ledger, FIRST_LEFTOVER, 1)
    assert [entry.step for entry in kept] == [entry.step for entry in before] != []


async def test_the_old_server_is_set_aside_so_that_the_service_does_not_get_it_again(story: LedgerScenario) -> None:
    await stuck(story)
    await leave(story)
    aside = await server_notes.aside(story.ledger, "main")
    assert aside[101].reason == "service 1 was given another server: the disk is dying"
    assert aside[101].who == "shift"


async def test_no_two_leftovers_have_one_number(story: LedgerScenario) -> None:
    for service_id in (1, 2):
        await stuck(story, service_id=service_id)
    assert [(await leave(story, one)).service_id for one in (1, 2)] == [FIRST_LEFTOVER, FIRST_LEFTOVER + 1]


async def test_a_service_that_its_client_uses_keeps_its_server(story: LedgerScenario) -> None:
    await stuck(story, State.ACTIVE)
    with pytest.raises(IllegalMove, match="another server is for an activation"):
        await leave(story)


async def test_a_service_that_is_reinstalled_keeps_its_server_and_its_data_waits_for_no_wipe(
    story: LedgerScenario,
) -> None:
    driver = await story.reinstall_midway()
    await requests.close(story.ledger, driver, story.now, outcome="failed", message="it failed")
    with pytest.raises(IllegalMove, match="its client uses server 101"):
        await leave(story)
    service = await story.service(1)
    assert (service.state, service.claim is None) == (State.INSTALLING, False)
    assert await leftovers.of_service(story.ledger, 1) == []


async def test_nor_does_one_that_is_held_in_its_reinstallation_lose_it(story: LedgerScenario) -> None:
    await story.hold(await story.reinstall_midway())
    with pytest.raises(IllegalMove, match="its client uses server 101"):
        await leave(story)
    assert (await story.service(1)).claim is not None


async def test_a_service_that_a_run_drives_is_left_to_it(story: LedgerScenario) -> None:
    await story.reach(State.INSTALLING)
    with pytest.raises(RequestInProgress):
        await leave(story)
    assert (await story.service(1)).state is State.INSTALLING


async def test_a_protected_service_does_not_lose_its_server(story: LedgerScenario) -> None:
    await stuck(story)
    await decisions.protect(story.ledger, 1, **BY, now=story.now)
    with pytest.raises(Protected):
        await leave(story)


async def test_a_second_decision_finds_no_server_to_change(story: LedgerScenario) -> None:
    await stuck(story)
    await leave(story)
    with pytest.raises(DecidedAlready, match="has no server"):
        await leave(story)


async def test_a_held_activation_gets_another_server_and_its_hold_is_kept_with_the_decision(
    story: LedgerScenario,
) -> None:
    driver = await story.reach(State.INSTALLING)
    await requests.hold_and_close(
        story.ledger, driver, story.now, reason="installation-replaced", evidence="operation 7 is gone"
    )
    leftover = await leave(story)
    assert (leftover.state, leftover.held_reason) == (State.INSTALLING, None)
    (decision,) = await decisions.of_service(story.ledger, 1)
    assert (decision.choice, decision.held_reason) == ("another-server", "installation-replaced")
    assert decision.evidence == f"Server 101 went to leftover {FIRST_LEFTOVER}. operation 7 is gone"
    held = await services.held(story.ledger)
    assert held == []


async def test_a_leftover_has_no_leftover(story: LedgerScenario) -> None:
    await stuck(story)
    await leave(story)
    with pytest.raises(IllegalMove):
        await leave(story, FIRST_LEFTOVER)


async def test_the_next_activation_cannot_claim_the_server_that_was_left(story: LedgerScenario) -> None:
    await stuck(story, State.CLAIMED)
    await leave(story)
    driver = await story.ask(FIRST_LEFTOVER, run="run-2", action="terminate")
    await claims.drop(story.ledger, driver, story.now)
    driver = await story.ask(1, run="run-3")
    with pytest.raises(SetAside):
        await story.take(driver, 101)
    assert (await story.take(driver, 102)).generation == 2


async def test_a_second_try_of_the_same_run_does_not_take_the_next_server_too(story: LedgerScenario) -> None:
    await stuck(story)
    await leftovers.give_another_server(story.ledger, 1, **BY, now=story.now, flow_run_id="run-9")
    driver = await story.ask(1, run="run-2")
    await claims.take(story.ledger, driver, story.now, server_id=102, hardware=hardware_for(2))
    await requests.close(story.ledger, driver, story.now, outcome="failed", message="it failed")
    with pytest.raises(DecidedAlready, match="by flow run run-9 already"):
        await leftovers.give_another_server(story.ledger, 1, **BY, now=story.now, flow_run_id="run-9")
    assert (await story.service(1)).claim is not None


ORDER = Order(
    client_id=7, configuration="E5", os_template="Debian", ip_pool="public", wipe_delay_hours=3, server_id=101
)


async def in_use(story: LedgerScenario, order: Order | None = ORDER) -> Service:
    """Service 1 is ACTIVE on server 101, which was chosen for it; no run drives it."""
    await stuck(story, State.ACTIVE)
    await ordered(story, order)
    return await story.service(1)


async def ordered(story: LedgerScenario, order: Order | None) -> None:
    """This is service 1's last order."""
    async with story.ledger.transaction() as session:
        row = await session.get(ServiceRow, 1)
        assert row is not None
        row.order = None if order is None else order.model_dump()


async def exchange(story: LedgerScenario, epoch: int, server_id: int | None = None) -> Service:
    return await leftovers.exchange(
        story.ledger, 1, **BY, now=story.now, epoch=epoch, wipe_delay_hours=48, server_id=server_id
    )


@pytest.mark.parametrize("server_id", [None, 102])
async def test_an_exchange_leaves_the_old_server_active_with_its_days_and_the_service_new(
    story: LedgerScenario, server_id: int | None
) -> None:
    before = await in_use(story)
    leftover = await exchange(story, before.epoch, server_id)
    now = await story.service(1)
    assert (now.state, now.claim, now.generation) == (State.NEW, None, before.generation + 1)
    assert now.order == ORDER.model_copy(update={"server_id": server_id})
    assert (leftover.state, leftover.leftover_of, leftover.client_id) == (State.ACTIVE, 1, before.client_id)
    assert leftover.order is not None and leftover.order.wipe_delay_hours == 48
    assert leftover.claim is not None and before.claim is not None
    assert leftover.claim.model_dump(exclude={"service_id"}) == before.claim.model_dump(exclude={"service_id"})
    assert await server_notes.listed(story.ledger) == []


async def test_a_service_that_was_driven_since_it_was_looked_at_is_not_exchanged(story: LedgerScenario) -> None:
    before = await in_use(story)
    with pytest.raises(DecidedAlready, match="Something was done with service 1 meanwhile"):
        await exchange(story, before.epoch - 1)
    await exchange(story, before.epoch)
    with pytest.raises(DecidedAlready):
        await exchange(story, before.epoch)


async def test_a_service_that_a_run_drives_is_not_exchanged(story: LedgerScenario) -> None:
    await in_use(story)
    driver = await story.ask(1, run="run-2", action="suspend")
    with pytest.raises(RequestInProgress):
        await exchange(story, driver.epoch)


async def test_what_is_not_active_protected_or_was_never_ordered_is_not_exchanged(story: LedgerScenario) -> None:
    adopted = await in_use(story, order=None)
    with pytest.raises(IllegalMove, match="was adopted and never ordered"):
        await exchange(story, adopted.epoch)
    await ordered(story, ORDER)
    kept = await decisions.protect(story.ledger, 1, **BY, now=story.now)
    with pytest.raises(Protected):
        await exchange(story, kept.epoch)
    await decisions.unprotect(story.ledger, 1, **BY, now=story.now)
    driver = await story.ask(1, run="run-2", action="suspend")
    await requests.close(story.ledger, driver, story.now, outcome="done", message=None, to=State.SUSPENDED)
    with pytest.raises(IllegalMove, match="is SUSPENDED: a server is exchanged for an ACTIVE service"):
        await exchange(story, driver.epoch)


async def test_a_service_whose_chosen_server_failed_may_get_any_other(story: LedgerScenario) -> None:
    await stuck(story)
    await ordered(story, ORDER)
    await leave(story)
    assert (await story.service(1)).order == ORDER.model_copy(update={"server_id": None})
