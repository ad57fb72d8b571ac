"""What the panel says about itself: a page that names three definitions, each in another form."""

import json
from typing import Any

import yaml

from tests.contract.other_panel.calls import Call, Schema

DEFINITIONS = {
    "dci-back.json": ("DCI back", "dci/v3"),
    "ipmanager.yaml": ("IPmanager", "ip/v3"),
    "auth-v4.json": ("Auth", "auth/v4"),
}

INT: Schema = {"type": "integer"}
TEXT: Schema = {"type": "string"}
YES: Schema = {"type": "boolean"}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties}


def _array(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _words(*words: str) -> Schema:
    return {**TEXT, "enum": list(words)}


SCHEMAS: dict[str, Schema] = {
    "Started": _object(id=TEXT, task=TEXT),
    "Created": _object(id=INT),
    "Key": _object(id=TEXT, key=TEXT),
    "Session": _object(id=TEXT, token=TEXT, confirmed=YES, expires_at=TEXT),
    "User": _object(id=TEXT, email=TEXT, server_count=INT, roles=_array(TEXT)),
    "Image": _object(id=INT, name=TEXT, location=_object(id=INT, name=TEXT), type=TEXT, tags=_array(TEXT)),
    "Site": _object(id=INT, name=TEXT),
    "Group": _object(id=TEXT, name=TEXT, ipv4=_object(total=TEXT, used=TEXT)),
    "Network": _object(id=INT, name=TEXT, ippool=TEXT, state=_words("serving", "container")),
    "Address": _object(
        id=TEXT, ip_addr=TEXT, family=INT, ippool=TEXT, status=_words("reserving", "used", "freeing")
    ),
    "Operation": _object(
        id=TEXT,
        name=TEXT,
        status=_words("in progress", "ok", "canceled", "broken"),
        status_info=_object(),
        progress_info=_array(_object(title=TEXT, state=TEXT)),
    ),
    "Server": _object(
        id=INT,
        name=TEXT,
        domain=TEXT,
        configuration=TEXT,
        state=_words("in_operation"),
        power_status=_words("powered", "unpowered"),
        owner=_object(id=TEXT, email=TEXT, full_name=TEXT),
        operation={"$ref": "Operation"},
        switch_connection=_array(
            _object(
                id=INT,
                switch=INT,
                description=TEXT,
                admin_status=_words("enabled", "disabled"),
                oper_status=_words("enabled", "disabled"),
                is_ipmi_connection=YES,
            )
        ),
        ip=_array(_object(id=TEXT, name=TEXT, family=TEXT, status=_words("reserving", "used", "freeing"))),
    ),
}  # fmt: skip


def page() -> str:
    """The page /swagger/, which lists the definitions in its own script."""
    urls = json.dumps([{"url": f"definitions/{file}", "name": name} for file, (name, _) in DEFINITIONS.items()])
    return f"""<!DOCTYPE html>
<html><head><title>API</title><script src="./swagger-ui-bundle.js"></script></head>
<body><div id="swagger-ui"></div><script>
window.onload = () => {{ window.ui = SwaggerUIBundle({{ urls: {urls}, dom_id: "#swagger-ui" }}); }};
</script></body></html>"""


def definition(file: str, calls: tuple[Call, ...]) -> tuple[str, str]:
    """The text of one definition and its media type. Raises KeyError: there is none of that name."""
    title, service = DEFINITIONS[file]
    own = [call for call in calls if call.service == service]
    told = _swagger_2(title, service, own) if file == "dci-back.json" else _openapi_3(title, service, own)
    if file.endswith(".yaml"):
        return yaml.safe_dump(told, sort_keys=False), "application/yaml"
    return json.dumps(told), "application/json"


def _swagger_2(title: str, service: str, calls: list[Call]) -> Schema:
    definitions = _placed(SCHEMAS, "#/definitions/")
    paths: dict[str, Any] = {}
    for call in calls:
        told = _told(call, "#/definitions/")
        told["parameters"] = [{**TEXT, "name": name, "in": "path", "required": True} for name in call.places]
        if call.body:
            name = f"{call.path.split('/')[-1].strip('{}').title()}{call.method.title()}Body"
            definitions[name] = {**_object(**call.body), "required": list(call.required)}
            schema = {"$ref": f"#/definitions/{name}"}
            told["parameters"].append({"name": "body", "in": "body", "required": True, "schema": schema})
        paths.setdefault(f"/{call.path}", {})[call.method.lower()] = told
    info = {"title": title, "version": "v3"}
    return {
        "swagger": "2.0",
        "info": info,
        "basePath": f"/api/{service}",
        "consumes": ["application/json"],
        "paths": paths,
        "definitions": definitions,
    }


def _openapi_3(title: str, service: str, calls: list[Call]) -> Schema:
    paths: dict[str, Any] = {}
    for call in calls:
        told = _told(call, "#/components/schemas/")
        told["parameters"] = [{"name": name, "in": "path", "required": True, "schema": TEXT} for name in call.places]
        if call.body:
            schema = {**_object(**call.body), "required": list(call.required)}
            told["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
        told["responses"] = {
            status: {"description": "ok", "content": {"application/json": {"schema": answer["schema"]}}}
            if "schema" in answer
            else answer
            for status, answer in told["responses"].items()
        }
        paths.setdefault(f"/{call.path}", {})[call.method.lower()] = told
    return {
        "openapi": "3.0.3",
        "info": {"title": title, "version": "v3"},
        "servers": [{"url": f"/{service}"}],
        "paths": paths,
        "components": {"schemas": _placed(SCHEMAS, "#/components/schemas/")},
    }


def _told(call: Call, prefix: str) -> dict[str, Any]:
    answer: Schema = {"description": "ok"}
    if call.answer is not None:
        one: Schema = {"$ref": f"{prefix}{call.answer}"}
        answer["schema"] = _object(list=_array(one), size=INT, last_notify=INT) if call.is_list else one
    return {"summary": call.summary, "tags": [call.tag], "responses": {"200": answer}}


def _placed(schemas: dict[str, Schema], prefix: str) -> dict[str, Any]:
    """The schemas with their references as the form of the document wants them."""

    def placed(value: Any) -> Any:
        if isinstance(value, list):
            return [placed(inner) for inner in value]
        if isinstance(value, dict):
            return {key: f"{prefix}{inner}" if key == "$ref" else placed(inner) for key, inner in value.items()}
        return value

    return {name: placed(schema) for name, schema in schemas.items()}
