import json
import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
from prefect.types import MAX_VARIABLE_VALUE_LENGTH

from dcimanager.errors import PanelUnreachable
from flows.activate import activate
from flows.suspend import suspend
from flows.terminate import terminate
from flows.traffic import traffic
from runtime.connections import connections
from runtime.errors import StepRefused
from runtime.settings import settings
from simulator.panel.models import SimPoint
from tasks.published.traffic import MB, SILENT_IN_A_ROW, MonthOfTraffic, Used, read_traffic
from tasks.published.variables import NamedValue
from tests.harness import PANEL, START, Harness


@pytest.fixture
def switched_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DCIFLOW_TRAFFIC", "true")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[NamedValue]:
    """What the flow would write into Prefect."""
    kept: list[NamedValue] = []

    async def aset(name: str, value: dict[str, object], overwrite: bool) -> None:
        assert overwrite
        kept.append((name, value))  # type: ignore[arg-type]

    monkeypatch.setattr("prefect.variables.Variable.aset", aset)
    return kept


async def sold(harness: Harness, count: int) -> list[int]:
    """Services with servers."""
    services = [harness.buy(f"web{number}.example.com") for number in range(count)]
    for service in services:
        await harness.run(activate, service, order=harness.order())
    return services


async def test_active_and_suspended_services_have_the_traffic_of_their_servers(harness: Harness) -> None:
    one, two, gone = await sold(harness, 3)
    await harness.run(suspend, two)
    await harness.run(terminate, gone)
    await harness.run(activate, harness.buy("web9.example.com"), order=harness.order(wait_for_os=False))  # installs yet
    server = await harness.server(one)
    server.received, server.sent, server.traffic_limit = 5 * MB, 3 * MB - 1, 1000 * MB
    month = await read_traffic(PANEL)
    assert month.services == [
        Used(service_id=one, used_mb=7, limit_mb=1000),
        Used(service_id=two, used_mb=0, limit_mb=None),
    ]


async def test_the_panel_is_asked_from_the_first_of_the_month_on(harness: Harness) -> None:
    await sold(harness, 1)
    harness.clock.simulated.advance(timedelta(days=40).total_seconds())
    asked: list[dict[str, str]] = []
    request = connections().panels[PANEL].transport.request

    async def noted(name: str, **more: object) -> object:
        asked.append(dict(more["query"]))  # type: ignore[call-overload]
        return await request(name, **more)  # type: ignore[arg-type]

    connections().panels[PANEL].transport.request = noted  # type: ignore[method-assign,assignment]
    month = await read_traffic(PANEL)
    assert month.at.month == 2
    assert asked == [{"from": "2027-02-01T00:00:00Z", "to": month.at.strftime("%Y-%m-%dT%H:%M:%SZ")}]


async def test_what_a_server_moved_before_its_client_used_it_is_not_asked_for(harness: Harness) -> None:
    harness.clock.simulated.advance(timedelta(days=9).total_seconds())
    (service,) = await sold(harness, 1)
    server = await harness.server(service)
    claim = (await harness.service(service)).claim
    assert claim is not None
    assert claim.active_since is not None
    began = claim.active_since.timestamp()
    server.statistics = [SimPoint(began - 300, 5 * MB, 5 * MB), SimPoint(began + 300, MB, 2 * MB)]
    harness.clock.simulated.advance(timedelta(days=1).total_seconds())
    assert (await read_traffic(PANEL)).services == [Used(service_id=service, used_mb=3, limit_mb=None)]


async def test_a_server_whose_traffic_cannot_be_read_is_left_out_and_is_not_zero(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = await sold(harness, 2)
    harness.faults.server_error(500, "server_traffic")
    with caplog.at_level(logging.WARNING):
        month = await read_traffic(PANEL)
    assert [used.service_id for used in month.services] == [two]
    assert "1 of panel main's servers do not tell their traffic" in caplog.text
    assert one not in [used.service_id for used in month.services]


async def test_a_panel_none_of_whose_servers_tells_its_traffic_is_said_and_nothing_is_written(
    harness: Harness, switched_on: None, written: list[NamedValue]
) -> None:
    await sold(harness, 2)
    for nth in (1, 2):
        harness.faults.server_error(500, "server_traffic", nth)
    with pytest.raises(StepRefused, match="The traffic of main could not be read"):
        await traffic.fn(PANEL)
    assert written == []


async def test_a_table_without_a_number_is_a_finding_of_its_panel_alone(
    harness: Harness, switched_on: None, written: list[NamedValue], caplog: pytest.LogCaptureFixture
) -> None:
    await sold(harness, 1)
    panel = connections().panels[PANEL]
    entry = panel.dialect["server_traffic"].model_copy(update={"values": {}})
    changed = panel.dialect.model_copy(update={"endpoints": {**panel.dialect.endpoints, "server_traffic": entry}})
    panel.transport.dialect = changed
    connections().panels["second"] = harness.open_panel(
        lambda transport, to: transport, "second", "https://second.example"
    )

    async def names() -> list[str]:
        return [PANEL, "second"]

    connections().name_panels = names
    with caplog.at_level(logging.WARNING), pytest.raises(StepRefused, match="The traffic of main could not be read"):
        await traffic.fn()
    assert "panel main: [server_traffic] has neither received nor sent in its values" in caplog.text
    assert [name for name, _ in written if "second" in name]


async def test_a_panel_that_is_silent_is_not_asked_for_every_server(harness: Harness) -> None:
    await sold(harness, SILENT_IN_A_ROW + 1)
    panel = connections().panels[PANEL]
    asked: list[int] = []

    async def silent(server_id: int, **_: object) -> None:
        asked.append(server_id)
        raise PanelUnreachable("The panel main did not answer.")

    panel.traffic.of = silent  # type: ignore[method-assign,assignment]
    with pytest.raises(PanelUnreachable):
        await read_traffic(PANEL)
    assert len(asked) == SILENT_IN_A_ROW


async def test_it_is_off_until_it_is_switched_on_and_says_so_in_one_line(
    harness: Harness, written: list[NamedValue], caplog: pytest.LogCaptureFixture
) -> None:
    await sold(harness, 1)
    with caplog.at_level(logging.INFO):
        caplog.clear()
        await traffic.fn(PANEL)
    assert [record.getMessage() for record in caplog.records if "traffic" in record.getMessage()] == [
        "traffic is off: set DCIFLOW_TRAFFIC=true when [server_traffic] is right for your panels"
    ]
    assert written == []
    assert [call for call in harness.panel.requests if call.endpoint == "server_traffic"] == []


async def test_switched_on_it_is_kept_in_parts_with_the_index_last(
    harness: Harness, switched_on: None, written: list[NamedValue]
) -> None:
    (service,) = await sold(harness, 1)
    await traffic.fn(PANEL)
    (first, part), (last, index) = written
    assert (first, last) == ("dcimanager_traffic_main_1", "dcimanager_traffic_main")
    assert part == {"at": index["at"], "services": [[service, 0, None]]}
    assert index["parts"] == 1


def test_ten_thousand_services_fit_into_the_parts_that_whmcs_reads() -> None:
    services = [Used(service_id=10**6 + n, used_mb=10**7 + n, limit_mb=10**8) for n in range(10_000)]
    kept = dict(MonthOfTraffic(at=START, panel="north-1", services=services).variables())
    assert all(len(json.dumps(value)) < MAX_VARIABLE_VALUE_LENGTH for value in kept.values())
    assert len(kept) - 1 <= 200  # ChunkedVariable.php reads no more
    assert kept["dcimanager_traffic_north_1"]["parts"] == len(kept) - 1
