"""Who may press what: buttons that destroy or forget are for staff in WHMCS's admin area, not for the API."""

from pathlib import Path

import httpx
import pytest

from simulator.whmcs.model import IDENTIFIER, SECRET
from tests.whmcs_module.stories import ModuleHarness, hurried

pytestmark = pytest.mark.asyncio(loop_scope="module")
ROWS = "SELECT * FROM mod_dcimanager6_service"


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hurried(tmp_path_factory.mktemp("overlay"))


async def by_api(scene: ModuleHarness, service: int, function: str) -> str:
    """The workers' credential calls a function of the module, from outside."""
    form = {"identifier": IDENTIFIER, "secret": SECRET, "action": "ModuleCustom", "responsetype": "json"}
    async with httpx.AsyncClient(trust_env=False) as http:
        said = await http.post(scene.whmcs.api_url, data=form | {"serviceid": service, "func_name": function})
    return str(said.json().get("message", said.json()["result"]))


@pytest.fixture(params=["", "1"], ids=["nobody in the session", "the credential's administrator in the session"])
async def role(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_the_workers_credential_can_tell_the_module_its_news_and_nothing_else(
    scene: ModuleHarness, role: str
) -> None:
    await scene.whmcs.switch("api_has_admin", role)
    service = await scene.activated()
    runs = len(scene.prefect.runs)
    assert await by_api(scene, service, "sync") == "success"
    for function in ("retry", "unlink", "unlink"):
        assert "Only staff may do this" in await by_api(scene, service, function)
    for function in ("TerminateAccount", "SuspendAccount", "CreateAccount", "UnsuspendAccount"):
        assert "ModuleCustom runs no command" in await by_api(scene, service, function)
    assert len(scene.prefect.runs) == runs
    assert len(await scene.whmcs.sql(ROWS)) == 1


CUSTOM = {"action": "ModuleCustom"}
SPELLINGS: list[tuple[dict[str, str], dict[str, str]]] = [
    ({}, {**CUSTOM, "func_name": "TerminateAccount", "FUNC_NAME": "sync"}),
    ({}, {**CUSTOM, "func_name": "TerminateAccount", "ACTION": "x"}),
    ({"action": "x"}, {**CUSTOM, "func_name": "TerminateAccount"}),
    ({"func_name": "sync"}, {**CUSTOM, "func_name": "TerminateAccount"}),
    ({"Action": "x"}, {**CUSTOM, "func_name": "TerminateAccount", "Func_Name[]": "sync"}),
]


@pytest.mark.parametrize(("query", "form"), SPELLINGS, ids=str)
async def test_a_key_that_is_sent_twice_in_other_spellings_calls_no_command(
    scene: ModuleHarness, query: dict[str, str], form: dict[str, str]
) -> None:
    service = await scene.activated()
    runs = len(scene.prefect.runs)
    form |= {"identifier": IDENTIFIER, "secret": SECRET, "responsetype": "json", "serviceid": str(service)}
    async with httpx.AsyncClient(trust_env=False) as http:
        said = await http.post(scene.whmcs.api_url, params=query, data=form)
    assert "ModuleCustom runs no command" in said.text
    assert len(scene.prefect.runs) == runs


async def test_a_deletion_that_failed_is_not_retried_by_the_api(scene: ModuleHarness, role: str) -> None:
    await scene.whmcs.switch("api_has_admin", role)
    service = await scene.activated()
    await scene.whmcs.command(service, "TerminateAccount")
    scene.prefect.of(service)[-1].becomes("FAILED", "Refusal: no.")
    assert await by_api(scene, service, "sync") == "success"
    runs = len(scene.prefect.runs)
    assert "Only staff may do this" in await by_api(scene, service, "retry")
    assert len(scene.prefect.runs) == runs
    await scene.whmcs.press(service, "Retry")
    assert len(scene.prefect.runs) == runs + 1


async def test_news_of_an_end_still_let_whmcs_run_its_own_command_again(scene: ModuleHarness) -> None:
    await scene.whmcs.configure("dcimanager6flows", strict="on")
    service = await scene.buy()
    assert "has started" in await scene.whmcs.command(service, "CreateAccount")
    await scene.write_back(service)
    scene.prefect.only(service).becomes("COMPLETED", step="ready", server=7, state="ACTIVE")
    assert await by_api(scene, service, "sync") == "success"
    assert await scene.status(service) == "Active"
    assert await scene.waiting(service) == []


@pytest.mark.parametrize(("by", "told"), [("admin", "admin"), ("staff as client", "client"), ("client", "client")])
async def test_what_staff_press_as_a_client_is_the_clients(scene: ModuleHarness, by: str, told: str) -> None:
    service = await scene.buy()
    await scene.whmcs.command(service, "CreateAccount", by)
    asked = scene.prefect.only(service).parameters
    assert asked["requested_by"] == told
    assert asked.get("who") == ("admin" if told == "admin" else None)


@pytest.mark.parametrize(
    ("username", "sent"),
    [
        ("anna", "anna"),
        ("Zoë 日本", "Zoë 日本"),
        ("&lt;b&gt;an\u2028na\u202e\x1b<i>", "(b)an na (i)"),
        ("é" * 60, "é" * 40),
        ("", "admin 1"),
    ],
)
async def test_a_member_of_staffs_name_is_sent_as_one_line_and_shown_to_staff(
    scene: ModuleHarness, username: str, sent: str
) -> None:
    await scene.whmcs.sql("UPDATE tbladmins SET username = ? WHERE id = 1", username)
    service = await scene.buy()
    await scene.whmcs.command(service, "CreateAccount", "admin")
    assert scene.prefect.only(service).parameters["who"] == sent
    page = await scene.whmcs.admin_page(service)
    assert f"by admin ({sent})" in page.fields["Last run"]
    assert f"admin ({sent})" in await scene.whmcs.addon_page("dcimanager6flows")


@pytest.mark.parametrize("role", ["", "1"])
async def test_what_the_api_asks_for_is_the_apis_whoever_its_session_names(scene: ModuleHarness, role: str) -> None:
    await scene.whmcs.switch("api_has_admin", role)
    service = await scene.buy()
    await scene.whmcs.command(service, "CreateAccount", "api")
    asked = scene.prefect.only(service).parameters
    assert (asked["requested_by"], "who" in asked) == ("api", False)
