"""What staff are told of arrives: at a webhook and by e-mail, once, with a link to the run and without a secret."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

import pytest
import pytest_asyncio

from dciflow.demo.stack import Stack
from runtime.errors import StepRefused
from simulator.panel.profile import Profile
from simulator.processes import free_port
from simulator.whmcs.model import SECRET
from tests.e2e.whmcs_clients import WhmcsClients, again
from tests.receivers import MailServer, WebhookReceiver, receiving

pytestmark = [pytest.mark.prefect, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

ARRIVES_SECONDS = 60
"""Prefect acts within a second or two; the rest is a busy machine."""

AT_MOST_SECONDS = 4.0
"""So long a second message of the same thing is waited for."""

HOOK_TOKEN, SMTP_PASSWORD = "canary-hook-token", "canary-smtp-password"


@dataclass
class Staff:
    """Whoever reads the messages."""

    webhook: WebhookReceiver
    mail: MailServer
    customers: WhmcsClients
    stack: Stack

    async def reads(self, about: str, run_id: str) -> dict[str, Any]:
        """The one message about it, once it has come by both ways, with the link to the run and on one line."""
        link = f"{self.stack.prefect}/v2/runs/flow-run/{run_id}"
        for _ in range(ARRIVES_SECONDS * 4):
            if self._calls(about) and self._mails(about):
                break
            await asyncio.sleep(0.25)
        await asyncio.sleep(AT_MOST_SECONDS)
        (call,), (mail,) = self._calls(about), self._mails(about)
        assert call["link"] == link
        assert link in call["text"]
        assert link in _text(mail)
        assert "\n" not in _text(mail).strip()
        assert mail["Subject"] == f"[dciflow] {call['title']}"
        assert mail["To"] == "noc@example.com"
        return call

    def _calls(self, about: str) -> list[dict[str, Any]]:
        return [message for message in self.webhook.messages if about in message["title"]]

    def _mails(self, about: str) -> list[EmailMessage]:
        return [mail for mail in self.mail.mails if about in str(mail["Subject"])]


def _text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


async def _ours(customers: WhmcsClients) -> list[dict[str, Any]]:
    answer = await customers.prefect.send("POST", "/automations/filter", {})
    return [one for one in answer.json() if one["name"].startswith("dciflow: ")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def staff(stack: Stack, customers: WhmcsClients) -> AsyncIterator[Staff]:
    """Staff who typed what docs/notifications.md says; afterwards nobody is told anything any more."""
    async with receiving(WebhookReceiver()) as webhook, receiving(MailServer()) as mail:
        await stack.command(
            "notify", "webhook", "ops",
            secrets={"DCIFLOW_WEBHOOK_URL": f"http://127.0.0.1:{webhook.port}/{HOOK_TOKEN}"},
        )  # fmt: skip
        await stack.command(
            "notify", "email", "noc", "--to", "noc@example.com", "--sender", "dciflow@example.com",
            "--smtp", "127.0.0.1", "--port", str(mail.port), "--security", "insecure", "--username", "dciflow",
            secrets={"DCIFLOW_SMTP_PASSWORD": SMTP_PASSWORD},
        )  # fmt: skip
        said = await stack.command("notify", "setup", "--webhook-block", "ops", "--email-block", "noc")
        assert "dciflow: HELD: made." in said
        yield Staff(webhook, mail, customers, stack)
        for one in await _ours(customers):
            await customers.prefect.send("DELETE", f"/automations/{one['id']}")


async def test_the_test_message_is_taken_by_both(staff: Staff) -> None:
    said = await staff.stack.command("notify", "test")
    assert "webhook: taken (HTTP status 200)" in said
    assert "e-mail: taken" in said
    assert [path for path, _ in staff.webhook.calls] == [f"/{HOOK_TOKEN}"]
    assert staff.mail.logins


async def test_a_webhook_that_refuses_is_told_so(staff: Staff) -> None:
    staff.webhook.status = 500
    try:
        with pytest.raises(StepRefused, match="webhook: refused with HTTP status 500"):
            await staff.stack.command("notify", "test")
    finally:
        staff.webhook.status = 200


async def test_a_service_that_is_held_is_told_once(staff: Staff, customers: WhmcsClients) -> None:
    order = await customers.buy()
    service_id = order["service_id"]
    assert (await customers.ask("activate", order)).state == "COMPLETED"
    server = await customers.server_of(service_id)
    assert server is not None
    await customers.by_hand("set_owner", server, email="stranger@example.com")
    end = await customers.ask("suspend", again(order))
    assert end.state == "FAILED"
    message = await staff.reads(f"service {service_id} is HELD (owner-changed)", end.run_id)
    assert (message["event"], message["service_id"], message["panel"]) == ("dciflow.held", service_id, "main")
    assert "stranger" not in str(message)

    await customers.by_hand("set_owner", server, email=server["owner"])
    await staff.stack.command("held", "release", str(service_id), "--why", "the owner is right again")
    await customers.delete(order)


async def test_an_activation_that_fails_is_told_once(staff: Staff, customers: WhmcsClients) -> None:
    order = await customers.buy()
    order["order"]["configuration"] = "no-such-configuration"
    end = await customers.ask("activate", order)
    assert end.state == "FAILED"
    message = await staff.reads(f"service {order['service_id']} did not get its server", end.run_id)
    assert message["event"] == "dciflow.activation-failed"
    assert "No free server of configuration no-such-configuration" in message["text"]


async def test_an_unsuspension_that_fails_is_told_once_and_is_the_most_urgent(
    staff: Staff, customers: WhmcsClients
) -> None:
    order = await customers.buy()
    assert (await customers.ask("activate", order)).state == "COMPLETED"
    await customers.delete(order)
    end = await customers.ask("unsuspend", again(order))
    assert end.state == "FAILED"
    message = await staff.reads(f"service {order['service_id']} stays cut off", end.run_id)
    assert message["urgency"] == "highest"
    assert message["title"].startswith("HIGHEST URGENCY: ")


async def test_a_reconciliation_that_stops_is_told_once_in_a_while(staff: Staff, customers: WhmcsClients) -> None:
    await staff.stack.command(
        "panel", "add", "gone", "--url", f"http://127.0.0.1:{free_port()}",
        "--username", Profile.demo().admin_email,
        secrets={"DCIFLOW_PANEL_PASSWORD": "canary-wrong-password"},
    )  # fmt: skip
    try:
        deployment = await customers.prefect.deployment("reconcile/scheduled")
        ends = []
        while len(ends) < 2:
            run = await customers.prefect.create(deployment, "reconcile", {"panel": "gone"})
            end = await customers.prefect.wait(run)
            ends += [end] if end.state == "FAILED" else []  # or the scheduled one was just running
        message = await staff.reads("panel gone is not reconciled", ends[0].run_id)
        assert message["event"] == "dciflow.reconciliation.stopped"
    finally:
        await staff.stack.run("prefect", "block", "delete", "dcimanager-panel/gone")


async def test_set_up_again_it_updates_and_leaves_off_what_was_switched_off(
    staff: Staff, customers: WhmcsClients
) -> None:
    before = {one["name"]: one for one in await _ours(customers)}
    off = before["dciflow: stock low"]["id"]
    await customers.prefect.send("PATCH", f"/automations/{off}", {"enabled": False})
    said = await staff.stack.command("notify", "setup", "--webhook-block", "ops")
    assert "dciflow: stock low: updated (switched off)." in said
    after = {one["name"]: one for one in await _ours(customers)}
    assert {name: one["id"] for name, one in after.items()} == {name: one["id"] for name, one in before.items()}
    assert {name for name, one in after.items() if not one["enabled"]} == {"dciflow: stock low"}
    assert {len(one["actions"]) for one in after.values()} == {1}
    listed = await staff.stack.command("notify", "list")
    assert "dciflow.unsuspend-failed" in listed

    said = await staff.stack.command("notify", "setup", "--webhook-block", "ops", "--email-block", "noc", "--dry-run")
    assert "would be updated" in said
    assert {len(one["actions"]) for one in await _ours(customers)} == {1}
    with pytest.raises(StepRefused, match=r"no block webhook/nowhere: store it first"):
        await staff.stack.command("notify", "setup", "--webhook-block", "nowhere")


async def test_no_secret_is_in_a_message_an_event_or_an_automation(staff: Staff, customers: WhmcsClients) -> None:
    services = (await customers.http.get("/control/state")).json()["services"]
    passwords = [await customers.password_of(one["id"]) for one in services]
    canaries = [HOOK_TOKEN, SMTP_PASSWORD, "canary-wrong-password", Profile.demo().admin_password, SECRET, *passwords]
    answer = await customers.prefect.http.post("/events/filter", json={"limit": 50})
    page = answer.raise_for_status().json()
    events = page["events"]
    while page["next_page"]:
        page = (await customers.prefect.http.get(page["next_page"])).raise_for_status().json()
        events += page["events"]
    kept = json.dumps([events, await _ours(customers), staff.webhook.messages])
    kept += "".join(str(mail) for mail in staff.mail.mails)
    assert "dciflow.held" in kept
    assert [canary for canary in canaries if canary in kept] == []
