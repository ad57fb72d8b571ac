"""A reinstallation through its steps: what is lost, what stays, and who and what is refused."""

from typing import Any

import pytest

from ledger.service_identity import ServiceIdentity
from ledger.states import State
from tests.harness import Harness
from tests.stories.anew import HOST, PHOTOGRAPHS, UBUNTU, ask, change_templates, disk, in_use, is_untouched, permit_of
from tests.stories.scenario import activated, is_held, one_line, sent, written


async def test_a_client_gets_another_os_a_new_password_and_the_same_addresses(
    harness: Harness, passwords: list[str]
) -> None:
    service_id, server_id = await in_use(harness)
    before = harness.billed(service_id)
    addresses, password, writes = before.assigned_ips, before.password, len(harness.panel.writes())
    await ask(harness, service_id)
    after = harness.billed(service_id)
    assert written(harness, since=writes) == ["os_install"]
    assert disk(harness, server_id).startswith(f"os {UBUNTU}")
    assert (after.assigned_ips, after.status) == (addresses, "Active")
    assert after.password != password
    assert passwords == [password, after.password]
    service = await harness.service(service_id)
    assert service.state is State.ACTIVE
    assert service.order is not None
    assert service.order.os_template == UBUNTU


async def test_a_second_one_has_a_permit_and_an_attempt_of_its_own(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    await ask(harness, service_id)
    first = await permit_of(harness, service_id)
    harness.clock.simulated.advance(600)
    await ask(harness, service_id, os_template="Debian-12-x86_64")
    second = await permit_of(harness, service_id)
    assert first is not None
    assert second is not None
    assert (first.attempt, second.attempt) == (2, 3)
    assert first.operation_id != second.operation_id
    assert len(sent(harness, "os_install")) == 3
    assert disk(harness, server_id).startswith("os Debian-12")


@pytest.mark.parametrize("typed", ["web2.example.com", "", " ", "web1", None])
async def test_another_host_name_than_the_services_is_refused(harness: Harness, typed: str | None) -> None:
    service_id, server_id = await in_use(harness)
    writes = len(harness.panel.writes())
    await one_line(ask(harness, service_id, hostname_typed=typed))
    await is_untouched(harness, service_id, server_id, writes)
    assert await permit_of(harness, service_id) is None


async def test_the_host_name_is_whmcss_own_and_not_the_orders(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    harness.billed(service_id).domain = "renamed.example.com"
    writes = len(harness.panel.writes())
    assert "is not that of service" in await one_line(ask(harness, service_id))
    await is_untouched(harness, service_id, server_id, writes)


async def test_the_host_name_and_the_main_address_of_since_the_sale_stay(harness: Harness) -> None:
    service_id, server = await activated(harness, hostname=HOST, ipv4_count=2)
    billed = harness.billed(service_id)
    first, second = [address.address for address in server.addresses]
    assert billed.dedicated_ip == first
    billed.domain, billed.dedicated_ip, billed.assigned_ips = "renamed.example.com", second, f"{second}\n{first}"
    await ask(harness, service_id, hostname_typed="renamed.example.com")
    assert (billed.domain, server.domain, billed.dedicated_ip) == ("renamed.example.com", "renamed.example.com", second)
    assert billed.assigned_ips.split() == [second, first]


async def test_a_main_address_that_the_server_does_not_have_is_put_right(harness: Harness) -> None:
    service_id, server = await activated(harness, hostname=HOST)
    billed = harness.billed(service_id)
    billed.domain, billed.dedicated_ip = "", "198.51.100.99"
    await ask(harness, service_id)
    assert (billed.domain, billed.dedicated_ip) == (HOST, server.addresses[0].address)


async def test_a_host_name_is_the_same_in_capitals(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    await ask(harness, service_id, hostname_typed=" WEB1.Example.com. ")
    assert disk(harness, server_id).startswith(f"os {UBUNTU}")


async def test_a_template_that_the_panel_does_not_have_is_refused(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    writes = len(harness.panel.writes())
    assert "has no OS template 'Windows-95'" in await one_line(ask(harness, service_id, os_template="Windows-95"))
    await is_untouched(harness, service_id, server_id, writes)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"location_id": 77}, "is tied to other locations"),
        ({"admin_only": True}, "is for administrators only"),
        ({"kind": "diagnostics"}, "is for diagnostics"),
        ({"efi": False}, "does not support EFI"),
    ],
)
async def test_a_template_that_is_not_for_this_server_or_this_asker_is_refused(
    harness: Harness, change: dict[str, Any], line: str
) -> None:
    service_id, server_id = await in_use(harness)
    harness.panel.server(server_id).efi = True
    change_templates(harness, UBUNTU, **change)
    writes = len(harness.panel.writes())
    assert line in await one_line(ask(harness, service_id))
    await is_untouched(harness, service_id, server_id, writes)


async def test_staff_may_use_a_template_for_administrators(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    change_templates(harness, UBUNTU, admin_only=True)
    await ask(harness, service_id, requested_by="admin")
    assert disk(harness, server_id).startswith(f"os {UBUNTU}")


async def test_whmcs_shows_the_user_of_the_new_os(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    assert harness.billed(service_id).username == "root"
    await ask(harness, service_id, requested_by="admin", os_template="Windows-Server-2022")
    assert disk(harness, server_id).startswith("os Windows")
    assert harness.billed(service_id).username == "Administrator"


@pytest.mark.parametrize("status", ["Suspended", "Terminated", "Cancelled", "Fraud", "Pending", "Odd"])
async def test_a_service_that_whmcs_does_not_have_as_active_is_left_alone(harness: Harness, status: str) -> None:
    service_id, server_id = await in_use(harness)
    harness.billed(service_id).status = status
    writes = len(harness.panel.writes())
    assert f"is {status} in WHMCS by now" in await one_line(ask(harness, service_id))
    await is_untouched(harness, service_id, server_id, writes)


async def test_a_service_that_is_ended_while_the_panel_answers_is_left_alone(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    writes = len(harness.panel.writes())
    harness.faults.admin_acts_before(
        "os_template_list", 3, lambda: setattr(harness.billed(service_id), "status", "Cancelled")
    )
    assert "is Cancelled in WHMCS by now" in await one_line(ask(harness, service_id))
    await is_untouched(harness, service_id, server_id, writes)


async def test_another_clients_service_is_left_alone(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    writes = len(harness.panel.writes())
    stranger = ServiceIdentity(installation="whmcs", client_id=999)
    assert "names another client" in await one_line(ask(harness, service_id, identity=stranger))
    await is_untouched(harness, service_id, server_id, writes)
    assert "name whose service it is" in await one_line(ask(harness, service_id, identity=None))


async def test_a_number_that_whmcs_gave_out_again_is_held(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    other = harness.whmcs.add_client("bob@example.com", "Bob", "Liepa")
    harness.whmcs.give_out_again(service_id, other.id, harness.product.id, HOST)
    await one_line(ask(harness, service_id, identity=ServiceIdentity(installation="whmcs", client_id=other.id)))
    await is_held(harness, service_id, "client-changed")
    assert PHOTOGRAPHS in disk(harness, server_id)


async def test_a_server_that_was_given_to_somebody_else_by_hand_is_held(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    harness.panel.admin.set_owner(server_id, "admin@example.com")
    await one_line(ask(harness, service_id))
    await is_held(harness, service_id, "owner-changed")
    assert PHOTOGRAPHS in disk(harness, server_id)


async def test_a_machine_that_has_changed_a_little_is_not_installed_over(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    harness.panel.server(server_id).serial = "ANOTHER01"
    await one_line(ask(harness, service_id))
    await is_held(harness, service_id, "hardware-changed")
    assert PHOTOGRAPHS in disk(harness, server_id)
