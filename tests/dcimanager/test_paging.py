from urllib.parse import parse_qs

import httpx
import pytest

from answers import json_text
from dcimanager.errors import AnswerTooLarge, UnexpectedPanelResponse
from dcimanager.filters import Field


def rows(*ids):
    return [{"id": number, "owner_email": None} for number in ids]


def pages(*ids, size=True, cap=10_000, seen=None):
    """A panel that has these rows and pages as the documentation says; `cap` is the longest page it gives."""

    def answer(request: httpx.Request) -> httpx.Response:
        query = parse_qs(request.url.query.decode())
        if seen is not None:
            seen.append(query)
        offset, count = map(int, query["limit"][0].split(","))
        found = rows(*ids)[offset : offset + min(count, cap)]
        return httpx.Response(200, json={"list": found, **({"size": len(ids)} if size else {})})

    return answer


async def listed(panel, page=2):
    return [row["id"] for row in await panel.transport.read_list("server_list", page=page)]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("size", [True, False])
async def test_all_pages_are_read(wire, panel, count, size):
    wire.on("GET", "dci/v3/server", pages(*range(count), size=size))
    assert await listed(panel) == list(range(count))


async def test_pages_are_asked_for_by_offset_and_count_in_a_fixed_order(wire, panel):
    seen = []
    wire.on("GET", "dci/v3/server", pages(1, 2, 3, seen=seen))
    await listed(panel)
    assert [query["limit"] for query in seen] == [["0,2"], ["2,2"]]
    assert seen[0]["orderby"] == ["id asc"]
    assert "where" not in seen[0]


async def test_a_list_that_fits_one_page_takes_one_call(wire, panel):
    listing = wire.on("GET", "dci/v3/server", pages(1, 2, size=True))
    await panel.servers.all()
    assert listing.call_count == 1


async def test_a_panel_that_gives_shorter_pages_than_asked_for_is_followed(wire, panel):
    wire.on("GET", "dci/v3/server", pages(*range(7), cap=3))
    assert await listed(panel, page=500) == list(range(7))


async def test_a_panel_that_ignores_the_limit_is_read_once(wire, panel):
    wire.on("GET", "dci/v3/server", {"list": rows(1, 2, 3, 4)})
    assert await listed(panel) == [1, 2, 3, 4]


async def test_a_filter_and_a_plus_travel_percent_encoded(wire, panel):
    listing = wire.on("GET", "dci/v3/server", pages())
    await panel.servers.all(Field("owner_email").eq("a+b@example.com") & Field("is_new").eq(False))
    query = listing.calls.last.request.url.query.decode()
    assert "a%2Bb%40example.com" in query
    assert parse_qs(query)["where"] == ["(owner_email EQ 'a+b@example.com') AND (is_new EQ false)"]


async def test_an_ampersand_in_a_filter_does_not_end_it(wire, panel):
    listing = wire.on("GET", "dci/v3/server", pages())
    await panel.servers.all(Field("name").eq("R&D #1 50%"))
    assert parse_qs(listing.calls.last.request.url.query.decode())["where"] == ["name EQ 'R&D #1 50%'"]


@pytest.mark.parametrize(
    "first_listing",
    [
        [{"list": rows(1, 2), "size": 3}, {"list": rows(2), "size": 3}],
        [{"list": rows(1, 2), "size": 3}, {"list": rows(3), "size": 4}],
        [{"list": rows(1, 2), "size": 3}, {"list": [], "size": 2}],
        [{"list": rows(1, 2), "size": 3}, {"list": [], "size": 3}],
        [{"list": rows(1, 2), "size": 1}],
        [{"list": rows(1, 1), "size": 2}],
        [{"list": [{"id": "1"}, {"id": 1}], "size": 2}],
    ],
)
async def test_pages_that_do_not_add_up_are_read_afresh_once(wire, panel, first_listing):
    listing = wire.on("GET", "dci/v3/server", *first_listing, {"list": rows(1, 2), "size": 2})
    assert await listed(panel) == [1, 2]
    assert listing.call_count == len(first_listing) + 1


async def test_pages_that_never_add_up_are_a_surprise(wire, panel):
    listing = wire.on("GET", "dci/v3/server", {"list": rows(1, 2), "size": 57})
    with pytest.raises(UnexpectedPanelResponse, match="element 1 came twice"):
        await listed(panel)
    assert listing.call_count == 4


async def test_an_empty_list_that_claims_to_have_elements_is_a_surprise(wire, panel):
    wire.on("GET", "dci/v3/server", {"list": [], "size": 67})
    with pytest.raises(UnexpectedPanelResponse, match="counts 67 elements and gave 0"):
        await panel.servers.all()


async def test_a_panel_that_gives_the_same_full_page_for_ever_is_a_surprise(wire, panel):
    wire.on("GET", "dci/v3/server", {"list": rows(1, 2)})
    with pytest.raises(UnexpectedPanelResponse, match="came twice"):
        await listed(panel)


async def test_the_same_page_for_ever_is_noticed_without_ids_too(wire, panel):
    wire.on("GET", "dci/v3/server", {"list": [{"a": 1}, {"a": 2}]})
    with pytest.raises(UnexpectedPanelResponse, match="came twice"):
        await panel.transport.read_list("server_list", page=2)


@pytest.mark.parametrize(
    "answer",
    [
        [1, 2],
        {},
        {"list": None},
        {"list": {}},
        {"list": [], "size": "many"},
        {"list": [], "size": True},
        {"list": [], "size": -1},
        {"list": [], "size": 1.5},
        "x",
        5,
    ],
)
async def test_what_is_not_a_list_is_a_surprise_with_its_body(wire, panel, answer):
    wire.on("GET", "dci/v3/server", answer)
    with pytest.raises(UnexpectedPanelResponse, match=r"not a list of elements: correct \[server_list\]") as error:
        await panel.servers.all()
    assert error.value.body != ""


async def test_an_empty_body_is_not_an_empty_list(wire, panel):
    wire.on("GET", "dci/v3/server", httpx.Response(200))
    with pytest.raises(UnexpectedPanelResponse):
        await panel.servers.all()


async def test_a_size_in_digits_is_a_number(wire, panel):
    wire.on("GET", "dci/v3/server", {"list": rows(1), "size": "1"})
    assert await listed(panel) == [1]


FAT = 30_000
"""Bytes of a server's row where a page of 500 has fifteen million."""


def fat_pages(count, seen, fat=FAT, note="x"):
    """A panel whose rows are long, all of them."""

    def answer(request: httpx.Request) -> httpx.Response:
        query = parse_qs(request.url.query.decode())
        seen.append(query["limit"][0])
        offset, wanted = map(int, query["limit"][0].split(","))
        found = [{**row, "notes": note * fat} for row in rows(*range(count))[offset : offset + wanted]]
        return httpx.Response(200, json={"list": found, "size": count})

    return answer


async def test_a_page_of_too_many_bytes_is_asked_for_again_in_smaller_ones_and_so_is_every_one_after_it(wire, panel):
    seen = []
    wire.on("GET", "dci/v3/server", fat_pages(300, seen))
    assert await listed(panel, page=500) == list(range(300))
    assert seen == ["0,500", "0,125", "125,125", "250,125"]
    assert await listed(panel, page=500) == list(range(300))
    assert seen[4:] == ["0,125", "125,125", "250,125"]


async def test_a_page_of_too_many_values_is_asked_for_again_too(wire, panel, monkeypatch):
    monkeypatch.setattr(json_text, "MOST_VALUES", 300)
    seen = []
    wire.on("GET", "dci/v3/server", fat_pages(120, seen, fat=1))
    assert await listed(panel, page=500) == list(range(120))
    assert seen[:3] == ["0,500", "0,125", "0,31"]


async def test_rows_that_are_too_large_in_the_smallest_page_too_are_refused_as_before(wire, panel):
    seen = []
    wire.on("GET", "dci/v3/server", fat_pages(100, seen, fat=400_000))
    with pytest.raises(UnexpectedPanelResponse, match="longer than 8,000,000 bytes") as error:
        await listed(panel, page=500)
    assert isinstance(error.value, AnswerTooLarge)
    assert seen == ["0,500", "0,125", "0,31"]


async def test_what_is_nested_too_deep_is_not_asked_for_again(wire, panel):
    listing = wire.on("GET", "dci/v3/server", lambda _: httpx.Response(200, content=b"[" * 100 + b"]" * 100))
    with pytest.raises(UnexpectedPanelResponse, match="deeper than 50 levels"):
        await listed(panel, page=500)
    assert listing.call_count == 1
