import json

import pytest
from pydantic import ValidationError

from dcimanager.addresses import Address, IpPool, Network
from dcimanager.endpoints import load_dialect
from dcimanager.errors import PanelNotFound, PanelRefused, UnexpectedPanelResponse


@pytest.mark.parametrize("key", ["name", "ip_addr", "ip"])
def test_an_address_is_read_in_each_spelling(key):
    read = Address.model_validate({"id": "55", key: "192.0.2.55", "gateway": "192.0.2.1", "status": "allocated"})
    assert (read.id, read.address, read.gateway, read.family) == (55, "192.0.2.55", "192.0.2.1", "ipv4")
    assert Address.model_validate(read.model_dump()) == read


@pytest.mark.parametrize(
    ("told", "family"),
    [
        ({"family": 6}, "ipv6"),
        ({"family": "IPv4"}, "ipv4"),
        ({"name": "2001:db8::1"}, "ipv6"),
        ({"family": None}, "ipv4"),
    ],
)
def test_the_family_is_told_or_seen(told, family):
    assert Address.model_validate({"id": 1, "name": "192.0.2.1", **told}).family == family


@pytest.mark.parametrize(
    ("told", "pool_id"),
    [
        ({"pool": 3}, 3),
        ({"ippool": {"id": "3", "name": "x"}}, 3),
        ({"pool_id": "3"}, 3),
        ({}, None),
        ({"pool": {}}, None),
    ],
)
def test_the_pool_of_an_address_is_read_in_each_form(told, pool_id):
    assert Address.model_validate({"id": 1, "name": "192.0.2.1", **told}).pool_id == pool_id


@pytest.mark.parametrize(
    ("status", "ready"),
    [
        ("allocated", True),
        ("Active", True),
        ("", True),
        (None, True),
        ("never seen", True),
        ("allocating", False),
        ("ALLOCATING", False),
        ("releasing", False),
        ("deallocating", False),
        ("releasing soon", False),
        ("used", True),
    ],
)
def test_an_address_is_ready_unless_it_comes_or_goes(status, ready):
    assert Address.model_validate({"id": 1, "name": "192.0.2.1", "status": status}).ready is ready


def test_an_address_without_an_address_is_not_one():
    with pytest.raises(ValidationError):
        Address.model_validate({"id": 1, "name": "", "status": "allocated"})


@pytest.mark.parametrize(
    ("told", "free"),
    [
        ({"total_ip": "254", "using_ip": "4"}, 250),
        ({"ipv4": {"total": 10, "used": 10}}, 0),
        ({"ipv4": {"total": "10", "used": 3}, "ipv6": {"total": 99, "used": 0}}, 7),
        ({"total": 5, "used": 7}, 0),
        ({"total": 5.0, "used": 1.0}, 4),
        ({"total": "many", "used": 1}, None),
        ({"total": 5}, None),
        ({"ipv4": None}, None),
        ({"ipv4": {}}, None),
        ({}, None),
    ],
)
def test_what_is_free_in_a_pool_is_counted_in_each_form(told, free):
    assert IpPool.model_validate({"id": 3, "name": "public", **told}).free == free


async def test_the_addresses_of_a_server_are_listed(wire, panel):
    wire.on("GET", "dci/v3/server/7/ip", {"list": [{"id": 55, "ip_addr": "192.0.2.55"}], "size": 1})
    assert [address.address for address in await panel.addresses.of_server(7)] == ["192.0.2.55"]


async def test_an_address_is_asked_for_from_a_pool(wire, panel, sent):
    adding = wire.on("POST", "dci/v3/server/7/ip", {"id": 55})
    await panel.addresses.add(7, pool_id=3, count=2)
    assert sent(adding) == {"pool": 3, "family": "ipv4", "count": 2}


@pytest.mark.parametrize("count", [0, -1])
async def test_no_address_is_not_asked_for(wire, panel, count):
    with pytest.raises(ValueError, match="ask for one or more"):
        await panel.addresses.add(7, pool_id=3, count=count)
    assert wire.calls == []


async def test_an_ipv6_address_is_asked_for_by_an_entry_of_its_own(wire, panel):
    given = wire.on("POST", "dci/v3/server/7/ip", {})
    await panel.addresses.add(7, pool_id=3, count=2, family="ipv6")
    assert json.loads(given.calls.last.request.content) == {"pool": 3, "family": "ipv6", "count": 2}


async def test_an_exhausted_pool_is_a_refusal(wire, panel, refusal):
    wire.on("POST", "dci/v3/server/7/ip", refusal(400, 6, "No free addresses"))
    with pytest.raises(PanelRefused, match="No free addresses"):
        await panel.addresses.add(7, pool_id=3, count=1)


async def test_an_address_is_removed(wire, panel):
    removal = wire.on("DELETE", "dci/v3/server/7/ip/55", {})
    await panel.addresses.remove(7, 55)
    assert removal.call_count == 1


@pytest.mark.parametrize(("name", "sent"), [("web1.example.com", "web1.example.com"), (None, "")])
async def test_a_reverse_name_is_set_and_taken_away(wire, panel, name, sent):
    change = wire.on("POST", "dci/v3/ip/55", {})
    await panel.addresses.set_ptr(55, name)
    assert json.loads(change.calls.last.request.content) == {"domain": sent}


async def test_an_address_that_is_gone_is_not_found(wire, panel, refusal):
    wire.on("DELETE", "dci/v3/server/7/ip/55", refusal(404, 3080))
    with pytest.raises(PanelNotFound):
        await panel.addresses.remove(7, 55)


async def test_a_word_for_an_address_means_what_the_sites_own_table_says(wire, make_panel, tmp_path):
    file = tmp_path / "corrections.toml"
    file.write_text('[words.address.reserved]\nmeans = "changing"\n')
    wire.on("GET", "dci/v3/server/7/ip", {"list": [{"id": 55, "name": "192.0.2.55", "status": "Reserved"}], "size": 1})
    [address] = await make_panel(dialect=load_dialect(file)).addresses.of_server(7)
    assert (address.ready, address.status) == (False, "Reserved")


async def test_networks_are_listed_with_whether_they_give_addresses(wire, panel):
    rows = [
        {"id": "5", "name": "192.0.2.0/24", "ippool": {"id": 3}, "status": "Active"},
        {"id": 6, "name": "198.51.100.0/24", "pool": 3, "status": "container"},
        {"id": 7, "name": "203.0.113.0/24", "status": "sleepy"},
        {"id": 8},
    ]
    wire.on("GET", "ip/v3/ipnet", {"list": rows})
    networks = await panel.addresses.networks()
    assert [network.gives_addresses for network in networks] == [True, False, None, None]
    assert networks[0] == Network(id=5, name="192.0.2.0/24", pool_id=3, kind="Active")
    assert [network.kind for network in networks] == ["Active", "container", "sleepy", None]


async def test_pools_are_listed(wire, panel):
    wire.on("GET", "ip/v3/ippool", {"list": [{"id": "3", "name": "public", "ipv4": {"total": 4, "used": 1}}]})
    assert await panel.addresses.pools() == [IpPool(id=3, name="public", free=3)]


@pytest.mark.parametrize(
    ("told", "ids"), [([3, "4"], [3, 4]), ([{"id": 3, "name": "diag"}], [3]), ([], []), (None, []), (3, [3])]
)
async def test_the_pools_for_deallocation_are_read_in_each_form(wire, panel, told, ids):
    wire.on("GET", "dci/v3/ipmgr/settings", {"deallocation_pools": told})
    assert await panel.addresses.deallocation_pools() == ids


@pytest.mark.parametrize("settings", [{}, [], {"deallocation_pools": ["diag"]}, {"deallocation_pools": [{}]}])
async def test_settings_that_do_not_tell_the_pools_are_a_surprise(wire, panel, settings):
    wire.on("GET", "dci/v3/ipmgr/settings", settings)
    with pytest.raises(UnexpectedPanelResponse, match="do not tell the pools for deallocation"):
        await panel.addresses.deallocation_pools()
