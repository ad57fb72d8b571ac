import asyncio

import pytest

from dcimanager.errors import PanelUnreachable, UnexpectedPanelResponse
from dcimanager.servers import Inventory
from ledger.hardware import Hardware, Identity
from tasks.shared_hardware import REMEMBERED, fleet_among, repeated, shared_hardware
from tests.conftest import HarnessMaker
from tests.harness import PANEL, QUICK, Harness
from tests.stories.scenario import sent


def of(*macs: str, serial: str | None = None) -> Hardware:
    return Hardware(serial=serial, macs=macs)


def test_only_a_value_of_several_servers_is_shared() -> None:
    one, two, three = (f"02:00:00:00:00:0{number}" for number in (1, 2, 3))
    told = [of(one, one, serial="SN-1"), of(two, three, serial="SN 2"), of(three, serial="sn2"), of()]
    assert repeated(told) == {Identity("mac", three), Identity("serial", "sn2")}


@pytest.mark.parametrize("placeholder", ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "n/a", "000000000000", ":"])
def test_a_placeholder_is_shared_by_nobody(placeholder: str) -> None:
    told = [of(placeholder, serial="Default string"), of(placeholder, "02:00:00:00:00:01", serial="default-string")]
    assert repeated(told) == set()


def test_a_port_of_two_servers_is_known_with_both() -> None:
    rows = [
        Inventory("3", None, (), None, frozenset({("7", "411"), ("7", "412")})),
        Inventory("4", None, (), None, frozenset({("7", "412"), ("8", "411")})),
    ]
    assert fleet_among(rows).at_port == {("7", "412"): {"3", "4"}}


async def test_a_panel_that_is_down_is_waited_for_once_however_many_ask(harness: Harness) -> None:
    panel = harness.connect().panels[PANEL]
    await panel.login()
    for nth in range(1, 60):
        harness.faults.refuse_before("server_list", nth)
    ends = await asyncio.gather(*(shared_hardware(panel) for _ in range(20)), return_exceptions=True)
    assert {type(end) for end in ends} == {PanelUnreachable}
    tried = len(sent(harness, "server_list"))
    harness.faults.clear()
    assert tried <= 5
    assert await shared_hardware(panel) == set()


async def test_the_whole_list_is_read_once_in_ten_minutes_however_many_ask(harness: Harness) -> None:
    panel = harness.connect().panels[PANEL]
    first, second = harness.panel.servers[1], harness.panel.servers[2]
    second.macs[0] = first.macs[0]
    shared = {Identity("mac", first.macs[0])}
    assert await asyncio.gather(*(shared_hardware(panel) for _ in range(5))) == [shared] * 5
    assert len(sent(harness, "server_list")) == 1

    second.macs[0] = "02:ff:00:00:00:01"
    harness.clock.simulated.advance(REMEMBERED.total_seconds() - 1)
    assert await shared_hardware(panel) == shared
    harness.clock.simulated.advance(1)
    assert await shared_hardware(panel) == set()
    assert len(sent(harness, "server_list")) == 2
    await panel.aclose()


async def test_a_panel_that_could_not_be_asked_is_asked_again(make_harness: HarnessMaker) -> None:
    harness = make_harness(QUICK)
    panel = harness.connect().panels[PANEL]
    harness.faults.server_error(500, "server_list")
    with pytest.raises(UnexpectedPanelResponse, match="failed without saying why"):
        await shared_hardware(panel)
    assert await shared_hardware(panel) == set()
    await panel.aclose()
