"""What is published: an installation reads what is of its own panels."""

import pytest

from door.variables import is_own
from tests.door.conftest import OTHER, SHOP, Door


@pytest.mark.parametrize(
    "name",
    [
        "dcimanager_catalogue_main",
        "dcimanager_catalogue_main_1",
        "dcimanager_traffic_main_200",
        "dciflow_traffic_main",
        "dciflow_traffic_shop_7_12",
        "dciflow_reconciliation_main",
        "dciflow_reconciliation_shop_7",
        "dcimanager_catalogue_shop_7_12",
        "dcimanager_part_2_of_catalogue_main",
        "dcimanager_part_12_of_traffic_shop_7",
        "dcimanager_part_2_of_dciflow_traffic_main",
    ],
)
async def test_its_own_are_given_by_name_and_value_alone(door: Door, name: str) -> None:
    assert (await door.shop.get(f"/variables/name/{name}")).status_code == 404
    door.prefect.variables[name] = {"at": "x", "parts": 1}
    assert (await door.shop.get(f"/variables/name/{name}")).json() == {"name": name, "value": {"at": "x", "parts": 1}}


@pytest.mark.parametrize(
    "name",
    [
        "dcimanager_catalogue_theirs",
        "dcimanager_catalogue_main_2_1",
        "dciflow_reconciliation_main_2",
        "dcimanager_part_2_of_catalogue_theirs",
        "dcimanager_part_2_of_catalogue_main_2",
        "dcimanager_part_2_of_reconciliation_main",
        "dcimanager_part_x_of_catalogue_main",
        "dciflow_traffic_theirs_1",
        "dcimanager_catalogue_",
        "dcimanager_catalogue",
        "dciflow_something",
        "dciflow_held_main",
        "my_dciflow_held",
        "main",
    ],
)
async def test_others_are_no_call(door: Door, name: str) -> None:
    door.prefect.variables[name] = "canary"
    assert (await door.shop.get(f"/variables/name/{name}")).status_code == 403
    assert door.prefect.asked == []


def test_the_examples_of_names_are_told_apart_by_panel() -> None:
    assert is_own("dcimanager_catalogue_theirs_1", OTHER) and not is_own("dcimanager_catalogue_theirs_1", SHOP)


async def test_what_is_held_is_shown_of_its_own_panels(door: Door) -> None:
    own, theirs = {"service_id": 1, "panel": "main"}, {"service_id": 2, "panel": "theirs"}
    door.prefect.variables["dciflow_held"] = {"at": "x", "total": 9, "services": [own, theirs, "odd"]}
    shown = (await door.shop.get("/variables/name/dciflow_held")).json()
    assert shown == {"name": "dciflow_held", "value": {"at": "x", "total": 1, "services": [own]}}
    door.prefect.variables["dciflow_held"] = {"at": "x", "total": 9, "services": [own]}
    assert (await door.shop.get("/variables/name/dciflow_held")).json()["value"]["total"] == 9
