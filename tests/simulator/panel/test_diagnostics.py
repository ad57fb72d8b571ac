"""Diagnostics on the simulated panel: when the disks are cleared, and when they are not."""

import pytest

from simulator.panel.profile import DEALLOCATION, PUBLIC, PoolPlan, Profile
from tests.simulator.panel.operations import status
from tests.simulator.visit import Visit, Visiting


async def test_diagnostics_clear_the_disks_only_when_they_finish(panel: Visit) -> None:
    panel.simulation.panel.write_tenant_data(3, "tenant u@example.com")
    await panel.post("server/3/diag", clear_disks=True)
    disk = panel.simulation.panel.servers[3].disk
    panel.clock.advance(1199)
    assert await status(panel) == "in_progress"
    assert not disk.is_clear
    panel.clock.advance(1)
    assert await status(panel) == "ok"
    assert disk.is_clear
    steps = [step["name"] for step in (await panel.get("server/3"))["operation"]["progress_info"]]
    assert steps == ["prepare_template", "upload_template", "run_diagnostics", "complete"]


@pytest.mark.parametrize("body", [{}, {"clear_disks": False}])
async def test_diagnostics_without_the_option_leave_the_disks(panel: Visit, body: dict[str, bool]) -> None:
    panel.simulation.panel.write_tenant_data(3, "tenant u@example.com")
    await panel.post("server/3/diag", **body)
    panel.clock.advance(1200)
    assert await status(panel) == "ok"
    assert panel.simulation.panel.servers[3].disk.content == "tenant u@example.com"


async def test_diagnostics_that_fail_leave_the_disks(panel: Visit) -> None:
    panel.simulation.panel.write_tenant_data(3, "tenant u@example.com")
    panel.simulation.panel.fail_next("diagnostics", 3)
    await panel.post("server/3/diag", clear_disks=True)
    await panel.much_later(5000)
    assert await status(panel) == "failed"
    assert not panel.simulation.panel.servers[3].disk.is_clear


@pytest.mark.parametrize("killed_as", ["failed", "canceled"])
async def test_diagnostics_are_killed_after_an_hour(visiting: Visiting, killed_as: str) -> None:
    panel = await visiting(diagnostics_killed_as=killed_as)
    panel.simulation.panel.hang_next("diagnostics")
    await panel.post("server/3/diag", clear_disks=True)
    panel.clock.advance(3599)
    assert await status(panel) == "in_progress"
    panel.clock.advance(1)
    assert await status(panel) == killed_as


async def test_diagnostics_longer_than_an_hour_are_killed_too(visiting: Visiting) -> None:
    panel = await visiting(Profile(diagnostics_seconds=4000))
    panel.simulation.panel.write_tenant_data(3, "tenant u@example.com")
    await panel.post("server/3/diag", clear_disks=True)
    await panel.much_later(3600)
    assert await status(panel) == "failed"
    panel.clock.advance(1000)
    assert not panel.simulation.panel.server(3).disk.is_clear


async def test_diagnostics_borrow_an_address_from_the_deallocation_pool(panel: Visit) -> None:
    pool = panel.simulation.panel.pool("deallocation")
    await panel.post("server/1/diag", clear_disks=True)
    assert [row["name"] for row in (await panel.get("server/1/ip"))["list"]] == ["10.99.0.2"]
    assert pool.used == 1
    panel.clock.advance(1200)
    assert (await panel.get("server/1/ip"))["list"] == []
    assert pool.used == 0


@pytest.mark.parametrize(
    "pools",
    [
        (PUBLIC,),
        (PUBLIC, DEALLOCATION.model_copy(update={"locations": ("Vilnius",)})),
        (PUBLIC, DEALLOCATION.model_copy(update={"size": 0})),
    ],
)
async def test_diagnostics_need_a_deallocation_pool_for_the_location(
    visiting: Visiting, pools: tuple[PoolPlan, ...]
) -> None:
    panel = await visiting(Profile(pools=pools))
    code, text = await panel.refused("POST", "server/3/diag", {"clear_disks": True})
    assert code == 4006
    assert "deallocation" in text


@pytest.mark.parametrize("body", [{"clear_disks": "yes"}, {"clear_disks": None}])
async def test_a_wish_to_clear_disks_must_be_a_truth_value(panel: Visit, body: dict[str, object]) -> None:
    assert (await panel.refused("POST", "server/3/diag", body))[0] == 3009
