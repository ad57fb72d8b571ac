from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledger.hardware import Hardware
from ledger.hold_reasons import PRESS, HoldReason
from ledger.orders import Order
from ledger.snapshots import Claim, Request, Service
from ledger.states import State
from tasks.service_summary import service_summary, ways_out

NOW = datetime(2027, 1, 10, 12, 0, tzinfo=UTC)


def service(**differing: Any) -> Service:
    """An active service, with differences."""
    return Service(
        **{
            "service_id": 1042, "panel": "main", "client_id": 7, "state": State.ACTIVE, "generation": 2, "epoch": 1,
            "order": None, "held_reason": None, "held_evidence": None, "held_from": None,
            "created_at": NOW, "updated_at": NOW, **differing,
        }
    )  # fmt: skip


def held(reason: str) -> Service:
    """A service that waits for a person."""
    evidence = "found: <b>`x`|y"
    return service(state=State.HELD, held_reason=reason, held_evidence=evidence, held_from=State.ACTIVE, held_at=NOW)


def test_a_service_that_needs_nobody_has_no_row_for_a_hold() -> None:
    text = service_summary(service())
    assert text.startswith("# Service 1042\n")
    assert "| State | **ACTIVE** |" in text
    assert "HELD" not in text


def test_a_held_service_shows_since_when_why_and_what_to_press() -> None:
    text = service_summary(held("owner-changed"))
    assert "| HELD because | `owner-changed` |" in text
    assert "| HELD since | 2027-01-10 12:00 UTC |" in text
    assert "| It was | ACTIVE |" in text
    assert "| Press, once you have looked | `retry`, `release` |" in text


def test_who_asked_last_is_named_and_cannot_break_out_of_its_cell() -> None:
    request = Request(
        id="1", service_id=1042, panel="main", action="suspend", flow_run_id="run-1", requested_by="admin", epoch=1,
        who="WHMCS shop, by its own word <b>`a|b", opened_at=NOW, heartbeat_at=NOW, closed_at=None, outcome=None,
        message=None,
    )  # fmt: skip
    asked = "| Asked for last | suspend on 2027-01-10 12:00 UTC by "
    assert f"{asked}`admin (WHMCS shop, by its own word <b>'a/b)` |" in service_summary(service(), (), request)
    assert f"{asked}`admin` |" in service_summary(service(), (), request.model_copy(update={"who": None}))


def test_evidence_cannot_break_out_of_its_cell() -> None:
    assert "| Evidence | `found: <b>'x'/y` |" in service_summary(held("owner-changed"))


@pytest.mark.parametrize("reason", HoldReason)
def test_each_reason_has_its_ways_out(reason: HoldReason) -> None:
    assert ways_out(held(reason)) == PRESS[reason] != ()


@pytest.mark.parametrize(("in_use_since", "ways"), [(None, ("release", "another-server")), (NOW, ("release",))])
def test_another_server_is_offered_while_no_client_uses_the_one_that_there_is(
    in_use_since: datetime | None, ways: tuple[str, ...]
) -> None:
    claim = Claim(
        panel="main", server_id=7, service_id=1042, generation=1, owner_id=25, hardware=Hardware(), claimed_at=NOW,
        active_since=in_use_since,
    )  # fmt: skip
    stopped = held("a reason of the next release").model_copy(update={"held_from": State.INSTALLING, "claim": claim})
    assert ways_out(stopped) == ways


def test_a_reason_of_another_release_can_be_released() -> None:
    assert ways_out(held("a reason of the next release")) == ("release",)


def test_a_suspension_that_waits_and_power_that_it_switched_off_are_shown() -> None:
    claim = Claim(
        panel="main", server_id=7, service_id=1042, generation=1, owner_id=25, hardware=Hardware(), claimed_at=NOW,
        powered_off_at=NOW, suspends_at=NOW + timedelta(hours=1),
    )  # fmt: skip
    waits = service_summary(service(state=State.ACTIVE, claim=claim))
    assert "| Suspension | on 2027-01-10 13:00 UTC, if WHMCS still wants it then |" in waits
    assert "| Power | switched off by a suspension on 2027-01-10 12:00 UTC; an unsuspension switches it on |" in waits
    assert "| Suspension |" not in service_summary(service(state=State.SUSPENDED, claim=claim))


def test_a_wipe_delay_says_how_to_bring_the_service_back() -> None:
    order = Order(client_id=7, configuration="E5", os_template="Debian", ip_pool="public", wipe_delay_hours=48)
    since = NOW - timedelta(hours=3)
    text = service_summary(service(state=State.RELEASING, order=order, way_back=State.SUSPENDED, releasing_since=since))
    assert "48 h from 2027-01-10 09:00 UTC" in text
    assert "`dciflow bring-back 1042`" in text
