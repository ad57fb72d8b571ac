"""No automation suspends or terminates a protected service."""

import pytest

from flows import terminate as module
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger import decisions
from ledger.lifecycle import State
from tests.flows.play import activated, one_line
from tests.stage import Stage

AUTOMATIONS = ["cron", "api", "client"]


async def protected(stage: Stage) -> int:
    service_id, _ = await activated(stage)
    await decisions.protect(stage.ledger, service_id, who="anna", why="our largest client", now=stage.clock.now())
    return service_id


@pytest.mark.parametrize("requested_by", AUTOMATIONS)
async def test_an_automation_neither_suspends_nor_terminates_it(stage: Stage, requested_by: str) -> None:
    service_id = await protected(stage)
    before = len(stage.panel.requests)
    line = await one_line(stage.run(suspend, service_id, requested_by=requested_by))
    assert f"is protected: only an administrator may suspend it, and {requested_by} asked" in line
    line = await one_line(stage.run(terminate, service_id, requested_by=requested_by))
    assert f"dciflow unprotect {service_id}" in line
    assert (await stage.service(service_id)).state is State.ACTIVE
    assert len(stage.panel.requests) == before


async def test_an_administrator_suspends_it_and_anybody_brings_it_back(stage: Stage) -> None:
    service_id = await protected(stage)
    await stage.run(suspend, service_id, requested_by="admin")
    assert (await stage.service(service_id)).state is State.SUSPENDED
    await stage.run(unsuspend, service_id, requested_by="cron")
    assert (await stage.service(service_id)).state is State.ACTIVE


async def test_even_an_administrator_terminates_it_only_when_its_protection_is_over(stage: Stage) -> None:
    service_id = await protected(stage)
    await one_line(stage.run(terminate, service_id, requested_by="admin"))
    await decisions.unprotect(stage.ledger, service_id, who="anna", why="left us", now=stage.clock.now())
    await stage.run(terminate, service_id, requested_by="cron")
    assert (await stage.service(service_id)).state is State.RELEASED


async def test_a_protection_that_comes_while_a_deletion_begins_is_kept(stage: Stage) -> None:
    service_id, server = await activated(stage)

    async def protect() -> None:
        await decisions.protect(stage.ledger, service_id, who="anna", why="-", now=stage.clock.now())

    begin = module.begin_release

    async def protected_first(service: object) -> bool:
        await protect()
        return await begin(service)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "begin_release", protected_first)
        line = await one_line(stage.run(terminate, service_id))
    assert "is protected" in line
    assert (await stage.service(service_id)).state is State.ACTIVE
    assert server.owner_id is not None
