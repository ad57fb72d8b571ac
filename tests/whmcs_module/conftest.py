"""A simulated WHMCS for each file of tests; each test finds an empty shop in it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from simulator.whmcs_php.host import FakeWhmcs, fake_whmcs
from tests.mariadb import mariadb
from tests.whmcs_module.fake_prefect import FakePrefect, serving
from tests.whmcs_module.stories import ADDON, AUTH, PANEL_PASSWORD, SETTINGS, ModuleHarness

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def overlay() -> Path:
    """The folder that mirrors WHMCS's root: the module of six lines, unless a file of tests has another."""
    return HERE / "sample"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(overlay: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FakeWhmcs]:
    database = await mariadb()
    async with fake_whmcs(module=overlay, database=database, home=tmp_path_factory.mktemp("whmcs")) as host:
        yield host


@pytest_asyncio.fixture(loop_scope="module")
async def whmcs(running: FakeWhmcs) -> FakeWhmcs:
    """An empty shop."""
    await running.reset()
    return running


@pytest.fixture
def prefect() -> FakePrefect:
    """A Prefect that does as it is told."""
    prefect = FakePrefect()
    prefect.auth = AUTH
    return prefect


@pytest_asyncio.fixture(loop_scope="module")
async def scene(whmcs: FakeWhmcs, prefect: FakePrefect) -> AsyncIterator[ModuleHarness]:
    """A shop with the real module, two panels and a product; at the end no PHP warning and no wrong call to Prefect."""
    with serving(prefect) as api:
        assert (await whmcs.activate(ADDON)).status == "success"
        await whmcs.configure(ADDON, api_url=api, auth=AUTH, ui_url="https://prefect.example.com/v2")
        panels = [
            await whmcs.add_server(name, f"{name}.example.com", "admin@example.com", PANEL_PASSWORD)
            for name in ("main", "second")
        ]
        client = await whmcs.add_client("ann+tag@example.com", "Ann", "Ünal")
        product = await whmcs.add_product("Xeon", SETTINGS)
        yield ModuleHarness(whmcs, prefect, client, panels, product)
        assert (await whmcs.state()).php_faults == []
        assert prefect.wrong == []
