from copy import deepcopy
from typing import Any

import pytest

from dcimanager.errors import UnexpectedPanelResponse
from dcimanager.listing import OddRow, named_rows
from tests.dcimanager.test_server_row import ROW, listing


def other(number: int, **changes: Any) -> dict[str, Any]:
    return {**deepcopy(ROW), "id": number, **changes}


def without(number: int, key: str) -> dict[str, Any]:
    return {name: value for name, value in other(number).items() if name != key}


CABLE = {"id": 77, "switch": None, "admin_status": "up", "is_ipmi_connection": False}


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        (other(17, switch_connection=[CABLE]), "connections.0.switch_id"),
        (other(17, is_new=2), "is_new"),
        (other(17, operation={"status": "finished", "type": "os_install"}), "operation.id"),
        (without(17, "owner_email"), "does not tell whose server 17 is"),
    ],
    ids=["a cable without a switch", "is_new 2", "an operation without id", "no owner key"],
)
async def test_a_server_whose_row_is_odd_is_named_and_every_other_one_is_listed(wire, panel, odd, why):
    wire.on("GET", "dci/v3/server", listing(ROW, odd, other(138)))
    listed = await panel.servers.all()
    assert [server.id for server in listed] == [136, 138]
    assert [(row.id, row.place) for row in listed.odd] == [(17, 2)]
    assert why in listed.odd[0].why


async def test_a_server_that_is_asked_for_alone_is_read_as_strictly_as_ever(wire, panel):
    wire.on("GET", "dci/v3/server", listing(other(17, is_new=2)))
    with pytest.raises(UnexpectedPanelResponse, match="is_new"):
        await panel.servers.get(17)


async def test_a_row_without_an_id_is_named_by_its_place(wire, panel):
    wire.on("GET", "dci/v3/server", listing(ROW, without(0, "id"), "nonsense"))
    listed = await panel.servers.all()
    assert [server.id for server in listed] == [136]
    assert [(row.id, row.place) for row in listed.odd] == [(None, 2), (None, 3)]
    assert named_rows(listed.odd, "server").startswith("row 2 of the list: The panel's Server is not as we know it (id")
    assert named_rows(listed.odd, "server").endswith("row 3 of the list: it is no object")


async def test_two_servers_with_one_id_are_odd_both_of_them(wire, panel):
    listed_ = wire.on("GET", "dci/v3/server", listing(other(7), other(7, owner_email=None), ROW))
    listed = await panel.servers.all()
    assert [server.id for server in listed] == [136]
    assert [(row.id, row.why) for row in listed.odd] == [(7, "its id comes twice in the list")] * 2
    assert listed_.call_count == 2  # a list that moved while it was read heals by itself
    assert list(await panel.servers.among([7, 136])) == [136]
    with pytest.raises(UnexpectedPanelResponse, match="two servers with the id 7"):
        await panel.servers.get(7)


async def test_two_servers_with_one_id_on_two_pages_are_odd_and_stop_no_other(wire, panel):
    pages = [{"list": [{"id": 1}, {"id": 2}], "size": 4}, {"list": [{"id": 2}, {"id": 3}], "size": 4}]
    wire.on("GET", "dci/v3/server", *pages, *pages)
    assert len(await panel.transport.read_rows("server_list", page=2)) == 4


async def test_two_users_with_one_id_are_nobody(wire, panel):
    user = {"id": 25, "email": "anna@example.com", "roles": "[@user]"}
    wire.on("GET", "dci/v3/user", listing(user, {**user, "roles": "[@admin]"}))
    assert [row.id for row in (await panel.users.all()).odd] == [25, 25]
    for looked in (panel.users.get(25), panel.users.find("anna@example.com")):
        with pytest.raises(UnexpectedPanelResponse, match="two users with the id 25"):
            await looked


async def test_odd_users_pools_locations_and_configurations_hide_no_others(wire, panel):
    wire.on("GET", "dci/v3/user", listing({"id": 1, "email": "x"}, {"id": 2, "email": "y", "roles": ["@user"]}))
    wire.on("GET", "dci/v3/location", listing({"id": 3, "name": "Riga"}, {"name": "Narva"}))
    users, places = await panel.users.all(), await panel.locations.all()
    assert ([user.id for user in users], [row.id for row in users.odd]) == ([2], [1])
    assert ([place.id for place in places], [row.place for row in places.odd]) == ([3], [2])


async def test_an_address_that_cannot_be_read_is_never_left_out_of_its_server(wire, panel):
    rows = listing({"id": 1, "name": "192.0.2.1", "ippool": 1}, {"id": 2, "name": "", "ippool": 1})
    wire.on("GET", None, rows, path__regex=r".*/server/7/ip.*")
    with pytest.raises(UnexpectedPanelResponse, match="An address of server 7 cannot be read"):
        await panel.addresses.of_server(7)


def test_a_line_names_a_few_odd_rows_and_counts_the_others():
    rows = [OddRow(number, number, "odd") for number in range(1, 6)]
    assert named_rows(rows, "server") == "server 1: odd; server 2: odd; server 3: odd; and 2 more"
