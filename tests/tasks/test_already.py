"""A refusal that can mean "it is so already" is looked at: rule 21."""

from typing import Literal

import httpx
import pytest

from dcimanager.errors import PanelRefused, WrongCredentials
from flows.suspend import suspend
from flows.terminate import terminate
from flows.unsuspend import unsuspend
from ledger.states import State
from tasks.already import so_already
from tests.harness import Harness
from tests.stories.scenario import activated, one_line, sent


class Refusing(httpx.AsyncBaseTransport):
    """A panel that refuses one call after it took effect, or without any."""

    def __init__(self, harness: Harness, endpoint: str) -> None:
        self.harness = harness
        self.endpoint = endpoint
        self.path = ""
        """The end of the path of calls that are refused without any effect."""
        self.refused = 0

    def through(self, transport: httpx.AsyncBaseTransport, to: Literal["panel", "WHMCS"]) -> httpx.AsyncBaseTransport:
        if to == "WHMCS":
            return transport
        self.inner = transport
        return self

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.path and request.url.path.endswith(self.path):
            return self.refusal(request)
        answer = await self.inner.handle_async_request(request)
        if self.harness.panel.requests[-1].endpoint != self.endpoint:
            return answer
        await answer.aread()
        return self.refusal(request)

    def refusal(self, request: httpx.Request) -> httpx.Response:
        self.refused += 1
        return httpx.Response(400, json={"error": {"code": 4001, "msg": "It is so already"}}, request=request)


@pytest.mark.parametrize("endpoint", ["owner_set", "port_on", "power_on", "address_add"])
async def test_an_activation_goes_on_when_the_panel_refuses_what_is_so(harness: Harness, endpoint: str) -> None:
    for server_id in harness.panel.servers:
        harness.panel.admin.power(server_id, "off")
        harness.panel.admin.switch_port(server_id, "down")
    refusing = Refusing(harness, endpoint)
    harness.connect(refusing.through)
    service_id, _ = await activated(harness)
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert refusing.refused


@pytest.mark.parametrize("endpoint", ["port_off", "port_on"])
async def test_a_suspension_and_its_end_go_on_when_the_ports_are_so(harness: Harness, endpoint: str) -> None:
    service_id, server = await activated(harness)
    refusing = Refusing(harness, endpoint)
    harness.connect(refusing.through)
    await harness.run(suspend, service_id)
    assert not any(port.admin_up for port in server.network_ports)
    await harness.run(unsuspend, service_id)
    assert all(port.admin_up for port in server.network_ports)
    assert refusing.refused


@pytest.mark.parametrize("endpoint", ["owner_clear", "address_remove", "operation_end"])
async def test_a_deletion_goes_on_when_the_panel_refuses_what_is_so(harness: Harness, endpoint: str) -> None:
    service_id, server = await activated(harness)
    if endpoint == "operation_end":
        harness.panel.admin.start_operation(server.id, "diagnostics")
    refusing = Refusing(harness, endpoint)
    harness.connect(refusing.through)
    await harness.run(terminate, service_id)
    assert server.disk.is_clear
    assert refusing.refused


async def test_a_server_that_stays_off_is_refused_as_before(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.panel.admin.power(server.id, "off")
    refusing = Refusing(harness, "power_on")
    refusing.path = "/power_on"
    harness.connect(refusing.through)
    assert "It is so already" in await one_line(harness.run(terminate, service_id))
    assert sent(harness, "diagnostics") == []


async def refused() -> None:
    raise PanelRefused("It is on already.", "POST", "power_on", 400)


async def says_nothing() -> None:
    return None


async def test_what_the_panel_does_not_know_goes_on_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    await so_already(refused(), says_nothing, what="powering server 7 on")
    assert "powering server 7 on was refused and the panel does not know whether it is so" in caplog.text


async def test_a_login_that_is_refused_is_never_so_already() -> None:
    async def out() -> None:
        raise WrongCredentials("The panel does not let us in.")

    with pytest.raises(WrongCredentials):
        await so_already(out(), says_nothing, what="powering server 7 on")
