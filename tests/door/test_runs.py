"""Runs through the door: what is started is built afresh, and who has not started a run does not see it."""

import httpx
import pytest

from door.runs import LONGEST_LABEL, LONGEST_MESSAGE
from door.shapes import FLOWS
from tests.door.bodies import HELD_AT, IDENTITY, PARAMETERS, SERVICE, start_of
from tests.door.conftest import AUTH_STRING, OTHER_SECRET, SECRET, Door, installation, opened
from tools.steps import flows

HOLD = {"service_id": SERVICE, "panel": "main", "reason": "owner", "since": "x", "held_at": HELD_AT}


async def test_a_suspension_is_started_once_in_the_doors_own_words(door: Door) -> None:
    first, second = [await door.start("suspend") for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    sent = door.prefect.bodies()[0]
    assert sent == {
        "name": "suspend-service-1042",
        "parameters": PARAMETERS["suspend"],
        "tags": ["service:1042", "panel:main", "client:7", "installation:shop"],
        "idempotency_key": "installation:shop:0f1e2d3c4b5a:a1b2c3",
    }
    auth = httpx.BasicAuth(*AUTH_STRING.split(":"))
    expected = next(auth.auth_flow(httpx.Request("GET", "http://x"))).headers["Authorization"]
    assert {one.headers["Authorization"] for one in door.prefect.asked} == {expected}


@pytest.mark.parametrize("flow", sorted(FLOWS))
async def test_every_flow_is_found_and_started_with_parameters_that_it_takes(door: Door, flow: str) -> None:
    door.prefect.variables["dciflow_held"] = {"at": "x", "total": 1, "services": [HOLD]}
    found = await door.shop.get(f"/deployments/name/{flow}/whmcs")
    assert found.json() == {"id": FLOWS[flow].id, "name": "whmcs"}
    started = await door.start(flow)
    assert started.status_code == 201, started.text
    takes = {one.name: one for one in flows()}
    assert set(door.prefect.bodies()[0]["parameters"]) <= set(takes[flow].parameters.properties)
    # By these the module knows that it is its own run.
    kept = {key: value for key, value in PARAMETERS[flow].items() if key in started.json()["parameters"]}
    assert started.json()["parameters"] == kept
    assert started.json()["name"] == start_of(flow)["name"]


async def test_an_activation_goes_as_it_came(door: Door) -> None:
    await door.start("activate")
    assert door.prefect.bodies()[0]["parameters"] == PARAMETERS["activate"]


async def test_two_installations_with_one_key_have_two_runs() -> None:
    own = [installation(name, secret) for name, secret in (("shop", SECRET), ("other", OTHER_SECRET))]
    async with opened(*own) as door:
        runs = [(await door.start("suspend", by=name)).json()["id"] for name in ("shop", "other")]
        assert len(set(runs)) == 2
        assert [(await door.other.get(f"/flow_runs/{run}")).status_code for run in runs] == [403, 200]


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "another"},
        {"name": "terminate-service-1042"},
        {"tags": []},
        {"tags": ["service:1042", "panel:main", "client:8"]},
        {"tags": ["service:1042", "panel:main", "client:7", "installation:other"]},
        {"tags": ["panel:main", "service:1042", "client:7"]},
    ],
    ids=str,
)
async def test_names_and_tags_are_not_the_callers(door: Door, changed: dict[str, object]) -> None:
    assert (await door.start("suspend", start_of("suspend") | changed)).status_code == 422
    assert door.prefect.asked == []


async def test_another_panel_and_another_whmcs_are_refused(door: Door) -> None:
    assert (await door.start("suspend", start_of("suspend", panel="theirs"))).status_code == 403
    assert (await door.start("check-panel", start_of("check-panel", panel="theirs"))).status_code == 403
    assert (await door.start("adopt", start_of("adopt", panel="theirs"))).status_code == 403
    named = start_of("suspend", identity={**IDENTITY, "installation": "another"})
    assert (await door.start("suspend", named)).status_code == 403
    assert door.prefect.asked == []
    assert (await door.start("suspend", start_of("suspend", panel="shop-7"))).status_code == 201


async def test_a_record_that_is_not_saved_is_checked_and_sells_nothing(door: Door) -> None:
    assert (await door.start("check-panel", start_of("check-panel", panel="whmcs-unsaved"))).status_code == 201
    for flow in ("activate", "terminate", "adopt"):
        assert (await door.start(flow, start_of(flow, panel="whmcs-unsaved"))).status_code == 403


async def test_a_decision_is_the_doors_and_of_a_hold_that_it_could_show(door: Door) -> None:
    assert (await door.start("decide-held")).status_code == 403
    for other in ({**HOLD, "panel": "theirs"}, {**HOLD, "held_at": "2026-01-01"}, {**HOLD, "service_id": 1}):
        door.prefect.variables["dciflow_held"] = {"at": "x", "total": 1, "services": [other]}
        assert (await door.start("decide-held")).status_code == 403
    door.prefect.variables["dciflow_held"] = {"at": "x", "total": 1, "services": [HOLD]}
    assert (await door.start("decide-held")).status_code == 201
    (sent,) = door.prefect.bodies()
    assert sent["parameters"]["who"] == "WHMCS shop, by its own word anna"
    assert sent["parameters"]["asked_through"] == "shop"


async def test_who_asks_is_whmcss_word_and_what_an_older_module_leaves_out_stays_out(door: Door) -> None:
    for number, flow in enumerate(("activate", "suspend", "unsuspend", "terminate", "adopt")):
        await door.start(flow, start_of(flow, f"named-{number}", who="WHMCS other"))
        await door.start(flow, start_of(flow, f"older-{number}"))
        await door.start(flow, start_of(flow, f"nobody-{number}", who=None))
    named, older, nobody = (door.prefect.bodies()[first::3] for first in range(3))
    assert {body["parameters"]["who"] for body in named} == {"WHMCS shop, by its own word WHMCS other"}
    assert not any("who" in body["parameters"] for body in older)
    assert {body["parameters"]["who"] for body in nobody} == {None}


async def test_what_runs_on_another_id_is_found_again(door: Door) -> None:
    await door.start("suspend")
    door.prefect.deployments["suspend"] = "00000000-0000-4000-8000-0000000000ff"
    assert (await door.start("suspend", start_of("suspend", "another-key"))).status_code == 201


async def test_a_flow_that_is_not_registered_is_told(door: Door) -> None:
    del door.prefect.deployments["suspend"]
    for answer in (await door.shop.get("/deployments/name/suspend/whmcs"), await door.start("suspend")):
        assert (answer.status_code, "dciflow setup" in answer.json()["detail"]) == (404, True)


@pytest.mark.parametrize("status", [409, 422])
async def test_what_prefect_does_not_take_is_one_line(door: Door, status: int) -> None:
    await door.shop.get("/deployments/name/suspend/whmcs")
    door.prefect.instead.append(httpx.Response(status, json={"detail": "bad\n\x1b[31m" + "x" * 10_000}))
    answer = await door.start("suspend")
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(r"Prefect does not take it: bad \x1b[31mxxx")
    assert len(answer.json()["detail"]) <= 300


async def test_of_a_run_only_what_the_module_reads_is_shown_and_cut(door: Door) -> None:
    run = (await door.start("suspend")).json()["id"]
    stored = door.prefect.runs[run]
    stored["state"]["message"] = "m" * 100_000
    stored["state"]["state_details"] = {"scheduled_time": "2027-01-02T10:00:00Z", "flow_run_id": run}
    stored["labels"]["dciflow.addresses"] = "a" * 100_000
    stored["labels"]["dciflow.odd"] = {"x": "y"}
    shown = (await door.shop.get(f"/flow_runs/{run}")).json()
    assert list(shown) == ["id", "name", "parameters", "state", "labels"]
    assert list(shown["state"]) == ["type", "timestamp", "message", "state_details"]
    assert len(shown["state"]["message"]) == LONGEST_MESSAGE
    assert shown["state"]["state_details"] == {"scheduled_time": "2027-01-02T10:00:00Z"}
    assert {key: len(value) for key, value in shown["labels"].items()} == {
        "dciflow.step": 5,
        "dciflow.addresses": LONGEST_LABEL,
    }
    assert set(shown["parameters"]) == {"service_id", "panel", "asked_at", "identity"}


async def test_a_run_of_before_there_was_a_door_is_known_by_the_modules_key(door: Door) -> None:
    run = (await door.start("suspend")).json()["id"]
    stored = door.prefect.runs[run]
    stored["tags"] = ["service:1042"]
    for key, status in (
        ("0f1e2d3c4b5a:a1b2c3", 200),
        ("installation:other:0f1e2d3c4b5a:a1", 403),
        ("0f1e2d3c4b5b:a1", 403),
        (None, 403),
    ):
        stored["idempotency_key"] = key
        assert (await door.shop.get(f"/flow_runs/{run}")).status_code == status
    async with opened(installation("shop", SECRET)) as unnamed:
        unnamed.prefect.runs[run] = {**stored, "idempotency_key": "0f1e2d3c4b5a:a1b2c3"}
        assert (await unnamed.shop.get(f"/flow_runs/{run}")).status_code == 403


async def test_a_run_that_others_started_is_refused_and_only_a_deleted_one_is_not_there(door: Door) -> None:
    run = (await door.start("suspend")).json()["id"]
    door.prefect.runs[run]["tags"] = ["service:1042", "installation:shopper", "installation:"]
    answer = await door.shop.get(f"/flow_runs/{run}")
    assert (answer.status_code, answer.json()["detail"][:34]) == (403, "shop has not started this run; one")
    del door.prefect.runs[run]
    answer = await door.shop.get(f"/flow_runs/{run}")
    assert (answer.status_code, answer.json()["detail"][:23]) == (404, "Prefect has no such run")
    door.prefect.instead.append(httpx.Response(422, json={"detail": "x"}))
    assert (await door.shop.get(f"/flow_runs/{run}")).status_code == 502
