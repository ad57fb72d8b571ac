"""Faults put into the errands on purpose: the harness must catch each of them."""

from typing import Any

import pytest

import flows._errand
import flows.power
import flows.rename
import flows.rescue
import flows.set_ptr
import tasks.identity
import tasks.power
import tasks.ptr
import tasks.rescue
from flows._client_limit import OftenCheck
from ledger.snapshots import Service
from runtime.driver import driving
from tasks.identity import claim_of, read_server
from tests.crash.mutants import Mutant

Patch = pytest.MonkeyPatch


def _sent_again_after_a_lost_answer(patch: Patch) -> None:
    async def nothing_before(service: Service) -> list[Any]:
        return []

    patch.setattr(tasks.power, "_reboots", nothing_before)


def _own_by_its_request(patch: Patch) -> None:
    """A run that comes again after its request was closed counts as a new one; what was done is not looked for."""

    attempt = flows.power.reboot_attempt

    async def by_request(service: Service) -> int:
        drive = driving(service)
        drive.flow_run_id = drive.driver.request_id
        return await attempt(service)

    async def never(*_: object) -> bool:
        return False

    patch.setattr(flows.power, "reboot_attempt", by_request)
    patch.setattr(flows._errand, "was_done", never)


def _rescue_started_whatever_was_before(patch: Patch) -> None:
    """Neither the journal nor an operation that runs is looked at."""
    patch.setattr(tasks.rescue, "_of_this_run", lambda *_: None)
    patch.setattr(tasks.rescue, "_require_idle", lambda *_: None)


def _rescue_whosesoever_it_is(patch: Patch) -> None:
    _identity_not_compared(patch)
    patch.setattr(flows.rescue, "confirm_identity", flows.power.confirm_identity)
    patch.setattr(tasks.rescue, "own_server", tasks.power.own_server)


def _name_not_written_back(patch: Patch) -> None:
    async def nothing(service: Service, name: str) -> None:
        return None

    patch.setattr(flows.rename, "write_host_name", nothing)


def _identity_not_compared(patch: Patch) -> None:
    async def believe(service: Service) -> None:
        return None

    async def any_server(service: Service) -> Any:
        return await read_server(await driving(service).panel(), claim_of(service))

    patch.setattr(flows.power, "confirm_identity", believe)
    patch.setattr(tasks.power, "own_server", any_server)
    patch.setattr(tasks.identity, "_look", any_server)


def _name_set_whosesoever_it_is(patch: Patch) -> None:
    _identity_not_compared(patch)
    patch.setattr(flows.set_ptr, "confirm_identity", flows.power.confirm_identity)
    patch.setattr(tasks.ptr, "own_server", tasks.power.own_server)


def _name_set_without_looking(patch: Patch) -> None:
    """Whatever the address is called, the panel is asked; nobody looks at what came of it."""

    async def believe(*_: Any, **__: Any) -> None:
        return None

    patch.setattr(tasks.ptr, "_named", lambda row: None)
    patch.setattr(tasks.ptr, "poll", believe)


def _name_led_anywhere(patch: Patch) -> None:
    async def as_asked(service: Service, address: str, name: str) -> str:
        return name

    patch.setattr(flows.set_ptr, "check_forward", as_asked)


def _limit_not_counted(patch: Patch) -> None:
    async def as_often_as_they_like(*_: object) -> None:
        return None

    patch.setattr(OftenCheck, "check", as_often_as_they_like)


def _expiry_not_checked(patch: Patch) -> None:
    patch.setattr(flows._errand, "_check_in_time", lambda *_: None)
    patch.setattr(tasks.power, "require_in_time", lambda *_, **__: None)


def _state_not_checked(patch: Patch) -> None:
    patch.setattr(flows._errand, "check_errand", lambda *_: None)


ERRAND_MUTANTS = [
    Mutant(
        "a reboot is sent again after a lost answer",
        "reboot",
        _sent_again_after_a_lost_answer,
        shows="sent power_reset 2 times",
    ),
    Mutant(
        "a run whose request was closed reboots anew",
        "reboot by staff of a SUSPENDED service",
        _own_by_its_request,
        shows="sent power_reset 2 times",
    ),
    Mutant(
        "the rescue system is started again after a lost answer",
        "start the rescue system",
        _rescue_started_whatever_was_before,
        shows="sent rescue_start 2 times",
    ),
    Mutant(
        "identity is not compared before the rescue system",
        "start the rescue system of a server that was sold by hand",
        _rescue_whosesoever_it_is,
        shows="rescue_start was sent, which was to be refused",
    ),
    Mutant(
        "a new host name is not written back",
        "rename",
        _name_not_written_back,
        shows="the order has web2.example.com and WHMCS web1.example.com",
    ),
    Mutant(
        "identity is not compared before power",
        "reboot of a server that was sold by hand",
        _identity_not_compared,
        shows="power_reset was sent, which was to be refused",
    ),
    Mutant(
        "identity is not compared before a reverse name is set",
        "set a reverse name of a server that was sold by hand",
        _name_set_whosesoever_it_is,
        shows="ptr_set was sent, which was to be refused",
    ),
    Mutant(
        "a reverse name is set without looking",
        "set a reverse name",
        _name_set_without_looking,
        shows="ptr_set was sent 2 times",
    ),
    Mutant(
        "a reverse name may lead anywhere",
        "set a reverse name that leads elsewhere",
        _name_led_anywhere,
        shows="ptr_set was sent, which was to be refused",
    ),
    Mutant(
        "the limit is not counted",
        "reboot, pressed again at once",
        _limit_not_counted,
        shows="power_reset was sent, which was to be refused",
    ),
    Mutant(
        "the expiry is not checked",
        "reboot, pressed an hour ago",
        _expiry_not_checked,
        shows="power_reset was sent, which was to be refused",
    ),
    Mutant(
        "the state is not checked",
        "reboot by the client of a SUSPENDED service",
        _state_not_checked,
        shows="power_reset was sent, which was to be refused",
    ),
]
