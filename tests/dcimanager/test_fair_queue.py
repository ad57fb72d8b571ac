import asyncio
from contextlib import suppress
from contextvars import Context, copy_context

import httpx
import pytest

from dcimanager.fair_queue import FairQueue, queue_key

SERVERS = {"list": [], "size": 0}


def named(name: str) -> Context:
    context = copy_context()
    context.run(queue_key.set, name)
    return context


class Callers:
    """Callers of a fair queue and the order in which they got their turn; `close` ends a turn."""

    def __init__(self, places: int) -> None:
        self.turns = FairQueue(places)
        self.served: list[str] = []
        self.close = asyncio.Semaphore(0)
        self.visits: list[asyncio.Task[None]] = []

    async def _visit(self) -> None:
        async with self.turns.turn():
            self.served.append(queue_key.get())
            await self.close.acquire()

    async def come(self, names: str) -> None:
        for name in names:
            self.visits.append(asyncio.get_running_loop().create_task(self._visit(), context=named(name)))
        await settled()

    async def leave(self, count: int = 1) -> str:
        before = len(self.served)
        for _ in range(count):
            self.close.release()
        await settled()
        return "".join(self.served[before:])


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("come", "served"),
    [
        ("AAA", "AAA"),
        ("AAABBC", "ABCABA"),
        ("AAAAAAB", "ABAAAAA"),
        ("ABABAB", "ABABAB"),
        ("CBA", "CBA"),
    ],
)
async def test_callers_take_turns_however_much_each_asks_for(come: str, served: str) -> None:
    callers = Callers(1)
    await callers.come("x" + come)
    assert await callers.leave(len(come)) == served


async def test_who_comes_later_with_one_call_does_not_wait_for_forty_of_another() -> None:
    callers = Callers(8)
    await callers.come("A" * 40)
    assert callers.served == ["A"] * 8
    await callers.come("B")
    assert await callers.leave(2) == "AB"


async def test_one_who_comes_back_stands_behind_those_who_wait() -> None:
    callers = Callers(1)
    await callers.come("xAB")
    assert await callers.leave() == "A"
    await callers.come("A")
    assert await callers.leave(2) == "BA"


async def test_who_gives_up_waiting_takes_no_place_and_no_turn() -> None:
    callers = Callers(1)
    await callers.come("xAABB")
    callers.visits[1].cancel()
    callers.visits[4].cancel()
    assert await callers.leave(2) == "AB"
    await callers.leave()
    await callers.come("CD")
    assert callers.served[-1] == "C"


async def test_who_is_gone_when_his_turn_comes_passes_it_on() -> None:
    callers = Callers(1)
    async with callers.turns.turn():
        await callers.come("AB")
    callers.visits[0].cancel()  # it has the place by now, and does not know it yet
    await settled()
    assert callers.served == ["B"]
    await callers.leave()
    await callers.come("C")
    assert callers.served[-1] == "C"


async def test_a_place_is_free_again_after_whatever_happened_in_it() -> None:
    turns = FairQueue(1)
    with suppress(ZeroDivisionError):
        async with turns.turn():
            raise ZeroDivisionError
    async with asyncio.timeout(1), turns.turn():
        pass


@pytest.mark.parametrize(("options", "most"), [({}, 8), ({"calls_at_once": 3}, 3)])
async def test_no_more_calls_are_under_way_than_the_panel_should_bear(wire, make_panel, options, most) -> None:
    panel = make_panel(**options)
    under_way, seen = 0, []

    async def slow(request: httpx.Request) -> httpx.Response:
        nonlocal under_way
        under_way += 1
        seen.append(under_way)
        await settled()
        under_way -= 1
        return httpx.Response(200, json=SERVERS)

    wire.on("GET", "dci/v3/server", slow)
    await asyncio.gather(*(panel.servers.all() for _ in range(40)))
    assert len(seen) == 40
    assert max(seen) == most


async def test_a_run_with_forty_calls_does_not_hold_up_a_run_with_one(wire, make_panel) -> None:
    panel = make_panel(calls_at_once=2)
    served = []

    async def answer(request: httpx.Request) -> httpx.Response:
        served.append(queue_key.get())
        await asyncio.sleep(0)
        return httpx.Response(200, json=SERVERS)

    wire.on("GET", "dci/v3/server", answer)
    await panel.login()
    loop = asyncio.get_running_loop()
    asked = [loop.create_task(panel.servers.all(), context=named("many")) for _ in range(40)]
    asked.append(loop.create_task(panel.servers.all(), context=named("one")))
    await asyncio.gather(*asked)
    assert served.index("one") <= 4


async def test_a_call_that_pauses_before_it_is_repeated_holds_no_place(wire, make_panel) -> None:
    wire.on("POST", "dci/v3/server/7/power_on", httpx.Response(503, text="Unavailable"), {})
    wire.on("GET", "dci/v3/server", SERVERS)
    others = []

    async def somebody_else_calls(seconds: float) -> None:
        others.append(await panel.servers.all())

    wire.sleep = somebody_else_calls
    panel = make_panel(calls_at_once=1)
    async with asyncio.timeout(5):
        await panel.servers.power_on(7)
    assert others == [[]]


async def test_calls_that_wait_for_a_session_leave_the_place_to_the_login(wire, make_panel, refusal) -> None:
    panel = make_panel(calls_at_once=1)

    async def only_the_second_session(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        alive = request.headers["x-xsrf-token"] == "canary-token-2"
        return httpx.Response(200, json=SERVERS) if alive else refusal(401)

    wire.on("GET", "dci/v3/server", only_the_second_session)
    async with asyncio.timeout(5):
        await asyncio.gather(*(panel.servers.all() for _ in range(40)))
    assert wire.login.call_count == 2


async def test_a_cancelled_call_gives_its_place_back(wire, make_panel) -> None:
    panel = make_panel(calls_at_once=1)
    entered = asyncio.Event()

    async def never(request: httpx.Request) -> httpx.Response:
        entered.set()
        await asyncio.Event().wait()
        return httpx.Response(200)

    wire.on("POST", "dci/v3/server/7/power_on", never)
    wire.on("GET", "dci/v3/server", SERVERS)
    stuck = asyncio.create_task(panel.servers.power_on(7))
    await entered.wait()
    waiting = asyncio.create_task(panel.servers.all())
    await settled()
    assert not waiting.done()
    stuck.cancel()
    async with asyncio.timeout(5):
        assert await waiting == []
