from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from simulator.http import server as served
from simulator.http.app import Simulation
from simulator.panel.clock import ManualClock
from simulator.panel.faults import AnswerLost
from simulator.panel.profile import Profile

CALLER = ("198.51.100.7", 50_000)


class CutLine:
    """A connection that notices being cut."""

    cut = False

    def abort(self) -> None:
        self.cut = True


def application(*, lost: bool) -> served.CutConnections:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": b"x"})
        if lost:
            raise AnswerLost

    return served.CutConnections(app)


async def answered(app: served.CutConnections, client: tuple[str, int] = CALLER) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app({"type": "http", "client": client}, receive, send)
    return sent


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> CutLine:
    found = CutLine()
    monkeypatch.setitem(served._open, CALLER, found)
    return found


async def test_an_answer_passes(line: CutLine) -> None:
    assert [message["type"] for message in await answered(application(lost=False))] == [
        "http.response.start",
        "http.response.body",
    ]
    assert not line.cut


async def test_a_lost_answer_is_a_connection_that_closes_without_a_word(line: CutLine) -> None:
    assert await answered(application(lost=True)) == []
    assert line.cut


async def test_a_connection_that_is_not_known_cannot_be_cut() -> None:
    with pytest.raises(AnswerLost):
        await answered(application(lost=True), ("203.0.113.1", 1))


def test_the_simulation_is_served_with_connections_that_can_be_cut() -> None:
    config = served.server(Simulation(clock=ManualClock()), host="127.0.0.1", port=0).config
    assert config.http is served.CuttableProtocol
    assert isinstance(config.app, served.CutConnections)


def test_serving_announces_where_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ran: list[Any] = []
    monkeypatch.setattr("uvicorn.Server.run", lambda self: ran.append(self.config.port))
    served.serve(host="127.0.0.1", port=8123, profile=Profile.demo(), speed=60)
    said = capsys.readouterr().out
    assert ran == [8123]
    assert "http://127.0.0.1:8123/racks" in said
    assert "admin@panel.example" in said
    assert "speed: 60" in said
