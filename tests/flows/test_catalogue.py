import json
from collections.abc import Iterator
from typing import Any

import pytest
from prefect.types import MAX_VARIABLE_VALUE_LENGTH

from flows.activate import activate
from simulator.profile import XEON
from tasks.catalogue import Catalogue, Offered, Place, read_catalogue
from tests.flows.play import only_fit
from tests.stage import PANEL, START, Stage


def offered(found: Catalogue, configuration: str = XEON) -> Offered:
    """What the catalogue says of one configuration."""
    return next(one for one in found.configurations if one.name == configuration)


async def test_a_catalogue_names_everything_that_a_product_can_ask_for(stage: Stage) -> None:
    found = await read_catalogue(PANEL)
    assert "Debian-12-x86_64" in found.os_templates
    assert "public-v4" in found.ip_pools
    assert {place.id for place in found.locations} >= {
        int(location) for one in found.configurations for location in one.fit or {}
    }


async def test_a_server_that_is_promised_or_protected_is_no_stock(stage: Stage) -> None:
    before = offered(await read_catalogue(PANEL))
    only_fit(stage, 5)
    assert offered(await read_catalogue(PANEL)).total == 1
    await stage.run(activate, stage.buy(), order=stage.order())
    after = offered(await read_catalogue(PANEL))
    assert before.total is not None and before.total > 1
    assert (after.total, after.fit) == (0, {})


async def test_a_list_of_servers_that_cannot_be_read_makes_the_stock_unknown_and_not_zero(stage: Stage) -> None:
    stage.faults.server_error(500, "server_list")
    found = offered(await read_catalogue(PANEL))
    assert (found.total, found.fit) == (None, None)


def large() -> Catalogue:
    """More than one variable holds."""
    return Catalogue(
        at=START,
        panel="north-1",
        configurations=[Offered(name=f"Gerät-{n}", fit={"1": n, "2": 0}, total=n) for n in range(200)],
        os_templates=[f"Template-{n}-x86_64" for n in range(300)],
        ip_pools=[f"pool-{n}" for n in range(10)],
        locations=[Place(id=1, name="Riga")],
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


@pytest.mark.parametrize("name", ["x" * 3000, "ü" * 700])
def test_a_long_name_still_fits(name: str) -> None:
    catalogue = large().model_copy(update={"os_templates": [name, name]})
    assert all(len(json.dumps(value)) < MAX_VARIABLE_VALUE_LENGTH for _, value in catalogue.variables())
    assert read_back(catalogue.variables())["os_templates"] == [name, name]
