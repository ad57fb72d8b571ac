from urllib.parse import parse_qs

import httpx
import pytest
from pydantic import SecretStr

from dcimanager.endpoints import DialectError
from dcimanager.errors import PanelNotFound, PanelRefused, UnexpectedPanelResponse, WrongCredentials
from dcimanager.words import WordKind

ROW = {"id": 136, "name": "srv-136", "owner_email": None}


def listing(*rows):
    return {"list": list(rows), "size": len(rows)}


def query_of(route):
    return parse_qs(route.calls.last.request.url.query.decode())


async def test_a_server_is_read_as_a_filtered_list(wire, panel):
    listed = wire.on("GET", "dci/v3/server", listing(ROW))
    assert (await panel.servers.get(136)).id == 136
    assert parse_qs(listed.calls.last.request.url.query.decode())["where"] == ["id EQ 136"]


async def test_a_server_that_the_filter_does_not_find_is_read_by_its_id(wire, panel):
    wire.on("GET", "dci/v3/server", listing())
    wire.on("GET", "dci/v3/server/136", ROW)
    assert (await panel.servers.get(136)).id == 136


async def test_a_panel_that_refuses_the_filter_is_asked_by_id(wire, panel, refusal):
    wire.on("GET", "dci/v3/server", refusal(400))
    wire.on("GET", "dci/v3/server/136", ROW)
    assert (await panel.servers.get(136)).id == 136


async def test_a_panel_that_ignores_the_filter_does_not_pass_another_server_off(wire, panel):
    wire.on("GET", "dci/v3/server", listing({**ROW, "id": 1}, {**ROW, "id": 2}))
    wire.on("GET", "dci/v3/server/136", {**ROW, "id": 1})
    with pytest.raises(UnexpectedPanelResponse, match="asked for server 136 and gave something else"):
        await panel.servers.get(136)


async def test_a_server_that_is_not_there_is_not_found(wire, panel, refusal):
    wire.on("GET", "dci/v3/server", listing())
    wire.on("GET", "dci/v3/server/136", refusal(404, 3080, "Instance not found"))
    with pytest.raises(PanelNotFound, match="panel main has no server 136"):
        await panel.servers.get(136)


async def test_some_servers_are_read_by_one_filtered_list(wire, panel):
    listed = wire.on("GET", "dci/v3/server", listing(ROW, {**ROW, "id": 137}, {**ROW, "id": 138}))
    found = await panel.servers.among([138, 136, 139])
    assert {number: server.id for number, server in found.items()} == {136: 136, 138: 138}
    assert query_of(listed)["where"] == ["(id EQ 136) OR (id EQ 138) OR (id EQ 139)"]
    assert listed.call_count == 1


async def test_of_no_servers_nothing_is_asked(wire, panel):
    assert await panel.servers.among([]) == {}
    assert wire.calls == []


async def test_the_address_of_a_filtered_list_stays_short_and_more_servers_are_listed_plainly(wire, panel):
    listed = wire.on("GET", "dci/v3/server", listing())
    await panel.servers.among(range(1_000_000, 1_000_050))
    assert "where" in query_of(listed)
    assert len(str(listed.calls.last.request.url)) < 2000
    await panel.servers.among(range(1_000_000, 1_000_051))
    assert "where" not in query_of(listed)


async def test_a_panel_that_refuses_the_filter_of_several_is_asked_for_its_whole_list(wire, panel, refusal):
    wire.on("GET", "dci/v3/server", refusal(400), listing({**ROW, "id": 135}, ROW))
    assert list(await panel.servers.among([136, 137])) == [136]


async def test_a_panel_that_refuses_its_whole_list_too_has_refused(wire, panel, refusal):
    listed = wire.on("GET", "dci/v3/server", refusal(400))
    with pytest.raises(PanelRefused):
        await panel.servers.among([136])
    assert listed.call_count == 2


async def test_wrong_credentials_are_told_at_once_when_servers_are_read(wire, panel, refusal):
    wire.login.mock(side_effect=None, return_value=refusal(401))
    with pytest.raises(WrongCredentials):
        await panel.servers.among([136])
    assert wire.login.call_count == 1


async def test_a_row_that_does_not_fit_counts_as_missing_among_several(wire, panel):
    wire.on("GET", "dci/v3/server", listing({"id": 135}, ROW))
    assert list(await panel.servers.among([135, 136])) == [136]


async def test_wrong_credentials_are_told_at_once_when_a_server_is_read(wire, panel, refusal):
    wire.login.mock(side_effect=None, return_value=refusal(401))
    with pytest.raises(WrongCredentials):
        await panel.servers.get(136)
    assert wire.login.call_count == 1


async def test_free_servers_are_counted_by_configuration(wire, panel):
    rows = [{"configuration": "A", "free_server_count": 42}, {"configuration": "", "free_server_count": "1"}]
    counting = wire.on("GET", "dci/v3/server/configuration", {"list": rows})
    stock = await panel.servers.configurations()
    assert [(free.configuration, free.free_server_count) for free in stock] == [("A", 42), (None, 1)]
    assert "orderby" not in counting.calls.last.request.url.query.decode()


async def test_a_negative_number_of_free_servers_is_odd(wire, panel):
    wire.on("GET", "dci/v3/server/configuration", {"list": [{"configuration": "A", "free_server_count": -1}]})
    counted = await panel.servers.configurations()
    assert (list(counted), len(counted.odd)) == ([], 1)


async def test_an_owner_is_set_and_cleared(wire, panel, sent):
    owner = wire.on("POST", "dci/v3/server/136/owner", {"id": 136})
    await panel.servers.set_owner(136, 25)
    assert sent(owner) == {"owner": 25}
    await panel.servers.clear_owner(136)
    assert sent(owner) == {"owner": None}


async def test_power_is_switched_on_and_off(wire, panel):
    on = wire.on("POST", "dci/v3/server/136/power_on", {"id": 136})
    await panel.servers.power_on(136)
    assert on.calls.last.request.content == b"{}"
    off = wire.on("POST", "dci/v3/server/136/power_off", {"id": 136})
    await panel.servers.power_off(136)
    assert off.calls.last.request.content == b"{}"
    leave = wire.on("POST", "dci/v3/server/136/recovery/finish", {"id": 136})
    await panel.servers.leave_rescue(136)
    assert leave.calls.last.request.content == b"{}"
    reset = wire.on("POST", "dci/v3/server/136/power_reset", {"id": 136})
    await panel.servers.power_reset(136)
    assert reset.calls.last.request.content == b"{}"


async def test_a_host_name_is_set(wire, panel):
    change = wire.on("POST", "dci/v3/server/136", {"id": 136})
    await panel.servers.set_host_name(136, "web1.example.com")
    assert change.calls.last.request.content == b'{"domain":"web1.example.com"}'


async def test_a_server_is_read_by_its_id_alone(wire, panel):
    listed = wire.on("GET", "dci/v3/server", {"list": []})
    wire.on("GET", "dci/v3/server/136", {"id": 136, "owner_email": None})
    assert (await panel.servers.read_alone(136)).id == 136
    assert not listed.called


async def test_the_words_of_a_server_are_told_as_the_panel_spells_them(wire, panel):
    ports = [{"id": 1, "switch": 2, "admin_status": "Up"}]
    row = {"id": 136, "power_status": "ON", "operation": {"id": 9, "status": "ok"}, "switch_connection": ports}
    wire.on("GET", "dci/v3/server", {"list": [{"id": 135, "power_status": "off"}, row]})
    said = await panel.servers.words_of(136)
    assert said == [(WordKind.OPERATION, "ok"), (WordKind.POWER, "ON"), (WordKind.PORT, "Up")]


@pytest.mark.parametrize(
    ("answer", "operation_id", "task"),
    [
        ({"id": 136, "task": 4410, "operation": 902}, 902, "4410"),
        ({"id": 136, "task": "c-1", "operation": {"id": "902"}}, 902, "c-1"),
        ({"id": 136}, None, None),
        ({"operation": None, "task": None}, None, None),
        ({}, None, None),
    ],
)
async def test_an_installation_is_started_and_followed_by_what_the_panel_tells(
    wire, panel, sent, answer, operation_id, task
):
    install = wire.on("POST", "dci/v3/server/136/install", answer)
    accepted = await panel.servers.install_os(
        136, template_id=12, password=SecretStr("root-canary"), hostname="h.example.com"
    )
    assert sent(install) == {"os_template": 12, "password": "root-canary", "domain": "h.example.com"}
    assert (accepted.operation_id, accepted.task) == (operation_id, task)


async def test_an_installation_may_be_accepted_without_a_word(wire, panel, sent):
    install = wire.on("POST", "dci/v3/server/136/install", httpx.Response(202))
    accepted = await panel.servers.install_os(136, template_id=12, password=SecretStr("root-canary"), hostname=None)
    assert "domain" not in sent(install)
    assert accepted.operation_id is None


async def test_an_installation_with_an_ssh_key_names_it_by_its_id(wire, panel, sent):
    install = wire.on("POST", "dci/v3/server/136/install", {"id": 136, "operation": 902})
    await panel.servers.install_os(136, template_id=12, password=SecretStr("root-canary"), hostname=None, ssh_key_id=7)
    assert sent(install) == {"os_template": 12, "password": "root-canary", "ssh_key": [7]}


async def test_an_installation_answered_by_a_list_is_a_surprise(wire, panel):
    wire.on("POST", "dci/v3/server/136/install", [1])
    with pytest.raises(UnexpectedPanelResponse):
        await panel.servers.install_os(136, template_id=12, password=SecretStr("root-canary"), hostname=None)


async def test_the_rescue_system_is_started_with_its_template_and_a_password(wire, panel, sent):
    start = wire.on("POST", "dci/v3/server/136/recovery", {"id": 136, "operation": 904})
    accepted = await panel.servers.start_rescue(136, template_id=14, password=SecretStr("root-canary"))
    assert sent(start) == {"os_template": 14, "password": "root-canary"}
    assert accepted.operation_id == 904


@pytest.mark.parametrize("clear", [True, False])
async def test_diagnostics_say_whether_disks_are_cleared(wire, panel, sent, clear):
    diagnostics = wire.on("POST", "dci/v3/server/136/diag", {"id": 136, "operation": 903})
    assert (await panel.servers.run_diagnostics(136, clear_disks=clear)).operation_id == 903
    assert sent(diagnostics) == {"clear_disks": clear}


async def test_diagnostics_that_could_not_say_to_clear_disks_are_not_started(wire, make_panel, corrected):
    panel = make_panel(dialect=corrected("diagnostics", body={}))
    with pytest.raises(DialectError, match="clear_disks"):
        await panel.servers.run_diagnostics(136, clear_disks=True)
    assert wire.calls == []


async def test_a_protected_server_is_refused_in_the_panels_words(wire, panel, refusal):
    wire.on("POST", "dci/v3/server/136/diag", refusal(400, 4001, "Server is protected"))
    with pytest.raises(PanelRefused, match="Server is protected"):
        await panel.servers.run_diagnostics(136, clear_disks=True)


async def test_what_tells_servers_apart_is_read_also_of_one_whose_row_does_not_fit(wire, panel):
    cables = [
        {"id": 411, "switch": {"id": 7}, "is_ipmi_connection": False},
        {"id": "412", "switch_id": "7"},
        {"id": 413, "switch": 7, "is_ipmi_connection": True},
        {"id": 414, "switch": None},
        None,
    ]
    odd = {
        "id": "x7", "is_protected": "partly", "mac": "02-00-00-00-00-0C",
        "serial": " SN-7 ", "switch_connection": cables,
    }  # fmt: skip
    wire.on("GET", "dci/v3/server", listing(ROW, odd))
    plain, told = await panel.servers.inventory()
    assert (plain.id, plain.macs, plain.serial) == ("136", (), None)
    assert (told.id, told.macs, told.serial) == ("x7", ("02:00:00:00:00:0c",), "SN-7")
    assert told.ports == {("7", "411"), ("7", "412")}
