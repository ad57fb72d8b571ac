from datetime import UTC, datetime
from pathlib import Path

import yaml

from answers.breaker import is_urgent
from dcimanager.fair_queue import queue_key
from ledger.snapshots import Driver, Service
from ledger.states import State
from runtime.driver import ERRANDS, URGENT_ACTIONS, begin_drive

PREFECT_YAML = Path(__file__).parents[2] / "prefect.yaml"


def _service(service_id: int) -> Service:
    now = datetime.now(UTC)
    return Service(
        service_id=service_id, panel="main", client_id=7, state=State.ACTIVE, generation=1, epoch=1, order=None,
        held_reason=None, held_evidence=None, held_from=None, created_at=now, updated_at=now,
    )  # fmt: skip


async def test_a_run_calls_the_panel_in_its_services_name() -> None:
    names = []
    for service_id in (7, 8):
        begin_drive(Driver(service_id=service_id, epoch=1, request_id="1"), _service(service_id))
        names.append(queue_key.get())
    assert names[0] != names[1]
    assert "" not in names


async def test_suspensions_and_unsuspensions_ask_a_panel_that_was_away_and_the_next_run_does_not() -> None:
    asks = {}
    for action in ("unsuspend", "activate", "suspend", "reconcile", ""):
        begin_drive(Driver(service_id=7, epoch=1, request_id="1"), _service(7), action)
        asks[action] = is_urgent.get()
    assert asks == {"unsuspend": True, "activate": False, "suspend": True, "reconcile": False, "": False}


def test_what_is_urgent_for_a_panel_goes_by_the_urgent_queue() -> None:
    deployments = yaml.safe_load(PREFECT_YAML.read_text(encoding="utf-8"))["deployments"]
    by_it = {one["flow_name"] for one in deployments if one["work_pool"]["work_queue_name"] == "urgent"}
    assert by_it - ERRANDS == URGENT_ACTIONS
