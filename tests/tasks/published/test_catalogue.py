import json
from collections.abc import Iterator
from typing import Any

import pytest
from prefect.types import MAX_VARIABLE_VALUE_LENGTH

from flows.activate import activate
from simulator.panel.profile import XEON
from tasks.published.catalogue import Catalogue, OfferedConfiguration, OfferedLocation, keep_catalogue, read_catalogue
from tasks.published.traffic import MonthOfTraffic, Used, keep_traffic
from tests.harness import PANEL, START, Harness
from tests.stories.scenario import only_fit


def offered(found: Catalogue, configuration: str = XEON) -> OfferedConfiguration:
    """What the catalogue says of one configuration."""
    return next(one for one in found.configurations if one.name == configuration)


async def test_a_catalogue_names_everything_that_a_product_can_ask_for(harness: Harness) -> None:
    found = await read_catalogue(PANEL)
    assert "Debian-12-x86_64" in found.os_templates
    assert "public-v4" in found.ip_pools
    assert {place.id for place in found.locations} >= {
        int(location) for one in found.configurations for location in one.fit or {}
    }


async def test_a_server_that_is_promised_or_protected_is_no_stock(harness: Harness) -> None:
    before = offered(await read_catalogue(PANEL))
    only_fit(harness, 5)
    assert offered(await read_catalogue(PANEL)).total == 1
    await harness.run(activate, harness.buy(), order=harness.order())
    after = offered(await read_catalogue(PANEL))
    assert before.total is not None and before.total > 1
    assert (after.total, after.fit) == (0, {})


async def test_a_list_of_servers_that_cannot_be_read_makes_the_stock_unknown_and_not_zero(harness: Harness) -> None:
    harness.faults.server_error(500, "server_list")
    found = offered(await read_catalogue(PANEL))
    assert (found.total, found.fit) == (None, None)


def large() -> Catalogue:
    """More than one variable holds."""
    return Catalogue(
        at=START,
        panel="north-1",
        configurations=[OfferedConfiguration(name=f"Gerät-{n}", fit={"1": n, "2": 0}, total=n) for n in range(200)],
        os_templates=[f"Template-{n}-x86_64" for n in range(300)],
        ip_pools=[f"pool-{n}" for n in range(10)],
        locations=[OfferedLocation(id=1, name="Riga")],
    )


def read_back(variables: Iterator[tuple[str, dict[str, Any]]]) -> dict[str, list[Any]]:
    """As WHMCS's module reads it."""
    kept = dict(variables)
    index = kept["dcimanager_catalogue_north_1"]
    whole: dict[str, list[Any]] = {}
    for number in range(1, index["parts"] + 1):
        part = kept[f"dcimanager_catalogue_north_1_{number}"]
        assert part.pop("at") == index["at"]
        for kind, entries in part.items():
            whole.setdefault(kind, []).extend(entries)
    return whole


def test_a_large_catalogue_is_kept_in_parts_that_prefect_takes() -> None:
    catalogue = large()
    assert all(len(json.dumps(value)) < MAX_VARIABLE_VALUE_LENGTH for _, value in catalogue.variables())
    whole = read_back(catalogue.variables())
    assert whole["os_templates"] == catalogue.os_templates
    assert [one["name"] for one in whole["configurations"]] == [one.name for one in catalogue.configurations]


def test_the_index_is_written_when_all_parts_are_there() -> None:
    *_, last = large().variables()
    assert last[0] == "dcimanager_catalogue_north_1"


def named(panel: str, *panels: str) -> dict[str, Any]:
    return dict(large().model_copy(update={"panel": panel}).variables(panels))


def test_no_part_has_the_name_of_another_panels_index_or_of_its_parts() -> None:
    panels = ["main", "main-2", "main-2-1", "part-2-of-catalogue-main"]
    written = [named(panel, *panels) for panel in panels]
    assert all(
        one[f"dcimanager_catalogue_{p.replace('-', '_')}"]["parts"] > 1 for one, p in zip(written, panels, strict=True)
    )
    assert sum(map(len, written)) == len(set().union(*written))
    index = written[0]["dcimanager_catalogue_main"]
    assert index["apart"] is True
    parts = [f"dcimanager_part_{number}_of_catalogue_main" for number in range(1, index["parts"] + 1)]
    assert list(written[0]) == [*parts, "dcimanager_catalogue_main"]


def test_parts_are_called_as_ever_where_nothing_else_is_called_so() -> None:
    for panels in ([], ["north-1"], ["north-1", "main", "north", "north-1-999", "north-12"]):
        written = named("north-1", *panels)
        assert set(written) == set(named("north-1"))
        assert "apart" not in written["dcimanager_catalogue_north_1"]


async def test_the_panels_that_there_are_are_those_that_are_stored(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    async def keep(name: str, value: Any, **_: Any) -> None:
        written.append(name)

    async def names() -> list[str]:
        return ["north-1", "north-1-2"]

    monkeypatch.setattr("prefect.variables.Variable.aset", keep)
    harness.connect().name_panels = names
    await keep_catalogue(large())
    assert written[0] == "dcimanager_part_1_of_catalogue_north_1"
    written.clear()
    used = [Used(service_id=number, used_mb=2**40, limit_mb=2**40) for number in range(10**8, 10**8 + 300)]
    await keep_traffic(MonthOfTraffic(at=START, panel="north-1", services=used))
    assert written[0] == "dcimanager_part_1_of_traffic_north_1"


@pytest.mark.parametrize("name", ["x" * 3000, "ü" * 700])
def test_a_long_name_still_fits(name: str) -> None:
    catalogue = large().model_copy(update={"os_templates": [name, name]})
    assert all(len(json.dumps(value)) < MAX_VARIABLE_VALUE_LENGTH for _, value in catalogue.variables())
    assert read_back(catalogue.variables())["os_templates"] == [name, name]
