import importlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow

from runtime.steps import Step, StepKind
from tools.steps import StepOfFlow, flows, steps_of

ROOT = Path(__file__).parent.parent
PREFECT_YAML: dict[str, Any] = yaml.safe_load((ROOT / "prefect.yaml").read_text())
DEPLOYMENT_KEYS = {"name", "flow_name", "entrypoint", "description", "tags", "work_pool"}

SCHEDULED_KEYS = {"parameters", "schedules", "concurrency_limit"}


def all_steps() -> list[Step[..., Any]]:
    found = {}
    for file in (ROOT / "tasks").rglob("*.py"):
        module = importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
        found.update({value.name: value for value in vars(module).values() if isinstance(value, Step)})
    return list(found.values())


@pytest.mark.parametrize("deployment", PREFECT_YAML["deployments"], ids=lambda d: d["flow_name"])
def test_every_deployment_names_a_flow_that_is_there(deployment: dict[str, Any]) -> None:
    module, _, name = deployment["entrypoint"].rpartition(".")
    flow = getattr(importlib.import_module(module), name)
    assert isinstance(flow, Flow)
    assert flow.name == deployment["flow_name"]
    by_hand = flow.name == "rehearse"  # WHMCS may start what is named whmcs
    assert deployment["name"] == ("scheduled" if "schedules" in deployment else "by-hand" if by_hand else "whmcs")


def test_prefect_yaml_has_no_key_that_prefect_would_silently_drop() -> None:
    assert set(PREFECT_YAML) == {"name", "prefect-version", "pull", "definitions", "deployments"}
    for deployment in PREFECT_YAML["deployments"]:
        assert set(deployment) - SCHEDULED_KEYS == DEPLOYMENT_KEYS
        assert set(deployment["work_pool"]) == {"name", "work_queue_name"}


def test_every_flow_is_deployed() -> None:
    assert {flow.name for flow in flows()} == {d["flow_name"] for d in PREFECT_YAML["deployments"]}


def test_the_lock_names_versions_and_hashes_and_no_place() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [line for line in lines if re.match(r"[a-z0-9]", line)]
    assert len(pins) > 100
    assert all(re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+", pin) for pin in pins)
    assert not [line for line in lines if "://" in line or line.startswith("--") or "file:" in line]
    assert any(line.startswith("prefect==3.8.8 ") for line in lines)


def test_the_activation_has_the_manuals_ten_steps_in_order() -> None:
    activate = next(flow for flow in flows() if flow.name == "activate")
    assert [step.name for step in steps_of(activate)] == [
        "load_service",
        "check_order",
        "check_wanted",
        "claim_server",
        "find_or_create_owner",
        "set_owner",
        "show_progress",
        "enable_ports",
        "power_on",
        "end_running_operation",
        "release_addresses",
        "assign_addresses",
        "deploy_os",
        "show_progress",
        "hand_to_watcher",
        "wait_for_os",
        "announce",
    ]


def test_only_the_wipe_the_reinstallation_and_what_is_given_back_destroy() -> None:
    destroying = {step.name for step in all_steps() if step.kind is StepKind.DESTROYS}
    assert destroying == {"clear_disks", "give_back_addresses", "overwrite_os"}
    assert {flow.name for flow in flows() if _destroys(steps_of(flow))} == {
        "change-addresses", "rehearse", "reinstall", "terminate",
    }  # fmt: skip


def _destroys(steps: list[StepOfFlow]) -> bool:
    return any(step.kind is StepKind.DESTROYS for step in steps)


def test_no_flow_module_postpones_its_annotations() -> None:
    # Prefect builds the parameters' schema from them (docs/sources.md, Prefect 8).
    for file in (ROOT / "flows").glob("*.py"):
        assert "from __future__ import annotations" not in file.read_text()


OF_ERRANDS = {
    "power": {"command"},
    "reinstall": {"os_template", "hostname_typed", "ssh_key"},
    "change-addresses": {"ipv4_count", "give_back", "ipv6_count"},
    "set-ptr": {"address", "name"},
    "rename": {"hostname"},
    "sign-in": {"public_key"},
    "rescue": {"command"},
}
"""What errands have beside what all flows of a service have."""


def test_the_parameters_of_a_lifecycle_are_ids_and_product_settings() -> None:
    for flow in flows():
        if flow.name == "decide-held":
            decided = {"service_id", "decision", "who", "why", "past_cap", "held_at", "asked_through"}
            assert set(flow.parameters.properties) == decided
        elif flow.name not in ("check-panel", "reconcile", "catalogue", "adopt", "rehearse"):
            assert set(flow.parameters.properties) <= {
                "service_id",
                "panel",
                "requested_by",
                "order",
                "identity",
                "asked_at",
                "wish",
                "who",
                *OF_ERRANDS.get(flow.name, ()),
            }
    order = next(f for f in flows() if f.name == "activate").parameters.definitions["Order"]
    assert order["additionalProperties"] is False


def test_the_task_run_recorder_rests_between_its_flushes() -> None:
    """Prefect 3.8.8 takes the whole part of its interval: with 0 a server that does nothing burns a core for ever."""
    settings = tomllib.loads((ROOT / "prefect.toml").read_text(encoding="utf-8"))
    interval = settings["server"]["services"]["task_run_recorder"]["flush_interval"]
    assert int(interval) == interval >= 1
