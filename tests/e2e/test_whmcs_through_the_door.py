"""A client's whole story where WHMCS reaches Prefect through the documented nginx, with a secret of its own, by TLS."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from dciflow.shop import ADDON, WhmcsShop, whmcs_shop
from dciflow.stack import running_stack
from dciflow.trigger import PrefectApi
from simulator.profile import XEON
from tests.e2e.orders import ordered, scheduled
from tests.least_privilege.door import ASKS_FOR_AUTH, AUTH, AUTH_STRING, Door, nginx, open_door
from tests.mariadb import mariadb

pytestmark = [pytest.mark.prefect, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door_and_shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Door, WhmcsShop]]:
    """A Prefect that asks for its auth string, the door in front of it, and a WHMCS that knows only the door."""
    nginx()
    database = await mariadb()
    home: Path = tmp_path_factory.mktemp("shop")
    folder: Path = tmp_path_factory.mktemp("door")
    async with (
        running_stack(home, print, speed=90.0, keep=lambda: True, settings=ASKS_FOR_AUTH) as stack,
        open_door(stack, folder, AUTH_STRING) as door,
    ):
        prefect = PrefectApi(stack.api)
        prefect.http.auth = AUTH
        (folder / "trust.ini").write_text(f"curl.cainfo = {door.certificate}\n", encoding="utf-8")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PHP_INI_SCAN_DIR", f":{folder}")
            async with whmcs_shop(stack, prefect, database=database, api=door.url, auth=f"whmcs:{door.secret}") as shop:
                yield door, shop
                assert (await shop.whmcs.state()).php_faults == []
        await prefect.aclose()


async def test_an_order_goes_its_whole_way(door_and_shop: tuple[Door, WhmcsShop]) -> None:
    door, shop = door_and_shop
    for flow in ("catalogue", "reconcile"):
        await scheduled(shop, flow)
    story = await ordered(shop, "outside")
    assert XEON in await story.offered()

    assert await shop.whmcs.command(story.service, "CreateAccount", "payment") == "success"
    assert await story.status() == "Pending"
    await story.eventually("Active")
    assert len((await story.mailed()).client_mails(story.service)) == 1
    assert await shop.whmcs.command(story.service, "SuspendAccount", "automation") == "success"
    assert await story.status() == "Suspended"
    assert await shop.whmcs.command(story.service, "UnsuspendAccount", "payment") == "success"
    assert "repaired: 0" in await shop.whmcs.addon_page(ADDON)
    await story.give_back()

    calls = (door.folder / "access.log").read_text(encoding="utf-8").splitlines()
    refused = [call for call in calls if '" 403 ' in call or '" 401 ' in call or '" 429 ' in call]
    assert (len(calls) > 20, refused) == (True, [])


async def test_a_wrong_secret_is_told_in_one_line_and_the_right_one_goes_on(
    door_and_shop: tuple[Door, WhmcsShop],
) -> None:
    door, shop = door_and_shop
    story = await ordered(shop, "stranger", dont_wait="on")
    await shop.whmcs.configure(ADDON, auth="whmcs:not-the-secret")
    try:
        said = await shop.whmcs.command(story.service, "CreateAccount", "payment")
    finally:
        await shop.whmcs.configure(ADDON, auth=f"whmcs:{door.secret}")
    assert "check the addon's auth string" in said and "\n" not in said and "not-the-secret" not in said
    (row,) = (await shop.whmcs.state()).waiting(story.service)
    assert await shop.whmcs.retry(row.id) == "success"
    await story.mailed()  # Active alone is a moment before the run's end
    assert await story.status() == "Active"
    await story.give_back()
