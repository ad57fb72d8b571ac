import pytest
from pydantic import SecretStr

from dcimanager.servers import Accepted, Servers
from flows.activate import activate
from flows.terminate import terminate
from ledger.lifecycle import State
from simulator import billing
from simulator.billing import IDENTIFIER, NEEDED, SECRET, Billing
from simulator.billing_records import Recorded
from simulator.things import SimOperation
from tests.flows.play import DOWN_FOR_CALLS, cancelled_meanwhile, one_line, promised, sent
from tests.stage import Stage


def told(stage: Stage) -> list[Recorded]:
    """What WHMCS was told of services."""
    return [request for request in stage.billing.requests if request.action == "UpdateClientProduct"]


def installations(stage: Stage) -> list[SimOperation]:
    """All OS installations on the panel."""
    return [operation for operation in stage.panel.world.operations.values() if operation.type == "os_install"]


async def test_whmcs_is_told_everything_in_one_call(stage: Stage) -> None:
    service_id = stage.buy()
    password = stage.billed(service_id).password
    await stage.run(activate, service_id, order=stage.order(ipv4_count=2, hostname="db1.example.com"))
    server = await stage.server(service_id)
    addresses = [address.address for address in server.addresses]
    billed = stage.billed(service_id)
    assert (billed.status, billed.domain, billed.username) == ("Active", "db1.example.com", "root")
    assert billed.dedicated_ip == addresses[0]
    assert billed.assigned_ips.split() == addresses
    assert billed.password == password
    assert len(told(stage)) == 1
    assert [note.client_id for note in stage.billing.activities] == [stage.client.id]
    assert server.domain == "db1.example.com"


async def test_the_user_of_a_windows_server_is_its_administrator(stage: Stage) -> None:
    service_id = stage.buy()
    await stage.run(activate, service_id, order=stage.order(os_template="Windows-Server-2022"))
    assert stage.billed(service_id).username == "Administrator"


async def test_a_host_name_that_was_not_ordered_stays_as_it_was(stage: Stage) -> None:
    service_id = stage.buy("shop.example.com")
    await stage.run(activate, service_id, order=stage.order())
    assert stage.billed(service_id).domain == "shop.example.com"


async def test_whmcs_is_told_once_however_often_the_activation_is_run(stage: Stage) -> None:
    service_id = stage.buy()
    stage.billing.lose_answer("UpdateClientProduct")
    await stage.run(activate, service_id, order=stage.order())
    stage.connect()
    await stage.run(activate, service_id)
    assert (await stage.service(service_id)).state is State.ACTIVE
    assert len(told(stage)) == 1


@pytest.mark.parametrize("dropped", ["domain", "serviceusername", "dedicatedip", "assignedips", "status"])
async def test_a_whmcs_that_does_not_keep_what_was_written_is_no_success(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, dropped: str
) -> None:
    service_id = stage.buy()
    with monkeypatch.context() as whmcs:
        whmcs.delitem(billing._COLUMNS, dropped)
        line = await one_line(stage.run(activate, service_id, order=stage.order(hostname="db1.example.com")))
    assert f"WHMCS did not keep what was written for service {service_id}. Press Retry." in line
    assert (await stage.service(service_id)).state is State.INSTALLING
    stage.connect()
    await stage.run(activate, service_id)
    assert (stage.billed(service_id).status, stage.billed(service_id).domain) == ("Active", "db1.example.com")


async def test_a_whmcs_that_changes_the_password_it_was_given_is_no_success(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id = stage.buy()
    update = Billing._update_client_product

    def other_password(self: Billing, parameters: billing.Parameters) -> billing.Answer:
        return update(self, {**parameters, "servicepassword": f"{parameters['servicepassword']}&amp;"})

    monkeypatch.setitem(billing._ACTIONS, "UpdateClientProduct", other_password)
    assert "WHMCS did not keep what was written" in await one_line(stage.run(activate, service_id, order=stage.order()))


@pytest.mark.parametrize("status", ["Cancelled", "Terminated", "Fraud"])
async def test_a_service_that_nobody_wants_any_more_is_not_made_active(stage: Stage, status: str) -> None:
    service_id = stage.buy()
    cancelled_meanwhile(stage, service_id, status)
    line = await one_line(stage.run(activate, service_id, order=stage.order()))
    assert f"Service {service_id} is {status} in WHMCS: nothing was written there" in line
    assert told(stage) == []
    assert stage.billed(service_id).status == status
    assert (await stage.service(service_id)).state is State.INSTALLING


@pytest.mark.parametrize("status", ["Cancelled", "Terminated"])
async def test_the_server_of_a_service_that_was_ended_meanwhile_is_taken_back(stage: Stage, status: str) -> None:
    service_id = stage.buy()
    cancelled_meanwhile(stage, service_id, status)
    line = await one_line(stage.run(activate, service_id, order=stage.order()))
    assert "Its server is taken back" in line
    await play_taking_back(stage, service_id)
    assert (await stage.service(service_id)).state is State.RELEASED


async def play_taking_back(stage: Stage, service_id: int) -> None:
    """Play the deletion that was started last, as it was started."""
    deployment, parameters, _ = stage.started[-1]
    assert (deployment, parameters["service_id"]) == ("terminate/whmcs", service_id)
    await stage.run(terminate, service_id, requested_by=parameters["requested_by"])


async def test_a_deletion_that_failed_is_started_anew_by_the_next_run_that_finds_the_service_ended(
    stage: Stage,
) -> None:
    service_id = stage.buy()
    cancelled_meanwhile(stage, service_id)
    for _ in range(2):
        await one_line(stage.run(activate, service_id, order=stage.order()))
    (_, _, key), (_, _, again) = stage.started
    assert again != key


async def test_a_deletion_that_waited_until_the_service_was_wanted_again_leaves_it_alone(stage: Stage) -> None:
    service_id = stage.buy()
    cancelled_meanwhile(stage, service_id)
    await one_line(stage.run(activate, service_id, order=stage.order()))
    stage.billed(service_id).status = "Pending"
    await stage.run(activate, service_id)
    line = await one_line(play_taking_back(stage, service_id))
    assert f"Service {service_id} is Active in WHMCS by now" in line
    assert (await stage.service(service_id)).state is State.ACTIVE
    assert sent(stage, "diagnostics") == []


async def test_a_server_is_not_called_ready_before_whmcs_has_its_data(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    service_id = stage.buy()
    addresses_when_ready: list[str] = []

    async def label(**facts: str | int) -> None:
        if facts.get("step") == "ready":
            addresses_when_ready.append(stage.billed(service_id).dedicated_ip)

    monkeypatch.setattr("tasks.billing.label", label)
    await stage.run(activate, service_id, order=stage.order())
    assert addresses_when_ready == [stage.billed(service_id).dedicated_ip] != [""]


async def test_a_fraud_is_for_a_person(stage: Stage) -> None:
    service_id = stage.buy()
    cancelled_meanwhile(stage, service_id, "Fraud")
    line = await one_line(stage.run(activate, service_id, order=stage.order()))
    assert "terminate the service to release it" in line
    assert stage.started == []


async def test_whmcs_is_told_when_a_server_is_reserved_and_when_it_installs(stage: Stage) -> None:
    service_id = stage.buy()
    await stage.run(activate, service_id, order=stage.order())
    assert [(call.service_id, call.function) for call in stage.billing.module_calls] == [(service_id, "sync")] * 2


async def test_a_whmcs_that_does_not_listen_holds_up_no_activation(stage: Stage) -> None:
    service_id = stage.buy()
    stage.billing.allow(IDENTIFIER, SECRET, NEEDED - {"ModuleCustom"})
    await stage.run(activate, service_id, order=stage.order())
    assert stage.billed(service_id).status == "Active"


async def test_a_cancellation_that_comes_while_the_panel_is_asked_for_the_last_time_is_not_written_over(
    stage: Stage,
) -> None:
    service_id = stage.buy()

    def cancel() -> None:
        if any(operation.status == "finished" for operation in installations(stage)):
            stage.billed(service_id).status = "Cancelled"

    for nth in range(1, DOWN_FOR_CALLS):
        stage.faults.admin_acts_before("address_list", nth, cancel)
    await one_line(stage.run(activate, service_id, order=stage.order()))
    assert stage.billed(service_id).status == "Cancelled"
    assert told(stage) == []


async def test_a_service_that_nobody_wants_when_its_activation_begins_gets_no_server(stage: Stage) -> None:
    service_id = stage.buy()
    stage.billed(service_id).status = "Cancelled"
    line = await one_line(stage.run(activate, service_id, order=stage.order()))
    assert f"Service {service_id} is Cancelled in WHMCS" in line
    assert stage.panel.writes() == []
    assert await promised(stage) == {}


async def test_a_cancellation_taken_back_is_told_by_the_re_run_without_a_second_installation(stage: Stage) -> None:
    service_id = stage.buy()
    cancelled_meanwhile(stage, service_id)
    await one_line(stage.run(activate, service_id, order=stage.order()))
    stage.billed(service_id).status = "Pending"
    await stage.run(activate, service_id)
    assert stage.billed(service_id).status == "Active"
    assert len(sent(stage, "os_install")) == 1


async def test_a_whmcs_that_is_away_at_the_end_is_told_by_the_re_run(stage: Stage) -> None:
    service_id = stage.buy()
    stage.faults.admin_acts_after("os_install", 1, lambda: stage.billing.unavailable(1000))
    await one_line(stage.run(activate, service_id, order=stage.order()))
    stage.billing.unavailable(0)
    await stage.run(activate, service_id)
    assert stage.billed(service_id).status == "Active"
    assert len(sent(stage, "os_install")) == 1


@pytest.fixture
def passwords(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The root passwords that installations are asked for with."""
    seen: list[str] = []
    install = Servers.install_os

    async def spy(
        self: Servers, server_id: int, *, template_id: int, password: SecretStr, hostname: str | None
    ) -> Accepted:
        seen.append(password.get_secret_value())
        return await install(self, server_id, template_id=template_id, password=password, hostname=hostname)

    monkeypatch.setattr(Servers, "install_os", spy)
    return seen


async def test_the_password_in_whmcs_is_the_servers_root_password(stage: Stage, passwords: list[str]) -> None:
    service_id = stage.buy()
    await stage.run(activate, service_id, order=stage.order())
    assert passwords == [stage.billed(service_id).password]


async def test_a_service_without_a_password_gets_one_that_is_kept_and_used(stage: Stage, passwords: list[str]) -> None:
    service_id = stage.buy()
    stage.billed(service_id).password = ""
    stage.panel.fail_next("os_install")
    await one_line(stage.run(activate, service_id, order=stage.order()))
    await stage.run(activate, service_id)
    password = stage.billed(service_id).password
    assert passwords == [password, password]
    assert len(password) >= 16
    assert any(letter.isupper() for letter in password)
    assert any(letter.islower() for letter in password)
    assert any(letter.isdigit() for letter in password)


async def test_two_services_without_passwords_do_not_get_the_same(stage: Stage, passwords: list[str]) -> None:
    for _ in range(2):
        service_id = stage.buy()
        stage.billed(service_id).password = ""
        await stage.run(activate, service_id, order=stage.order())
    assert len(set(passwords)) == 2
