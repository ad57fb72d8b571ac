"""The door's log: one JSON line a call, and no secret in it."""

import pytest

from door.request_log import to_standard_output
from tests.door.bodies import start_of
from tests.door.conftest import SECRET, Door


async def test_each_call_is_a_line_that_says_who_asked_for_what_and_why_not(door: Door) -> None:
    await door.start("suspend")
    await door.start("suspend", start_of("suspend", panel="theirs"))
    await door.shop.get("/x")
    assert [(line["installation"], line["call"], line["status"]) for line in door.lines()] == [
        ("shop", "start suspend", 201),
        ("shop", "start suspend", 403),
        ("shop", "no call of the module's", 403),
    ]
    assert [line["refused"] for line in door.lines()][:2] == [
        None,
        "Panel theirs is not of shop: see `panels` in door.toml.",
    ]
    assert all(line["milliseconds"] >= 0 and line["from"] == "192.0.2.10" for line in door.lines())
    assert SECRET not in "".join(door.log)


async def test_a_call_can_forge_no_line(door: Door) -> None:
    body = start_of("suspend")
    await door.start("suspend", {**body, 'x\n{"at": "\x1b[2J': 1})
    assert "\n" not in door.log[-1] and "\x1b" not in door.log[-1]
    assert "Extra inputs" in door.lines()[-1]["refused"]


def test_a_line_is_written_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    to_standard_output("a line")
    assert capsys.readouterr().out == "a line\n"
