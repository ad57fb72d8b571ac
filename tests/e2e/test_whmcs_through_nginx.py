"""A client's whole story where WHMCS reaches Prefect through the documented nginx, with a secret of its own, by TLS."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from dciflow.demo.ordering import ADDON, WhmcsOrdering, whmcs_ordering
from dciflow.demo.prefect_api import PrefectApi
from dciflow.demo.stack import running_stack
from simulator.panel.profile import XEON
from tests.e2e.orders import decided_on_the_page, ordered, scheduled
from tests.mariadb import mariadb
from tests.nginx.nginx_proxy import ASKS_FOR_AUTH, AUTH, AUTH_STRING, NginxProxy, nginx, open_proxy
from tests.prefect_home import prefect_home

pytestmark = [pytest.mark.prefect, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door_and_shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[NginxProxy, WhmcsOrdering]]:
    """A Prefect that asks for its auth string, the door in front of it, and a WHMCS that knows only the door."""
    nginx()
    database = await mariadb()
    home = prefect_home(tmp_path_factory, "shop")
    folder: Path = tmp_path_factory.mktemp("door")
    async with (
        running_stack(home, print, speed=90.0, keep=lambda: True, settings=ASKS_FOR_AUTH) as stack,
        open_proxy(stack, folder, AUTH_STRING) as door,
    ):
        prefect = PrefectApi(stack.api)
        prefect.http.auth = AUTH
        (folder / "trust.ini").write_text(f"curl.cainfo = {door.certificate}\n", encoding="utf-8")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PHP_INI_SCAN_DIR", f":{folder}")
            async with whmcs_ordering(
                stack, prefect, database=database, api=door.url, auth=":".join(door.auth)
            ) as shop:
                yield door, shop
                assert (await shop.whmcs.state()).php_faults == []
        await prefect.aclose()


async def test_an_order_goes_its_whole_way(door_and_shop: tuple[NginxProxy, WhmcsOrdering]) -> None:
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


async def test_a_held_service_is_decided_on_and_the_door_says_who_asked(
    door_and_shop: tuple[NginxProxy, WhmcsOrdering],
) -> None:
    _, shop = door_and_shop
    runs = await shop.prefect.runs("decide-held", await decided_on_the_page(shop))
    given = [(await shop.prefect.http.get(f"/flow_runs/{run}")).json()["parameters"] for run in runs]
    # The other one is the form that waits in Prefect's UI.
    (decided,) = [one for one in given if one.get("decision") is not None]
    assert decided["who"].startswith("WHMCS billing, by its own word ")
    assert decided["asked_through"] == "billing"


async def test_a_wrong_secret_is_told_in_one_line_and_the_right_one_goes_on(
    door_and_shop: tuple[NginxProxy, WhmcsOrdering],
) -> None:
    door, shop = door_and_shop
    story = await ordered(shop, "stranger", dont_wait="on")
    await shop.whmcs.configure(ADDON, auth="billing:not-the-secret")
    try:
        said = await shop.whmcs.command(story.service, "CreateAccount", "payment")
    finally:
        await shop.whmcs.configure(ADDON, auth=":".join(door.auth))
    assert "check the addon's auth string" in said and "\n" not in said and "not-the-secret" not in said
    (row,) = (await shop.whmcs.state()).waiting(story.service)
    assert await shop.whmcs.retry(row.id) == "success"
    await story.mailed()  # Active alone is a moment before the run's end
    assert await story.status() == "Active"
    await story.give_back()
