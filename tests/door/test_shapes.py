"""The shapes are those of whmcs-module/contract.json, and nothing else fits into them."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from door.held import HELD
from door.installations import UNSAVED
from door.panels import SLUG, PanelDataShape
from door.refusal import DoorRefusal
from door.runs import LABELS
from door.shapes import (
    FLOWS,
    HIGHEST_NUMBER,
    AdopteeShape,
    CommandShape,
    DecideShape,
    IdentityShape,
    OrderShape,
    RequestedBy,
    WishShape,
    checked,
    run_name,
    run_tags,
)
from door.variables import OF_A_PANEL
from ledger.snapshots import FIRST_LEFTOVER
from runtime.flow_run import DOOR_TAG
from tests.contract.contract import CONTRACT
from tests.door.bodies import COMMAND, ORDER, PARAMETERS, start_of

CONTRACTED = CONTRACT["deployments"]["flows"]
OPTIONAL = {*(key for key in ("who", "ssh_key") if CONTRACT[key]["optional"]), *CONTRACT["order"]["optional"]}
"""What may be left out: older modules do not know it."""
EVERY_FLOW = pytest.mark.parametrize("flow", list(FLOWS))


def parameters_of(flow: str) -> type[BaseModel]:
    found = FLOWS[flow].shape.model_fields["parameters"].annotation
    assert found is not None
    return found


def test_the_flows_are_the_contracts() -> None:
    assert list(FLOWS) == list(CONTRACTED)
    assert {flow for flow, one in FLOWS.items() if one.urgent} == {
        flow for flow, one in CONTRACTED.items() if one["queue"] == "urgent"
    }


@EVERY_FLOW
def test_a_flows_parameters_names_and_tags_are_the_contracts(flow: str) -> None:
    assert set(parameters_of(flow).model_fields) == set(CONTRACTED[flow]["parameters"])
    start = checked(FLOWS[flow].shape, start_of(flow))
    places = {"service_id": 1042, "panel": "main", "client_id": 7}
    assert run_name(flow, start.parameters) == CONTRACTED[flow]["run_name"].format(**places)
    assert run_tags(start.parameters) == [tag.format(**places) for tag in CONTRACTED[flow]["tags"]]


@pytest.mark.parametrize(
    ("shape", "fields"),
    [
        (OrderShape, CONTRACT["order"]["fields"]),
        (IdentityShape, CONTRACT["identity"]["fields"]),
        (WishShape, CONTRACT["wish"]["fields"]),
        (AdopteeShape, CONTRACT["adoptee"]["fields"]),
        (PanelDataShape, CONTRACT["blocks"][SLUG]["fields"]),
    ],
)
def test_what_is_inside_is_the_contracts(shape: type[BaseModel], fields: list[str]) -> None:
    assert list(shape.model_fields) == fields


def test_the_other_words_are_the_contracts() -> None:
    assert set(get_args(RequestedBy)) == set(CONTRACT["requested_by"]["values"])
    assert {name: variable["in_parts"] for name, variable in CONTRACT["variables"]["names"].items()} == {
        **OF_A_PANEL,
        HELD: False,
    }
    assert CONTRACT["labels"]["prefix"] == LABELS
    assert CONTRACT["blocks"][SLUG]["unsaved"] == UNSAVED
    assert checked(CommandShape, {**COMMAND, "asked_at": CONTRACT["asked_at"]["example"]})
    assert HIGHEST_NUMBER < FIRST_LEFTOVER


def test_the_name_of_a_member_of_staff_may_be_left_out_and_is_one_line_of_the_contracts_length() -> None:
    longest = "x" * CONTRACT["who"]["longest"]
    for flow in ("activate", "suspend", "unsuspend", "terminate", "adopt"):
        for good in (None, "anna", "Zoë 日本", longest):
            assert checked(FLOWS[flow].shape, start_of(flow, who=good))
        for bad in ("", f"{longest}x", "an\nna", "\x1b[31m", "\u2028", 7, True, ["anna"], JINJA):
            assert "parameters.who" in refused(flow, start_of(flow, who=bad))


def test_no_decision_of_the_door_wipes_or_gives_away() -> None:
    decisions = set(get_args(DecideShape.model_fields["decision"].annotation))
    assert decisions == {"retry", "release"} <= set(CONTRACT["decisions"]["values"])
    assert "past_cap" not in DecideShape.model_fields


def test_the_tag_by_which_a_run_is_known_is_passed_on_by_the_runs() -> None:
    from door.runs import TAG

    assert TAG == DOOR_TAG


@EVERY_FLOW
def test_one_key_more_or_less_anywhere_is_refused(flow: str) -> None:
    body = start_of(flow)
    for place in (
        (),
        ("parameters",),
        *((("parameters", key)) for key, v in PARAMETERS[flow].items() if isinstance(v, dict)),
    ):
        here: dict[str, Any] = body
        for step in place:
            here = here[step]
        for key in set(here) - OPTIONAL:
            kept = here.pop(key)
            if key in CONTRACT["order"]["optional"]:
                assert checked(FLOWS[flow].shape, body)
            else:
                refused(flow, body)
            here[key] = kept
        here["more"] = 1
        refused(flow, body)
        del here["more"]
    assert checked(FLOWS[flow].shape, body)


def refused(flow: str, body: object) -> str:
    with pytest.raises(DoorRefusal) as refusal:
        checked(FLOWS[flow].shape, body)
    assert refusal.value.status == 422
    return str(refusal.value)


def test_an_order_of_a_module_of_before_asks_for_the_manuals_suspension_at_once() -> None:
    order = {key: value for key, value in ORDER.items() if key not in CONTRACT["order"]["optional"]}
    sent = checked(FLOWS["activate"].shape, start_of("activate", order=order)).parameters.model_dump()["order"]
    assert (sent["suspension_mode"], sent["suspension_grace_hours"]) == ("ports", 0)
    assert next(iter(CONTRACT["order"]["suspension_modes"])) == "ports"


@pytest.mark.parametrize("allowed", ["Debian", [1], [None], ["Debian\n12"], ["x" * 301], ["Debian"] * 501, {}])
def test_a_list_of_templates_is_a_list_of_lines(allowed: object) -> None:
    for flow in ("activate", "change-order"):
        assert "reinstall_templates" in refused(flow, start_of(flow, order={**ORDER, "reinstall_templates": allowed}))
        for good in ([], None):
            assert checked(FLOWS[flow].shape, start_of(flow, order={**ORDER, "reinstall_templates": good}))


JINJA = {"__prefect_kind": "jinja", "template": "{{ 9**(9**9) % 7 }}"}


@pytest.mark.parametrize(
    "value",
    [
        JINJA,
        {"__prefect_kind": "workspace_variable", "variable_name": "dciflow_held"},
        {"$ref": {"block_document_id": "00000000-0000-4000-8000-000000000000"}},
        [1042],
        "1042",
        1042.0,
        True,
        None,
        0,
        -1,
        FIRST_LEFTOVER,
        2**70,
    ],
    ids=str,
)
def test_a_number_is_a_number(value: object) -> None:
    said = refused("suspend", start_of("suspend") | {"parameters": {**PARAMETERS["suspend"], "service_id": value}})
    assert "parameters.service_id" in said and "9**9" not in said


@pytest.mark.parametrize(
    "value", [JINJA, "main?x=1", "main#", "x/../main", "Main", "", "a" * 41, "main\n", "ma in", 1, None], ids=str
)
def test_a_panel_has_one_spelling(value: object) -> None:
    assert "parameters.panel" in refused("suspend", start_of("suspend") | {
        "parameters": {**PARAMETERS["suspend"], "panel": value}
    })  # fmt: skip


@pytest.mark.parametrize("text", ["a\x00b", "a\nb", "\x1b[31m", "\x9b", "\u2028", "\ud800", "x" * 301])
def test_a_text_is_one_line_that_a_database_takes(text: str) -> None:
    parameters = {**PARAMETERS["activate"], "order": {**PARAMETERS["activate"]["order"], "os_template": text}}
    assert "order.os_template" in refused("activate", start_of("activate") | {"parameters": parameters})


@pytest.mark.parametrize(
    "moment", ["2026-13-01T00:00:00Z", "now", "2026-11-27T10:00:00+00:00", "2026-11-27T10:00:00Z\n"]
)
def test_a_moment_is_one(moment: str) -> None:
    refused("suspend", start_of("suspend") | {"parameters": {**PARAMETERS["suspend"], "asked_at": moment}})


@pytest.mark.parametrize(
    "decision", ["terminate", "hand-over", "forget-server", "accept-hardware", "another-server", "Retry", None]
)
def test_a_decision_that_wipes_or_gives_away_is_no_shape(decision: object) -> None:
    refused("decide-held", start_of("decide-held", decision=decision))
    refused("decide-held", start_of("decide-held", past_cap=True))


@pytest.mark.parametrize(
    "more",
    [
        {"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": "2027-06-01T00:00:00Z"}}},
        {"labels": {"a": "b"}},
        {"job_variables": {"env": {}}},
        {"work_queue_name": "urgent"},
        {"enforce_parameter_schema": False},
        {"empirical_policy": {"retries": 9}},
        {"context": {}},
        {"infrastructure_document_id": None},
        {"parent_task_run_id": None},
    ],
    ids=lambda more: next(iter(more)),
)
def test_nothing_else_of_prefects_body_fits(more: dict[str, object]) -> None:
    assert next(iter(more)) in refused("suspend", start_of("suspend") | more)


@pytest.mark.parametrize("key", ["", "x" * 121, "a b", "a\n", "é", "a/b", None, 7])
def test_a_key_is_plain(key: object) -> None:
    refused("suspend", start_of("suspend") | {"idempotency_key": key})


def test_the_proxy_lets_the_flows_through_that_the_door_starts() -> None:
    proxy = (Path(__file__).parents[2] / "docs/least-privilege/nginx.conf").read_text(encoding="utf-8")
    listed = proxy.split("deployments/name/(")[1].split(")")[0]
    assert set(listed.split("|")) == set(FLOWS)


@pytest.mark.parametrize("name", ["dcimanager_catalogue_main", "dciflow_held", "dcimanager_part_1_of_catalogue_main"])
def test_the_proxy_lets_the_variables_through_that_the_module_reads(name: str) -> None:
    proxy = (Path(__file__).parents[2] / "docs/least-privilege/nginx.conf").read_text(encoding="utf-8")
    pattern = next(line.split('"~')[1].split('" 1')[0] for line in proxy.splitlines() if "GET /api/variables" in line)
    assert re.fullmatch(pattern, f"GET /api/variables/name/{name}")
    assert not re.fullmatch(pattern, "GET /api/variables/name/another")
