"""No automation suspends or terminates a protected service."""

import pytest

from flows import reinstall as reinstalling
from flows import terminate as module
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger import decisions
from ledger.states import State
from tests.harness import Harness
from tests.stories.anew import ask, in_use, is_untouched
from tests.stories.scenario import activated, one_line

AUTOMATIONS = ["cron", "api", "client"]


async def protected(harness: Harness) -> int:
    service_id, _ = await activated(harness)
    await decisions.protect(harness.ledger, service_id, who="anna", why="our largest client", now=harness.clock.now())
    return service_id


@pytest.mark.parametrize("requested_by", AUTOMATIONS)
async def test_an_automation_neither_suspends_nor_terminates_it(harness: Harness, requested_by: str) -> None:
    service_id = await protected(harness)
    before = len(harness.panel.requests)
    line = await one_line(harness.run(suspend, service_id, requested_by=requested_by))
    assert f"is protected: only an administrator may suspend it, and {requested_by} asked" in line
    line = await one_line(harness.run(terminate, service_id, requested_by=requested_by))
    assert f"dciflow unprotect {service_id}" in line
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert len(harness.panel.requests) == before


async def test_an_administrator_suspends_it_and_anybody_brings_it_back(harness: Harness) -> None:
    service_id = await protected(harness)
    await harness.run(suspend, service_id, requested_by="admin")
    assert (await harness.service(service_id)).state is State.SUSPENDED
    await harness.run(unsuspend, service_id, requested_by="cron")
    assert (await harness.service(service_id)).state is State.ACTIVE


async def test_even_an_administrator_terminates_it_only_when_its_protection_is_over(harness: Harness) -> None:
    service_id = await protected(harness)
    await one_line(harness.run(terminate, service_id, requested_by="admin"))
    await decisions.unprotect(harness.ledger, service_id, who="anna", why="left us", now=harness.clock.now())
    await harness.run(terminate, service_id, requested_by="cron")
    assert (await harness.service(service_id)).state is State.RELEASED


async def test_a_protection_that_comes_while_a_deletion_begins_is_kept(harness: Harness) -> None:
    service_id, server = await activated(harness)

    async def protect() -> None:
        await decisions.protect(harness.ledger, service_id, who="anna", why="-", now=harness.clock.now())

    begin = module.begin_release

    async def protected_first(service: object) -> bool:
        await protect()
        return await begin(service)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "begin_release", protected_first)
        line = await one_line(harness.run(terminate, service_id))
    assert "is protected" in line
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert server.owner_id is not None


@pytest.mark.parametrize("step", ["permit_reinstall", "overwrite_os"])
async def test_a_protection_that_comes_while_a_reinstallation_begins_is_kept(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    service_id, server_id = await in_use(harness)
    password, writes, go_on = harness.billed(service_id).password, len(harness.panel.writes()), vars(reinstalling)[step]

    async def protected_first(*given: object) -> object:
        await decisions.protect(harness.ledger, service_id, who="anna", why="-", now=harness.clock.now())
        return await go_on(*given)

    monkeypatch.setattr(reinstalling, step, protected_first)
    assert f"dciflow unprotect {service_id}" in await one_line(ask(harness, service_id))
    await is_untouched(harness, service_id, server_id, writes)
    assert harness.billed(service_id).password == password
