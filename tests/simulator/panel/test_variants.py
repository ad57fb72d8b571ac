"""Every switch of Variants has a test here or, where it belongs to a subject, in that subject's file."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from dcimanager.endpoints import Dialect, load_dialect
from simulator.panel.variants import Variants
from tests.simulator.panel.operations import template
from tests.simulator.visit import Visit, Visiting


def test_every_variant_is_tested() -> None:
    tests = "".join(file.read_text() for file in Path(__file__).parents[1].rglob("test_*.py"))
    assert [name for name in Variants.model_fields if f"{name}=" not in tests] == []


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(ValidationError, match="colour"):
        Variants.model_validate({"colour": "blue"})


@pytest.mark.parametrize(("task", "shown"), [("int", 4400), ("string", "task-4400"), ("absent", None)])
async def test_a_task_comes_as_the_panel_likes(visiting: Visiting, task: str, shown: object) -> None:
    panel = await visiting(task=task)
    assert (await panel.post("server/1/power_reset")).get("task") == shown


@pytest.mark.parametrize(("shape", "shown"), [("int", 913), ("object", {"id": 913}), ("absent", None)])
async def test_a_started_operation_is_named_as_the_panel_likes(visiting: Visiting, shape: str, shown: object) -> None:
    panel = await visiting(operation_answer=shape)
    assert (await panel.post("server/1/diag")).get("operation") == shown


@pytest.mark.parametrize("key", ["type", "name", "kind"])
async def test_an_operation_says_what_it_is_under_one_of_three_keys(visiting: Visiting, key: str) -> None:
    panel = await visiting(operation_key=key)
    assert (await panel.get("server/1"))["operation"][key] == "diagnostics"


async def test_an_operation_may_not_say_what_it_is(visiting: Visiting) -> None:
    panel = await visiting(operation_key="absent")
    assert set((await panel.get("server/1"))["operation"]) == {"id", "status", "status_info", "progress_info"}


@pytest.mark.parametrize(("shape", "kind"), [("object", dict), ("array", list), ("null", type(None))])
async def test_the_pdu_comes_as_an_object_a_list_or_nothing(visiting: Visiting, shape: str, kind: type[object]) -> None:
    panel = await visiting(pdu_connection=shape)
    assert type((await panel.get("server/1"))["pdu_connection"]) is kind


async def test_a_server_without_a_pdu_shows_none(panel: Visit) -> None:
    panel.simulation.panel.servers[1].pdu_seen = None
    assert (await panel.get("server/1"))["pdu_connection"] is None


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("lower", ["ok", "on", "active", "up", "allocated"]),
        ("upper", ["OK", "ON", "ACTIVE", "UP", "ALLOCATED"]),
        ("title", ["Ok", "On", "Active", "Up", "Allocated"]),
    ],
)
async def test_enumerations_are_spelled_in_any_case(visiting: Visiting, case: str, words: list[str]) -> None:
    panel = await visiting(case=case)
    panel.simulation.panel.admin.power(3, "on")
    row = await panel.get("server/3")
    spelled = [row["operation"]["status"], row["power_status"], row["state"]]
    spelled += [row["switch_connection"][0]["admin_status"], row["ip"][0]["status"]]
    assert spelled == words
    assert row["pdu_connection"]["power_status"] == words[1]
    assert 3 in await panel.ids(f"operation.status EQ '{words[0]}' AND power_status EQ '{words[1]}'")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("documented", ["ok", "up", "down", "allocated", "canceled"]),
        ("others", ["finished", "enabled", "disabled", "used", "cancelled"]),
    ],
)
async def test_a_panel_has_its_own_words_in_rows_filters_and_calls(
    visiting: Visiting, words: str, said: list[str]
) -> None:
    panel = await visiting(words=words)
    row = await panel.get("server/3")
    panel.simulation.panel.admin.switch_port(3, "down")
    ports = [one["switch_connection"][0]["admin_status"] for one in (row, await panel.get("server/3"))]
    assert [row["operation"]["status"], *ports, row["ip"][0]["status"]] == said[:4]
    assert 3 in await panel.ids(f"operation.status EQ '{said[0]}'")
    started = (await panel.post("server/3/diag"))["operation"]
    await panel.post(f"server/3/operation/{started}", status=said[4])
    assert (await panel.get("server/3"))["operation"]["status"] == said[4]


async def test_a_panel_may_say_how_far_it_is_in_words_that_nobody_knows(visiting: Visiting) -> None:
    panel = await visiting(unknown_words=frozenset({"finished"}))
    assert (await panel.get("server/1"))["operation"]["status"] == "beendet"
    await panel.post("server/1/diag")
    assert (await panel.get("server/1"))["operation"]["status"] == "queued"


@pytest.mark.parametrize(("dead_session", "status"), [("1000 with 200", 200), ("1000 with 400", 400)])
async def test_a_dead_session_may_be_told_by_code_1000(visiting: Visiting, dead_session: str, status: int) -> None:
    panel = await visiting(dead_session=dead_session)
    panel.simulation.panel.sessions.expire_all()
    answer = await panel.http.get("/dci/v3/server")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, 1000)


async def test_two_servers_may_be_such_as_the_vendor_does_not_sell(visiting: Visiting) -> None:
    panel = await visiting(unsellable_servers=True)
    first, twin, faulty = [await panel.get(f"server/{number}") for number in (1, 13, 14)]
    assert set(first["macs"]) & set(twin["macs"]) == {twin["switch_connection"][1]["mac"]}
    assert (twin["problems"], len(faulty["problems"])) == ([], 1)


async def test_the_rack_may_be_null(visiting: Visiting) -> None:
    panel = await visiting(rack="null")
    assert (await panel.get("server/1"))["rack"] is None


async def test_some_servers_have_no_configuration(visiting: Visiting) -> None:
    panel = await visiting(empty_configurations=True)
    page = await panel.get("server")
    assert [row["configuration"] for row in page["list"]][12:] == [None, ""]
    names = [row["configuration"] for row in (await panel.get("server/configuration"))["list"]]
    assert names[-2:] == [None, ""]


async def test_a_server_may_still_be_being_added(visiting: Visiting) -> None:
    panel = await visiting(new_servers=True)
    assert await panel.ids("is_new EQ true") == [13]
    row = await panel.get("server/13")
    assert (row["operation"], row["ip"]) == (None, [])
    free = (await panel.get("server/configuration"))["list"]
    assert sum(line["free_server_count"] for line in free) == 12


@pytest.mark.parametrize(("key", "other"), [("name", "ip_addr"), ("ip_addr", "name")])
async def test_an_address_is_under_one_of_two_keys(visiting: Visiting, key: str, other: str) -> None:
    panel = await visiting(address_key=key)
    row = (await panel.get("server/3"))["ip"][0]
    assert (row[key], other in row) == ("192.0.2.2", False)


async def swagger(panel: Visit) -> Any:
    """All definitions of the page as one."""
    paths: dict[str, Any] = {}
    for service in ("dci/v3", "auth/v4", "ip/v3"):
        paths |= (await panel.http.get(f"/{service}/swagger.json")).json()["paths"]
    return {"paths": paths}


def told(document: Any, dialect: Dialect, name: str) -> Any:
    endpoint = dialect[name]
    return document["paths"].get(f"/{endpoint.path}", {}).get(endpoint.method.lower())


async def test_swagger_tells_every_endpoint_of_the_table(visiting: Visiting) -> None:
    panel, dialect = await visiting(login=False), load_dialect()
    document = await swagger(panel)
    for name, endpoint in dialect.endpoints.items():
        if name == "swagger":
            continue
        operation = told(document, dialect, name)
        assert operation is not None, name
        if endpoint.body:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            call = (endpoint.method, endpoint.path)  # some entries share one
            same = [one for one in dialect.endpoints.values() if (one.method, one.path) == call]
            assert set(schema["properties"]) == {key for one in same for key in one.body.values()}


async def test_the_swagger_page_lists_a_definition_for_each_service(visiting: Visiting) -> None:
    panel = await visiting(login=False)
    page = (await panel.http.get("/swagger/")).text
    assert [service for service in ("dci/v3", "auth/v4", "ip/v3") if f"/api/{service}/swagger.json" not in page] == []


@pytest.mark.parametrize("path", ["/swagger/", "/dci/v3/swagger.json"])
async def test_swagger_may_not_be_served(visiting: Visiting, path: str) -> None:
    panel = await visiting(swagger="absent")
    answer = await panel.http.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, 1106)


async def test_swagger_may_differ_from_the_table(visiting: Visiting) -> None:
    panel = await visiting(swagger="differs", swagger_differs=frozenset({"diagnostics", "power_on"}))
    document = await swagger(panel)
    dialect = load_dialect()
    assert told(document, dialect, "power_on") is None
    assert told(document, dialect, "power_off") is not None
    assert "clear_disks_id" in json.dumps(told(document, dialect, "diagnostics"))


async def test_differing_endpoints_count_only_when_swagger_differs(visiting: Visiting) -> None:
    panel = await visiting(swagger="served", swagger_differs=frozenset({"power_on"}))
    assert told(await swagger(panel), load_dialect(), "power_on") is not None


@pytest.mark.parametrize(
    ("how", "status", "shown"), [("told", 200, True), ("untold", 200, None), ("absent", 404, None)]
)
async def test_the_rescue_system_is_shown_as_the_panel_likes(
    visiting: Visiting, how: str, status: int, shown: bool | None
) -> None:
    panel = await visiting(rescue=how)
    wanted = {"os_template": template(panel, "SystemRescue-11"), "password": "p"}
    answer = await panel.http.post("/dci/v3/server/3/recovery", json=wanted)
    assert answer.status_code == status
    panel.clock.advance(600)
    assert (await panel.get("server/3")).get("in_recovery") is shown
    left = await panel.http.post("/dci/v3/server/3/recovery/finish", json={})
    assert left.status_code == status
    panel.clock.advance(60)
    assert (await panel.get("server/3")).get("in_recovery") in (False, None)


@pytest.mark.parametrize(
    ("how", "status", "shown"),
    [("served", 200, "web1.example.com"), ("ignored", 200, "free.example.com"), ("absent", 404, "free.example.com")],
)
async def test_a_reverse_name_is_kept_as_the_panel_likes(visiting: Visiting, how: str, status: int, shown: str) -> None:
    panel = await visiting(reverse_names=how)
    address = (await panel.get("server/3"))["ip"][0]["id"]
    answer = await panel.http.post(f"/dci/v3/ip/{address}", json={"domain": "web1.example.com"})
    assert answer.status_code == status
    assert (await panel.get("server/3"))["ip"][0]["domain"] == shown


@pytest.mark.parametrize(
    ("how", "status", "shown"),
    [("served", 200, "web1.example.com"), ("ignored", 200, "free.example.com"), ("absent", 404, "free.example.com")],
)
async def test_a_host_name_is_kept_as_the_panel_likes(visiting: Visiting, how: str, status: int, shown: str) -> None:
    panel = await visiting(host_names=how)
    answer = await panel.http.post("/dci/v3/server/3", json={"domain": "web1.example.com"})
    assert answer.status_code == status
    assert (await panel.get("server/3"))["domain"] == shown


@pytest.mark.parametrize(("how", "status"), [("served", 404), ("absent", 400)])
async def test_an_installation_may_take_no_ssh_keys(visiting: Visiting, how: str, status: int) -> None:
    """Served, it looks for the key, which the server's owner does not have."""
    panel = await visiting(ssh_keys=how)
    template = (await panel.get("os_template"))["list"][0]["id"]
    wanted = {"os_template": template, "password": "canary", "ssh_key": [1]}
    assert (await panel.http.post("/dci/v3/server/3/install", json=wanted)).status_code == status
