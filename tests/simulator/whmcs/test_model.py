import httpx
import pytest
from fastapi import FastAPI

from simulator.panel.clock import ManualClock
from simulator.panel.faults import AnswerLost
from simulator.whmcs.model import SimulatedWhmcs
from simulator.whmcs.records import ModuleSettings
from simulator.whmcs.routes import PATH, router

SETTINGS = ModuleSettings(configuration="E3", os_template="Debian 12", ip_pool="public")


@pytest.fixture
def whmcs():
    return SimulatedWhmcs(ManualClock(100.0))


@pytest.fixture
def service_id(whmcs):
    client = whmcs.add_client("ann+tag@example.com", "Ann", "O'Hara", phone="+1 555")
    return whmcs.order(client.id, whmcs.add_product("Dedicated S", SETTINGS).id, "one-two.example.com")


@pytest.fixture
async def ask(whmcs):
    app = FastAPI()
    app.include_router(router(whmcs))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sim.example.com") as http:

        async def call(action, **parameters):
            form = {
                "identifier": "simulated-identifier",
                "secret": "simulated-secret",
                "action": action,
                "responsetype": "json",
                **{key: str(value) for key, value in parameters.items()},
            }
            return await http.post(PATH, data=form)

        yield call


def test_an_order_is_pending_with_a_password_of_its_own(whmcs, service_id):
    service = whmcs.services[service_id]
    assert (service.status, service.domain, service.username) == ("Pending", "one-two.example.com", "onetwoex")
    assert len(service.password) == 10 and service.password.isalnum() and service.password not in repr(service)
    other = whmcs.services[whmcs.order(1, 1, "b.example.com")]
    assert (other.id, other.order_id) == (service_id + 1, service.order_id + 1) and other.password != service.password


def test_an_order_of_nobody_or_nothing_is_an_error(whmcs, service_id):
    for client_id, product_id in ((9, 1), (1, 9)):
        with pytest.raises(KeyError):
            whmcs.order(client_id, product_id, "x")
    assert list(whmcs.services) == [service_id]


async def test_numbers_come_as_strings_unless_switched_off(whmcs, ask, service_id):
    row = (await ask("GetClientsProducts", serviceid=service_id)).json()["products"]["product"][0]
    assert (row["id"], row["clientid"]) == (str(service_id), "1")
    whmcs.string_numbers = False
    row = (await ask("GetClientsProducts", serviceid=service_id)).json()["products"]["product"][0]
    assert (row["id"], row["clientid"]) == (service_id, 1)


async def test_flat_keys_stand_for_nesting(whmcs, ask, service_id):
    whmcs.flat_keys = True
    answer = (await ask("GetClientsProducts", serviceid=service_id)).json()
    assert answer["products[product][0][id]"] == str(service_id) and "products" not in answer


async def test_an_error_comes_as_json_or_as_text(whmcs, ask):
    asked = await ask("GetClientsDetails", clientid=5)
    assert (asked.status_code, asked.json()) == (200, {"result": "error", "message": "Client Not Found"})
    whmcs.text_errors = True
    assert (await ask("GetClientsDetails", clientid=5)).text == "result=error;message=Client Not Found;"


async def test_an_answer_is_text_when_json_is_not_asked_for(ask, service_id):
    answer = await ask("UpdateClientProduct", serviceid=service_id, domain="d.example.com", responsetype="")
    assert answer.text == f"result=success;serviceid={service_id};"


async def test_no_services_are_an_empty_text_where_a_list_would_stand(ask):
    answer = (await ask("GetClientsProducts", serviceid=4)).json()
    assert (answer["products"], answer["totalresults"]) == ("", "0")


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"clientid": 1}, 1),
        ({"clientid": 2}, 0),
        ({"pid": 1, "domain": "one-two.example.com", "username2": "onetwoex"}, 1),
        ({"domain": "other.example.com"}, 0),
        ({"username2": "root"}, 0),
        ({}, 1),
    ],
)
async def test_services_are_found_by_what_is_asked(ask, service_id, filters, found):
    assert (await ask("GetClientsProducts", **filters)).json()["totalresults"] == str(found)


async def test_services_come_25_at_a_time_unless_asked_otherwise(whmcs, ask, service_id):
    for number in range(29):
        whmcs.order(1, 1, f"s{number}.example.com")
    first = (await ask("GetClientsProducts")).json()
    assert (first["totalresults"], first["numreturned"], len(first["products"]["product"])) == ("30", "25", 25)
    rest = (await ask("GetClientsProducts", limitstart=25, limitnum=100)).json()
    assert (rest["startnumber"], rest["numreturned"]) == ("25", "5")


async def test_a_client_is_found_by_number_or_email_and_shown_twice(ask, service_id):
    for asked in ({"clientid": 1}, {"email": "ann+tag@example.com"}):
        answer = (await ask("GetClientsDetails", **asked)).json()
        assert answer["client"]["lastname"] == answer["lastname"] == "O'Hara"
        assert answer["client"]["email_verified"] is True
    assert (await ask("GetClientsDetails", clientid=2, email="ann+tag@example.com")).json()["result"] == "error"


async def test_an_update_sets_what_is_given_and_unsets_only_on_request(whmcs, ask, service_id):
    await ask(
        "UpdateClientProduct", serviceid=service_id, dedicatedip="192.0.2.4", servicepassword="n", status="Active"
    )
    await ask("UpdateClientProduct", serviceid=service_id, dedicatedip="", notes="x")
    service = whmcs.services[service_id]
    assert (service.dedicated_ip, service.password, service.status, service.notes) == ("192.0.2.4", "n", "Active", "x")
    await ask("UpdateClientProduct", serviceid=service_id, **{"unset[0]": "dedicatedip", "unset[1]": "status"})
    assert (service.dedicated_ip, service.status) == ("", "Active")


@pytest.mark.parametrize("parameters", [{"serviceid": 1}, {"serviceid": "x"}, {}])
async def test_an_update_of_an_unknown_service_is_refused(ask, parameters):
    assert (await ask("UpdateClientProduct", **parameters)).json()["message"] == "Service ID Not Found"


async def test_an_update_to_a_status_that_whmcs_does_not_know_changes_nothing(whmcs, ask, service_id):
    answer = await ask("UpdateClientProduct", serviceid=service_id, status="Done", domain="x")
    assert answer.json()["result"] == "error"
    assert whmcs.services[service_id].domain == "one-two.example.com"


async def test_activity_and_module_calls_are_remembered(whmcs, ask, service_id):
    await ask("LogActivity", description="ready", clientid=1)
    await ask("LogActivity", description="checked")
    await ask("ModuleCustom", serviceid=service_id, func_name="opdone")
    assert [(line.description, line.client_id) for line in whmcs.activities] == [("ready", 1), ("checked", None)]
    assert [(call.service_id, call.function) for call in whmcs.module_calls] == [(service_id, "opdone")]


@pytest.mark.parametrize("action", ["LogActivity", "ModuleCustom"])
async def test_a_call_without_what_it_needs_is_refused_and_leaves_nothing(whmcs, ask, service_id, action):
    assert (await ask(action, serviceid=service_id)).json()["result"] == "error"
    assert whmcs.activities == whmcs.module_calls == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"identifier": ""}, "Authentication Failed"),
        ({"secret": ""}, "Authentication Failed"),
        ({"identifier": "other"}, "Invalid or missing credentials"),
        ({"secret": "ötherwise"}, "Authentication Failed"),
    ],
)
async def test_a_wrong_credential_is_refused_before_anything_happens(whmcs, ask, service_id, wrong, message):
    answer = await ask("UpdateClientProduct", serviceid=service_id, status="Active", **wrong)
    assert (answer.status_code, answer.json()["message"]) == (403, message)
    assert whmcs.services[service_id].status == "Pending"


async def test_what_dciflow_never_calls_is_not_there(ask, service_id):
    assert (await ask("ModuleTerminate", serviceid=service_id)).json()["message"] == "Action Not Found"


async def test_a_role_is_refused_what_it_does_not_list(ask, whmcs, service_id):
    whmcs.allow("simulated-identifier", "simulated-secret", {"GetClientsProducts"})
    assert (await ask("GetClientsProducts", serviceid=service_id)).json()["result"] == "success"
    answer = await ask("LogActivity", description="never")
    assert answer.status_code == 403
    assert answer.json()["message"] == 'Invalid Permissions: API action "logactivity" is not allowed'


async def test_a_caller_from_an_unlisted_address_is_refused_until_it_is_added(whmcs, ask, service_id):
    whmcs.reject_ip("198.51.100.7")
    answer = await ask("GetClientsProducts")
    assert (answer.status_code, answer.json()["message"]) == (403, "Invalid IP 198.51.100.7")
    whmcs.accept_ip()
    assert (await ask("GetClientsProducts")).json()["result"] == "success"


async def test_the_answer_of_the_nth_call_is_lost_after_its_effect(whmcs, ask, service_id):
    await ask("LogActivity", description="before the rule")
    whmcs.lose_answer("LogActivity", nth=2)
    await ask("LogActivity", description="first")
    await ask("GetClientsProducts")
    with pytest.raises(AnswerLost):
        await ask("LogActivity", description="second")
    await ask("LogActivity", description="third")
    assert [line.description for line in whmcs.activities] == ["before the rule", "first", "second", "third"]


async def test_a_sleeping_web_server_lets_nothing_through_for_so_many_calls(whmcs, ask, service_id):
    whmcs.unavailable(2)
    for _ in range(2):
        answer = await ask("UpdateClientProduct", serviceid=service_id, status="Active")
        assert (answer.status_code, answer.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert whmcs.services[service_id].status == "Pending" and whmcs.requests == []
    assert (await ask("UpdateClientProduct", serviceid=service_id, status="Active")).status_code == 200


async def test_requests_are_recorded_with_their_secrets_masked(whmcs, ask, service_id):
    await ask("UpdateClientProduct", serviceid=service_id, servicepassword="canary-password")
    await ask("UpdateClientProduct", serviceid=4)
    assert "canary-password" not in repr(whmcs.requests) and "simulated-secret" not in repr(whmcs.requests)
    first, second = whmcs.requests
    assert (first.at, first.action, first.error, first.body["serviceid"]) == (
        100.0,
        "UpdateClientProduct",
        None,
        str(service_id),
    )
    assert second.error == "Service ID Not Found"
