"""The key of a sign-in: the one that the panel made, and in nothing that WHMCS keeps."""

import json
import re
from pathlib import Path

import pytest

from flows.sign_in import sign_in as flow
from tests.harness import Harness, open_ledger
from tests.stories.scenario import activated
from tests.whmcs_module.signing_in import KEY, PAGE, runs, sealed_for, sign_on, sold
from tests.whmcs_module.stories import TABLES, ModuleHarness, hurried

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hurried(tmp_path_factory.mktemp("overlay"))


async def test_neither_key_nor_private_half_stands_anywhere_in_whmcs(scene: ModuleHarness) -> None:
    service = await sold(scene)
    waiting = await sign_on(scene, service)
    (private,) = (kept["private"] for kept in waiting.session["dciflow_sign_in"].values())
    (run,) = runs(scene, service)
    run.becomes("COMPLETED", sealed_key=sealed_for(run))
    assert (await sign_on(scene, service, session=waiting.session)).redirectTo == PAGE
    pages = await scene.whmcs.admin_page(service)
    said = [*pages.fields.values(), (await scene.whmcs.client_page(service, scene.client)).html]
    state = await scene.whmcs.state()
    assert [row for row in state.module_log if row.action == "sign-in"]
    said += [row.model_dump_json() for row in (*state.module_log, *state.activities, *state.queue)]
    said += [row.model_dump_json() for row in (*state.notifications, *state.api_requests)]
    for table in TABLES:
        said.append(json.dumps(await scene.whmcs.sql(f"SELECT * FROM mod_dcimanager6_{table}")))  # noqa: S608
    said += [scene.prefect.everything_sent, (scene.whmcs.home / "php.log").read_text()]
    assert any(run.parameters["public_key"] in text for text in said)  # they were looked through
    part = max(re.findall(r"[A-Za-z0-9]+", private), key=len)  # whatever escapes the other signs
    for secret in (KEY, "canary00", private, part):
        assert not [text for text in said if secret in text]


async def test_the_key_that_the_panel_made_is_the_one_that_php_opens(
    scene: ModuleHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # PHP asks, the flow itself makes the key on a simulated panel and seals it, and PHP opens it.
    panel = Harness(await open_ledger(tmp_path))
    panel.connect()
    delivered, _ = await activated(panel)
    service = await sold(scene)
    waiting = await sign_on(scene, service)
    (run,) = runs(scene, service)
    labels: dict[str, str] = {}

    async def label(**facts: str) -> bool:
        labels.update(facts)
        return True

    monkeypatch.setattr("tasks.sign_in.set_run_labels", label)
    await panel.run(flow, delivered, requested_by="admin", public_key=run.parameters["public_key"])
    run.becomes("COMPLETED", **labels)
    answer = await sign_on(scene, service, session=waiting.session)
    (made,) = panel.panel.sessions.keys
    assert answer.redirectTo == f"https://main.example.com/auth/key-v4/{made.text}"
    await panel.ledger.dispose()
