"""Every switch of Variants has a test here or, where it belongs to a subject, in that subject's file."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from simulated_visit import Visit, Visiting

from dcimanager.endpoints import Dialect, load_dialect
from simulator.variants import Variants


def test_every_variant_is_tested() -> None:
    tests = "".join(file.read_text() for file in Path(__file__).parent.glob("test_simulated_*.py"))
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
        ("lower", ["finished", "on", "active", "up", "allocated"]),
        ("upper", ["FINISHED", "ON", "ACTIVE", "UP", "ALLOCATED"]),
        ("title", ["Finished", "On", "Active", "Up", "Allocated"]),
    ],
)
async def test_enumerations_are_spelled_in_any_case(visiting: Visiting, case: str, words: list[str]) -> None:
    panel = await visiting(case=case)
    panel.simulation.panel.by_hand.power(3, "on")
    row = await panel.get("server/3")
    spelled = [row["operation"]["status"], row["power_status"], row["state"]]
    spelled += [row["switch_connection"][0]["admin_status"], row["ip"][0]["status"]]
    assert spelled == words
    assert row["pdu_connection"]["power_status"] == words[1]
    assert 3 in await panel.ids(f"operation.status EQ '{words[0]}' AND power_status EQ '{words[1]}'")


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
    return (await panel.http.get("/dci/v3/swagger.json")).json()


def told(document: Any, dialect: Dialect, name: str) -> Any:
    endpoint = dialect[name]
    return document["paths"].get(f"/{endpoint.path}", {}).get(endpoint.method.lower())


async def test_swagger_tells_every_endpoint_of_the_table(visiting: Visiting) -> None:
    panel, dialect = await visiting(login=False), load_dialect()
    document = await swagger(panel)
    for name, endpoint in dialect.endpoints.items():
        operation = told(document, dialect, name)
        assert operation is not None, name
        if endpoint.body:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            assert set(schema["properties"]) == set(endpoint.body.values())


async def test_swagger_may_not_be_served(visiting: Visiting) -> None:
    panel = await visiting(swagger="absent")
    answer = await panel.http.get("/dci/v3/swagger.json")
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
