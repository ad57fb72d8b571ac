"""The credentials of panels: written whole, never read, and no password goes to a new address by itself."""

import json
from typing import Any

import httpx
import pytest

from door.panels import DOCUMENTS, SCHEMA_ID, TYPE_ID
from tests.door.bodies import PANEL_DATA
from tests.door.conftest import SCHEMA, SECRET, TYPE, Door, installation, opened

PATH = "/block_types/slug/dcimanager-panel"


def new(name: str = "main", **data: Any) -> dict[str, Any]:
    return {
        "name": name,
        "data": {**PANEL_DATA, **data},
        "block_type_id": TYPE_ID,
        "block_schema_id": SCHEMA_ID,
    }


def changed(**data: Any) -> dict[str, Any]:
    return {"data": {**PANEL_DATA, **data}, "block_schema_id": SCHEMA_ID, "merge_existing_data": False}


async def test_a_panel_is_stored_as_the_module_does_and_nothing_of_it_comes_back(door: Door) -> None:
    assert (await door.shop.get(PATH)).json()["id"] == TYPE_ID
    wanted = {"block_schemas": {"block_type_id": {"any_": [TYPE_ID]}}, "limit": 1}
    assert (await door.shop.post("/block_schemas/filter", json=wanted)).json() == [{"id": SCHEMA_ID}]
    assert (await door.shop.get(f"{PATH}/block_documents/name/main")).status_code == 404
    made = await door.shop.post("/block_documents/", json=new())
    assert made.status_code == 201
    assert door.prefect.bodies()[-1] == {
        "name": "main", "data": PANEL_DATA, "block_type_id": TYPE, "block_schema_id": SCHEMA,
    }  # fmt: skip
    assert (await door.shop.post("/block_documents/", json=new())).status_code == 409
    found = await door.shop.get(f"{PATH}/block_documents/name/main")
    assert found.json() == made.json() == {"id": made.json()["id"], "name": "main"}

    answer = await door.shop.patch(f"/block_documents/{found.json()['id']}", json=changed(password="second-word"))
    assert (answer.status_code, answer.content) == (204, b"")
    (sent,) = door.prefect.bodies("PATCH")
    assert sent == {
        "data": {**PANEL_DATA, "password": "second-word"}, "block_schema_id": SCHEMA, "merge_existing_data": False,
    }  # fmt: skip
    assert "second-word" not in "".join(door.log) and PANEL_DATA["password"] not in "".join(door.log)


@pytest.mark.parametrize("password", ["********", "*", "", None, 7, {"$ref": {}}, "a\x00b"])
async def test_an_address_never_changes_without_a_password(door: Door, password: object) -> None:
    document = door.prefect.add_panel("main", PANEL_DATA)["id"]
    without = changed(url="https://attacker.example")
    del without["data"]["password"]
    for body in (changed(url="https://attacker.example", password=password), without):
        assert (await door.shop.patch(f"/block_documents/{document}", json=body)).status_code == 422
        assert (
            await door.shop.post("/block_documents/", json=new("shop-2") | {"data": body["data"]})
        ).status_code == 422
    merged = changed(url="https://attacker.example") | {"merge_existing_data": True}
    assert (await door.shop.patch(f"/block_documents/{document}", json=merged)).status_code == 422
    assert door.prefect.bodies("PATCH") + door.prefect.bodies("POST") == []


async def test_another_installations_panel_and_other_blocks_are_not_there(door: Door) -> None:
    theirs = door.prefect.add_panel("theirs", PANEL_DATA)["id"]
    whmcs = door.prefect.add_panel("main", {"secret": "x"}, slug="whmcs")["id"]
    for document in (theirs, whmcs, "00000000-0000-4000-8000-000000000000"):
        assert (await door.shop.patch(f"/block_documents/{document}", json=changed())).status_code == 404
    assert (await door.shop.get(f"{PATH}/block_documents/name/theirs")).status_code == 403
    assert (await door.shop.post("/block_documents/", json=new("theirs"))).status_code == 403
    assert door.prefect.bodies("PATCH") + door.prefect.bodies("POST") == []


@pytest.mark.parametrize(
    "body",
    [
        new() | {"block_type_id": TYPE},
        new() | {"block_schema_id": SCHEMA},
        new() | {"is_anonymous": True},
        new() | {"name": "main?x=1"},
        new(more="x"),
        new(verify_tls="yes"),
        new(url=7),
        {**new(), "data": [PANEL_DATA]},
    ],
)
async def test_no_other_block_can_be_named(door: Door, body: dict[str, Any]) -> None:
    assert (await door.shop.post("/block_documents/", json=body)).status_code == 422
    assert door.prefect.bodies() == []


@pytest.mark.parametrize(
    "wanted",
    [
        {"block_schemas": {"block_type_id": {"any_": [TYPE]}}, "limit": 1},
        {"block_schemas": {"block_type_id": {"any_": []}}, "limit": 1},
        {"block_schemas": {}, "limit": 1},
        {"limit": 1},
        {"block_schemas": {"block_type_id": {"any_": [TYPE_ID]}}, "limit": 200},
        {},
    ],
)
async def test_no_other_schema_can_be_looked_for(door: Door, wanted: dict[str, Any]) -> None:
    assert (await door.shop.post("/block_schemas/filter", json=wanted)).status_code in (403, 422)


NEAR = [
    "https://127.0.0.1",
    "https://127.1.2.3:8443",
    "https://[::1]",
    "https://[::ffff:127.0.0.1]",
    "https://0.0.0.0",
    "https://169.254.169.254",
    "https://[fe80::1]",
    "https://localhost",
    "https://a.localhost",
    "https://localhost.",
    "https://ip6-localhost",
    "https://ip6-loopback",
    "https://worker-1",
    "https://worker-1.",
    "https://2130706433",
    "https://0x7f.1",
    "https://0x7f000001",
    "https://127.1",
    "https://0177.0.0.1",
    "http://panel.example",
]
ODD = [
    "panel.example",
    "ftp://panel.example",
    "https://",
    "https://panel.example/",
    "https://panel.example/x",
    "https://panel.example?x",
    "https://panel.example#x",
    "https://user:secret@panel.example",
    "https://panel.example\\@attacker",
    "https://panel.example\n",
    "https://panel.example:0",
    "https://panel.example:123456",
    "https://pänel.example",
    "https://panel.example:443:1",
    "HTTPS://panel.example",
    "https://panel.example:99999",
    "https://[:::::]",
    "https://[1.2.3.4]",
]


@pytest.mark.parametrize(("url", "status"), [*((url, 403) for url in NEAR), *((url, 422) for url in ODD)])
async def test_no_panel_is_on_this_machine_or_at_an_odd_address(door: Door, url: str, status: int) -> None:
    document = door.prefect.add_panel("main", PANEL_DATA)["id"]
    assert (await door.shop.post("/block_documents/", json=new("shop-2", url=url))).status_code == status
    assert (await door.shop.patch(f"/block_documents/{document}", json=changed(url=url))).status_code == status
    assert door.prefect.bodies("PATCH") + door.prefect.bodies("POST") == []


@pytest.mark.parametrize(
    "url", ["https://panel.example", "https://10.0.0.7", "https://[2001:db8::1]:1500", "http://panel.example:8080"]
)
async def test_a_panel_is_where_module_and_host_say(door: Door, url: str) -> None:
    assert (await door.shop.post("/block_documents/", json=new(url=url))).status_code == 201


async def test_hosts_that_are_named_are_the_only_ones() -> None:
    strict = installation("shop", SECRET, panel_hosts=["127.0.0.1", "panel.example", "panel"])
    async with opened(strict) as door:
        for url, status in (
            ("http://127.0.0.1:8600", 201), ("https://panel.example:1500", 409), ("https://attacker.example", 403),
            ("https://panel", 409), ("https://worker-1", 403),
        ):  # fmt: skip
            assert (await door.shop.post("/block_documents/", json=new(url=url))).status_code == status


async def test_only_so_many_panels_are_stored_whose_names_the_file_does_not_have() -> None:
    few = installation("shop", SECRET, panels=["main", "shop-*"], most_panels=2)
    async with opened(few) as door:
        for number in range(DOCUMENTS):
            door.prefect.add_panel(f"theirs-{number}", PANEL_DATA)
        for name, status in (
            ("shop-1", 201), ("shop-2", 201), ("shop-3", 403), ("shop-2", 409), ("main", 201), ("whmcs-unsaved", 201),
        ):  # fmt: skip
            assert (await door.shop.post("/block_documents/", json=new(name))).status_code == status, name
        document = next(one["id"] for one in door.prefect.blocks.values() if one["name"] == "shop-2")
        assert (await door.shop.patch(f"/block_documents/{document}", json=changed())).status_code == 204
        assert "most_panels" in str(door.lines()[2]["refused"])


async def test_a_prefect_that_knows_no_panels_is_told(door: Door) -> None:
    door.prefect.instead.append(httpx.Response(404, json={"detail": "Not found"}))
    answer = await door.shop.get(PATH)
    assert (answer.status_code, "dciflow setup" in answer.text) == (404, True)
    assert json.loads(door.log[-1])["refused"] == answer.json()["detail"]
