import json

import httpx
import pytest

from dcimanager.dialect_check import DialectVerdict, compare_with_swagger
from dcimanager.endpoints import Mark
from dcimanager.errors import PanelUnreachable, WrongCredentials

SWAGGER = "dci/v3/swagger.json"


def json_body(schema):
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


def keys(*names, required=()):
    return {"type": "object", "properties": {name: {} for name in names}, "required": list(required)}


def openapi(paths, **more):
    return {"openapi": "3.0.0", "paths": paths, **more}


def serve(wire, document, at=SWAGGER):
    """A panel without a page: its definition lies where it always did."""
    wire.on("GET", None, httpx.Response(404), path__regex=r"^(/api)?/swagger/")
    return wire.on("GET", None, httpx.Response(200, json=document), path__eq=f"/{at}")


async def verdicts(wire, panel, document):
    serve(wire, document)
    findings = await compare_with_swagger(panel)
    assert [finding.endpoint for finding in findings] == list(panel.dialect.endpoints)
    return {finding.endpoint: finding for finding in findings}


@pytest.mark.parametrize(
    ("prefix", "more"),
    [
        ("/dci/v3", {}),
        ("/api/dci/v3", {}),
        ("dci/v3", {}),
        ("", {}),
        ("", {"servers": [{"url": "/api/dci/v3"}]}),
        ("", {"servers": [{"url": "https://panel.example.com/dci/v3/"}]}),
        ("", {"basePath": "/api/dci/v3"}),
        ("/dci/v3", {"basePath": "/api"}),
    ],
)
async def test_an_entry_is_confirmed_however_the_document_writes_its_path(wire, panel, prefix, more):
    found = await verdicts(wire, panel, openapi({f"{prefix}/server/{{server_id}}": {"get": {}}}, **more))
    assert found["server_get"].verdict is DialectVerdict.CONFIRMED
    assert found["server_get"].mark is Mark.DOCUMENTED
    assert found["swagger"].verdict is DialectVerdict.CONFIRMED


async def test_a_path_that_the_panel_lacks_is_absent(wire, panel):
    found = await verdicts(wire, panel, openapi({"/dci/v3/server": {"get": {}}}))
    assert found["diagnostics"].verdict is DialectVerdict.ABSENT
    assert "correct [diagnostics]" in found["diagnostics"].note


async def test_another_method_differs(wire, panel):
    found = await verdicts(wire, panel, openapi({"/dci/v3/server/{id}/power_on": {"put": {}, "get": {}}}))
    assert found["power_on"].verdict is DialectVerdict.DIFFERS
    assert "takes GET, PUT on this panel, not POST" in found["power_on"].note


async def test_a_service_that_the_document_does_not_cover_is_unknown(wire, panel):
    found = await verdicts(wire, panel, openapi({"/dci/v3/server": {"get": {}}}))
    assert found["login"].verdict is DialectVerdict.UNKNOWN
    assert found["ip_pool_list"].note == "no definition covers ip/v3"


async def test_body_keys_are_compared(wire, panel):
    document = openapi(
        {
            "/dci/v3/server/{id}/diag": {"post": json_body(keys("clear_disks", "full_erase"))},
            "/dci/v3/server/{id}/install": {"post": json_body(keys("os", "password", "domain", required=["os"]))},
        }
    )
    found = await verdicts(wire, panel, document)
    assert found["diagnostics"].verdict is DialectVerdict.CONFIRMED
    assert found["os_install"].verdict is DialectVerdict.DIFFERS
    assert found["os_install"].note == (
        "unknown to the panel: os_template; it knows domain, os, password; wanted by the panel: os"
    )


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/components/schemas/Diag"},
        {"allOf": [{"$ref": "#/components/schemas/Diag"}, keys("x")]},
        {"oneOf": [{"$ref": "#/components/schemas/Diag"}, keys("x", required=["x"])]},
        {"anyOf": [keys("x", required=["x"]), {"allOf": [{"$ref": "#/components/schemas/Alias"}]}]},
    ],
)
async def test_a_schema_behind_references_is_followed(wire, panel, schema):
    schemas = {"Diag": keys("clear_disks"), "Alias": {"$ref": "#/components/schemas/Diag"}}
    document = openapi({"/dci/v3/server/{id}/diag": {"post": json_body(schema)}}, components={"schemas": schemas})
    assert (await verdicts(wire, panel, document))["diagnostics"].verdict is DialectVerdict.CONFIRMED


async def test_a_body_behind_a_reference_is_followed(wire, panel):
    body = {"content": {"application/json": {"schema": keys("other")}}}
    call = {"requestBody": {"$ref": "#/components/requestBodies/Diag"}}
    document = openapi({"/dci/v3/server/{id}/diag": {"post": call}}, components={"requestBodies": {"Diag": body}})
    assert (await verdicts(wire, panel, document))["diagnostics"].verdict is DialectVerdict.DIFFERS


@pytest.mark.parametrize("place", ["call", "path"])
async def test_a_swagger_2_body_is_read(wire, panel, place):
    parameters = [{"in": "path", "name": "id"}, {"in": "body", "schema": {"$ref": "#/definitions/D"}}]
    item = {"post": {"parameters": parameters}} if place == "call" else {"post": {}, "parameters": parameters}
    document = {
        "swagger": "2.0",
        "basePath": "/dci/v3",
        "paths": {"/server/{id}/diag": item},
        "definitions": {"D": keys("erase")},
    }
    found = await verdicts(wire, panel, document)
    assert found["diagnostics"].note == "unknown to the panel: clear_disks; it knows erase"


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/components/schemas/Loop"},
        {"$ref": "#/components/schemas/Missing"},
        {"$ref": "https://elsewhere.example.com/x"},
        {"allOf": [{"$ref": "#/components/schemas/Deep"}]},
        {},
    ],
)
async def test_a_body_that_cannot_be_read_is_confirmed_with_a_note(wire, panel, schema):
    schemas = {
        "Loop": {"$ref": "#/components/schemas/Loop"},
        "Deep": {"allOf": [{"$ref": "#/components/schemas/Deep"}]},
    }
    document = openapi({"/dci/v3/server/{id}/diag": {"post": json_body(schema)}}, components={"schemas": schemas})
    found = await verdicts(wire, panel, document)
    assert (found["diagnostics"].verdict, found["diagnostics"].note) == (
        DialectVerdict.CONFIRMED,
        "its body is not described",
    )


@pytest.mark.parametrize("answer", [{"list": []}, [], {"paths": []}, {"paths": None}])
async def test_what_is_no_swagger_document_makes_all_unknown(wire, panel, answer):
    found = await verdicts(wire, panel, answer)
    assert {finding.verdict for finding in found.values()} == {DialectVerdict.UNKNOWN}
    assert "correct [swagger]" in found["server_list"].note


async def test_a_panel_that_serves_no_definition_makes_all_unknown(wire, panel):
    wire.on("GET", None, httpx.Response(404), path__regex=r"swagger")
    found = await compare_with_swagger(panel)
    assert {finding.verdict for finding in found} == {DialectVerdict.UNKNOWN}
    assert "/swagger/: HTTP 404" in found[0].note


async def test_the_definitions_of_all_services_are_compared(wire, panel):
    urls = [{"url": "/api/dci/v3/doc.json", "name": "DCI back"}, {"url": "ip.json", "name": "IPmanager"}]
    page = f"<html><script>ui({{urls: {json.dumps(urls)}}})</script></html>"
    wire.on("GET", None, httpx.Response(200, text=page), path__eq="/swagger/")
    servers = openapi({"/server": {"get": {}}}, servers=[{"url": "/api/dci/v3"}])
    wire.on("GET", "dci/v3/doc.json", servers)
    pools = httpx.Response(200, json=openapi({"/ip/v3/ippool": {"get": {}}}))
    wire.on("GET", None, pools, path__eq="/swagger/ip.json")
    found = {finding.endpoint: finding.verdict for finding in await compare_with_swagger(panel)}
    assert found["server_list"] is found["ip_pool_list"] is DialectVerdict.CONFIRMED
    assert found["login"] is DialectVerdict.UNKNOWN


async def test_odd_parts_of_a_document_do_not_stop_the_check(wire, panel):
    document = openapi({"/dci/v3/server": None, "/dci/v3/user": {"get": None, "post": []}}, servers=[None])
    found = await verdicts(wire, panel, document)
    assert found["server_list"].verdict is DialectVerdict.ABSENT
    assert found["user_list"].verdict is DialectVerdict.CONFIRMED


async def test_a_wrong_password_is_told_and_not_taken_for_a_missing_document(wire, panel, refusal):
    wire.on("GET", None, httpx.Response(401), path__eq="/swagger/")
    wire.login.mock(side_effect=None, return_value=refusal(401))
    with pytest.raises(WrongCredentials):
        await compare_with_swagger(panel)


async def test_a_panel_that_is_down_is_told(wire, panel):
    wire.on("GET", None, httpx.ReadError, path__eq="/swagger/")
    with pytest.raises(PanelUnreachable):
        await compare_with_swagger(panel)
