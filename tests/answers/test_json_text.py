import asyncio
import threading
import time

import pytest

from answers.errors import OverLimit
from answers.json_text import BESIDE_FROM, MOST_DEPTH, MOST_VALUES, beside_the_loop, parse_json

LIST = "[" * MOST_DEPTH + "]" * MOST_DEPTH


@pytest.mark.parametrize("text", ["{}", "[1, 2]", '"x"', "null", LIST, f"[{'[1],' * 200}[]]"])
def test_what_real_answers_look_like_is_parsed(text):
    parse_json(text)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        (f"[{LIST}]", "deeper than 50 levels"),
        ('{"a":' * (MOST_DEPTH + 1) + "1" + "}" * (MOST_DEPTH + 1), "deeper than 50 levels"),
        ("[" * 100_000 + "]" * 100_000, "deeper than 50 levels"),
        (f"[{'1,' * MOST_VALUES}1]", "more than 1,000,000 values"),
        (f"[{'[],' * (MOST_VALUES // 2)}1]", "more than 1,000,000 values"),
        (f'{{"size": {"9" * 5_000}}}', "thousands of digits"),
    ],
)
def test_what_is_over_a_limit_names_it(text, limit):
    began = time.process_time()
    with pytest.raises(OverLimit, match=limit):
        parse_json(text)
    assert time.process_time() - began < 2


@pytest.mark.parametrize("text", ["", "<html>", "{", "{'a': 1}", "[" * 40])
def test_what_is_no_json_is_a_value_error(text):
    with pytest.raises(ValueError):
        parse_json(text)


async def test_large_answers_are_looked_at_in_a_thread_and_others_go_on():
    went_on = 0

    async def others() -> None:
        nonlocal went_on
        while True:
            await asyncio.sleep(0.001)
            went_on += 1

    beside = asyncio.create_task(others())
    assert await beside_the_loop(BESIDE_FROM, slow) != threading.get_ident()
    assert went_on > 10
    assert await beside_the_loop(BESIDE_FROM - 1, threading.get_ident) == threading.get_ident()
    beside.cancel()


def slow() -> int:
    time.sleep(0.1)
    return threading.get_ident()
