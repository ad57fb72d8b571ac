"""What WHMCS may decide about a HELD service, row by row, and who is kept with it (safety rule 23)."""

from datetime import UTC, datetime
from itertools import product
from typing import Any, get_args

import pytest

from ledger.hold_reasons import HoldReason
from ledger.snapshots import FIRST_LEFTOVER, Choice, Request, Service
from ledger.states import State
from ledger.through_whmcs import LET_THROUGH, author_through_whmcs, may_decide, refused_through_whmcs

AT = datetime(2027, 1, 1, tzinfo=UTC)
ACTIONS = ("activate", "suspend", "unsuspend", "terminate", "watch-os-install", "reconcile", "hand-over", "rehearse")


def held(was: State, reason: str = "owner-changed", service_id: int = 1001) -> Service:
    return Service(
        service_id=service_id, panel="main", client_id=7, state=State.HELD, generation=1, epoch=3, order=None,
        held_reason=reason, held_evidence="-", held_from=was, held_at=AT,
        created_at=AT, updated_at=AT,
    )  # fmt: skip


def stopped(action: str) -> Request:
    return Request(
        id="r", service_id=1001, panel="main", action=action, flow_run_id="run", requested_by="admin", epoch=3,
        opened_at=AT, heartbeat_at=AT, closed_at=AT, outcome="held", message=None,
    )  # fmt: skip


def goes_through(choice: Choice, was: State, action: str = "suspend", past_cap: bool = False, **more: Any) -> bool:
    return refused_through_whmcs(held(was, **more), stopped(action), choice, past_cap) is None


@pytest.mark.parametrize("row", LET_THROUGH, ids=lambda row: f"{row.choice} {' '.join(sorted(row.stopped or ()))}")
def test_each_row_of_the_table_lets_exactly_its_states_and_actions_through(row: Any) -> None:
    same = [one for one in LET_THROUGH if one.choice == row.choice]
    for was, action in product(State, ACTIONS):
        allowed = any(was in one.was and (one.stopped is None or action in one.stopped) for one in same)
        assert goes_through(row.choice, was, action) is allowed, (was, action)


def test_a_deletion_is_never_retried_and_nothing_on_the_way_to_a_wipe_is_released() -> None:
    for was in State:
        assert not goes_through("retry", was, "terminate")
    for was, choice in product((State.INSTALLING, State.RELEASING, State.ERASING), get_args(Choice)):
        assert not goes_through(choice, was, "activate"), (was, choice)


@pytest.mark.parametrize("choice", sorted({*get_args(Choice)} - {"release", "retry"}))
def test_what_wipes_or_gives_a_server_away_goes_through_from_no_state(choice: Choice) -> None:
    assert not [(was, action) for was, action in product(State, ACTIONS) if goes_through(choice, was, action)]


def test_no_cap_is_passed_from_any_state() -> None:
    for was, choice, reason in product(State, get_args(Choice), HoldReason):
        assert not goes_through(choice, was, past_cap=True, reason=reason)


@pytest.mark.parametrize(
    "reason", ["wipe-unproven", "wipe-cap", "wanted-again", "installation-replaced", "restored", "unheard-of"]
)
def test_a_hold_before_a_servers_disks_or_one_that_nobody_knows_is_not_released(reason: str) -> None:
    assert not goes_through("release", State.ACTIVE, reason=reason)


@pytest.mark.parametrize("number", [-1, FIRST_LEFTOVER])
def test_rehearsals_and_leftovers_are_none_of_whmcs_business(number: int) -> None:
    assert not goes_through("release", State.ACTIVE, service_id=number)


def test_the_page_has_a_button_for_what_goes_through_and_for_nothing_else() -> None:
    for was, action, reason in product(State, ACTIONS, HoldReason):
        through = {one for one in get_args(Choice) if goes_through(one, was, action, reason=reason)}
        assert set(may_decide(held(was, reason), stopped(action))) == through
    assert may_decide(held(State.ACTIVE), stopped("suspend")) == ("release", "retry")
    assert may_decide(held(State.ACTIVE), None) == ("release",)


@pytest.mark.parametrize(
    ("who", "kept"),
    [
        ("anna", "WHMCS a1b2, by its own word anna"),
        ("the\nboss", "WHMCS a1b2, by its own word the boss"),
        ("", "WHMCS a1b2"),
        ("WHMCS a1b2, which names anna", "WHMCS a1b2, which names anna"),
        ("WHMCS other", "WHMCS a1b2, by its own word WHMCS other"),
    ],
)
def test_the_author_is_the_channel_and_a_name_is_its_word_only(who: str, kept: str) -> None:
    assert author_through_whmcs("a1b2", who) == kept
