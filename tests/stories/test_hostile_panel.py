"""What a hostile panel does to the runs of its own services, and to those of a good panel beside it (rule 25)."""

from pathlib import Path
from typing import get_args

import pytest

from bench.hostile import measure
from flows.suspend import suspend
from ledger.states import State
from runtime.connections import close_connections
from simulator.panel.hostile import HostileAnswer, Hostility
from tests.harness import Harness
from tests.stories.scenario import activated, one_line

PREFECTS_SHARE = 0.15
"""Seconds that Prefect's server and engine take of a suspension, which are not in the measure (docs/benchmarks.md)."""

NO_WAIT = 8.0
"""Seconds in which a suspension ends on the slowest machine of all, unless it waits for another panel's run."""


@pytest.mark.parametrize("how", get_args(Hostility))
async def test_a_hostile_answer_is_one_line_and_the_suspension_goes_on_at_a_retry(
    harness: Harness, how: Hostility
) -> None:
    service_id, server = await activated(harness)
    harness.faults.answer_hostile(how, "server_list", times=1_000)
    harness.faults.answer_hostile(how, "server_get", times=1_000)
    if how == "control characters":  # names mean nothing to a suspension
        await harness.run(suspend, service_id)
    else:
        line = await one_line(harness.run(suspend, service_id))
        assert line.isprintable()
        assert len(line) < 1_000
        harness.faults.clear()
        await harness.run(suspend, service_id)
    assert (await harness.service(service_id)).state is State.SUSPENDED
    assert not any(port.admin_up for port in server.network_ports)


async def test_answers_that_drip_are_one_line_each_and_the_suspension_goes_on_at_a_retry(harness: Harness) -> None:
    service_id, server = await activated(harness)
    for nth in range(1, 30):
        harness.faults.drip("server_list", nth)
        harness.faults.drip("server_get", nth)
        harness.whmcs.drip("GetClientsProducts", nth)
    line = await one_line(harness.run(suspend, service_id))
    assert "the whole answer was not there within 60 s" in line
    harness.faults.clear()
    harness.whmcs.be_friendly()
    await harness.run(suspend, service_id)
    assert (await harness.service(service_id)).state is State.SUSPENDED
    assert not any(port.admin_up for port in server.network_ports)


@pytest.mark.parametrize(
    "how", ["huge body", "gzip bomb", "deep JSON", "digits", "letters", "half an answer", "odd rows"]
)
async def test_a_hostile_whmcs_is_one_line_too(harness: Harness, how: Hostility) -> None:
    service_id, _ = await activated(harness)
    for nth in range(1, 9):
        harness.whmcs.answer_hostile(how, "GetClientsProducts", nth)
    line = await one_line(harness.run(suspend, service_id))
    assert "GetClientsProducts" in line
    assert line.isprintable() and len(line) < 1_000
    harness.whmcs.be_friendly()
    await harness.run(suspend, service_id)
    assert (await harness.service(service_id)).state is State.SUSPENDED


def test_each_kind_of_hostile_answer_is_what_it_says() -> None:
    told = b'{"list": [{"id": 7, "name": "web"}]}'
    bodies = {how: HostileAnswer(how).body(told) for how in get_args(Hostility)}
    assert len(set(bodies.values())) == len(bodies)
    assert str(2**70).encode() in bodies["large ids"]
    assert b"u001b" in bodies["control characters"] and b"web" in bodies["control characters"]
    assert len(bodies["gzip bomb"]) < 20_000 < len(bodies["huge body"])


@pytest.mark.timeout(240)
async def test_a_good_panels_suspensions_do_not_wait_for_a_hostile_and_a_dead_panel_beside_it(tmp_path: Path) -> None:
    """Without slots per panel each waits for half a minute; `make bench-hostile` measures how near the two are."""
    (tmp_path / "alone").mkdir()
    (tmp_path / "beside").mkdir()
    alone = await measure(10, tmp_path / "alone", beside=False)
    beside = await measure(10, tmp_path / "beside", beside=True)
    await close_connections()
    assert beside.bad_ends > 0
    assert beside.p50 + PREFECTS_SHARE <= 2 * (alone.p50 + PREFECTS_SHARE)
    assert beside.p99 < NO_WAIT
