"""The errands that a driver dies in: a further errand is a row here, or some of them."""

from contextlib import AbstractContextManager
from datetime import timedelta
from unittest.mock import patch

import tasks.sign_in
from flows._errand import EXPIRES
from flows.power import power
from flows.rename import rename
from flows.rescue import rescue
from flows.sign_in import sign_in
from ledger.errand_counts import TOO_OFTEN
from ledger.hold_reasons import HoldReason
from ledger.snapshots import Service
from ledger.states import State
from simulator.panel.models import SimServer
from tests.crash.crash_points import Process
from tests.crash.errands import ACTIVE, LATE, MAYBE, NOT_SURE, SAME_RUN, ErrandScenario, Presses, _sold_by_hand, pressed
from tests.crash.scenarios import _active, _suspended
from tests.harness import Harness
from tests.sealed import key_pair

NEW_NAME = "web2.example.com"
REBOOT = {"command": "reboot"}


def _on(server: SimServer) -> None:
    server.bmc = "on"


def _off(server: SimServer) -> None:
    server.bmc = "off"


def _in_recovery(server: SimServer) -> None:
    server.in_recovery = True


def _out_of_recovery(server: SimServer) -> None:
    server.in_recovery = False


def _renamed(server: SimServer) -> None:
    server.domain = NEW_NAME


def _knows_the_name(harness: Harness, service: Service) -> list[str]:
    ordered = None if service.order is None else service.order.hostname
    billed = harness.billed(service.service_id).domain
    return [] if ordered == billed == NEW_NAME else [f"the order has {ordered} and WHMCS {billed}, not {NEW_NAME}"]


async def _switched_off(harness: Harness) -> int:
    service_id = await _active(harness)
    harness.panel.admin.power((await harness.server(service_id)).id, "off")
    return service_id


async def _in_the_rescue_system(harness: Harness) -> int:
    """Somebody has booted the server into it on the panel's own pages."""
    service_id = await _active(harness)
    (await harness.server(service_id)).in_recovery = True
    return service_id


async def _rebooted_just_now(harness: Harness) -> int:
    """The client pressed the same a moment ago."""
    service_id = await _active(harness)
    harness.panel.requests = Presses(harness.clock.now())
    asks = ErrandScenario("", _active, (power,), ACTIVE, own={"command": "reboot"}).asks(harness, power)
    await Process(harness).run(power, service_id, "an earlier press", **asks)
    harness.clock.simulated.advance(3)
    return service_id


async def _long_ago(harness: Harness) -> int:
    """The button was pressed, and no worker came for an hour."""
    service_id = await _active(harness)
    harness.panel.requests = Presses(harness.clock.now())
    harness.clock.simulated.advance((EXPIRES + timedelta(minutes=45)).total_seconds())
    return service_id


def _labels_are_kept(harness: Harness) -> AbstractContextManager[object]:
    """Outside of Prefect no run can be labelled, and a key that nobody can read ends in a refusal."""

    async def labelled(**labels: object) -> bool:
        return True

    return patch.object(tasks.sign_in, "set_run_labels", labelled)


ERRAND_SCENARIOS = [
    ErrandScenario(
        "power on", pressed(_switched_off), (power,), ACTIVE, own={"command": "on"}, sends="power_on", leaves=_on
    ),
    ErrandScenario(
        "power off", pressed(_active), (power,), ACTIVE, own={"command": "off"}, sends="power_off", leaves=_off
    ),
    ErrandScenario(
        "reboot", pressed(_active), (power,), ACTIVE, own=REBOOT, sends="power_reset", interrupted_with=(MAYBE,)
    ),
    ErrandScenario(
        "reboot by staff of a SUSPENDED service",
        pressed(_suspended),
        (power,),
        frozenset({State.SUSPENDED}),
        own=REBOOT,
        by="admin",
        sends="power_reset",
        interrupted_with=(MAYBE,),
    ),
    ErrandScenario(
        "reboot, gone on with an hour later",
        pressed(_active),
        (power,),
        ACTIVE,
        SAME_RUN,
        own=REBOOT,
        sends="power_reset",
        interrupted_with=(MAYBE, LATE),
        pause_seconds=3600,
    ),
    ErrandScenario(
        "start the rescue system",
        pressed(_active),
        (rescue,),
        ACTIVE,
        own={"command": "start"},
        sends="rescue_start",
        leaves=_in_recovery,
        operates=True,
        interrupted_with=NOT_SURE,
    ),
    ErrandScenario(
        "leave the rescue system",
        pressed(_in_the_rescue_system),
        (rescue,),
        ACTIVE,
        own={"command": "leave"},
        sends="rescue_leave",
        leaves=_out_of_recovery,
        interrupted_with=NOT_SURE,
    ),
    ErrandScenario(
        "sign in",
        pressed(_active),
        (sign_in,),
        ACTIVE,
        SAME_RUN,
        own={"public_key": key_pair()[1]},
        sends="key_create",
        by_hand=_labels_are_kept,
    ),
    ErrandScenario(
        "rename",
        pressed(_active),
        (rename,),
        ACTIVE,
        own={"hostname": NEW_NAME},
        sends="host_name_set",
        leaves=_renamed,
        writes=_knows_the_name,
    ),
    ErrandScenario(
        "reboot of a server that was sold by hand",
        pressed(_sold_by_hand),
        (power,),
        frozenset({State.HELD}),
        SAME_RUN,
        own=REBOOT,
        held_because=HoldReason.OWNER_CHANGED,
        refused_with="is HELD (owner-changed)",
    ),
    ErrandScenario(
        "start the rescue system of a server that was sold by hand",
        pressed(_sold_by_hand),
        (rescue,),
        frozenset({State.HELD}),
        SAME_RUN,
        own={"command": "start"},
        held_because=HoldReason.OWNER_CHANGED,
        refused_with="is HELD (owner-changed)",
    ),
    ErrandScenario(
        "reboot, pressed again at once",
        pressed(_rebooted_just_now),
        (power,),
        ACTIVE,
        SAME_RUN,
        own=REBOOT,
        refused_with=TOO_OFTEN,
    ),
    ErrandScenario("reboot, pressed an hour ago", _long_ago, (power,), ACTIVE, SAME_RUN, own=REBOOT, refused_with=LATE),
    ErrandScenario(
        "reboot by the client of a SUSPENDED service",
        pressed(_suspended),
        (power,),
        frozenset({State.SUSPENDED}),
        SAME_RUN,
        own=REBOOT,
        refused_with="is not for it by its client now",
    ),
]
