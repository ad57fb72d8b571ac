import httpx
import pytest
from simulated_visit import Visit, Visiting

from simulator.profile import Profile


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("id EQ 3", [3]),
        ("id EQ '3'", [3]),
        ("id eq 3", [3]),
        ("(id EQ 3) OR (id EQ 5)", [3, 5]),
        ("id EQ 1 OR id EQ 2 AND id EQ 3", [1]),
        ("(id EQ 1 OR id EQ 2) AND NOT id EQ 1", [2]),
        ("((id EQ '7') AND (name EQ 'srv-007'))", [7]),
        ("id LT 3", [1, 2]),
        ("id GT '10'", [11, 12]),
        ("name CP '%-00%' AND id GT 7", [8, 9]),
        ("name CP 'srv'", []),
        ("NOT name CP 'srv-00%'", [10, 11, 12]),
        ("name LT 'srv-002'", [1]),
        ("owner_email IS null AND id LT 2", [1]),
        ("owner_email IS NOT null", []),
        ("is_new EQ true", []),
        ("(owner_email IS null) AND is_new EQ false AND location_id EQ 2 AND id LT 6", [4, 5]),
        ("rack.name EQ 'RIG-01' AND id LT 4", [1, 3]),
        ("settings.efi EQ true AND id LT 8", [7]),
        ("operation.status NE 'finished'", []),
        ("configuration NE 'E-2146G-64Gb-2x960SSD' AND id LT 8", [7]),
        ("name CP '%.%'", []),
    ],
)
async def test_the_filter_grammar_selects(panel: Visit, where: str, expected: list[int]) -> None:
    assert await panel.ids(where) == expected


@pytest.mark.parametrize(
    "where",
    [
        "id",
        "id EQ",
        "id EQ 3 4",
        "(id EQ 3",
        "id EQ 3)",
        "id LIKE 3",
        "name EQ srv",
        "name EQ 'o'brien'",
        "name EQ 'open",
        "nonsense EQ 1",
        "owner_email IS 3",
        "AND",
        "id = 3",
        "(" * 60 + "id EQ 1" + ")" * 60,
    ],
)
async def test_a_filter_that_makes_no_sense_is_refused(panel: Visit, where: str) -> None:
    answer = await panel.http.get("/dci/v3/server", params={"where": where})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == 3010


async def test_a_plus_in_the_query_is_a_space_and_a_plus_address_needs_its_encoding(panel: Visit) -> None:
    await panel.new_user("a+b@example.com")
    raw = await panel.http.get("/dci/v3/user?where=email+EQ+'a+b@example.com'")
    encoded = await panel.http.get("/dci/v3/user?where=email+EQ+'a%2Bb@example.com'")
    assert raw.json()["list"] == []
    assert [row["email"] for row in encoded.json()["list"]] == ["a+b@example.com"]


async def test_a_page_is_cut_by_offset_and_count_and_size_tells_the_total(panel: Visit) -> None:
    page = await panel.get("server", limit="4,3")
    assert [row["id"] for row in page["list"]] == [5, 6, 7]
    assert page["size"] == 12
    assert isinstance(page["last_notify"], int)


async def test_a_limit_of_one_number_is_a_count(panel: Visit) -> None:
    assert len((await panel.get("server", limit="2"))["list"]) == 2


async def test_a_page_beyond_the_end_is_empty(panel: Visit) -> None:
    assert (await panel.get("server", limit="400,10"))["list"] == []


async def test_lists_are_ordered_both_ways_with_nulls_apart(panel: Visit) -> None:
    panel.simulation.panel.by_hand.set_owner(3, "b@example.com")
    panel.simulation.panel.by_hand.set_owner(4, "a@example.com")
    down = await panel.get("server", orderby="owner_email desc", limit="2")
    assert [row["id"] for row in down["list"]] == [3, 4]
    up = await panel.get("server", orderby="owner_email asc")
    assert [row["id"] for row in up["list"]][-2:] == [4, 3]


@pytest.mark.parametrize("query", [{"limit": "x"}, {"limit": "1,2,3"}, {"orderby": "id up"}, {"orderby": "ip asc"}])
async def test_a_senseless_limit_or_order_is_refused(visiting: Visiting, query: dict[str, str]) -> None:
    panel = await visiting(Profile(stale_address_every=1))
    panel.simulation.panel.servers[1].addresses *= 2
    answer = await panel.http.get("/dci/v3/server", params=query)
    assert answer.status_code == 400


async def test_an_order_by_an_unknown_field_is_refused(panel: Visit) -> None:
    answer = await panel.http.get("/dci/v3/server", params={"orderby": "nonsense"})
    assert answer.json()["error"]["code"] == 3010


async def test_a_list_without_a_limit_has_the_panels_default(visiting: Visiting) -> None:
    panel = await visiting(default_limit=5)
    page = await panel.get("server")
    assert (len(page["list"]), page["size"]) == (5, 12)


async def test_a_panel_may_keep_the_total_to_itself(visiting: Visiting) -> None:
    panel = await visiting(size_in_lists=False)
    assert "size" not in await panel.get("server")


async def test_a_server_by_id_is_not_wrapped_in_a_list(panel: Visit) -> None:
    server = await panel.get("server/3")
    assert (server["id"], len(server["ip"])) == (3, 1)


async def test_a_server_by_id_may_lack_its_addresses(visiting: Visiting) -> None:
    panel = await visiting(by_id_has_addresses=False)
    assert "ip" not in await panel.get("server/3")
    assert len((await panel.get("server", where="id EQ 3"))["list"][0]["ip"]) == 1


async def test_configurations_count_their_free_servers(panel: Visit) -> None:
    panel.simulation.panel.by_hand.set_owner(1, "u@example.com")
    rows = (await panel.get("server/configuration"))["list"]
    assert rows == [
        {"configuration": "E-2146G-64Gb-2x960SSD", "free_server_count": 5},
        {"configuration": "Ryzen9-7950X-128Gb-2x1920NVMe", "free_server_count": 6},
    ]


async def test_every_route_answers_with_and_without_api(panel: Visit) -> None:
    with_prefix: httpx.Response = await panel.http.get("/api/dci/v3/server/1")
    assert with_prefix.json() == await panel.get("server/1")


async def test_ten_thousand_servers_are_there_and_can_be_paged_through(visiting: Visiting) -> None:
    panel = await visiting(Profile.large(10_000))
    seen: list[int] = []
    while len(seen) < 10_000:
        page = await panel.get("server", where="owner_email IS null", limit=f"{len(seen)},2500")
        assert page["size"] == 10_000
        seen += [row["id"] for row in page["list"]]
    assert seen == list(range(1, 10_001))


def test_a_large_profile_has_an_upper_end() -> None:
    with pytest.raises(ValueError, match="not 10001"):
        Profile.large(10_001)
    assert sum(batch.servers for batch in Profile.large(9_999).fleet) == 9_999
