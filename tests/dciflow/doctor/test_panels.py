import pytest
from pydantic import SecretStr

from dciflow.doctor import panels
from dciflow.doctor.findings import Verdict
from dciflow.doctor.panels import check_panel, panel_checks
from dcimanager.errors import PanelUnreachable
from dcimanager.panel import Panel
from dcimanager.transport import PanelAccess
from ledger.tables import ProofRow
from runtime import connections
from runtime.blocks import DcimanagerPanel
from tests.harness import PANEL, Harness


@pytest.fixture
def access(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """How the panel of the harness is reached; a test changes it."""
    profile = harness.simulation.panel.world.profile
    said: dict[str, object] = {
        "url": "https://panel.example", "username": profile.admin_email, "password": SecretStr(profile.admin_password),
    }  # fmt: skip

    async def opened(name: str) -> Panel:
        return Panel(PanelAccess(name=name, **said), harness.dialect, http=harness.simulation.transport())  # type: ignore[arg-type]

    monkeypatch.setattr(panels, "opened", opened)
    return said


def verdicts(found: object) -> list[Verdict]:
    return [one.verdict for one in found]  # type: ignore[attr-defined]


@pytest.mark.usefixtures("access")
async def test_a_panel_that_lets_us_in_and_is_trusted_is_ok() -> None:
    assert verdicts(await check_panel(PANEL)) == [Verdict.OK]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"verify_tls": False}, "certificate is not verified"),
        ({"url": "http://panel.example"}, "http"),
        ({"password": SecretStr("canary-wrong")}, "password"),
    ],
    ids=["certificate not verified", "no TLS", "wrong password"],
)
async def test_how_a_panel_is_reached_may_be_wrong(
    access: dict[str, object], change: dict[str, object], said: str
) -> None:
    access.update(change)
    found = [one for one in await check_panel(PANEL) if one.verdict is Verdict.WRONG]
    assert said in " ".join(one.what + one.do for one in found)
    assert "canary" not in " ".join(one.what + one.do for one in found)


async def test_a_panel_without_proofs_is_wrong(harness: Harness, access: dict[str, object]) -> None:
    async with harness.ledger.transaction() as session:
        await (await session.connection()).exec_driver_sql(f"DELETE FROM {ProofRow.__tablename__}")  # noqa: S608
    [found] = await check_panel(PANEL)
    assert found.verdict is Verdict.WRONG and "neither proved nor trusted" in found.what


async def test_a_panel_that_does_not_answer_is_wrong_and_named(
    access: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def login(self: Panel) -> None:
        raise PanelUnreachable("The panel cannot be reached.")

    monkeypatch.setattr(Panel, "login", login)
    [found] = await check_panel(PANEL)
    assert found.verdict is Verdict.WRONG and "cannot be reached" in found.what


async def test_a_block_that_cannot_be_read_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    async def lacking(name: str) -> DcimanagerPanel:
        return DcimanagerPanel.model_validate({"url": "https://panel.example", "password": "canary"})

    monkeypatch.setattr(DcimanagerPanel, "aload", lacking)
    [found] = await check_panel(PANEL)
    assert found.verdict is Verdict.WRONG and "canary" not in found.what + found.do


async def test_each_stored_panel_is_looked_at_and_none_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["main", "second"]

    async def stored() -> list[str]:
        return names

    monkeypatch.setattr(connections, "stored_panels", stored)
    assert [check.about for check in await panel_checks()] == ["panel main", "panel second"]
    names.clear()
    [check] = await panel_checks()
    assert verdicts(await check.findings()) == [Verdict.LOOK]
