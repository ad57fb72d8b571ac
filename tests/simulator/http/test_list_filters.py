import pytest

from tests.simulator.visit import Visit


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
        ("operation.status NE 'ok'", []),
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
