from urllib.parse import parse_qs

import httpx
import pytest
from pydantic import SecretStr

from dcimanager.endpoints import DialectError
from dcimanager.errors import NotFound, Refused, Surprise, WrongCredentials

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
    with pytest.raises(Surprise, match="asked for server 136 and gave something else"):
        await panel.servers.get(136)


async def test_a_server_that_is_not_there_is_not_found(wire, panel, refusal):
    wire.on("GET", "dci/v3/server", listing())
    wire.on("GET", "dci/v3/server/136", refusal(404, 3080, "Instance not found"))
    with pytest.raises(NotFound, match="panel main has no server 136"):
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
    with pytest.raises(Refused):
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


async def test_a_negative_number_of_free_servers_is_a_surprise(wire, panel):
    wire.on("GET", "dci/v3/server/configuration", {"list": [{"configuration": "A", "free_server_count": -1}]})
    with pytest.raises(Surprise):
        await panel.servers.configurations()


async def test_an_owner_is_set_and_cleared(wire, panel, sent):
    owner = wire.on("POST", "dci/v3/server/136/owner", {"id": 136})
    await panel.servers.set_owner(136, 25)
    assert sent(owner) == {"owner": 25}
    await panel.servers.clear_owner(136)
    assert sent(owner) == {"owner": None}


@pytest.mark.parametrize("verb", ["power_on", "power_off", "power_reset"])
async def test_power_is_switched(wire, panel, verb):
    route = wire.on("POST", f"dci/v3/server/136/{verb}", {"id": 136})
    verbs = {
        "power_on": panel.servers.power_on,
        "power_off": panel.servers.power_off,
        "power_reset": panel.servers.power_reset,
    }
    await verbs[verb](136)
    assert route.calls.last.request.content == b"{}"


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


async def test_an_installation_answered_by_a_list_is_a_surprise(wire, panel):
    wire.on("POST", "dci/v3/server/136/install", [1])
    with pytest.raises(Surprise):
        await panel.servers.install_os(136, template_id=12, password=SecretStr("root-canary"), hostname=None)


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
    with pytest.raises(Refused, match="Server is protected"):
        await panel.servers.run_diagnostics(136, clear_disks=True)
