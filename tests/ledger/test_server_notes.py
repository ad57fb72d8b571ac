import pytest

from ledger import server_notes
from ledger.errors import IllegalMove, Reserved, SetAside
from ledger.snapshots import ServerNote
from tests.ledger.scenario import LedgerScenario


async def fail(story: LedgerScenario, service_id: int = 1, server_id: int = 17) -> ServerNote:
    return await server_notes.note_failure(
        story.ledger,
        panel="main",
        server_id=server_id,
        service_id=service_id,
        why="no PXE",
        at_most=3,
        now=story.now,
    )


async def aside(story: LedgerScenario) -> set[int]:
    return set(await server_notes.aside(story.ledger, "main"))


async def test_a_server_is_set_aside_after_three_failures_in_a_row(story: LedgerScenario) -> None:
    for failures in (1, 2):
        assert (await fail(story)).failures == failures
        assert await aside(story) == set()
    noted = await fail(story)
    assert noted.reason == "3 activations failed on it, the last of service 1: no PXE"
    assert (noted.who, await aside(story)) == ("dciflow", {17})


async def test_a_server_on_which_a_second_service_fails_is_set_aside_at_once(story: LedgerScenario) -> None:
    await fail(story, service_id=1)
    noted = await fail(story, service_id=2)
    assert noted.reason == "the activations of two services failed on it, the last of service 2: no PXE"
    assert await aside(story) == {17}


async def test_a_good_end_forgets_the_failures_and_lifts_no_persons_word(story: LedgerScenario) -> None:
    await fail(story)
    await server_notes.note_success(story.ledger, panel="main", server_id=17, service_id=1, now=story.now)
    assert await server_notes.listed(story.ledger) == []
    await server_notes.set_aside(story.ledger, panel="main", server_id=17, who="shift", why="fan", now=story.now)
    await server_notes.note_success(story.ledger, panel="main", server_id=17, service_id=1, now=story.now)
    assert await aside(story) == {17}


async def test_a_failure_keeps_the_reason_that_a_person_gave(story: LedgerScenario) -> None:
    await server_notes.set_aside(story.ledger, panel="main", server_id=17, who="shift", why="fan", now=story.now)
    for _ in range(4):
        noted = await fail(story)
    assert (noted.reason, noted.who, noted.failures) == ("fan", "shift", 4)


async def test_a_person_allows_a_server_again_and_its_failures_begin_at_zero(story: LedgerScenario) -> None:
    for _ in range(3):
        await fail(story)
    await server_notes.allow(story.ledger, panel="main", server_id=17, who="shift", why="new disk", now=story.now)
    assert await aside(story) == set()
    assert (await fail(story)).failures == 1
    with pytest.raises(IllegalMove, match="Nothing is known against server 18"):
        await server_notes.allow(story.ledger, panel="main", server_id=18, who="shift", why="x", now=story.now)


async def test_a_server_that_is_set_aside_is_claimed_for_no_order_but_for_a_rehearsal(story: LedgerScenario) -> None:
    await server_notes.set_aside(story.ledger, panel="main", server_id=101, who="shift", why="fan", now=story.now)
    driver = await story.ask(1)
    with pytest.raises(SetAside, match="is set aside: see dciflow server list"):
        await story.take(driver, 101)
    other = await story.ask(-1, run="run-2", action="rehearse")
    claim = (await story.take(other, 101)).claim
    assert claim is not None and claim.server_id == 101


async def test_the_list_names_one_panels_servers(story: LedgerScenario) -> None:
    await fail(story, server_id=18)
    assert [note.server_id for note in await server_notes.listed(story.ledger, "main")] == [18]
    assert await server_notes.listed(story.ledger, "other") == []


async def reserve(story: LedgerScenario, service_id: int | None = None, server_id: int = 101) -> ServerNote:
    return await server_notes.reserve(
        story.ledger,
        panel="main",
        server_id=server_id,
        service_id=service_id,
        who="anna",
        why="for Boris",
        now=story.now,
    )


async def withheld(story: LedgerScenario, service_id: int | None = None) -> dict[int, str]:
    return await server_notes.withheld(story.ledger, "main", service_id)


async def test_a_reserved_server_is_no_orders_until_a_person_releases_it(story: LedgerScenario) -> None:
    noted = await reserve(story)
    assert (noted.reserved_at, noted.reserved_by, noted.reserved_why) == (story.now, "anna", "for Boris")
    assert await withheld(story) == await withheld(story, 1) == {101: "reserved"}
    with pytest.raises(Reserved, match="Server 101 of panel main is reserved: see dciflow server list"):
        await story.take(await story.ask(1), 101)
    released = await server_notes.release(
        story.ledger, panel="main", server_id=101, who="boris", why="not needed", now=story.now
    )
    assert (released.reserved_at, released.reserved_by, released.reserved_why) == (None, "boris", "not needed")
    assert await withheld(story) == {}
    assert await server_notes.listed(story.ledger) == []
    with pytest.raises(IllegalMove, match="Server 101 of panel main is not reserved"):
        await server_notes.release(story.ledger, panel="main", server_id=101, who="b", why="x", now=story.now)


async def test_a_reserve_for_a_service_lets_it_alone_have_the_server(story: LedgerScenario) -> None:
    await reserve(story, service_id=2)
    assert await withheld(story, 2) == {}
    assert await withheld(story) == await withheld(story, 1) == {101: "reserved for another service"}
    assert await server_notes.reserved_for(story.ledger, "main", 2) == {101}
    assert await server_notes.reserved_for(story.ledger, "main", 1) == set()
    for other, run, action in ((1, "run-1", "activate"), (-1, "run-2", "rehearse")):
        with pytest.raises(Reserved, match="is reserved for another service"):
            await story.take(await story.ask(other, run=run, action=action), 101)
    claim = (await story.take(await story.ask(2, run="run-3"), 101)).claim
    assert claim is not None and claim.server_id == 101


async def test_a_rehearsal_that_a_person_started_may_play_on_a_server_that_is_kept_for_nobody(
    story: LedgerScenario,
) -> None:
    await reserve(story)
    claim = (await story.take(await story.ask(-1, action="rehearse"), 101)).claim
    assert claim is not None and claim.server_id == 101


async def test_a_reserve_for_a_service_ends_with_that_services_good_end_and_no_others(story: LedgerScenario) -> None:
    await reserve(story, service_id=2)
    await reserve(story, server_id=102)
    for service_id, left in ((1, {101, 102}), (2, {102})):
        for server_id in (101, 102):
            await server_notes.note_success(
                story.ledger, panel="main", server_id=server_id, service_id=service_id, now=story.now
            )
        assert set(await withheld(story)) == left


async def test_the_last_word_on_a_reserve_stands_and_it_is_apart_from_being_set_aside(story: LedgerScenario) -> None:
    await reserve(story, service_id=2)
    noted = await reserve(story, service_id=3)
    assert noted.reserved_for == 3
    await server_notes.set_aside(story.ledger, panel="main", server_id=101, who="shift", why="fan", now=story.now)
    assert await withheld(story, 3) == {101: "set aside"}
    await server_notes.allow(story.ledger, panel="main", server_id=101, who="shift", why="ok", now=story.now)
    assert await withheld(story, 3) == {}
    [kept] = await server_notes.listed(story.ledger, "main")
    assert (kept.reserved_for, kept.set_aside_at) == (3, None)


@pytest.mark.parametrize("number", [0, -1, 2_000_000_000])
async def test_a_server_is_reserved_for_services_of_whmcs_only(story: LedgerScenario, number: int) -> None:
    with pytest.raises(IllegalMove, match="is no service of WHMCS"):
        await reserve(story, service_id=number)
