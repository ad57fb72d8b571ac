"""The other panel from its description to a sold server: learned, completed by a person, rehearsed, sold from."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dcimanager.endpoints import load_dialect
from dcimanager.learning.endpoints_file import endpoints_file
from dcimanager.learning.learner import learn
from flows.activate import activate
from flows.rehearse import rehearse
from ledger.database import Ledger
from runtime.connections import connections
from runtime.errors import StepRefused
from runtime.gate import entries_of, needed
from tests.contract.other_panel.harness import OtherHarness
from tests.contract.test_other_panel_lives import is_clear, live
from tests.harness import PANEL, forget_proofs, open_ledger

SPARE = 501

BY_A_PERSON = """
[diagnostics]
path = "dci/v3/server/{server}/hardware_check"
body = { clear_disks = "erase_drives" }

[owner_clear]
method = "DELETE"
path = "dci/v3/server/{server}/assign"
body = {}

[address_add]
path = "ip/v3/server/{server}/address"
body = { pool = "ip_group", family = "protocol", count = "amount" }
values = { ipv4 = "inet" }

[ip_pool_list]
path = "ip/v3/group"

[words.operation.broken]
means = "failed"

[words.power.powered]
means = "on"

[words.power.unpowered]
means = "off"

[words.address.reserving]
means = "changing"

[words.address.freeing]
means = "changing"
"""
"""What learning leaves to a person, who reads the page: entries that are not sure, and words that nothing explains."""


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    one = await open_ledger(tmp_path)
    await forget_proofs(one)
    yield one
    await one.dispose()


async def learned_file(harness: OtherHarness, folder: Path) -> Path:
    """What learning wrote, with what a person entered."""
    panel = connections().panels[PANEL]
    found = await learn(panel)
    file = folder / "endpoints-main.toml"
    file.write_text(endpoints_file(found, panel.dialect, panel=PANEL, now=datetime.now(UTC)) + BY_A_PERSON)
    return file


async def test_a_panel_is_learned_rehearsed_on_and_sold_from(ledger: Ledger, tmp_path: Path) -> None:
    unknown = OtherHarness(ledger, None)
    unknown.connect()
    file = await learned_file(unknown, tmp_path)
    assert unknown.other.world.alarms == []
    await connections().panels[PANEL].aclose()
    assert set(load_dialect(file).endpoints) == set(load_dialect().endpoints)

    other = OtherHarness(ledger, file)
    other.connect()
    service_id = other.buy()
    with pytest.raises(StepRefused, match="neither proved nor trusted"):
        await other.run(activate, service_id, order=other.order())
    await rehearse.fn(panel=PANEL, server=SPARE, clear_its_disks=True)
    stands = await entries_of(connections().panels[PANEL])
    assert {stands[entry].status for entry in needed()} == {"proved"}
    spare = other.other.world.machines[SPARE]
    assert is_clear(spare)
    assert spare.account_id is None

    machine = await live(other)
    assert is_clear(machine)
    assert other.other.world.alarms == []
    await connections().panels[PANEL].aclose()
