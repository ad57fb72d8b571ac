import json

import pytest

from dcimanager.learning.description import read_description
from dcimanager.learning.discovery import Definition, Discovered
from dcimanager.learning.documents import parse_document


def described(document, address="/swagger/a.json", files=None):
    definition = Definition("DCI back", address, parse_document(json.dumps(document)))
    return read_description(Discovered((definition,), files or {}))


def one(call, **more):
    found = described({"openapi": "3.0.0", "paths": {"/dci/v3/x/{id}": {"post": call}}, **more})
    assert len(found.calls) == 1
    return found.calls[0]


def json_body(schema):
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


@pytest.mark.parametrize(
    ("address", "more", "path", "expected", "placed"),
    [
        ("/swagger/a.json", {}, "/dci/v3/server", "dci/v3/server", True),
        ("/swagger/a.json", {"servers": [{"url": "/api/dci/v3"}]}, "/server", "dci/v3/server", True),
        (
            "/swagger/a.json",
            {"servers": [{"url": "https://x.example.com/api/dci/v3/"}]},
            "/server",
            "dci/v3/server",
            True,
        ),
        ("/swagger/a.json", {"basePath": "/api/dci/v3"}, "server", "dci/v3/server", True),
        ("/api/dci/v3/doc/a.json", {"servers": [{"url": "../"}]}, "/server", "dci/v3/server", True),
        (
            "/swagger/a.json",
            {"servers": [{"url": "/api/{s}/v3", "variables": {"s": {"default": "dci"}}}]},
            "/server",
            "dci/v3/server",
            True,
        ),
        ("/api/dci/v3/doc/a.json", {}, "/server", "dci/v3/server", True),
        ("/swagger/a.json", {"servers": [{"url": "/rest"}]}, "/server", "rest/server", True),
        ("/swagger/a.json", {}, "/server", "server", False),
    ],
)
def test_a_path_is_told_below_the_panels_address(address, more, path, expected, placed):
    (call,) = described({"paths": {path: {"get": {}}}, **more}, address).calls
    assert (call.path, call.placed) == (expected, placed)


@pytest.mark.parametrize("path", ["/dci/v3/a b", "/dci/v3/../../x", "/dci/v3/x?y=1", "/dci/v3/x#y", "/dci/v3/é"])
def test_what_is_no_path_is_left_aside_and_named(path):
    found = described({"paths": {path: {"get": {}}}})
    assert found.calls == ()
    assert path in found.skipped[0]


def test_a_body_is_put_together_from_all_its_parts():
    schemas = {
        "Base": {"properties": {"a": {"type": "integer", "description": "The a"}}},
        "Choice": {"properties": {"c": {"enum": ["x", None]}}, "required": ["c"]},
    }
    schema = {
        "allOf": [{"$ref": "#/components/schemas/Base"}, {"required": ["a", "hidden"]}],
        "oneOf": [{"$ref": "#/components/schemas/Choice"}],
        "properties": {"b": {"type": ["string", "null"]}},
    }
    body = {key.name: key for key in one(json_body(schema), components={"schemas": schemas}).body}
    assert (body["a"].type, body["a"].required, body["a"].description) == ("integer", True, "The a")
    assert (body["b"].type, body["b"].nullable) == ("string", True)
    assert (body["c"].enum, body["c"].nullable, body["c"].required) == (("x",), True, False)
    assert body["hidden"].required


def test_a_reference_to_another_file_is_followed():
    call = json_body({"$ref": "parts.json#/Body"})
    files = {"/swagger/parts.json": {"Body": {"properties": {"a": {"type": "integer"}}}}}
    (found,) = described({"paths": {"/dci/v3/x": {"post": call}}}, files=files).calls
    assert [key.name for key in found.body] == ["a"]


def test_an_answer_is_told_by_dotted_names_and_a_circle_ends():
    schemas = {
        "Server": {
            "properties": {
                "operation": {"properties": {"status": {"type": "string", "enum": ["ok", "new"]}}},
                "ip": {"type": "array", "items": {"properties": {"family": {"enum": ["ipv4"]}}}},
                "twin": {"$ref": "#/components/schemas/Server"},
            }
        }
    }
    answer = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Server"}}}}
    found = {key.name: key.enum for key in one({"responses": {"200": answer}}, components={"schemas": schemas}).answer}
    assert found["operation.status"] == ("ok", "new")
    assert found["ip[].family"] == ("ipv4",)
    assert len(found) < 30


def test_a_form_is_told_as_what_it_is():
    call = one({"consumes": ["multipart/form-data"], "parameters": [{"in": "formData", "name": "a", "type": "string"}]})
    assert ([key.name for key in call.body], call.consumes) == (["a"], ("multipart/form-data",))


@pytest.mark.parametrize(
    "call",
    [
        {"responses": None},
        {"responses": {"200": {"$ref": "#/nowhere"}}},
        {"responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Loop"}}}}}},
        {"parameters": {"not": "a list"}},
        {"parameters": [None, {"in": "path"}, {"$ref": "#/nowhere"}]},
        {"requestBody": {"$ref": "https://elsewhere.example.com/x"}},
        {"requestBody": {"content": [1]}},
        {"tags": [1, None, {"name": "x"}], "summary": 7, "operationId": ["x"], "consumes": "x"},
        {"requestBody": {"content": {"application/json": {"schema": {"properties": {"a": 1}, "required": "a"}}}}},
        {"requestBody": {"content": {"application/json": {"schema": {"properties": {"a": {"enum": "x"}}}}}}},
    ],
)
def test_a_sloppy_description_stops_nothing(call):
    loop = {"Loop": {"$ref": "#/components/schemas/Loop"}}
    assert one(call, components={"schemas": loop}).path == "dci/v3/x/{id}"


def test_yaml_words_stay_words():
    assert parse_document("enum: [on, off, yes, 2027-01-01]")["enum"] == ["on", "off", "yes", "2027-01-01"]
