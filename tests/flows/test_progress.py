"""WHMCS is told of every end that its module does not see by itself."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Completed

from flows.activate import activate
from flows.watch_os_install import watch_os_install
from tasks.progress import tell_the_end
from tests.stage import Stage

STARTED = datetime(2027, 1, 1, tzinfo=UTC)


def nudges(stage: Stage) -> int:
    """How often WHMCS was asked to look at a service's run."""
    return [request.action for request in stage.billing.requests].count("ModuleCustom")


def ended(after_seconds: float, **parameters: object) -> tuple[FlowRun, "State[Any]"]:
    run = FlowRun(flow_id=uuid4(), parameters=parameters, created=STARTED)
    return run, Completed(timestamp=STARTED + timedelta(seconds=after_seconds))


@pytest.mark.parametrize(("after_seconds", "told"), [(0.5, 0), (3.9, 0), (4.1, 1), (7.9, 1), (3600, 1)])
async def test_what_the_module_may_not_see_itself_it_is_told(stage: Stage, after_seconds: float, told: int) -> None:
    run, state = ended(after_seconds, service_id=stage.buy())
    before = nudges(stage)
    await tell_the_end(activate, run, state)
    assert nudges(stage) - before == told


@pytest.mark.parametrize("after_seconds", [0.5, 7.0, 600])
async def test_the_end_of_a_run_that_nobody_waits_for_is_told_however_soon_it_is(
    stage: Stage, after_seconds: float
) -> None:
    """The command waits for the activation, which is over; how long its watcher took says nothing."""
    run, state = ended(after_seconds, service_id=stage.buy())
    before = nudges(stage)
    await tell_the_end(watch_os_install, run, state)
    assert nudges(stage) - before == 1


async def test_a_run_without_a_service_tells_nobody(stage: Stage) -> None:
    run, state = ended(60)
    await tell_the_end(activate, run, state)
    assert nudges(stage) == 0
