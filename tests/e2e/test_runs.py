import asyncio
import time
from hashlib import sha256
from pathlib import Path

import pytest

from dciflow.demo.stack import Stack
from simulator.panel.profile import Profile
from simulator.whmcs.model import SECRET
from tests.e2e.whmcs_clients import WhmcsClients, again
from tests.sealed import key_pair, opened

pytestmark = [pytest.mark.prefect, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


async def test_a_run_reads_as_the_module_log(customers: WhmcsClients) -> None:
    order = await customers.buy()
    service_id = order["service_id"]
    end = await customers.ask("activate", order)
    assert end.state == "COMPLETED", end.message

    run = (await customers.prefect.http.get(f"/flow_runs/{end.run_id}")).json()
    assert run["name"] == f"activate-service-{service_id}"
    assert {f"service:{service_id}", "panel:main", f"client:{order['order']['client_id']}"} <= set(run["tags"])

    await _eventually(customers, "task_runs", end.run_id, f"switch the ports of the server of service {service_id} on")
    await _eventually(customers, "task_runs", end.run_id, f"install the OS on the server of service {service_id}, att")
    await _eventually(customers, "logs", end.run_id, "panel POST dci/v3/server/")
    await _eventually(customers, "logs", end.run_id, "WHMCS UpdateClientProduct -> 200 in ")

    artifacts = await customers.of_run("artifacts", end.run_id)
    assert {"markdown", "progress"} <= {artifact["type"] for artifact in artifacts}
    card = next(a["data"] for a in artifacts if a["key"] == f"service-{service_id}")
    assert "**ACTIVE**" in card
    await customers.delete(order)


async def test_asking_twice_with_one_key_is_one_run(customers: WhmcsClients) -> None:
    order = await customers.buy()
    key = f"whmcs-1:{order['service_id']}"
    first, second = await asyncio.gather(
        customers.ask("activate", order, key=key), customers.ask("activate", order, key=key)
    )
    assert first.run_id == second.run_id
    assert first.state == "COMPLETED", first.message
    await customers.delete(order)


async def test_service_and_panel_are_enough_to_run_the_last_order_again(customers: WhmcsClients) -> None:
    order = await customers.buy()
    order["order"]["os_template"] = "Debian-12-x86-64"
    refused = await customers.ask("activate", order)
    assert refused.state == "FAILED"
    assert "Nearest: Debian-12-x86_64" in refused.message

    still = await customers.ask("activate", again(order))
    assert still.state == "FAILED"
    order["order"]["os_template"] = "Debian-12-x86_64"
    assert (await customers.ask("activate", order)).state == "COMPLETED"
    done = await customers.ask("activate", again(order))
    assert done.state == "COMPLETED"
    await _eventually(customers, "logs", done.run_id, f"service {order['service_id']} is ACTIVE already: nothing to do")
    await customers.delete(order)


async def test_retry_resumes_and_shows_finished_creates_as_cached(customers: WhmcsClients) -> None:
    order = await customers.buy()
    await customers.http.post("/control/fail-next", json={"type": "os_install"})
    failed = await customers.ask("activate", order)
    assert failed.state == "FAILED"
    assert "press Retry on its activation to install again" in failed.message

    retry = {"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}}
    answer = await customers.prefect.http.post(f"/flow_runs/{failed.run_id}/set_state", json=retry)
    assert answer.json()["status"] == "ACCEPT"
    await asyncio.sleep(0.5)
    end = await customers.prefect.wait(failed.run_id)
    assert end.state == "COMPLETED", end.message

    service_id = order["service_id"]
    await _eventually(customers, "task_runs", failed.run_id, f"write the server of service {service_id} back to WHMCS")
    tasks = await customers.of_run("task_runs", failed.run_id)
    cached = {task["name"] for task in tasks if task["state_name"] == "Cached"}
    assert cached == {
        f"find or create the panel user of service {service_id}",
        f"give the server of service {service_id} its addresses",
    }
    await customers.delete(order)


async def test_an_expected_end_is_one_line_without_a_stack_trace(customers: WhmcsClients) -> None:
    order = await customers.buy()
    order["order"]["ipv4_count"] = 0
    order["order"]["os_install_timeout_minutes"] = 0
    end = await customers.ask("activate", order)
    assert end.state == "FAILED"
    assert "ask for at least 1" in end.message
    assert "more than 0" in end.message
    lines = await _eventually(customers, "logs", end.run_id, "Finished in state Failed")
    assert not any("Traceback" in line for line in lines), lines


async def test_a_second_run_of_a_busy_service_is_refused_with_the_first_ones_link(customers: WhmcsClients) -> None:
    order = await customers.buy_what_hangs()
    first = await customers.prefect.start("activate", order)
    await customers.until_it_installs(order["service_id"])
    second = await customers.ask("terminate", again(order))
    assert second.state == "FAILED"
    assert first in second.message
    await _cancel(customers, first)


async def test_a_cancelled_run_ends_in_seconds_and_leaves_its_service_to_the_next(customers: WhmcsClients) -> None:
    order = await customers.buy_what_hangs()
    run_id = await customers.prefect.start("activate", order)
    await customers.until_it_installs(order["service_id"])
    began = time.monotonic()
    await _cancel(customers, run_id)
    assert time.monotonic() - began < 30
    await customers.delete(order)


async def test_check_panel_says_what_is_ready_and_what_is_not(customers: WhmcsClients, stack: Stack) -> None:
    end = await customers.ask("check-panel", {"panel": "main"})
    assert end.state == "COMPLETED", end.message
    report = next(a["data"] for a in await customers.of_run("artifacts", end.run_id) if a["key"] == "panel-main")
    assert "## Ready for orders" in report
    assert "## Ready for deletions" in report

    await stack.command(
        "panel", "add", "locked", "--url", stack.simulator.replace("127.0.0.1", "localhost"),
        "--username", Profile.demo().admin_email,
        secrets={"DCIFLOW_PANEL_PASSWORD": "not-the-password"},
    )  # fmt: skip
    refused = await customers.ask("check-panel", {"panel": "locked"})
    assert refused.state == "FAILED"
    assert "password" in refused.message
    unknown = await customers.ask("check-panel", {"panel": "nowhere"})
    assert "dciflow panel add nowhere" in unknown.message


async def test_no_secret_is_kept_anywhere(customers: WhmcsClients, stack: Stack) -> None:
    order = await customers.buy()
    password = await customers.password_of(order["service_id"])
    end = await customers.ask("activate", order)
    assert end.state == "COMPLETED", end.message
    key = await _key_into_the_panel(customers, order["service_id"])
    await customers.delete(order)

    canaries = {
        "the panel's one-time key": key,
        "the panel's password": Profile.demo().admin_password,
        "WHMCS's API secret": SECRET,
        "the service's password": password,
        "the client's e-mail": f"{order['order']['hostname'].removesuffix('.example.com')}@example.com",
    }
    searched = [file for file in stack.home.rglob("*") if file.is_file() and not file.name.endswith("simulator.log")]
    assert {"prefect.db", "ledger.db", "worker.log"} <= {file.name for file in searched}
    for file in searched:
        content = await asyncio.to_thread(Path.read_bytes, file)
        found = [name for name, secret in canaries.items() if secret.encode() in content]
        assert not found, f"{file.name} holds {found}"


async def _key_into_the_panel(customers: WhmcsClients, service_id: int) -> str:
    """The key that the panel made for the service's owner, opened as WHMCS's session opens it."""
    private, public = key_pair()
    asked = {"service_id": service_id, "panel": "main", "requested_by": "admin", "public_key": public}
    end = await customers.ask("sign-in", asked)
    assert end.state == "COMPLETED", end.message
    labels = (await customers.prefect.http.get(f"/flow_runs/{end.run_id}")).json()["labels"]
    key = opened(labels["dciflow.sealed_key"], private)
    made = (await customers.http.get("/control/keys")).json()
    assert sha256(key.encode()).hexdigest() == made[-1]["sha256"]
    return key


async def _eventually(customers: WhmcsClients, what: str, run_id: str, beginning: str) -> list[str]:
    """All texts of that kind once one begins so: logs and task runs are events and come a while after the run's end."""
    for _ in range(120):
        rows = await customers.of_run(what, run_id)
        texts = [str(row["message"] if what == "logs" else row["name"]) for row in rows]
        if any(text.startswith(beginning) for text in texts):
            return texts
        await asyncio.sleep(0.25)
    raise AssertionError(f"none of the {what} begins with {beginning!r}: {texts}")


async def _cancel(customers: WhmcsClients, run_id: str) -> None:
    """What the UI's Cancel button does."""
    body = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
    await customers.prefect.http.post(f"/flow_runs/{run_id}/set_state", json=body)
    assert (await customers.prefect.wait(run_id)).state == "CANCELLED"
