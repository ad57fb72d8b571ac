import json
from typing import Any

import pytest
from pydantic import BaseModel

from whmcs.errors import UnexpectedWhmcsResponse
from whmcs.response import Flag, Id, read, read_as, read_within, rows
from whmcs.text import Text


class Row(BaseModel):
    id: Id
    name: Text = ""
    verified: Flag = None


def test_json_and_text_answers_are_read_alike() -> None:
    assert read(b'\xef\xbb\xbf{"result": "success", "id": "7"}') == {"result": "success", "id": "7"}
    assert read(b"result=error;message=Not found; look again;code=4;") == {
        "result": "error",
        "message": "Not found; look again",
        "code": "4",
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<br />\n<b>Notice</b>: Undefined index {x} in /var/www/x.php on line 4<br />\n", ""),
        ("", '\n<!-- cached {"a": 1} -->'),
        ("\ufeff\n", "<script>var a = {b: 1};</script>"),
    ],
)
def test_something_printed_around_the_answer_hides_it_not(before: str, after: str) -> None:
    answer, around = read_within(f'{before}{{"result": "success", "client": {{"result": "none"}}}}{after}'.encode())
    assert answer == {"result": "success", "client": {"result": "none"}}
    assert around.strip() == (before + after).strip().removeprefix("\ufeff").strip()


def test_two_answers_in_one_are_none() -> None:
    assert read(b'{"result": "success", "id": 1} {"result": "success", "id": 2}') is None


def test_half_an_answer_is_not_looked_into() -> None:
    assert read(b'{"result": "success", "products": {"product": [{"result": "success", "id": 9}') is None


@pytest.mark.timeout(5)
@pytest.mark.parametrize("unit", ["{", "[", "{{}", '{"a":', "x"])
def test_a_page_of_megabytes_is_given_up_at_once(unit: str) -> None:
    assert read((unit * 1_000_000).encode()) is None


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"result": "perhaps"}', b'{"id": 7}', b'{"result": "succ'])
def test_what_is_no_answer_of_whmcs_is_none(body: bytes) -> None:
    assert read(body) is None


def test_flat_keys_are_unfolded_and_contradictions_are_no_answer() -> None:
    flat = {"result": "success", "queue[0][id]": "5", "queue[1][id]": "6"}
    assert read(json.dumps(flat).encode()) == {"result": "success", "queue": {"0": {"id": "5"}, "1": {"id": "6"}}}
    assert read(json.dumps({**flat, "queue": "none"}).encode()) is None


@pytest.mark.parametrize(
    ("written", "read_rows"),
    [
        ({}, []),
        ({"products": ""}, []),
        ({"products": {"product": []}}, []),
        ({"products": {"product": [{"id": 1}]}}, [{"id": 1}]),
        ({"products": {"product": {"id": 1}}}, [{"id": 1}]),
        ({"products": {"product": {"10": {"id": 2}, "9": {"id": 1}}}}, [{"id": 1}, {"id": 2}]),
    ],
)
def test_the_rows_of_a_list_are_found_however_it_is_written(written: Any, read_rows: list[Any]) -> None:
    assert rows(written, "products", "product") == read_rows


def test_a_list_of_something_else_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"products\.product is not a list of rows"):
        rows({"products": {"product": 5}}, "products", "product")


def test_a_field_that_cannot_be_read_is_named_and_its_value_left_out() -> None:
    assert read_as(Row, {"id": "7", "name": None, "verified": "on"}, "GetX") == Row(id=7, name="", verified=True)
    with pytest.raises(UnexpectedWhmcsResponse, match="id: ") as caught:
        read_as(Row, {"id": "canary"}, "GetX")
    assert "canary" not in str(caught.value)
