"""Python and PHP spell every word of whmcs-module/contract.json as it stands there.

Each side is read from the constants that its code works with. A word that one side changes fails here.
"""

import re
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any, get_args

import pytest
import yaml
from prefect import Flow
from prefect.blocks.core import Block

from dcimanager.users import KEY
from door.shapes import PUBLIC_KEY, SSH_KEY
from flows._lifecycle import Requester
from ledger.errors import OvertakenByUnsuspend
from ledger.orders import Order, SuspensionMode, host_name, wrong_with_host
from ledger.service_identity import ServiceIdentity
from ledger.snapshots import Choice
from ledger.states import State
from ledger.through_whmcs import LET_THROUGH
from ledger.wishes import ServiceWish
from runtime import sealing, ssh_public_key
from runtime.blocks import DcimanagerPanel
from runtime.connections import UNSAVED
from runtime.flow_run import run_name, run_tags
from simulator.whmcs import model as simulated_whmcs
from tasks.adoption import STATES as ADOPTED
from tasks.adoption import Adoptee
from tasks.progress import PREFIX, Labels, Progress
from tasks.published import variables
from tasks.reconciliation.drift import DesiredState, desired_state
from tasks.sign_in import WAITED_FOR
from tests.contract.contract import CONTRACT, FLOWS, HAS_PHP, HOST_NAMES, ROOT, SSH_KEYS, STATUSES, VARIABLES, php
from tests.docs.documents import INSTALL
from whmcs.api import SYNC
from whmcs.services import WhmcsService
from whmcs.statuses import MEANINGS, ServiceStatus, meaning_of
from whmcs.transport import ApiCall

IN_PHP = pytest.mark.skipif(not HAS_PHP, reason="no php here")
DEPLOYMENTS = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
EVERY_FLOW = pytest.mark.parametrize("name", FLOWS)
EVERY_STATUS = pytest.mark.parametrize("status", STATUSES)
PLACES = {"service_id": 1001, "panel": "main-2", "client_id": 7}
"""What words.php puts into names and tags."""


def flow_of(name: str) -> "Flow[..., Any]":
    """The flow behind a deployment for WHMCS."""
    entrypoint = next(d["entrypoint"] for d in DEPLOYMENTS if (d["flow_name"], d["name"]) == (name, "whmcs"))
    module, _, function = entrypoint.rpartition(".")
    found: Flow[..., Any] = getattr(import_module(module), function)
    return found


def filled(*templates: str) -> list[str]:
    return [template.format(**PLACES) for template in templates]


def calls(heading: str) -> set[str]:
    return set(CONTRACT[heading]["calls"])


@EVERY_FLOW
def test_prefect_has_the_deployment_in_its_queue(name: str) -> None:
    assert CONTRACT["deployments"]["name"] == "whmcs"
    queues = {d["flow_name"]: d["work_pool"]["work_queue_name"] for d in DEPLOYMENTS if d["name"] == "whmcs"}
    assert queues[name] == FLOWS[name]["queue"]
    assert flow_of(name).name == name


@EVERY_FLOW
def test_the_flow_takes_what_the_module_sends_and_needs_no_more(name: str) -> None:
    parameters = flow_of(name).parameters
    sent = FLOWS[name]["parameters"]
    assert set(sent) <= set(parameters.properties)
    assert set(parameters.required) <= set(sent)


@EVERY_FLOW
def test_the_flow_names_and_tags_its_run_as_the_module_does(name: str) -> None:
    wanted = filled(FLOWS[name]["run_name"])
    if "service_id" in FLOWS[name]["parameters"]:
        assert wanted == [run_name(name, PLACES["service_id"])]
    else:
        assert wanted == filled(str(flow_of(name).flow_run_name))
    assert set(filled(*FLOWS[name]["tags"])) <= set(run_tags(*PLACES.values()))


@IN_PHP
def test_the_module_starts_these_flows_and_sends_what_they_take() -> None:
    words = php()
    assert words["deployment"] == CONTRACT["deployments"]["name"]
    assert set(words["runs"]) == set(FLOWS)
    for name, flow in FLOWS.items():
        (called,) = filled(flow["run_name"])
        started = {"parameters": flow["parameters"], "run_name": called, "tags": filled(*flow["tags"])}
        assert words["runs"][name] == started, name
    commands = {name: flow["whmcs_command"] for name, flow in FLOWS.items() if flow["whmcs_command"]}
    assert words["whmcs_commands"] == commands


def test_python_spells_orders_adoptees_and_who_asks_and_decides_so() -> None:
    assert set(Order.model_fields) == set(CONTRACT["order"]["fields"])
    assert [str(mode) for mode in SuspensionMode] == list(CONTRACT["order"]["suspension_modes"])
    assert not any(Order.model_fields[name].is_required() for name in CONTRACT["order"]["optional"])
    assert set(ServiceIdentity.model_fields) == set(CONTRACT["identity"]["fields"])
    assert datetime.fromisoformat(CONTRACT["asked_at"]["example"]).utcoffset() == timedelta(0)
    assert set(ServiceWish.model_fields) == set(CONTRACT["wish"]["fields"])
    assert str(OvertakenByUnsuspend(1001, datetime.now(UTC))).startswith(CONTRACT["overtaken"]["beginning"])
    assert set(Adoptee.model_fields) == set(CONTRACT["adoptee"]["fields"])
    assert set(get_args(Requester)) == {*CONTRACT["requested_by"]["values"], "flow"}
    assert set(CONTRACT["decisions"]["values"]) == {row.choice for row in LET_THROUGH} <= set(get_args(Choice))


@IN_PHP
def test_php_spells_orders_adoptees_and_who_asks_and_decides_so() -> None:
    words = php()
    assert words["order"] == CONTRACT["order"]["fields"]
    assert words["suspension_modes"] == list(CONTRACT["order"]["suspension_modes"])
    assert words["suspension_mode"] == Order.model_fields["suspension_mode"].default
    assert words["identity"] == CONTRACT["identity"]["fields"]
    assert words["wish"] == CONTRACT["wish"]["fields"]
    assert words["overtaken"] == CONTRACT["overtaken"]["beginning"]
    assert words["adoptee"] == CONTRACT["adoptee"]["fields"]
    assert set(words["requested_by"]) == set(CONTRACT["requested_by"]["values"])
    assert words["who_longest"] == CONTRACT["who"]["longest"]
    assert words["decisions"] == list(CONTRACT["decisions"]["values"])


def test_python_spells_labels_steps_and_states_so() -> None:
    assert PREFIX == CONTRACT["labels"]["prefix"]
    assert set(Labels.__annotations__) == set(CONTRACT["labels"]["names"])
    assert [str(step) for step in Progress] == list(CONTRACT["steps"]["values"])
    assert set(CONTRACT["states"]["values"]) <= {str(state) for state in State}


@IN_PHP
def test_php_spells_labels_steps_and_states_so() -> None:
    words = php()
    assert words["label_prefix"] == CONTRACT["labels"]["prefix"]
    assert set(words["labels"]) == set(CONTRACT["labels"]["names"])
    assert words["steps"] == words["shown_steps"] == list(CONTRACT["steps"]["values"])
    assert set(words["states"]) == set(CONTRACT["states"]["values"])


def test_python_seals_and_waits_so() -> None:
    sealed = CONTRACT["sealed"]
    assert sealed["public_key"] == sealing.PATTERN == PUBLIC_KEY
    assert sealed["purpose"].encode() == sealing.PURPOSE
    assert sealed["seconds"] == WAITED_FOR.total_seconds()
    assert sealed["key"] == f"^{KEY.pattern}$"


@IN_PHP
def test_php_seals_and_waits_so() -> None:
    words, sealed = php(), CONTRACT["sealed"]
    assert {**words["sealed"], "key": words["sealed"]["key"].strip("/D")} == {
        name: sealed[name] for name in ("purpose", "key", "page", "seconds")
    }
    assert re.fullmatch(sealed["public_key"], words["public_key"])


def test_python_names_variables_and_blocks_so() -> None:
    own = {
        variables.CATALOGUE, variables.TRAFFIC, variables.TRAFFIC_DAYS, variables.RECONCILIATION, variables.HELD,
    }  # fmt: skip
    assert own == set(VARIABLES)
    written_by = {name: variable["written_by"] for name, variable in VARIABLES.items()}
    assert set(written_by.values()) <= {d["flow_name"] for d in DEPLOYMENTS}
    for name, variable in VARIABLES.items():
        index = variables.variable_of("main-2", name) if variable["of_a_panel"] else name
        assert index == list(variable["example"])[-1]
    block = CONTRACT["blocks"]["dcimanager-panel"]
    assert DcimanagerPanel.get_block_type_slug() == "dcimanager-panel"
    assert [name for name in DcimanagerPanel.model_fields if name not in Block.model_fields] == block["fields"]
    assert UNSAVED == block["unsaved"]


@IN_PHP
def test_php_names_variables_and_blocks_so() -> None:
    words = php()
    assert set(words["variables"]) == set(VARIABLES)
    indexes = [list(VARIABLES[name]["example"])[-1] for name in words["variables"] if VARIABLES[name]["of_a_panel"]]
    assert set(indexes) <= set(words["variables_of_main_2"])
    shown = {key for variable in VARIABLES.values() for value in variable["example"].values() for key in value}
    assert set(words["lists"]) == shown & set(words["lists"])
    block = CONTRACT["blocks"]["dcimanager-panel"]
    assert (words["block"], words["block_fields"]) == ("dcimanager-panel", block["fields"])
    assert words["block_unsaved"] == block["unsaved"]


def test_python_knows_these_statuses_of_whmcs() -> None:
    known = {value for name, value in vars(ServiceStatus).items() if name.isupper()}
    assert known == set(MEANINGS) == set(STATUSES) == set(simulated_whmcs.STATUSES)


@EVERY_STATUS
def test_a_status_means_to_the_flows_what_the_contract_says(status: str) -> None:
    meaning = STATUSES[status]
    assert (meaning["wanted"], meaning["ended"]) == (meaning_of(status).wanted, meaning_of(status).ended)
    service = WhmcsService(service_id=1001, client_id=7, product_id=1, status=status)
    assert DesiredState(meaning["desired"]) == desired_state(service)
    assert meaning["adopted_as"] == ADOPTED.get(status)


def test_a_status_that_nobody_knows_is_no_wish_and_no_end() -> None:
    meaning = meaning_of("Archived")
    assert (meaning.wanted, meaning.ended, meaning.desired, meaning.delivered) == (False, False, "unknown", False)


@IN_PHP
def test_the_module_knows_these_statuses_of_whmcs() -> None:
    assert set(php()["statuses"]) == set(STATUSES)


@IN_PHP
@EVERY_STATUS
def test_a_status_means_to_the_module_what_the_contract_says(status: str) -> None:
    words, meaning = php(), STATUSES[status]
    assert meaning["over"] == (status in words["over"])
    assert (meaning["adopted_as"] is not None) == (status in words["in_use"])
    assert meaning["commands"] == [flow for flow, known in words["commands_by_status"].items() if status in known]


def test_the_flows_read_host_names_as_the_contract_says() -> None:
    assert {typed: host_name(typed) for typed in HOST_NAMES["read"]} == HOST_NAMES["read"]
    assert not any(map(wrong_with_host, HOST_NAMES["read"]))
    assert all(map(wrong_with_host, HOST_NAMES["refused"]))


def test_the_flows_take_ssh_keys_as_the_contract_says() -> None:
    assert SSH_KEYS["pattern"] == ssh_public_key.PATTERN == SSH_KEY
    for sent in SSH_KEYS["read"].values():
        assert ssh_public_key.ssh_public_key(sent) == sent
    for refused in SSH_KEYS["refused"]:
        with pytest.raises(ssh_public_key.NoSshPublicKey):
            ssh_public_key.ssh_public_key(refused)


@IN_PHP
def test_the_module_reads_ssh_keys_as_the_contract_says() -> None:
    words = php()
    assert words["ssh_keys_pattern"] == f"~{SSH_KEYS['pattern']}~D"
    assert words["ssh_keys_read"] == list(SSH_KEYS["read"].values())
    assert words["ssh_keys_refused"] == [None] * len(SSH_KEYS["refused"])


@IN_PHP
def test_the_module_reads_host_names_as_the_contract_says() -> None:
    words = php()
    assert words["host_names_read"] == list(HOST_NAMES["read"].values())
    assert not any(words["host_names_good"])
    assert all(words["host_names_refused"])


def test_the_role_allows_what_the_flows_call_in_code_and_documents_and_the_simulated_whmcs() -> None:
    assert set(get_args(ApiCall)) == calls("api_role") == simulated_whmcs.NEEDED
    section = INSTALL.read_text(encoding="utf-8").split("make an API role", 1)[1].split("General Settings", 1)[0]
    documented = {line.split("`")[1] for line in section.splitlines() if line.startswith("| `")}
    assert documented == calls("api_role")
    needed_by = {flow for call in CONTRACT["api_role"]["calls"].values() for flow in call["flows"]}
    assert needed_by <= {d["flow_name"] for d in DEPLOYMENTS}


@IN_PHP
def test_the_simulated_whmcs_in_php_has_the_same_role_and_the_modules_own_calls() -> None:
    words = php()
    assert set(words["simulated_role"]) == calls("api_role")
    assert set(words["local_api"]) == calls("local_api")
    assert set(words["simulated_calls"]) == calls("api_role") | calls("local_api")


@IN_PHP
def test_the_module_has_the_custom_functions_that_flows_call() -> None:
    assert {SYNC} == set(CONTRACT["custom_functions"]["values"]) <= set(php()["custom_functions"])


def test_every_entry_says_what_it_is() -> None:
    told = [entry for heading, entry in CONTRACT.items() if heading != "about"]
    told += [*FLOWS.values(), *VARIABLES.values(), *STATUSES.values(), *CONTRACT["api_role"]["calls"].values()]
    assert [entry for entry in told if not entry.get("about")] == []
