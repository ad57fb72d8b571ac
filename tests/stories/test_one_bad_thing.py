"""One bad thing stops only itself (safety rule 18): odd rows, needs that a server cannot meet, what a panel refuses."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from flows.activate import activate
from ledger.states import State
from runtime.errors import StepRefused
from simulator.panel.errors import invalid
from simulator.panel.profile import XEON
from tasks.panel_survey import survey_panel
from tasks.published.catalogue import read_catalogue
from tasks.reconciliation.differences import Drift, Repair
from tests.harness import PANEL, Harness
from tests.stories.scenario import activated, one_line, promised, written
from tests.tasks.reconciliation.scenario import look, reconcile_once

Spoil = Callable[[dict[str, Any]], object]

ODD: dict[str, Spoil] = {
    "a cable without a switch": lambda row: row["switch_connection"][0].update(switch=None),
    "is_new 2": lambda row: row.update(is_new=2),
    "an operation without id": lambda row: row.update(operation={"status": "finished", "type": "os_install"}),
    "no owner key": lambda row: row.pop("owner_email"),
}


def spoil(harness: Harness, server_id: int, how: str = "is_new 2") -> None:
    """From now on the panel shows that server in a row that cannot be read."""
    harness.panel.world.odd_rows[server_id] = ODD[how]


@pytest.mark.parametrize("how", ODD)
async def test_an_odd_row_refuses_no_order_and_is_never_free(harness: Harness, how: str) -> None:
    spoil(harness, 1, how)
    for _ in range(5):
        _, server = await activated(harness)
        assert server.id != 1
    line = await one_line(harness.run(activate, harness.buy(), order=harness.order()))
    assert "Of 6 servers: 5 " in line
    assert "1 whose row cannot be read (server 1: " in line


async def test_the_stock_leaves_an_odd_row_out_and_counts_all_others(harness: Harness) -> None:
    before = {offered.name: offered.total for offered in (await read_catalogue(PANEL)).configurations}
    spoil(harness, 1)
    after = {offered.name: offered.total for offered in (await read_catalogue(PANEL)).configurations}
    assert after == {**before, XEON: (before[XEON] or 0) - 1}


@pytest.mark.parametrize("how", ODD)
async def test_a_claimed_server_whose_row_is_odd_is_there_and_nothing_is_concluded_of_it(
    harness: Harness, how: str
) -> None:
    service_id, server = await activated(harness)
    other, cut_off = await activated(harness)
    harness.panel.admin.switch_port(cut_off.id, "down")
    spoil(harness, server.id, how)
    found = {one.service_id: one for one in (await look(harness)).differences}
    assert (found[service_id].drift, found[service_id].repair) == (Drift.ODD_ROW, Repair.NONE)
    assert found[service_id].server_id == server.id
    assert f"server {server.id}: " in found[service_id].what
    before = len(harness.panel.writes())
    await reconcile_once(harness)
    assert written(harness, before) == ["port_on"]
    assert all(port.admin_up for port in cut_off.network_ports)
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert (await harness.service(other)).state is State.ACTIVE


async def test_an_odd_row_of_a_free_server_is_a_difference_and_counts_as_a_row(harness: Harness) -> None:
    await activated(harness)
    spoil(harness, 11)
    found = await look(harness)
    assert [(one.drift, one.server_id, one.repair) for one in found.differences] == [(Drift.ODD_ROW, 11, Repair.NONE)]
    assert found.list_lengths["servers"] == 12


async def test_a_row_without_an_id_may_be_any_server_that_is_missed(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.panel.world.odd_rows[server.id] = lambda row: row.pop("id")
    drifts = {(one.service_id, one.drift) for one in (await look(harness)).differences}
    assert drifts == {(service_id, Drift.ODD_ROW), (None, Drift.ODD_ROW)}


@pytest.mark.parametrize("spoiled", [{"status": ""}, {"clientid": 0}], ids=["status empty", "client 0"])
async def test_an_odd_row_of_whmcs_is_neither_ended_nor_absent(harness: Harness, spoiled: dict[str, Any]) -> None:
    service_id, server = await activated(harness)
    other, cut_off = await activated(harness)
    harness.panel.admin.switch_port(cut_off.id, "down")
    shown = harness.whmcs._shown

    def odd(service: Any) -> dict[str, Any]:
        return {**shown(service), **(spoiled if service.id == service_id else {})}

    harness.whmcs._shown = odd  # type: ignore[method-assign]
    found = {one.service_id: one for one in (await look(harness)).differences}
    assert (found[service_id].drift, found[service_id].repair) == (Drift.ODD_ROW, Repair.NONE)
    assert "in WHMCS its row cannot be read" in found[service_id].what
    before = len(harness.panel.writes())
    await reconcile_once(harness)
    assert written(harness, before) == ["port_on"]
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert set(await promised(harness)) == {server.id, cut_off.id}
    assert (await harness.service(other)).state is State.ACTIVE


async def test_a_service_whose_owners_row_is_odd_is_not_held_for_another_owner(harness: Harness) -> None:
    service_id, _ = await activated(harness)
    claim = (await harness.service(service_id)).claim
    assert claim is not None and claim.owner_id is not None
    user = harness.panel.serializers.user

    def odd(one: Any, count: int) -> dict[str, Any]:
        shown = user(one, count)
        if one.id == claim.owner_id:
            del shown["roles"]
        return shown

    harness.panel.serializers.user = odd  # type: ignore[method-assign]
    found = {one.service_id: one for one in (await look(harness)).differences}
    assert (found[service_id].drift, found[service_id].repair) == (Drift.ODD_ROW, Repair.NONE)
    await reconcile_once(harness)
    assert (await harness.service(service_id)).state is State.ACTIVE


async def test_a_panel_of_which_no_row_can_be_read_is_not_compared(harness: Harness) -> None:
    await activated(harness)
    for server_id in harness.panel.servers:
        spoil(harness, server_id)
    with pytest.raises(StepRefused, match="lists no readable server"):
        await look(harness)


async def test_the_survey_names_an_odd_row(harness: Harness) -> None:
    spoil(harness, 1)
    found = await survey_panel(PANEL)
    assert found.why_not["that could not be read"] == 1
    assert found.servers == 12


def keep_template_in(harness: Harness, place: int, name: str = "Debian-12-x86_64") -> None:
    """Leave the template in one location only."""
    templates = harness.panel.world.templates
    for number in [one.id for one in templates.values() if one.name == name and one.location_id != place]:
        del templates[number]


async def test_an_order_whose_template_is_in_one_location_only_gets_a_server_there(harness: Harness) -> None:
    place = harness.panel.server(1).location_id
    keep_template_in(harness, place)
    for _ in range(sum(one.configuration == XEON and one.location_id == place for one in servers(harness))):
        _, server = await activated(harness)
        assert server.location_id == place
    before = len(harness.panel.writes())
    line = await one_line(harness.run(activate, harness.buy(), order=harness.order()))
    assert "in a location without the OS template" in line
    assert harness.panel.writes()[before:] == []


def servers(harness: Harness) -> list[Any]:
    return list(harness.panel.servers.values())


async def test_a_pool_with_too_few_addresses_is_told_before_a_server_is_claimed(harness: Harness) -> None:
    service_id = harness.buy()
    line = await one_line(harness.run(activate, service_id, order=harness.order(ipv4_count=5000)))
    assert "6 for which the IP pool has too few free addresses (5000 are ordered)" in line
    assert (await harness.service(service_id)).claim is None
    assert harness.panel.writes() == []


async def test_a_template_without_efi_is_not_ordered_for_a_server_that_boots_by_efi(harness: Harness) -> None:
    for server in servers(harness):
        server.efi = server.id != 2
    templates = harness.panel.world.templates
    templates.update({number: replace(one, efi=False) for number, one in templates.items()})
    assert (await activated(harness))[1].id == 2
    line = await one_line(harness.run(activate, harness.buy(), order=harness.order()))
    assert "5 that boots by EFI, which the OS template does not support" in line


async def test_what_the_panel_does_not_tell_keeps_no_client_from_a_server(harness: Harness) -> None:
    for server in servers(harness):
        harness.panel.world.odd_rows[server.id] = lambda row: row.update(settings=None)
    templates = harness.panel.world.templates
    templates.update({number: replace(one, efi=False) for number, one in templates.items()})
    assert (await activated(harness))[1].configuration == XEON


async def test_a_host_name_that_the_panel_refuses_is_left_out(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    start = harness.panel.operations.start_install

    def refuse(server: Any, template: Any, hostname: str | None = None, *more: Any) -> Any:
        if hostname is not None:
            raise invalid("hostname", "not resolvable")
        return start(server, template, hostname, *more)

    harness.panel.operations.start_install = refuse  # type: ignore[method-assign]
    await activated(harness, hostname="web1.example.com")
    assert "is installed without the host name 'web1.example.com', which the panel refused" in caplog.text


async def test_a_telephone_number_that_the_panel_refuses_is_left_out(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.client.phone = "+371 20000000"
    create = harness.panel.users.create

    def refuse(email: str, **more: Any) -> Any:
        if more.get("phone"):
            raise invalid("phone_number", "wrong format")
        return create(email, **more)

    harness.panel.users.create = refuse  # type: ignore[method-assign]
    await activated(harness)
    assert "is made without the telephone number, which it refused" in caplog.text
