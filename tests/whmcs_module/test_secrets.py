"""No secret is left in a log, a page, a table or a message, not even one that somebody quotes."""

import base64
import json
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from tests.whmcs_module.stories import (
    ADDON,
    AUTH,
    CANARY,
    FLOW,
    PANEL_PASSWORD,
    SERVICE_PASSWORD,
    TABLES,
    TOKEN,
    hurried,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hurried(tmp_path_factory.mktemp("overlay"))


async def test_no_secret_is_left_anywhere(scene):
    said = []
    for command in FLOW:
        for fault in ("401", "500", "html"):
            scene.prefect.then(fault)
            scene.prefect.then(fault, on="block_")
            service = await scene.ready_for(command)
            await scene.whmcs.edit("tblservers", scene.panels[0], password=f"{PANEL_PASSWORD}{len(said)}")
            said.append(await scene.whmcs.command(service, command, "automation"))
            said.append(await scene.whmcs.command(service, command, "automation"))
            scene.prefect.of(service)[-1].becomes("FAILED", "Refusal: no.")
            said.append(await scene.whmcs.custom(service, "sync"))
            page = await scene.whmcs.admin_page(service)
            said += [*page.fields.values(), (await scene.whmcs.client_page(service, scene.client)).html]
    scene.prefect.ends["check-panel"] = ("FAILED", "Refusal: no.", {})
    said.append((await scene.whmcs.test_connection(scene.panels[0])).error)
    said.append(await scene.whmcs.addon_page(ADDON, post={"task": "test", "token": TOKEN}))
    state = await scene.whmcs.state()
    assert len(state.module_log) > 10
    said += [row.model_dump_json() for row in (*state.module_log, *state.activities, *state.queue)]
    said += [row.model_dump_json() for row in (*state.notifications, *state.api_requests)]
    said += [mail.message for mail in state.mails if not mail.userid]
    for table in TABLES:
        said.append(json.dumps(await scene.whmcs.sql(f"SELECT * FROM mod_dcimanager6_{table}")))  # noqa: S608
    said += [scene.prefect.everything_sent, (scene.whmcs.home / "php.log").read_text()]
    for secret in (CANARY, base64.b64encode(AUTH.encode()).decode()):
        assert not [text for text in said if secret in text]


def quote_all(text: str) -> str:
    return quote(text, safe="")


def as_json(text: str) -> str:
    return json.dumps(text)[1:-1]


async def logged_of_a_run_that_said(scene, text):
    scene.prefect.ends["suspend"] = ("FAILED", f"Refusal: the panel said {text}", {})
    await scene.whmcs.command(await scene.ready_for("SuspendAccount"), "SuspendAccount")
    (entry,) = [row for row in (await scene.whmcs.state()).module_log if row.action == "SuspendAccount"]
    assert "the panel said" in entry.response
    return entry.model_dump_json()


@pytest.mark.parametrize("form", [str, quote_all, quote_plus, as_json])
async def test_a_secret_that_somebody_quotes_is_masked_in_the_module_log(scene, form):
    assert CANARY not in await logged_of_a_run_that_said(scene, f"{form(PANEL_PASSWORD)} and {form(AUTH)}")


async def test_a_quoted_secret_with_an_angle_bracket_is_masked_in_the_module_log(scene):
    assert CANARY not in await logged_of_a_run_that_said(scene, SERVICE_PASSWORD)
