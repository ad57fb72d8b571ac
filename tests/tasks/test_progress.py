"""WHMCS is told of every end that its module does not see by itself."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Completed

from flows.activate import activate
from flows.change_addresses import change_addresses
from flows.change_order import change_order
from flows.power import power
from flows.reinstall import reinstall
from flows.rename import rename
from flows.set_ptr import set_ptr
from flows.sign_in import sign_in
from flows.watch_os_install import watch_os_install
from tasks.progress import notify_whmcs_of_end
from tests.harness import Harness

STARTED = datetime(2027, 1, 1, tzinfo=UTC)


def nudges(harness: Harness) -> int:
    """How often WHMCS was asked to look at a service's run."""
    return [request.action for request in harness.whmcs.requests].count("ModuleCustom")


def ended(after_seconds: float, **parameters: object) -> tuple[FlowRun, "State[Any]"]:
    run = FlowRun(flow_id=uuid4(), parameters=parameters, created=STARTED)
    return run, Completed(timestamp=STARTED + timedelta(seconds=after_seconds))


@pytest.mark.parametrize(("after_seconds", "told"), [(0.5, 0), (3.9, 0), (4.1, 1), (7.9, 1), (3600, 1)])
async def test_what_the_module_may_not_see_itself_it_is_told(harness: Harness, after_seconds: float, told: int) -> None:
    run, state = ended(after_seconds, service_id=harness.buy())
    before = nudges(harness)
    await notify_whmcs_of_end(activate, run, state)
    assert nudges(harness) - before == told


@pytest.mark.parametrize("flow", [watch_os_install, power, reinstall, change_addresses, set_ptr, rename])
@pytest.mark.parametrize("after_seconds", [0.5, 7.0, 600])
async def test_the_end_of_a_run_that_nobody_waits_for_is_told_however_soon_it_is(
    harness: Harness, after_seconds: float, flow: "Flow[..., Any]"
) -> None:
    """No command waits for it, or for another run that is over; how long it took says nothing."""
    run, state = ended(after_seconds, service_id=harness.buy())
    before = nudges(harness)
    await notify_whmcs_of_end(flow, run, state)
    assert nudges(harness) - before == 1


@pytest.mark.parametrize("flow", [sign_in, change_order])
async def test_an_errand_that_whmcs_waits_for_is_not_told_twice(harness: Harness, flow: "Flow[..., Any]") -> None:
    run, state = ended(0.5, service_id=harness.buy())
    await notify_whmcs_of_end(flow, run, state)
    assert nudges(harness) == 0


async def test_a_run_without_a_service_tells_nobody(harness: Harness) -> None:
    run, state = ended(60)
    await notify_whmcs_of_end(activate, run, state)
    assert nudges(harness) == 0
