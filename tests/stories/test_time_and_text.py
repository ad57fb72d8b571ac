"""Clocks that step or differ, and text as people and other programs write it (safety rules 19 to 21)."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape
from typing import Any, Literal

import httpx
import pytest

from flows.activate import activate
from flows.terminate import terminate
from ledger.snapshots import Driver
from ledger.states import State
from runtime.clock import set_clock
from runtime.driver import begin_drive
from simulator.whmcs import model
from simulator.whmcs.model import SimulatedWhmcs
from tasks.write_back import write_addresses
from tests.harness import Harness, SteppingClock
from tests.stories.scenario import activated, cancelled_meanwhile, one_line, sent

DAYS_4 = timedelta(days=4).total_seconds()


class MachineThatIsBehind(SteppingClock):
    """The clock of a worker whose machine is behind the ledger's database."""

    seconds = 95.0

    def follow(self, told: datetime) -> timedelta:
        return timedelta(seconds=self.seconds)


async def test_a_step_of_the_clock_by_days_ends_no_wipe_delay_not_even_after_a_restart(harness: Harness) -> None:
    service_id, server = await activated(harness, wipe_delay_hours=72)
    began, sleep, slept = harness.clock.now(), harness.clock.sleep, 0

    async def steps_and_dies(seconds: float) -> None:
        nonlocal slept
        await sleep(seconds)
        slept += 1
        if slept == 3:
            harness.clock.simulated.advance(DAYS_4)
        if slept == 5 and sent(harness, "owner_clear") == []:
            raise KeyboardInterrupt

    harness.clock.sleep = steps_and_dies  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        await harness.run(terminate, service_id)
    assert sent(harness, "diagnostics") == []
    harness.clock.sleep = sleep  # type: ignore[method-assign]
    await harness.run(terminate, service_id)
    assert harness.clock.elapsed(began) > timedelta(days=4 + 2, hours=23)
    assert server.disk.is_clear


async def test_a_worker_that_was_down_for_two_days_counts_them(harness: Harness) -> None:
    service_id, server = await activated(harness, wipe_delay_hours=72)
    began, sleep = harness.clock.now(), harness.clock.sleep

    async def dies(seconds: float) -> None:
        raise KeyboardInterrupt

    harness.clock.sleep = dies  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        await harness.run(terminate, service_id)
    harness.clock.sleep = sleep  # type: ignore[method-assign]
    harness.clock.simulated.advance(timedelta(days=2).total_seconds())
    await harness.run(terminate, service_id)
    assert timedelta(hours=72) <= harness.clock.elapsed(began) < timedelta(hours=74)
    assert server.disk.is_clear


async def test_nothing_is_wiped_by_a_worker_whose_clock_is_not_the_databases(harness: Harness) -> None:
    service_id, server = await activated(harness)
    harness.panel.write_tenant_data(server.id, "the client's photographs")
    machine = MachineThatIsBehind(harness.simulation.clock)  # type: ignore[arg-type]
    set_clock(machine)
    line = await one_line(harness.run(terminate, service_id))
    assert "the clocks of this worker and the ledger's database differ by 95 s: set NTP right" in line
    assert "photographs" in server.disk.content
    machine.seconds = 1.0
    await harness.run(terminate, service_id)
    assert (await harness.service(service_id)).state is State.RELEASED
    assert server.disk.is_clear


class Dated(httpx.AsyncBaseTransport):
    """A panel whose web server says what time it thinks it is."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner
        self.ahead = timedelta(minutes=-10)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self.inner.handle_async_request(request)
        answer.headers["date"] = format_datetime(datetime.now(UTC) + self.ahead, usegmt=True)
        return answer


async def test_nothing_is_wiped_while_the_panels_clock_is_another(harness: Harness) -> None:
    service_id, server = await activated(harness)
    said: list[Dated] = []

    def through(transport: httpx.AsyncBaseTransport, to: Literal["panel", "WHMCS"]) -> httpx.AsyncBaseTransport:
        if to == "WHMCS":
            return transport
        said.append(Dated(transport))
        return said[-1]

    harness.connect(through)
    line = await one_line(harness.run(terminate, service_id))
    assert "the clocks of this worker and panel main differ by 600 s: set NTP right" in line
    assert sent(harness, "diagnostics") == []
    said[-1].ahead = timedelta(0)
    await harness.run(terminate, service_id)
    assert server.disk.is_clear


async def test_a_one_time_product_that_is_completed_gets_its_server_and_stays_completed(harness: Harness) -> None:
    service_id = harness.buy()
    harness.billed(service_id).status = "Completed"
    await harness.run(activate, service_id, order=harness.order())
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert harness.billed(service_id).status == "Completed"


async def test_a_status_that_nobody_knows_brings_no_advice_to_take_the_server_back(harness: Harness) -> None:
    service_id = harness.buy()
    cancelled_meanwhile(harness, service_id, "Archived")
    line = await one_line(harness.run(activate, service_id, order=harness.order()))
    assert "is Archived in WHMCS" in line
    assert "That is none of WHMCS's own statuses" in line
    assert "terminate" not in line


def whmcs_encodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on WHMCS gives its texts HTML-encoded."""

    def encoded(answer: dict[str, object]) -> dict[str, object]:
        return {key: escape(value) if isinstance(value, str) else value for key, value in answer.items()}

    for name in ("GetClientsProducts", "GetClientsDetails"):

        def answers(self: SimulatedWhmcs, form: model.Parameters, ask: Any = model._ACTIONS[name]) -> model.Answer:
            answer = encoded(ask(self, form))
            products = answer.get("products")
            if isinstance(products, dict):
                answer["products"] = {"product": [encoded(row) for row in products["product"]]}
            return answer

        monkeypatch.setitem(model._ACTIONS, name, answers)


async def test_a_whmcs_that_encodes_its_texts_gets_a_server_for_the_right_people(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    whmcs_encodes(monkeypatch)
    client = harness.whmcs.add_client("o'brien@example.com", "Se\u00e1n", "O'Brien & Sons")
    pool = next(pool for pool in harness.panel.world.pools.values() if pool.name == "public-v4")
    pool.name = "R&D"
    service_id = harness.buy(client_id=client.id)
    harness.billed(service_id).password = 'p&w<"x">'
    order = harness.order(client_id=client.id, ip_pool="R&amp;D")
    await harness.run(activate, service_id, order=order)
    assert (await harness.service(service_id)).state is State.ACTIVE
    owner = harness.panel.world.users[(await harness.server(service_id)).owner_id or 0]
    assert (owner.email, owner.full_name) == ("o'brien@example.com", "Se\u00e1n O'Brien & Sons")
    assert harness.billed(service_id).password == 'p&w<"x">'  # what was not changed was not written back


async def test_what_staff_wrote_beside_the_addresses_stays(harness: Harness) -> None:
    service_id = harness.buy()
    harness.billed(service_id).assigned_ips = "10.0.0.0/24\nsee ticket 4711"
    await harness.run(activate, service_id, order=harness.order())
    given = [address.address for address in (await harness.server(service_id)).addresses]
    assert harness.billed(service_id).assigned_ips.splitlines() == [*given, "10.0.0.0/24", "see ticket 4711"]


async def test_a_repair_of_the_addresses_keeps_the_other_lines(harness: Harness) -> None:
    service_id, server = await activated(harness)
    (given,) = [address.address for address in server.addresses]
    harness.billed(service_id).assigned_ips = "198.51.100.9\n10.0.0.0/24"
    service = await harness.service(service_id)
    begin_drive(Driver(service_id, service.epoch, "request"), service)
    await write_addresses(service)
    assert harness.billed(service_id).assigned_ips.splitlines() == [given, "10.0.0.0/24"]


async def test_a_host_name_as_its_client_typed_it_is_neither_refused_nor_written_over(harness: Harness) -> None:
    service_id = harness.buy(hostname="http://M\u00fcnchen.de/")
    await harness.run(activate, service_id, order=harness.order(hostname="http://M\u00fcnchen.de/"))
    assert (await harness.server(service_id)).domain == "xn--mnchen-3ya.de"
    assert harness.billed(service_id).domain == "http://M\u00fcnchen.de/"


async def test_control_characters_of_a_name_reach_no_line_of_a_run(harness: Harness) -> None:
    service_id = harness.buy()
    name = "Debian \x1b[31m\x1b]8;;http://evil\x07 12" + "x" * 50_000
    line = await one_line(harness.run(activate, service_id, order=harness.order(os_template=name)))
    assert all(sign.isprintable() for sign in line)
    assert len(line) <= 2_000
