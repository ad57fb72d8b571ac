"""A service that had its server before dciflow came is reinstalled, though nothing was ever ordered for it."""

from datetime import timedelta

import pytest

from flows.power import power
from flows.reinstall import reinstall
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger.states import State
from runtime.errors import InstallationFailed
from tasks.adoption import Adoptee, adopt_services
from tests.harness import PANEL, Harness
from tests.stories.anew import HOST, PHOTOGRAPHS, UBUNTU, ask, disk, permit_of
from tests.stories.scenario import activated, one_line, sent, written

OLD = 5
"""A server that was sold before dciflow came."""


async def adopted(harness: Harness) -> int:
    """A service of ISPsystem's module in use, recorded with its server; WHMCS shows its second address as the main."""
    service_id = harness.buy()
    server = harness.panel.server(OLD)
    harness.panel.admin.set_owner(OLD, harness.client.email)
    harness.panel.write_tenant_data(OLD, PHOTOGRAPHS)
    server.domain = HOST
    pool = next(pool for pool in harness.panel.world.pools.values() if pool.name == "public-v4")
    harness.panel.addresses.add(server, pool, 2)
    harness.panel.settle()
    addresses = [address.address for address in server.addresses]
    row = harness.billed(service_id)
    row.status, row.domain, row.dedicated_ip, row.assigned_ips = "Active", HOST, addresses[-1], "\n".join(addresses)
    (found,) = await adopt_services(PANEL, [Adoptee(service_id=service_id, server_id=OLD)], apply=True)
    assert found.adopted
    return service_id


@pytest.mark.parametrize("by", ["client", "admin"])
async def test_it_gets_an_os_and_a_new_password_and_keeps_owner_and_addresses(harness: Harness, by: str) -> None:
    service_id = await adopted(harness)
    server, before = harness.panel.server(OLD), harness.billed(service_id)
    addresses, main, password, owner = (
        before.assigned_ips.split(),
        before.dedicated_ip,
        before.password,
        server.owner_id,
    )
    await ask(harness, service_id, requested_by=by)
    after, service = harness.billed(service_id), await harness.service(service_id)
    assert disk(harness, OLD).startswith(f"os {UBUNTU}")
    assert written(harness) == ["os_install"]
    assert service.state is State.ACTIVE
    assert (after.status, after.domain, after.dedicated_ip) == ("Active", HOST, main)
    assert sorted(after.assigned_ips.split()) == sorted(addresses) == sorted(one.address for one in server.addresses)
    assert after.password != password
    assert server.owner_id == owner


async def test_it_has_no_order_afterwards_and_keeps_its_day_before_a_wipe(harness: Harness) -> None:
    service_id = await adopted(harness)
    await ask(harness, service_id)
    assert (await harness.service(service_id)).order is None
    began = harness.clock.now()
    harness.billed(service_id).status = "Terminated"
    await harness.run(terminate, service_id)
    assert harness.clock.elapsed(began) >= timedelta(hours=24)
    assert (await harness.service(service_id)).state is State.RELEASED


async def test_another_one_has_a_permit_of_its_own(harness: Harness) -> None:
    service_id = await adopted(harness)
    await ask(harness, service_id)
    harness.clock.simulated.advance(600)
    await ask(harness, service_id, os_template="Debian-12-x86_64")
    permit = await permit_of(harness, service_id)
    assert permit is not None
    assert (permit.attempt, permit.os_before) == (2, "")
    assert disk(harness, OLD).startswith("os Debian-12")


async def is_as_it_was(harness: Harness, service_id: int) -> None:
    assert PHOTOGRAPHS in disk(harness, OLD)
    assert sent(harness, "os_install") == []
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert await permit_of(harness, service_id) is None


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"os_template": None}, "name the OS template"),
        ({"os_template": "Windows-95"}, "has no OS template 'Windows-95'"),
        ({"os_template": "Windows-Server-2022"}, "is for administrators only"),
        ({"hostname_typed": "web2.example.com"}, "is not that of service"),
        ({"hostname_typed": ""}, "is not that of service"),
    ],
)
async def test_the_template_and_the_name_are_asked_for_as_of_any_other(
    harness: Harness, more: dict[str, str | None], line: str
) -> None:
    service_id = await adopted(harness)
    assert line in await one_line(ask(harness, service_id, **more))
    await is_as_it_was(harness, service_id)


async def test_without_a_host_name_its_address_is_typed_and_with_neither_staff_read_what_to_do(
    harness: Harness,
) -> None:
    service_id = await adopted(harness)
    row = harness.billed(service_id)
    row.domain, address, row.dedicated_ip = "", row.dedicated_ip, ""
    for typed in ("", HOST):
        line = await one_line(ask(harness, service_id, hostname_typed=typed))
        assert "neither a host name nor a Dedicated IP" in line and "enter one of them there" in line
        harness.clock.simulated.advance(600)
    await is_as_it_was(harness, service_id)
    row.dedicated_ip = address
    await ask(harness, service_id, hostname_typed=address)
    assert disk(harness, OLD).startswith(f"os {UBUNTU}")
    assert (row.domain, row.dedicated_ip) == ("", address)


async def test_a_panel_that_refuses_leaves_it_as_it_was(harness: Harness) -> None:
    service_id = await adopted(harness)
    password = harness.billed(service_id).password
    harness.panel.admin.protect(OLD)
    await one_line(ask(harness, service_id))
    service = await harness.service(service_id)
    assert PHOTOGRAPHS in disk(harness, OLD)
    assert (service.state, service.order) == (State.ACTIVE, None)
    assert harness.billed(service_id).password == password


async def failed(harness: Harness) -> int:
    service_id = await adopted(harness)
    harness.panel.hang_next("os_install")
    began = harness.clock.now()
    with pytest.raises(InstallationFailed):
        await ask(harness, service_id)
    assert timedelta(minutes=59) < harness.clock.elapsed(began) < timedelta(minutes=70)
    harness.clock.simulated.advance(600)
    return service_id


async def test_one_that_failed_is_suspended_let_back_in_and_done_again(harness: Harness) -> None:
    service_id = await failed(harness)
    await harness.run(suspend, service_id, requested_by="cron")
    await harness.run(unsuspend, service_id, requested_by="cron")
    await harness.run(reinstall, service_id, requested_by="admin")
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert disk(harness, OLD).startswith(f"os {UBUNTU}")


async def test_one_that_failed_keeps_its_day_before_a_wipe(harness: Harness) -> None:
    service_id = await failed(harness)
    harness.billed(service_id).status = "Terminated"
    began = harness.clock.now()
    await harness.run(terminate, service_id)
    assert harness.clock.elapsed(began) >= timedelta(hours=24)
    assert harness.panel.server(OLD).disk.is_clear


async def test_an_answer_that_was_lost_installs_once(harness: Harness) -> None:
    service_id = await adopted(harness)
    harness.faults.lose_answer("os_install", 1)
    await ask(harness, service_id)
    assert len(sent(harness, "os_install")) == 1
    assert (await harness.service(service_id)).state is State.ACTIVE


async def test_a_look_at_its_power_tells_whmcss_pages_of_its_server(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, str | int]] = []

    async def label(**facts: str | int) -> None:
        told.append(facts)

    monkeypatch.setattr("tasks.power.set_run_labels", label)
    service_id = await adopted(harness)
    harness.panel.admin.power(OLD, "on")
    harness.panel.settle()
    await harness.run(power, service_id, command="look", requested_by="admin")
    (seen,) = told
    assert (seen["step"], seen["server"], seen["power"]) == ("ready", OLD, "on")
    other, _ = await activated(harness)
    await harness.run(power, other, command="look", requested_by="admin")
    assert list(told[1]) == ["power"], "of this one its activation has told"
    await harness.run(suspend, service_id)
    harness.billed(service_id).status = "Suspended"
    await harness.run(power, service_id, command="look", requested_by="admin")
    assert list(told[2]) == ["power"], "it is not ready while it is suspended"
