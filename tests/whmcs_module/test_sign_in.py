"""WHMCS's single sign-on: the address that the browser is sent to, and everything that must not get into it."""

import base64
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from runtime.sealing import Seal
from simulator.whmcs_php.sign_on import custom_action, server_sign_on, single_sign_on
from tests.sealed import key_pair
from tests.whmcs_module.signing_in import (
    CLIENTS_MAY,
    FOR_CLIENTS,
    KEY,
    NOT_YET,
    PAGE,
    flows_seal,
    runs,
    sealed_for,
    sign_on,
    sold,
)
from tests.whmcs_module.stories import SETTINGS, ModuleHarness, hurried

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hurried(tmp_path_factory.mktemp("overlay"))


async def test_a_client_is_sent_to_the_panel_with_the_key_that_was_sealed_for_them(scene: ModuleHarness) -> None:
    service = await sold(scene)
    flows_seal(scene)
    answer = await sign_on(scene, service)
    assert (answer.success, answer.redirectTo, answer.session) == (True, PAGE, {})
    (run,) = runs(scene, service)
    assert run.parameters["requested_by"] == "client"
    assert run.parameters["identity"]["client_id"] == scene.client
    assert await scene.status(service) == "Active"


async def test_a_run_that_takes_longer_is_taken_up_by_the_next_press_of_the_same_session(scene: ModuleHarness) -> None:
    service = await sold(scene)
    first = await sign_on(scene, service)
    assert (first.success, first.errorMsg) == (False, NOT_YET)
    again = await sign_on(scene, service, session=first.session)
    assert again.errorMsg == NOT_YET
    (run,) = runs(scene, service)
    run.becomes("COMPLETED", sealed_key=sealed_for(run))
    await scene.whmcs.custom(service, "sync")  # WHMCS has closed the request already
    answer = await sign_on(scene, service, session=again.session)
    assert (answer.redirectTo, answer.session) == (PAGE, {})
    assert len(runs(scene, service)) == 1


async def test_a_key_is_used_once(scene: ModuleHarness) -> None:
    service = await sold(scene)
    waiting = await sign_on(scene, service)
    (run,) = runs(scene, service)
    run.becomes("COMPLETED", sealed_key=sealed_for(run))
    used = await sign_on(scene, service, session=waiting.session)
    assert used.success
    assert (await sign_on(scene, service, session=used.session)).errorMsg == NOT_YET
    assert len(runs(scene, service)) == 2


async def test_another_session_neither_takes_it_up_nor_starts_a_second_one(scene: ModuleHarness) -> None:
    service = await sold(scene)
    await sign_on(scene, service)
    other = await sign_on(scene, service)
    assert "Something else is under way" in other.errorMsg
    (run,) = runs(scene, service)
    run.becomes("COMPLETED", sealed_key=sealed_for(run))
    flows_seal(scene)
    assert (await sign_on(scene, service, session=other.session)).success
    assert len(runs(scene, service)) == 2  # its own: what is over is closed before one is asked for


async def test_a_session_that_waited_for_too_long_forgets_its_private_key(scene: ModuleHarness) -> None:
    service = await sold(scene)
    waiting = await sign_on(scene, service)
    (run,) = runs(scene, service)
    run.becomes("COMPLETED", sealed_key=sealed_for(run))
    (kept,) = waiting.session["dciflow_sign_in"].values()
    assert 290 <= kept["until"] - time.time() <= 300
    old = {"dciflow_sign_in": {str(service): {**kept, "until": 1}}}
    flows_seal(scene, "25-another0-1d2b-4c3d-8e4f-5a6b7c8d9e0f")
    answer = await sign_on(scene, service, session=old)
    assert answer.redirectTo.endswith("another0-1d2b-4c3d-8e4f-5a6b7c8d9e0f")
    assert len(runs(scene, service)) == 2


@pytest.mark.parametrize(
    "key",
    [
        "//evil.example/",
        "25-canary/../../../evil",
        "25-canary@evil.example",
        "25-canary?next=//evil",
        "x" * 129,
        "short",
    ],
)
async def test_what_is_no_key_of_the_panel_sends_nobody_anywhere(scene: ModuleHarness, key: str) -> None:
    service = await sold(scene)
    flows_seal(scene, key)
    answer = await sign_on(scene, service)
    assert (answer.success, answer.redirectTo) == (False, "")
    assert "cannot be opened here" in answer.errorMsg
    assert answer.session == {}


async def test_what_was_sealed_for_another_or_changed_does_not_open(scene: ModuleHarness) -> None:
    service = await sold(scene)
    _, foreign = key_pair()
    good = Seal(foreign).close(SecretStr(KEY))
    zeros = base64.urlsafe_b64encode(b"\0" * 32 + b"x" * 60).decode().rstrip("=")
    for label in (good, good[:-2] + "AA", "", "AAAA", "not base64 at all!", zeros, "A" * 5000):
        scene.prefect.ends["sign-in"] = ("COMPLETED", "", {"sealed_key": label})
        answer = await sign_on(scene, service)
        assert (answer.success, answer.redirectTo) == (False, "")
        assert "cannot be opened here" in answer.errorMsg


async def test_a_run_without_a_key_or_that_is_gone_signs_nobody_in(scene: ModuleHarness) -> None:
    service = await sold(scene)
    scene.prefect.ends["sign-in"] = ("COMPLETED", "", {})
    assert "cannot be opened here" in (await sign_on(scene, service)).errorMsg
    scene.prefect.ends.clear()
    waiting = await sign_on(scene, service)
    scene.prefect.runs.remove(runs(scene, service)[-1])
    assert (await sign_on(scene, service, session=waiting.session)).errorMsg == FOR_CLIENTS


async def test_staff_sign_in_as_the_services_own_user_from_its_page_and_not_from_a_server_record(
    scene: ModuleHarness,
) -> None:
    service = await sold(scene, SETTINGS)
    flows_seal(scene)
    assert (await sign_on(scene, service, by="admin")).redirectTo == PAGE
    assert runs(scene, service)[0].parameters["requested_by"] == "admin"
    refused = await server_sign_on(scene.whmcs, scene.panels[0])
    assert not refused.success and "never as an administrator of the panel" in refused.errorMsg
    assert len(runs(scene, service)) == 1


async def test_staff_who_look_at_the_client_area_ask_as_the_client(scene: ModuleHarness) -> None:
    service = await sold(scene, SETTINGS)
    assert "not offered" in (await sign_on(scene, service, by="staff as client")).errorMsg
    assert runs(scene, service) == []


async def test_a_product_that_does_not_offer_it_shows_and_starts_nothing(scene: ModuleHarness) -> None:
    service = await sold(scene, SETTINGS)
    assert "dosinglesignon" not in (await scene.whmcs.client_page(service, scene.client)).html
    assert "not offered" in (await sign_on(scene, service)).errorMsg
    action = await custom_action(scene.whmcs, service, scene.client, "sign-in")
    assert action.errorMsg == "There is no such action"
    assert runs(scene, service) == []


async def test_the_page_and_the_custom_action_lead_the_same_way(scene: ModuleHarness) -> None:
    service = await sold(scene)
    flows_seal(scene)
    page = (await scene.whmcs.client_page(service, scene.client)).html
    assert f"clientarea.php?action=productdetails&amp;id={service}&amp;dosinglesignon=1" in page
    assert 'rel="noopener noreferrer"' in page
    action = await custom_action(scene.whmcs, service, scene.client, "sign-in")
    assert (action.success, action.redirectTo) == (True, PAGE)
    assert "Sign in to the panel" in (await scene.whmcs.client_page(service, scene.client)).html


async def test_another_clients_service_is_not_theirs_to_sign_in_to(scene: ModuleHarness) -> None:
    service = await sold(scene)
    stranger = await scene.whmcs.add_client("eve@example.com")
    for answer in (
        await single_sign_on(scene.whmcs, service, stranger),
        await custom_action(scene.whmcs, service, stranger, "sign-in"),
    ):
        assert (answer.success, answer.errorMsg) == (False, "Access denied")
    assert runs(scene, service) == []


async def test_a_service_that_went_to_another_client_meanwhile_is_not_opened(scene: ModuleHarness) -> None:
    service = await sold(scene)
    waiting = await sign_on(scene, service)
    (run,) = runs(scene, service)
    run.becomes("COMPLETED", sealed_key=sealed_for(run))
    new = await scene.whmcs.add_client("eve@example.com")
    await scene.whmcs.edit("tblhosting", service, userid=new)
    answer = await single_sign_on(scene.whmcs, service, new, session=waiting.session)
    assert not answer.success and answer.redirectTo == ""


async def test_a_service_that_moved_to_another_panel_meanwhile_is_not_opened_there(scene: ModuleHarness) -> None:
    service = await sold(scene)
    waiting = await sign_on(scene, service)
    (run,) = runs(scene, service)
    run.becomes("COMPLETED", sealed_key=sealed_for(run))
    await scene.whmcs.edit("tblhosting", service, server=scene.panels[1])
    answer = await sign_on(scene, service, session=waiting.session)
    assert not answer.success and "has changed meanwhile" in answer.errorMsg


async def test_an_unverified_client_is_refused(scene: ModuleHarness) -> None:
    settings = [*CLIENTS_MAY]
    settings[6] = "on"
    service = await sold(scene, settings)
    flows_seal(scene)
    await scene.whmcs.edit("tblclients", scene.client, email_verified=0)
    assert "not verified" in (await sign_on(scene, service)).errorMsg
    assert runs(scene, service) == []


@pytest.mark.parametrize("status", ["Pending", "Suspended", "Terminated", "Cancelled", "Fraud"])
async def test_a_service_that_is_not_in_use_is_refused_to_its_client(scene: ModuleHarness, status: str) -> None:
    service = await sold(scene)
    await scene.whmcs.edit("tblhosting", service, domainstatus=status)
    assert "cannot be done for it now" in (await sign_on(scene, service)).errorMsg
    assert runs(scene, service) == []


async def test_a_status_that_changed_while_the_run_went_on_keeps_the_key_shut(scene: ModuleHarness) -> None:
    service = await sold(scene)
    waiting = await sign_on(scene, service)
    (run,) = runs(scene, service)
    run.becomes("COMPLETED", sealed_key=sealed_for(run))
    await scene.whmcs.edit("tblhosting", service, domainstatus="Suspended")
    assert "cannot be done for it now" in (await sign_on(scene, service, session=waiting.session)).errorMsg


async def test_a_client_reads_no_word_of_the_hosts_systems_and_staff_do(scene: ModuleHarness) -> None:
    service = await sold(scene)
    scene.prefect.ends["sign-in"] = ("FAILED", "StepRefused: panel.internal.example has user 25 as administrator.", {})
    assert (await sign_on(scene, service)).errorMsg == FOR_CLIENTS
    assert "panel.internal" in (await sign_on(scene, service, by="admin")).errorMsg
    too_often = "Flow run encountered an exception: StepRefused: Too often: no more of it today."
    scene.prefect.ends["sign-in"] = ("FAILED", too_often, {})
    assert (await sign_on(scene, service)).errorMsg == "no more of it today."


async def test_a_server_record_without_tls_sends_nobody_there(scene: ModuleHarness) -> None:
    service = await sold(scene)
    flows_seal(scene)
    await scene.whmcs.edit("tblservers", scene.panels[0], secure="", port="8080")
    assert (await sign_on(scene, service)).errorMsg == FOR_CLIENTS
    assert "not asked over https" in (await sign_on(scene, service, by="admin")).errorMsg
    assert runs(scene, service) == []
    assert any("not asked over https" in line.description for line in await scene.activities())


async def test_prefect_that_is_away_is_one_line_and_a_lost_answer_is_taken_up_again(scene: ModuleHarness) -> None:
    service = await sold(scene)
    scene.prefect.then("401")
    assert "try again in a minute" in (await sign_on(scene, service)).errorMsg
    assert runs(scene, service) == []
    scene.prefect.then("lost", "lost", "lost", "lost", "lost", "lost", "lost")
    lost = await sign_on(scene, service)
    assert not lost.success
    scene.prefect.faults.clear()
    flows_seal(scene)
    assert (await sign_on(scene, service, session=lost.session)).redirectTo == PAGE
    assert len(runs(scene, service)) == 1


async def test_the_api_credential_signs_nobody_in(scene: ModuleHarness) -> None:
    service = await sold(scene)
    flows_seal(scene)
    assert not (await sign_on(scene, service, by="api")).success
    assert runs(scene, service) == []
