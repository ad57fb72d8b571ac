"""What is done about one service or one server; and which free server is proved clean."""

from dataclasses import replace
from typing import Any

import pytest

from dcimanager.server_row import Server
from ledger.incarnation import Side
from ledger.states import State
from tasks.reconciliation.differences import Drift
from tasks.reconciliation.drift import Case, DesiredState, classify, desired_state
from tasks.restored.findings import (
    HELD_FOR,
    MIDWAY,
    PAID,
    PAID_AND_OFF,
    PAID_AND_ON,
    Memory,
    RestoredFinding,
    of_case,
    why_not_clean,
)
from tests.tasks.reconciliation.test_drift import ALL, LIMITS, NOW, seen

INSTALL = {"id": 57, "status": "finished", "type": "os_install"}
DIAGNOSTICS = {"id": 57, "status": "finished", "type": "diagnostics"}


def found(case: Case, side: Side = "ledger", memory: Memory | None = None) -> list[RestoredFinding]:
    return of_case(case, "main", side, memory or Memory(), NOW)


def is_paid(case: Case, drift: Drift) -> bool:
    """SUSPENDED in the ledger, Active in WHMCS, and nothing else."""
    return (
        case.ledger is not None
        and (case.ledger.state, desired_state(case.whmcs)) == (State.SUSPENDED, DesiredState.ACTIVE)
        and drift is Drift.STATUS_DIFFERS
    )


def test_a_client_who_paid_is_not_held_and_it_is_said_whether_they_are_off() -> None:
    said: dict[Drift, set[str]] = {}
    for world in ALL:
        case = seen(world)
        if case.ledger is None or case.ledger.state is not State.SUSPENDED:
            continue
        difference = classify(replace(case, request=None), NOW, LIMITS)
        if desired_state(case.whmcs) is DesiredState.ACTIVE and difference is not None and difference.drift in PAID:
            (one,) = found(case)
            assert one.does == "nothing"
            said.setdefault(difference.drift, set()).add(one.do)
    assert said == {Drift.STATUS_DIFFERS: {PAID_AND_ON}, Drift.PORTS_OFF: {PAID_AND_OFF}}
    assert "is off the network: press Unsuspend" in PAID_AND_OFF


def test_whatever_stands_midway_or_disagrees_is_held_and_nothing_else_is() -> None:
    counted = {"hold": 0, "nothing": 0, "agrees": 0}
    for world in ALL:
        case = seen(world)
        if case.ledger is None:
            continue
        findings = found(case)
        assert len(findings) <= 1
        counted[findings[0].does if findings else "agrees"] += 1
        if case.ledger.state is State.HELD:
            assert findings[0].does == "nothing"  # it waits for a person already
        elif case.ledger.state in MIDWAY:
            assert findings[0].does == "hold"
        else:
            difference = classify(replace(case, request=None), NOW, LIMITS)
            holds = difference is not None and difference.drift in HELD_FOR and not is_paid(case, difference.drift)
            assert [one.does for one in findings] == (["hold"] if holds else ["nothing"] if difference else [])
    assert min(counted.values()) > 100


def test_no_service_that_whmcs_ended_keeps_its_server_unlooked_at() -> None:
    for world in ALL:
        case = seen(world)
        service = case.ledger
        if service is None or service.claim is None or service.state is State.HELD:
            continue
        if desired_state(case.whmcs) is DesiredState.ENDED:
            assert [one.does for one in found(case)] == ["hold"]


@pytest.mark.parametrize("side", ["ledger", "panel", "whmcs", "prefect"])
def test_a_server_with_an_owner_is_never_set_aside(side: Side) -> None:
    row = Server.model_validate({**ROW, "owner_email": "anna@example.com", "operation": INSTALL})
    for client in (None, 7):
        assert all(one.does == "nothing" for one in found(Case(server=row, owned_by_client=client), side))


ROW: dict[str, Any] = {"id": 3, "owner_email": None}


def free(operation: dict[str, object] | None) -> Server:
    return Server.model_validate({**ROW, "operation": operation})


@pytest.mark.parametrize(
    ("operation", "side", "memory", "clean"),
    [
        (INSTALL, "ledger", Memory(newest=99), False),
        (INSTALL, "whmcs", Memory(newest=99), False),
        (None, "ledger", Memory(), True),
        (None, "panel", Memory(wipes={3: 57}), False),
        (DIAGNOSTICS, "ledger", Memory(wipes={3: 57}, newest=57), True),
        (DIAGNOSTICS, "ledger", Memory(wipes={3: 41}, newest=99), False),
        (DIAGNOSTICS, "ledger", Memory(newest=56), False),
        (DIAGNOSTICS, "ledger", Memory(newest=57), True),
        (DIAGNOSTICS, "panel", Memory(), True),
        (DIAGNOSTICS, "prefect", Memory(), True),
        (DIAGNOSTICS, "panel", Memory(wipes={3: 41}), False),
    ],
)
def test_a_free_server_is_sold_only_if_it_is_proved_clean(
    operation: dict[str, object] | None, side: Side, memory: Memory, clean: bool
) -> None:
    row = free(operation)
    assert set(memory.wipes) <= {row.id}
    assert (why_not_clean(row, side, memory, unproven=False) is None) is clean
    assert [one.does for one in found(Case(server=row), side, memory)] == ([] if clean else ["set-aside"])


def test_one_whose_wipe_is_not_proved_is_not_clean_on_any_side() -> None:
    (one,) = found(Case(server=free(None), unproven=True), "prefect")
    assert one.does == "set-aside"


def test_one_that_is_set_aside_already_is_not_set_aside_again() -> None:
    row = free(INSTALL)
    assert found(Case(server=row), memory=Memory(aside={row.id})) == []
    assert found(Case(server=row), memory=Memory(spare={row.id})) == []
