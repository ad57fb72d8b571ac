from typing import Any, get_args

import pytest

from dcimanager.endpoints import load_dialect
from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger.states import State
from simulator.panel.variants import Variants
from tasks.panel_check import examine
from tests.conftest import HarnessMaker
from tests.harness import PANEL, QUICK, Harness
from tests.stories.scenario import only_fit, promised, sent

SPOKEN: dict[str, dict[str, Any]] = {
    "users and sessions": {"roles": "array", "login_status": 200, "strict_carriers": True},
    "addresses": {"address_key": "ip_addr", "by_id_has_addresses": False, "pool_counts": "strings"},
    "lists": {"size_in_lists": False, "empty_configurations": True, "new_servers": True, "rack": "null"},
    "short pages": {"default_limit": 1, "swagger": "absent"},
    "operations in objects": {"operation_answer": "object", "operation_key": "name", "task": "string"},
    "operations without answers": {"operation_answer": "absent", "operation_key": "kind", "task": "absent"},
    "operations without kinds": {"operation_key": "absent", "diagnostics_killed_as": "canceled"},
    "operations that say nothing": {"operation_key": "absent", "operation_answer": "absent", "case": "title"},
    "power in arrays": {"pdu_connection": "array", "case": "upper"},
    "power without a PDU": {"pdu_connection": "null", "case": "title", "install_needs_address": False},
    "another Swagger": {"swagger": "differs", "swagger_differs": frozenset(load_dialect().endpoints)},
    "a session that dies by its code": {"dead_session": "1000 with 200"},
    "a session that dies by its code and 400": {"dead_session": "1000 with 400", "words": "others"},
    "words that nobody knows for what runs": {"unknown_words": frozenset({"queued", "in_progress"})},
    "servers that nobody should get": {"unsellable_servers": True},
    "no numbers, no keys, no names": {
        "statistics": "absent",
        "login_keys": "absent",
        "reverse_names": "absent",
        "host_names": "absent",
    },
    "points, keys for ever, names ignored": {
        "statistics": "points",
        "login_keys": "many",
        "reverse_names": "ignored",
        "host_names": "ignored",
    },
    "pools with IPv6": {"ipv6_pools": True},
    "no rescue system, no SSH keys": {"rescue": "absent", "ssh_keys": "absent"},
    "a rescue system that is not shown": {"rescue": "untold"},
    "a check when the owner goes": {"release_diagnostics": "check"},
    "a wipe when the owner goes": {"release_diagnostics": "clear"},
    "a check that does not say what it is": {"release_diagnostics": "check", "operation_key": "absent"},
}
"""Every value of every switch that is not its default, in panels that might be."""

STALE_AND_CUT_OFF = 6
"""A server with an old address, its ports down and its power off: nothing of an activation can be left out."""


@pytest.mark.parametrize("spoken", SPOKEN.values(), ids=SPOKEN)
async def test_a_service_lives_its_life_on_every_kind_of_panel(
    make_harness: HarnessMaker, spoken: dict[str, Any]
) -> None:
    harness: Harness = make_harness(QUICK, Variants(**spoken))
    server = only_fit(harness, STALE_AND_CUT_OFF)
    service_id = harness.buy()

    await harness.run(activate, service_id, order=harness.order(ipv4_count=2))
    assert len(server.addresses) == 2
    assert all(port.admin_up for port in server.network_ports)
    assert harness.billed(service_id).assigned_ips.split() == [address.address for address in server.addresses]
    harness.panel.write_tenant_data(server.id, "the client's photographs")

    harness.panel.sessions.expire_all()
    await harness.run(suspend, service_id)
    assert not any(port.admin_up for port in server.network_ports)
    await harness.run(unsuspend, service_id)
    assert all(port.admin_up for port in server.network_ports)

    await harness.run(terminate, service_id)
    assert (await harness.service(service_id)).state is State.RELEASED
    assert server.disk.is_clear
    assert server.addresses == []
    assert await promised(harness) == {}
    assert [call.body for call in sent(harness, "diagnostics")] == [{"clear_disks": True}]
    assert harness.panel.incidents == []


def test_no_value_of_a_switch_is_left_out() -> None:
    spoken = {(switch, value) for panel in SPOKEN.values() for switch, value in panel.items()}
    assert {switch for switch, _ in spoken} == set(Variants.model_fields)
    for switch, field in Variants.model_fields.items():
        others = {value for value in get_args(field.annotation) if value != field.default}
        assert {(switch, value) for value in others if isinstance(value, str | int)} <= spoken


@pytest.mark.parametrize("swagger", ["served", "absent", "differs"])
async def test_a_panel_is_checked_whatever_it_says_of_itself(make_harness: HarnessMaker, swagger: Any) -> None:
    harness: Harness = make_harness(QUICK, Variants(swagger=swagger, swagger_differs=frozenset({"owner_set"})))
    panel = harness.connect().panels[PANEL]
    report = await examine(panel)
    assert report.ready_for_orders
    assert report.ready_for_deletions
    assert harness.panel.writes() == []
