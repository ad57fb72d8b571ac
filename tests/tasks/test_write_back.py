from typing import Any

import pytest
from pydantic import SecretStr

from dcimanager.servers import Accepted, Servers
from flows.activate import activate
from flows.terminate import terminate
from ledger.states import State
from simulator.panel.models import SimOperation
from simulator.whmcs import model
from simulator.whmcs.model import IDENTIFIER, NEEDED, SECRET, SimulatedWhmcs
from simulator.whmcs.records import RecordedCall
from tests.harness import Harness
from tests.stories.scenario import DOWN_FOR_CALLS, cancelled_meanwhile, one_line, promised, sent


def told(harness: Harness) -> list[RecordedCall]:
    """What WHMCS was told of services."""
    return [request for request in harness.whmcs.requests if request.action == "UpdateClientProduct"]


def installations(harness: Harness) -> list[SimOperation]:
    """All OS installations on the panel."""
    return [operation for operation in harness.panel.world.operations.values() if operation.type == "os_install"]


async def test_whmcs_is_told_everything_in_one_call(harness: Harness) -> None:
    service_id = harness.buy()
    password = harness.billed(service_id).password
    await harness.run(activate, service_id, order=harness.order(ipv4_count=2, hostname="db1.example.com"))
    server = await harness.server(service_id)
    addresses = [address.address for address in server.addresses]
    billed = harness.billed(service_id)
    assert (billed.status, billed.domain, billed.username) == ("Active", "db1.example.com", "root")
    assert billed.dedicated_ip == addresses[0]
    assert billed.assigned_ips.split() == addresses
    assert billed.password == password
    assert len(told(harness)) == 1
    assert [note.client_id for note in harness.whmcs.activities] == [harness.client.id]
    assert server.domain == "db1.example.com"


async def test_the_user_of_a_windows_server_is_its_administrator(harness: Harness) -> None:
    service_id = harness.buy()
    await harness.run(activate, service_id, order=harness.order(os_template="Windows-Server-2022"))
    assert harness.billed(service_id).username == "Administrator"


async def test_a_host_name_that_was_not_ordered_stays_as_it_was(harness: Harness) -> None:
    service_id = harness.buy("shop.example.com")
    await harness.run(activate, service_id, order=harness.order())
    assert harness.billed(service_id).domain == "shop.example.com"


async def test_whmcs_is_told_once_however_often_the_activation_is_run(harness: Harness) -> None:
    service_id = harness.buy()
    harness.whmcs.lose_answer("UpdateClientProduct")
    await harness.run(activate, service_id, order=harness.order())
    harness.connect()
    await harness.run(activate, service_id)
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert len(told(harness)) == 1


@pytest.mark.parametrize("dropped", ["domain", "serviceusername", "dedicatedip", "assignedips", "status"])
async def test_a_whmcs_that_does_not_keep_what_was_written_is_no_success(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, dropped: str
) -> None:
    service_id = harness.buy()
    with monkeypatch.context() as whmcs:
        whmcs.delitem(model._COLUMNS, dropped)
        line = await one_line(harness.run(activate, service_id, order=harness.order(hostname="db1.example.com")))
    assert f"WHMCS did not keep what was written for service {service_id}. Press Retry." in line
    assert (await harness.service(service_id)).state is State.INSTALLING
    harness.connect()
    await harness.run(activate, service_id)
    assert (harness.billed(service_id).status, harness.billed(service_id).domain) == ("Active", "db1.example.com")


async def test_a_whmcs_that_changes_the_password_meanwhile_is_no_success(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id = harness.buy()
    update = SimulatedWhmcs._update_client_product

    def other_password(self: SimulatedWhmcs, parameters: model.Parameters) -> model.Answer:
        answer = update(self, parameters)
        self.services[int(parameters["serviceid"])].password += "&amp;"
        return answer

    monkeypatch.setitem(model._ACTIONS, "UpdateClientProduct", other_password)
    assert "WHMCS did not keep what was written" in await one_line(
        harness.run(activate, service_id, order=harness.order())
    )


@pytest.mark.parametrize("status", ["Cancelled", "Terminated", "Fraud"])
async def test_a_service_that_nobody_wants_any_more_is_not_made_active(harness: Harness, status: str) -> None:
    service_id = harness.buy()
    cancelled_meanwhile(harness, service_id, status)
    line = await one_line(harness.run(activate, service_id, order=harness.order()))
    assert f"Service {service_id} is {status} in WHMCS: nothing was written there" in line
    assert told(harness) == []
    assert harness.billed(service_id).status == status
    assert (await harness.service(service_id)).state is State.INSTALLING


@pytest.mark.parametrize("status", ["Cancelled", "Terminated"])
async def test_the_server_of_a_service_that_was_ended_meanwhile_is_taken_back(harness: Harness, status: str) -> None:
    service_id = harness.buy()
    cancelled_meanwhile(harness, service_id, status)
    line = await one_line(harness.run(activate, service_id, order=harness.order()))
    assert "Its server is taken back" in line
    await play_taking_back(harness, service_id)
    assert (await harness.service(service_id)).state is State.RELEASED


async def play_taking_back(harness: Harness, service_id: int) -> None:
    """Play the deletion that was started last, as it was started."""
    deployment, parameters, _ = harness.started[-1]
    assert (deployment, parameters["service_id"]) == ("terminate/whmcs", service_id)
    await harness.run(terminate, service_id, requested_by=parameters["requested_by"])


async def test_a_deletion_that_failed_is_started_anew_by_the_next_run_that_finds_the_service_ended(
    harness: Harness,
) -> None:
    service_id = harness.buy()
    cancelled_meanwhile(harness, service_id)
    for _ in range(2):
        await one_line(harness.run(activate, service_id, order=harness.order()))
    (_, _, key), (_, _, again) = harness.started
    assert again != key


async def test_a_deletion_that_waited_until_the_service_was_wanted_again_leaves_it_alone(harness: Harness) -> None:
    service_id = harness.buy()
    cancelled_meanwhile(harness, service_id)
    await one_line(harness.run(activate, service_id, order=harness.order()))
    harness.billed(service_id).status = "Pending"
    await harness.run(activate, service_id)
    line = await one_line(play_taking_back(harness, service_id))
    assert f"Service {service_id} is Active in WHMCS by now" in line
    assert (await harness.service(service_id)).state is State.ACTIVE
    assert sent(harness, "diagnostics") == []


async def test_a_server_is_not_called_ready_before_whmcs_has_its_data(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id = harness.buy()
    addresses_when_ready: list[str] = []

    async def label(**facts: str | int) -> None:
        if facts.get("step") == "ready":
            addresses_when_ready.append(harness.billed(service_id).dedicated_ip)

    monkeypatch.setattr("tasks.write_back.set_run_labels", label)
    await harness.run(activate, service_id, order=harness.order())
    assert addresses_when_ready == [harness.billed(service_id).dedicated_ip] != [""]


async def test_a_fraud_is_for_a_person(harness: Harness) -> None:
    service_id = harness.buy()
    cancelled_meanwhile(harness, service_id, "Fraud")
    line = await one_line(harness.run(activate, service_id, order=harness.order()))
    assert "terminate the service to release it" in line
    assert harness.started == []


async def test_whmcs_is_told_when_a_server_is_reserved_and_when_it_installs(harness: Harness) -> None:
    service_id = harness.buy()
    await harness.run(activate, service_id, order=harness.order())
    assert [(call.service_id, call.function) for call in harness.whmcs.module_calls] == [(service_id, "sync")] * 2


async def test_a_whmcs_that_does_not_listen_holds_up_no_activation(harness: Harness) -> None:
    service_id = harness.buy()
    harness.whmcs.allow(IDENTIFIER, SECRET, NEEDED - {"ModuleCustom"})
    await harness.run(activate, service_id, order=harness.order())
    assert harness.billed(service_id).status == "Active"


async def test_a_cancellation_that_comes_while_the_panel_is_asked_for_the_last_time_is_not_written_over(
    harness: Harness,
) -> None:
    service_id = harness.buy()

    def cancel() -> None:
        if any(operation.status == "finished" for operation in installations(harness)):
            harness.billed(service_id).status = "Cancelled"

    for nth in range(1, DOWN_FOR_CALLS):
        harness.faults.admin_acts_before("address_list", nth, cancel)
    await one_line(harness.run(activate, service_id, order=harness.order()))
    assert harness.billed(service_id).status == "Cancelled"
    assert told(harness) == []


async def test_a_service_that_nobody_wants_when_its_activation_begins_gets_no_server(harness: Harness) -> None:
    service_id = harness.buy()
    harness.billed(service_id).status = "Cancelled"
    line = await one_line(harness.run(activate, service_id, order=harness.order()))
    assert f"Service {service_id} is Cancelled in WHMCS" in line
    assert harness.panel.writes() == []
    assert await promised(harness) == {}


async def test_a_cancellation_taken_back_is_told_by_the_re_run_without_a_second_installation(harness: Harness) -> None:
    service_id = harness.buy()
    cancelled_meanwhile(harness, service_id)
    await one_line(harness.run(activate, service_id, order=harness.order()))
    harness.billed(service_id).status = "Pending"
    await harness.run(activate, service_id)
    assert harness.billed(service_id).status == "Active"
    assert len(sent(harness, "os_install")) == 1


async def test_a_whmcs_that_is_away_at_the_end_is_told_by_the_re_run(harness: Harness) -> None:
    service_id = harness.buy()
    harness.faults.admin_acts_after("os_install", 1, lambda: harness.whmcs.unavailable(1000))
    await one_line(harness.run(activate, service_id, order=harness.order()))
    harness.whmcs.unavailable(0)
    await harness.run(activate, service_id)
    assert harness.billed(service_id).status == "Active"
    assert len(sent(harness, "os_install")) == 1


@pytest.fixture
def passwords(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The root passwords that installations are asked for with."""
    seen: list[str] = []
    install = Servers.install_os

    async def spy(self: Servers, server_id: int, *, template_id: int, password: SecretStr, **more: Any) -> Accepted:
        seen.append(password.get_secret_value())
        return await install(self, server_id, template_id=template_id, password=password, **more)

    monkeypatch.setattr(Servers, "install_os", spy)
    return seen


async def test_the_password_in_whmcs_is_the_servers_root_password(harness: Harness, passwords: list[str]) -> None:
    service_id = harness.buy()
    await harness.run(activate, service_id, order=harness.order())
    assert passwords == [harness.billed(service_id).password]


async def test_a_service_without_a_password_gets_one_that_is_kept_and_used(
    harness: Harness, passwords: list[str]
) -> None:
    service_id = harness.buy()
    harness.billed(service_id).password = ""
    harness.panel.fail_next("os_install")
    await one_line(harness.run(activate, service_id, order=harness.order()))
    await harness.run(activate, service_id)
    password = harness.billed(service_id).password
    assert passwords == [password, password]
    assert len(password) >= 16
    assert any(letter.isupper() for letter in password)
    assert any(letter.islower() for letter in password)
    assert any(letter.isdigit() for letter in password)


async def test_two_services_without_passwords_do_not_get_the_same(harness: Harness, passwords: list[str]) -> None:
    for _ in range(2):
        service_id = harness.buy()
        harness.billed(service_id).password = ""
        await harness.run(activate, service_id, order=harness.order())
    assert len(set(passwords)) == 2
