"""A body is read to a size and a time, and is plain JSON or refused."""

import asyncio
import time
from typing import Any

import pytest

from door import body
from door.body import DEEPEST, LONGEST_BODY, parsed
from door.refusal import DoorRefusal
from door.shapes import FLOWS
from tests.door.bodies import start_of
from tests.door.conftest import SECRET, Door
from tests.door.test_installations import basic


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 1}',
        '{"a": {"b": 1, "b": 2}}',
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": -Infinity}',
        '{"a": 1.5}',
        '{"a": 1e999}',
        '{"a": 12345678901}',
        '{"a": ' + "9" * 60_000 + "}",
        "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1),
        '{"a":' * 10_000 + "1" + "}" * 10_000,
        "[" * 60_000,
        '{"a": "b}',
        "",
        "{",
        "{'a': 1}",
        "\ufeff{}",
        '{"a": 1} {}',
    ],
)
def test_what_is_not_plain_is_refused(text: str) -> None:
    with pytest.raises(DoorRefusal) as refused:
        parsed(text.encode())
    assert refused.value.status == 422


def test_what_is_no_utf_8_is_refused() -> None:
    with pytest.raises(DoorRefusal):
        parsed(b'{"a": "\xff"}')


def test_brackets_in_a_text_are_no_nesting() -> None:
    assert parsed(b'{"a": "[[[[[[[[{{{{\\"[["}') == {"a": '[[[[[[[[{{{{"[['}


@pytest.mark.parametrize("piece", [b'"', b'\\"', b"[", b'"\\', b'"a', b"[]", b'{"":', b"\\"])
def test_the_worst_bodies_cost_milliseconds(piece: bytes) -> None:
    worst = (piece * LONGEST_BODY)[:LONGEST_BODY]
    began = time.process_time()
    with pytest.raises(DoorRefusal):
        parsed(worst)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({}, 415),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415),
        ({"Content-Type": "application/json; charset=utf-8"}, 422),
    ],
)
async def test_a_body_of_another_kind_is_refused(door: Door, headers: dict[str, str], status: int) -> None:
    path = f"/deployments/{FLOWS['suspend'].id}/create_flow_run"
    assert (await door.shop.post(path, content=b"{}", headers=headers)).status_code == status
    assert door.prefect.asked == []


@pytest.mark.parametrize(("goes_away", "status"), [(True, 400), (False, 408)])
async def test_a_caller_who_goes_away_or_is_slow_holds_nothing_up(
    door: Door, monkeypatch: pytest.MonkeyPatch, goes_away: bool, status: int
) -> None:
    monkeypatch.setattr(body, "BODY_SECONDS", 0.05)
    said: list[Any] = []
    messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        if not goes_away and len(messages) == 1:
            await asyncio.sleep(10)
        return messages.pop(0)

    async def send(message: Any) -> None:
        said.append(message)

    path = f"/api/deployments/{FLOWS['suspend'].id}/create_flow_run"
    headers = [(b"authorization", basic(f"shop:{SECRET}").encode()), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
             "headers": headers, "client": ("192.0.2.10", 1), "root_path": "", "http_version": "1.1"}  # fmt: skip
    await door.app(scope, receive, send)
    assert said[0]["status"] == status
    assert door.lines()[-1]["status"] == status


async def test_a_body_that_is_too_long_is_refused(door: Door) -> None:
    long = await door.start("suspend", {**start_of("suspend"), "name": "x" * LONGEST_BODY})
    assert (long.status_code, long.json()["detail"][:15]) == (413, "More than 64 KB")
    assert door.prefect.asked == []
