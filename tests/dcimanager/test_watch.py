import asyncio
from contextvars import ContextVar
from itertools import pairwise

import httpx
import pytest

from dcimanager.errors import PanelRefused, PanelUnreachable, UnexpectedPanelResponse
from dcimanager.watch import interval
from tests.dcimanager.scripted_panel import ScriptedPanel

LOST = httpx.ConnectError("no")
who: ContextVar[str] = ContextVar("who", default="nobody")


class Killed(BaseException):
    pass


@pytest.fixture
def panel_script() -> ScriptedPanel:
    return ScriptedPanel()


@pytest.mark.parametrize(
    ("waited", "left", "seconds"),
    [
        (0, 3600, 5),
        (50, 3600, 5),
        (120, 3480, 12),
        (300, 3300, 30),
        (1800, 1800, 30),
        (3400, 200, 20),
        (3580, 20, 5),
        (3600, 0, 5),
        (10, 10, 5),
        (7200, -5, 5),
    ],
)
def test_looks_are_close_at_first_and_near_the_end_and_rare_in_between(waited, left, seconds) -> None:
    assert interval(waited, left) == seconds


@pytest.mark.parametrize("count", [1, 10, 50, 51, 200])
async def test_the_panel_is_asked_as_often_for_two_hundred_as_for_one(count) -> None:
    alone, many = ScriptedPanel(200), ScriptedPanel(200)
    assert await alone.wait(1) == (False, 600)
    assert set(await asyncio.gather(*(many.wait(number + 1) for number in range(count)))) == {(False, 600)}
    assert many.looks == alone.looks
    assert many.gets == []
    assert 20 < len(many.looks) < 60


async def test_those_who_came_at_different_times_share_one_poller(panel_script: ScriptedPanel) -> None:
    early = asyncio.create_task(panel_script.wait(1, waited=3000, left=3000))
    late = asyncio.create_task(panel_script.wait(2, waited=0, left=100))
    assert await late == (False, 100)
    assert all(after - before >= 5 for before, after in pairwise(panel_script.looks))
    so_far = len(panel_script.looks)
    assert await early == (False, 3000)
    assert panel_script.looks[so_far] - panel_script.looks[so_far - 1] == 30


async def test_who_comes_while_the_poller_sleeps_long_wakes_it(panel_script: ScriptedPanel) -> None:
    old = asyncio.create_task(panel_script.wait(1, waited=3000, left=3000))
    for _ in range(5):
        await asyncio.sleep(0)
    panel_script.later(4, lambda: panel_script.installed(2))
    assert await panel_script.wait(2) == (True, 5)
    old.cancel()


async def test_only_those_are_woken_whose_server_changed(panel_script: ScriptedPanel) -> None:
    panel_script.later(40, lambda: panel_script.installed(2))
    others = [asyncio.create_task(panel_script.wait(number)) for number in (1, 3)]
    told, at = await panel_script.wait(2)
    assert told
    assert 40 <= at <= 45
    assert not any(other.done() for other in others)
    assert await asyncio.gather(*others) == [(False, 600)] * 2


@pytest.mark.parametrize(
    "change",
    [
        {"operation": None},
        {"operation": {"id": 999, "type": "os_install", "status": "in_progress"}},
        {"owner_email": None},
        {"owner_email": "other@example.com"},
        {"serial": "OTHER"},
        {"mac": "02:00:00:00:00:99"},
        {"barcode": "OTHER"},
    ],
)
async def test_another_operation_owner_or_machine_is_a_change(panel_script: ScriptedPanel, change) -> None:
    panel_script.later(7, lambda: panel_script.rows[1].update(change))
    assert await panel_script.wait(1) == (True, 10)


@pytest.mark.parametrize("where", ["status", "progress_info"])
async def test_another_state_of_the_operation_or_of_a_step_is_a_change(panel_script: ScriptedPanel, where) -> None:
    now = {"status": "failed", "progress_info": [{"name": "install_os", "status": "finished"}]}
    panel_script.later(7, lambda: panel_script.rows[1]["operation"].update({where: now[where]}))
    assert await panel_script.wait(1) == (True, 10)


async def test_what_does_not_matter_to_a_wait_wakes_nobody(panel_script: ScriptedPanel) -> None:
    panel_script.later(7, lambda: panel_script.rows[1].update(power="off", name="renamed"))
    panel_script.later(9, lambda: panel_script.rows[1]["operation"].update(status_info="42 seconds left"))
    assert await panel_script.wait(1) == (False, 600)


async def test_what_changed_before_the_wait_began_is_noticed_at_the_first_look(panel_script: ScriptedPanel) -> None:
    seen = panel_script.seen(1)
    panel_script.installed(1)
    assert await panel_script.panel.watch.until_changed(seen, waited=0, left=600)
    assert panel_script.time == 5


async def test_a_deadline_between_two_looks_is_kept_to_the_second(panel_script: ScriptedPanel) -> None:
    assert await panel_script.wait(1, left=17) == (False, 17)
    assert panel_script.looks == [5, 10, 15]


async def test_each_has_his_own_deadline(panel_script: ScriptedPanel) -> None:
    assert await asyncio.gather(
        panel_script.wait(1, left=17), panel_script.wait(1, left=23), panel_script.wait(2, left=4)
    ) == [
        (False, 17),
        (False, 23),
        (False, 4),
    ]


async def test_a_wait_may_end_before_its_deadline(panel_script: ScriptedPanel) -> None:
    assert await panel_script.wait(1, at_most=33) == (False, 33)


@pytest.mark.parametrize("left", [0, -10])
async def test_who_has_no_time_left_costs_no_call(panel_script: ScriptedPanel, left) -> None:
    assert await panel_script.wait(1, left=left) == (False, 0)
    assert panel_script.looks == []


async def test_a_panel_that_is_away_for_ten_minutes_is_waited_for_and_told_of_once(
    panel_script: ScriptedPanel, caplog
) -> None:
    panel_script.later(100, lambda: setattr(panel_script, "fault", LOST))
    panel_script.later(700, lambda: setattr(panel_script, "fault", None))
    panel_script.later(400, lambda: panel_script.installed(1))
    told, at = await panel_script.wait(1, left=3600)
    assert told
    assert 700 <= at < 740
    away, back = [record.getMessage() for record in caplog.records if record.name == "dcimanager.watch"]
    assert "The panel main did not answer" in away
    assert "goes on waiting" in away
    assert back == "The panel main answers again."


async def test_only_he_whose_deadline_comes_while_the_panel_is_away_hears_that_it_is(
    panel_script: ScriptedPanel,
) -> None:
    panel_script.later(20, lambda: setattr(panel_script, "fault", LOST))
    panel_script.later(300, lambda: setattr(panel_script, "fault", None))
    patient = asyncio.create_task(panel_script.wait(1))
    reminded = asyncio.create_task(panel_script.wait(2, at_most=60))
    with pytest.raises(PanelUnreachable, match="The panel main did not answer"):
        await panel_script.wait(1, left=100)
    assert 100 <= panel_script.time < 110
    assert (await reminded)[0] is False
    assert await patient == (False, 600)


async def test_an_outage_that_is_over_is_not_told_to_who_comes_to_his_deadline_later(
    panel_script: ScriptedPanel,
) -> None:
    panel_script.later(20, lambda: setattr(panel_script, "fault", LOST))
    panel_script.later(60, lambda: setattr(panel_script, "fault", None))
    assert await panel_script.wait(1, left=100) == (False, 100)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (httpx.Response(400, json={"error": {"code": 4000, "msg": "No"}}), PanelRefused),
        (httpx.Response(200, json={"list": None}), UnexpectedPanelResponse),
        (ZeroDivisionError("a defect"), ZeroDivisionError),
        (Killed("in the midst of it"), Killed),
    ],
)
async def test_whatever_else_goes_wrong_with_the_list_is_told_to_all(panel_script: ScriptedPanel, fault, error) -> None:
    panel_script.later(20, lambda: setattr(panel_script, "fault", fault))
    waits = [asyncio.create_task(panel_script.wait(number)) for number in (1, 2, 3)]
    told = []
    for wait in waits:
        try:
            await wait
        except BaseException as raised:
            told.append(raised)
    assert [type(one) for one in told] == [error] * 3
    assert panel_script.time == 20
    panel_script.fault = None
    assert await panel_script.wait(1, left=10) == (False, 30)


async def test_an_error_of_the_panel_is_each_ones_own(panel_script: ScriptedPanel) -> None:
    panel_script.fault = httpx.Response(400, json={"error": {"code": 4000, "msg": "No"}})
    told = await asyncio.gather(panel_script.wait(1), panel_script.wait(2), return_exceptions=True)
    assert told[0] is not told[1]
    assert str(told[0]) == str(told[1])


async def test_a_server_that_a_list_lacks_is_asked_for_before_anything_is_concluded(
    panel_script: ScriptedPanel,
) -> None:
    panel_script.later(20, lambda: panel_script.unlisted.add(1))
    panel_script.later(60, lambda: panel_script.unlisted.clear())
    assert await asyncio.gather(panel_script.wait(1), panel_script.wait(2)) == [(False, 600)] * 2
    assert set(panel_script.gets) == {1}


async def test_a_change_of_a_server_that_lists_lack_is_noticed(panel_script: ScriptedPanel) -> None:
    panel_script.unlisted.add(1)
    panel_script.later(20, lambda: panel_script.installed(1))
    assert await panel_script.wait(1) == (True, 20)


async def test_a_server_that_is_gone_is_a_change(panel_script: ScriptedPanel) -> None:
    panel_script.later(20, lambda: panel_script.rows.pop(1))
    other = asyncio.create_task(panel_script.wait(2))
    assert await panel_script.wait(1) == (True, 20)
    assert panel_script.gets == [1]
    assert await other == (False, 600)


async def test_a_row_that_does_not_fit_is_told_to_those_only_who_wait_for_it(panel_script: ScriptedPanel) -> None:
    panel_script.later(20, lambda: panel_script.rows[1].pop("owner_email"))
    other = asyncio.create_task(panel_script.wait(2))
    with pytest.raises(UnexpectedPanelResponse, match="does not tell whose server 1 is"):
        await panel_script.wait(1)
    assert await other == (False, 600)


async def test_of_thousands_of_rows_only_those_are_read_that_somebody_waits_for() -> None:
    panel_script = ScriptedPanel(2000)
    for number in range(100, 2001):
        panel_script.rows[number] = {"id": number}  # reading one of these would be a surprise
    panel_script.later(5, lambda: panel_script.installed(77))
    waits = [asyncio.create_task(panel_script.wait(number, left=8)) for number in range(1, 100)]
    told = await asyncio.gather(*waits)
    assert [number for number, (changed, _) in enumerate(told, 1) if changed] == [77]
    assert panel_script.looks == [5] * 4
    assert panel_script.gets == []


async def test_who_is_cancelled_leaves_and_the_others_go_on(panel_script: ScriptedPanel) -> None:
    leaving = asyncio.create_task(panel_script.wait(1))
    staying = asyncio.create_task(panel_script.wait(2, left=50))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await staying == (False, 50)
    assert not any("EQ 1" in address.replace("+", " ") for address in panel_script.asked)


async def test_the_poller_ends_with_the_last_who_waits_and_begins_again_with_the_next(
    panel_script: ScriptedPanel,
) -> None:
    before = asyncio.all_tasks()
    leaving = asyncio.create_task(panel_script.wait(1))
    for _ in range(5):
        await asyncio.sleep(0)
    leaving.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    assert panel_script.looks == []
    assert await panel_script.wait(1, left=8) == (False, 8)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_who_comes_in_the_moment_in_which_the_last_one_leaves_is_served(panel_script: ScriptedPanel) -> None:
    leaving = asyncio.create_task(panel_script.wait(1))
    await asyncio.sleep(0)
    leaving.cancel()
    panel_script.later(4, lambda: panel_script.installed(2))
    assert await panel_script.wait(2) == (True, 5)


async def test_the_poller_calls_in_nobodys_name(panel_script: ScriptedPanel) -> None:
    names = []
    panel_script.panel.transport.on_call = lambda call: names.append(who.get())
    who.set("the run that happened to come first")
    await panel_script.wait(1, left=8)
    assert set(names) == {"nobody"}


@pytest.mark.parametrize("ticks", [1, 5, 40], ids=["before the poller began", "while it sleeps", "while it asks"])
async def test_closing_the_panel_cancels_who_waits(panel_script: ScriptedPanel, ticks) -> None:
    before = asyncio.all_tasks()
    wait = asyncio.create_task(panel_script.wait(1))
    for _ in range(ticks):
        await asyncio.sleep(0)
    await panel_script.panel.watch.aclose()
    with pytest.raises(asyncio.CancelledError):
        await wait
    await panel_script.panel.aclose()
    assert asyncio.all_tasks() == before
