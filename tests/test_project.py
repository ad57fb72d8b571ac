import importlib
import inspect
import re
import tomllib
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from prefect import Flow
from prefect.cache_policies import NO_CACHE, CacheKeyFnPolicy
from prefect.client.schemas.objects import TaskRun
from prefect.states import Failed

from flows.steps import StepOfFlow, flows, steps_of, table
from ledger.errors import LedgerError, Outage
from tasks import effects
from tasks.effects import Kind, Step
from tasks.outcomes import Held, Reason
from tasks.results import RESULTS

ROOT = Path(__file__).parent.parent
PREFECT_YAML: dict[str, Any] = yaml.safe_load((ROOT / "prefect.yaml").read_text())
DEPLOYMENT_KEYS = {"name", "flow_name", "entrypoint", "description", "tags", "work_pool"}

SCHEDULED_KEYS = {"parameters", "schedules", "concurrency_limit"}


def all_steps() -> list[Step[..., Any]]:
    found = {}
    for file in (ROOT / "tasks").glob("*.py"):
        module = importlib.import_module(f"tasks.{file.stem}")
        found.update({value.name: value for value in vars(module).values() if isinstance(value, Step)})
    return list(found.values())


@pytest.mark.parametrize("deployment", PREFECT_YAML["deployments"], ids=lambda d: d["flow_name"])
def test_every_deployment_names_a_flow_that_is_there(deployment: dict[str, Any]) -> None:
    module, _, name = deployment["entrypoint"].rpartition(".")
    flow = getattr(importlib.import_module(module), name)
    assert isinstance(flow, Flow)
    assert flow.name == deployment["flow_name"]
    assert deployment["name"] == ("scheduled" if "schedules" in deployment else "whmcs")


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


@pytest.mark.parametrize("step", all_steps(), ids=lambda step: step.name)
def test_retries_and_caching_follow_from_the_kind_of_the_step(step: Step[..., Any]) -> None:
    task = step.task
    repeats = step.kind in (Kind.READS, Kind.ENSURES)
    assert task.retries == (len(effects.REPEAT_AFTER_SECONDS) if repeats else 0)
    assert (task.retry_condition_fn is effects.worth_repeating) is repeats
    if repeats:
        assert inspect.isfunction(task.retry_condition_fn)  # Prefect 3.8.8 takes any other callable for "never"
    if step.kind is Kind.CREATES:
        assert isinstance(task.cache_policy, CacheKeyFnPolicy)
        assert (task.persist_result, task.result_storage_key) == (True, None)
        assert (task.result_storage, task.result_serializer) == (RESULTS, "json")
    else:
        assert task.cache_policy == NO_CACHE
        assert not task.persist_result
    assert str(task.description).startswith(f"{step.kind}: {step.what}. ")
    assert not task.tags  # for each Prefect would ask its server for a slot, in every run
    assert inspect.getdoc(step)


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


def test_only_the_wipe_destroys() -> None:
    assert [step.name for step in all_steps() if step.kind is Kind.DESTROYS] == ["clear_disks"]
    assert [flow.name for flow in flows() if _destroys(steps_of(flow))] == ["terminate"]


def _destroys(steps: list[StepOfFlow]) -> bool:
    return any(step.kind is Kind.DESTROYS for step in steps)


def test_make_steps_prints_each_flow_with_its_steps() -> None:
    printed = table()
    assert "| suspend | `load_service` | reads | the service in the ledger |" in printed
    assert "| | `clear_disks` | destroys | the disks of the permitted server |" in printed.replace("|  |", "| |")


def test_no_flow_module_postpones_its_annotations() -> None:
    # Prefect builds the parameters' schema from them (dossier "Prefect 3", section 8).
    for file in (ROOT / "flows").glob("*.py"):
        assert "from __future__ import annotations" not in file.read_text()


def test_the_parameters_of_a_lifecycle_are_ids_and_product_settings() -> None:
    for flow in flows():
        if flow.name == "decide-held":
            assert set(flow.parameters.properties) == {"service_id", "decision", "who", "why", "past_cap", "held_at"}
        elif flow.name not in ("check-panel", "reconcile", "catalogue", "adopt"):
            assert set(flow.parameters.properties) <= {"service_id", "panel", "requested_by", "order"}
    order = next(f for f in flows() if f.name == "activate").parameters.definitions["Order"]
    assert order["additionalProperties"] is False


def test_the_task_run_recorder_rests_between_its_flushes() -> None:
    """Prefect 3.8.8 takes the whole part of its interval: with 0 a server that does nothing burns a core for ever."""
    settings = tomllib.loads((ROOT / "prefect.toml").read_text(encoding="utf-8"))
    interval = settings["server"]["services"]["task_run_recorder"]["flush_interval"]
    assert int(interval) == interval >= 1


@pytest.mark.parametrize(
    ("error", "worth"), [(Outage("away"), True), (LedgerError("no"), False), (Held(Reason.ANSWER_LOST, "lost"), False)]
)
def test_only_an_answer_that_never_came_is_worth_another_try(error: Exception, worth: bool) -> None:
    step = next(one for one in all_steps() if one.kind is Kind.ENSURES)
    run = TaskRun(flow_run_id=uuid4(), task_key="-", dynamic_key="-")
    assert effects.worth_repeating(step.task, run, Failed(data=error)) is worth
