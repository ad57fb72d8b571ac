"""Faults put into what tells clients, panels and machines apart: each does harm; the product as it is does none."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

import dcimanager.servers
import flows._request
import flows.terminate
import ledger.hardware
import ledger.reinstalls
import runtime.connections
import tasks.allocation
import tasks.held.decisions
import tasks.order
import tasks.owner
import tasks.ports
import tasks.reinstall
import tasks.shared_hardware
import tasks.whose
import tasks.wipe
import tasks.wish
from ledger import promised_hardware
from ledger.hardware import Hardware
from ledger.snapshots import Service
from runtime.driver import driving
from tests.crash import reinstalled, whose_data
from tests.crash.conftest import TEST_SECONDS
from tests.crash.harness import NewHarness
from tests.harness import Harness

pytestmark = [pytest.mark.crash, pytest.mark.timeout(TEST_SECONDS), pytest.mark.asyncio(loop_scope="session")]

Patch = pytest.MonkeyPatch


@dataclass(frozen=True)
class Mutant:
    """One fault, the situation that it shows in, and a part of the sentence that it is caught with."""

    name: str
    make: Callable[[Patch], None]
    happens: Callable[[Harness], Awaitable[list[str]]]
    shows: str


async def _look_away(*_: Any, **__: Any) -> None:
    return None


def _without(place: object, *names: str) -> Callable[[Patch], None]:
    """The product without a look."""

    def make(patch: Patch) -> None:
        for name in names:
            patch.setattr(place, name, _look_away)

    return make


def _says(place: object, name: str, answer: Any) -> Callable[[Patch], None]:
    """The product with a look that always finds the same."""
    return lambda patch: patch.setattr(place, name, lambda *_, **__: answer)


def _towards_service_always(patch: Patch) -> None:
    differs_from = Hardware.differs_from

    def forgiving(self: Hardware, seen: Hardware, *, towards_service: bool = False) -> list[str]:
        return differs_from(self, seen, towards_service=True)

    patch.setattr(Hardware, "differs_from", forgiving)


def _panel_by_its_label(patch: Patch) -> None:
    patch.setattr(runtime.connections, "_recognise", _look_away)
    patch.setattr(tasks.shared_hardware, "_recognise", _look_away)


def _placeholders_are_numbers(patch: Patch) -> None:
    patch.setattr(ledger.hardware, "real_text", lambda text: text)


def _first_template(patch: Patch) -> None:
    async def first(service: Service, server: Any, name: str, by: str) -> Any:
        order = (await tasks.reinstall.order_in_use(service)).model_copy(update={"os_template": name})
        found = await tasks.order.templates_named(await driving(service).panel(), order)
        return next(one for one in found if one.location_id == server.location_id)

    patch.setattr(tasks.reinstall, "_template", first)


def _whatever_whmcs_says(patch: Patch) -> None:
    async def row(service: Service) -> Any:
        return await tasks.whose.whmcs_row(service, fresh=True)

    patch.setattr(tasks.reinstall, "confirm_overwrite", row)


def _odd_rows_are_free(patch: Patch) -> None:
    read = dcimanager.servers._read

    def guess(row: Any, *more: Any) -> Any:
        return read({**row, "in_maintenance": row.get("in_maintenance") is True}, *more)

    patch.setattr(dcimanager.servers, "_read", guess)


MUTANTS = [
    Mutant(
        "the client of a command is not compared at the opening",
        _without(flows._request.OpenRequest, "check_whose"),
        whose_data.an_old_command_comes_late,
        "of Bob lost its data",
    ),
    Mutant(
        "WHMCS's row is not compared",
        _says(tasks.whose, "check_whose", None),
        whose_data.a_number_comes_again,
        "of Anna lost its data",
    ),
    Mutant(
        "a panel user of another client is used",
        _says(tasks.owner, "check_remembered", None),
        whose_data.an_email_becomes_another_clients,
        "of two clients are one panel user's",
    ),
    Mutant(
        "a panel is its label",
        _panel_by_its_label,
        whose_data.a_panel_has_two_names,
        "sells under two names",
    ),
    Mutant(
        "what was promised on another panel is not looked at",
        _without(promised_hardware, "enter"),
        whose_data.a_machine_is_promised_under_another_name,
        "is promised to two services",
    ),
    Mutant(
        "a placeholder for a serial number proves whose disks are wiped",
        _placeholders_are_numbers,
        whose_data.a_machine_of_placeholders_is_swapped,
        "a machine that nothing identifies was wiped",
    ),
    Mutant(
        "a changed card passes towards a wipe",
        _towards_service_always,
        whose_data.a_card_is_changed_before_the_deletion,
        "of Anna lost its data",
    ),
    Mutant(
        "a dirty server is sold",
        _says(tasks.allocation, "why_dirty", None),
        whose_data.a_server_was_given_up_by_hand,
        "handed_over_unwiped",
    ),
    Mutant(
        "a port of two servers is switched",
        _without(tasks.ports, "_refuse_shared"),
        whose_data.two_servers_list_one_port,
        "of Bob was cut off",
    ),
    Mutant(
        "WHMCS is not asked at the permit of a wipe",
        _without(tasks.wipe, "confirm_wipe"),
        whose_data.a_client_pays_while_a_server_is_taken_back,
        "of Anna lost its data",
    ),
    Mutant(
        "WHMCS is not asked about a deletion of long ago",
        _without(flows.terminate, "confirm_wish"),
        whose_data.an_old_deletion_is_retried,
        "of Anna is owned by None",
    ),
    Mutant(
        "WHMCS is not asked about a suspension that comes late",
        _without(tasks.wish, "confirm_suspension"),
        whose_data.a_suspension_comes_late,
        "of Anna was cut off",
    ),
    Mutant(
        "an odd row counts as free",
        _odd_rows_are_free,
        whose_data.a_row_cannot_be_read,
        "a server in maintenance was sold",
    ),
    Mutant(
        "the host name that was typed is not compared",
        _says(tasks.reinstall, "same_host", True),
        reinstalled.another_name_is_typed,
        "of Anna lost its data",
    ),
    Mutant(
        "the template is not looked at",
        _first_template,
        reinstalled.a_template_is_for_administrators,
        "of Anna lost its data",
    ),
    Mutant(
        "the order's list of templates is not looked at",
        _first_template,
        reinstalled.a_template_is_none_that_was_sold,
        "of Anna lost its data",
    ),
    Mutant(
        "a reinstallation of long ago is done",
        _says(tasks.reinstall, "require_in_time", None),
        reinstalled.an_old_press_comes_the_next_day,
        "of Anna lost its data",
    ),
    Mutant(
        "WHMCS is not asked whether the service is in use",
        _whatever_whmcs_says,
        reinstalled.a_service_is_ended_in_whmcs,
        "of Anna lost its data",
    ),
    Mutant(
        "reinstallations are not counted",
        _without(ledger.reinstalls, "_count"),
        reinstalled.whmcs_is_taken_over,
        "in one day: ",
    ),
    Mutant(
        "a decision's key has nothing random in it",
        _says(tasks.held.decisions, "_own", "7"),
        whose_data.a_ledger_begins_anew,
        "Prefect takes the new decision for the old one",
    ),
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
async def test_a_fault_in_what_tells_one_from_another_is_caught(new_harness: NewHarness, mutant: Mutant) -> None:
    harness = await new_harness()
    harness.connect()
    with pytest.MonkeyPatch.context() as patch:
        mutant.make(patch)
        wrong = await mutant.happens(harness)
    assert mutant.shows in "; ".join(wrong)
    harness = await new_harness()
    harness.connect()
    assert await mutant.happens(harness) == [], "the product as it is does no harm"
