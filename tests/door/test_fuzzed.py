"""Bodies at random: nothing that is not the exact shape reaches Prefect, and no body makes the door fail.

`DCIFLOW_FUZZ_EXAMPLES=100000` lets it go on for an hour (`make fuzz`).
"""

import copy
import json
import os
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from door.panels import _ADDRESS, SCHEMA_ID, TYPE_ID
from door.shapes import FLOWS
from tests.contract.contract import CONTRACT
from tests.door.bodies import HELD_AT, PANEL_DATA, PARAMETERS, SERVICE, start_of
from tests.door.conftest import SHOP, Door, opened

EXAMPLES = int(os.environ.get("DCIFLOW_FUZZ_EXAMPLES", "150"))
fuzzed = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

FINE = {200, 201, 204, 403, 404, 409, 413, 415, 422}
HOLD = {"service_id": SERVICE, "panel": "main", "held_at": HELD_AT}
JINJA: dict[str, Any] = {"__prefect_kind": "jinja", "template": "{{ 9**(9**9) % 7 }}"}

keys = st.sampled_from(
    ["__prefect_kind", "$ref", "state", "labels", "past_cap", "asked_through", "order", "panel", "", "é"]
) | st.text(max_size=8)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        ["main?x=1", "main#", "../x", "theirs", "a\x00", "\ud800", "{{ x }}", "9" * 400, "2026-11-27T10:00:00Z"]
    )
)
values = st.recursive(
    leaves | st.builds(lambda: dict(JINJA)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a body."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(place for key, one in inner for place in places(one, (*here, key)))]


@st.composite
def spoiled(draw: st.DrawFn, body: Any) -> Any:
    """A body of the module's with something else in some places, a key more, or a key less."""
    body = copy.deepcopy(body)
    for _ in range(draw(st.integers(1, 2))):
        *way, last = draw(st.sampled_from([place for place in places(body) if place] or [(0,)]))
        here = body
        for step in way:
            here = here[step]
        match draw(st.sampled_from(["other", "more", "less"])):
            case "other":
                here[last] = draw(values)
            case "more" if isinstance(here, dict):
                here[draw(keys)] = draw(values)
            case _ if isinstance(here, dict) and len(here) > 1:
                del here[last]
    return body


@st.composite
def starts(draw: st.DrawFn) -> tuple[str, Any]:
    flow = draw(st.sampled_from(sorted(FLOWS)))
    return flow, draw(spoiled(start_of(flow)))


def sent(body: Any) -> bytes:
    return json.dumps(body).encode()


async def post(door: Door, method: str, path: str, content: bytes) -> int:
    headers = {"Content-Type": "application/json"}
    return (await door.shop.request(method, path, content=content, headers=headers)).status_code


def of_the_contract(flow: str, parameters: dict[str, Any]) -> bool:
    """Whether parameters have the contract's keys and plain values; written anew, from contract.json alone."""
    wanted = set(CONTRACT["deployments"]["flows"][flow]["parameters"])
    optional = {key for key in wanted if CONTRACT.get(key, {}).get("optional")}
    if not wanted - optional <= set(parameters) - {"asked_through"} <= wanted:
        return False
    for key, value in parameters.items():
        groups = value if key == "services" else [value] if key in ("order", "identity", "wish") else []
        told = CONTRACT["adoptee" if key == "services" else key] if groups else {"fields": []}
        most, least = set(told["fields"]), set(told["fields"]) - set(told.get("optional", []))
        if any(not isinstance(one, dict) or not least <= set(one) <= most for one in groups):
            return False
        lists = [one[name] for one in groups for name in told.get("lists_of_lines", []) if one.get(name) is not None]
        if not all(isinstance(one, list) and all(type(line) is str for line in one) for one in lists):
            return False
        leaves_of = [leaf for one in groups for leaf in one.values() if leaf not in lists] if groups else [value]
        leaves_of += [line for one in lists for line in one]
        if not all(leaf is None or type(leaf) in (bool, int, str) for leaf in leaves_of):
            return False
        if any(isinstance(leaf, str) and not leaf.isprintable() for leaf in leaves_of):
            return False
    return parameters.get("panel", "main") in ("main", "whmcs-unsaved") or str(parameters["panel"]).startswith("shop-")


@fuzzed
@given(starts())
async def test_only_the_exact_shape_of_a_run_reaches_prefect(start: tuple[str, Any]) -> None:
    flow, body = start
    async with opened(SHOP) as door:
        door.prefect.variables["dciflow_held"] = {"at": "x", "total": 1, "services": [HOLD]}
        assert await post(door, "POST", f"/deployments/{FLOWS[flow].id}/create_flow_run", sent(body)) in FINE
        for asked in door.prefect.bodies():
            assert set(asked) == {"name", "parameters", "tags", "idempotency_key"}
            assert of_the_contract(flow, asked["parameters"])
            assert asked["tags"][-1] == "installation:shop"
            assert asked["idempotency_key"].startswith("installation:shop:")


@fuzzed
@given(spoiled({"name": "main", "data": PANEL_DATA, "block_type_id": TYPE_ID, "block_schema_id": SCHEMA_ID}))
async def test_only_the_exact_shape_of_a_panel_reaches_prefect(body: Any) -> None:
    async with opened(SHOP) as door:
        assert await post(door, "POST", "/block_documents/", sent(body)) in FINE
        document = door.prefect.add_panel("main", PANEL_DATA)["id"]
        assert await post(door, "PATCH", f"/block_documents/{document}", sent(body)) in FINE
        for asked in [one for one in door.prefect.bodies() if "data" in one] + door.prefect.bodies("PATCH"):
            assert list(asked["data"]) == CONTRACT["blocks"]["dcimanager-panel"]["fields"]
            assert all(type(asked["data"][key]) is str for key in ("url", "username", "password"))
            assert set(asked["data"]["password"]) - {"*"}


@fuzzed
@given(
    st.binary(max_size=200)
    | values.map(sent)
    | st.lists(st.sampled_from([b"{", b"[", b'"', b"\\", b"1", b":", b","])).map(b"".join)
)
async def test_no_body_makes_the_door_fail(content: bytes) -> None:
    async with opened(SHOP) as door:
        for method, path in (
            ("POST", f"/deployments/{FLOWS['suspend'].id}/create_flow_run"),
            ("POST", "/block_documents/"),
            ("POST", "/block_schemas/filter"),
        ):
            assert await post(door, method, path, content) in FINE
        assert door.prefect.asked == []


@fuzzed
@given(st.from_regex(_ADDRESS, fullmatch=True))
async def test_an_address_that_looks_like_one_is_taken_or_refused(url: str) -> None:
    body = {"name": "main", "data": {**PANEL_DATA, "url": url}, "block_type_id": TYPE_ID, "block_schema_id": SCHEMA_ID}
    async with opened(SHOP) as door:
        assert await post(door, "POST", "/block_documents/", sent(body)) in {201, 403, 422}


def test_the_untouched_bodies_are_of_the_contract() -> None:
    assert all(of_the_contract(flow, parameters) for flow, parameters in PARAMETERS.items())
    assert not of_the_contract("suspend", {**PARAMETERS["suspend"], "service_id": JINJA})
