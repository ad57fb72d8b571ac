"""Which OS templates an order allows its client to install later, and who is held to it."""

from flows.change_order import change_order
from ledger.states import State
from tests.harness import Harness
from tests.stories.anew import HOST, PHOTOGRAPHS, UBUNTU, ask, disk, is_untouched, permit_of
from tests.stories.scenario import activated, one_line

DEBIAN = "Debian-12-x86_64"


async def in_use(harness: Harness, *allowed: str) -> tuple[int, int]:
    """A service whose order allows these, and whose client has written data to its server."""
    service_id, server = await activated(harness, hostname=HOST, reinstall_templates=allowed)
    harness.panel.write_tenant_data(server.id, PHOTOGRAPHS)
    return service_id, server.id


async def test_a_client_gets_what_the_order_allows_however_it_is_encoded(harness: Harness) -> None:
    service_id, server_id = await in_use(harness, DEBIAN, " Ubuntu&#45;24.04-x86_64 ")
    await ask(harness, service_id)
    assert disk(harness, server_id).startswith(f"os {UBUNTU}")
    service = await harness.service(service_id)
    assert service.order is not None
    assert service.order.os_template == UBUNTU
    assert service.order.reinstall_templates is not None, "the list stays when the template changes"


async def test_what_the_order_does_not_allow_is_refused_before_anything_is_touched(harness: Harness) -> None:
    service_id, server_id = await in_use(harness, DEBIAN, "Alma-9")
    password, writes = harness.billed(service_id).password, len(harness.panel.writes())
    line = await one_line(ask(harness, service_id))
    assert f"'{UBUNTU}' is none of those that clients may install on server {server_id} ({DEBIAN}, Alma-9)" in line
    assert "press Change Package" in line
    await is_untouched(harness, service_id, server_id, writes)
    assert await permit_of(harness, service_id) is None
    assert harness.billed(service_id).password == password


async def test_an_empty_list_allows_a_client_none(harness: Harness) -> None:
    service_id, server_id = await in_use(harness)
    writes = len(harness.panel.writes())
    assert "(none)" in await one_line(ask(harness, service_id, os_template=DEBIAN))
    await is_untouched(harness, service_id, server_id, writes)


async def test_staff_may_install_any(harness: Harness) -> None:
    service_id, server_id = await in_use(harness, DEBIAN)
    await ask(harness, service_id, requested_by="admin")
    assert disk(harness, server_id).startswith(f"os {UBUNTU}")


async def test_a_client_does_not_go_on_with_what_staff_alone_may_install(harness: Harness) -> None:
    service_id, server_id = await in_use(harness, DEBIAN)
    harness.panel.hang_next("os_install")
    await one_line(ask(harness, service_id, requested_by="admin"))
    assert (await harness.service(service_id)).state is State.INSTALLING
    harness.clock.simulated.advance(600)
    assert "is none of those" in await one_line(ask(harness, service_id, os_template=None))
    harness.clock.simulated.advance(600)
    await ask(harness, service_id, os_template=DEBIAN)
    assert disk(harness, server_id).startswith(f"os {DEBIAN}")


async def test_a_changed_list_counts_once_the_order_was_taken_over(harness: Harness) -> None:
    service_id, server_id = await in_use(harness, DEBIAN)
    order = harness.order(hostname=HOST, reinstall_templates=(DEBIAN, UBUNTU))
    await harness.run(change_order, service_id, order=order, requested_by="admin")
    await ask(harness, service_id)
    assert disk(harness, server_id).startswith(f"os {UBUNTU}")
