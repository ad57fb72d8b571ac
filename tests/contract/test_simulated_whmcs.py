"""Both simulated WHMCS, the one in Python and the one in PHP, answer the same api.php calls alike.

Stories run on the first and the module on the second, so what they say of dciflow holds only as far as both agree.
"""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from simulator.whmcs.model import IDENTIFIER, SECRET
from tests.contract.contract import CONTRACT, HAS_PHP
from tests.contract.simulated import InPhp, InPython, Simulated
from whmcs.api import WhmcsApi
from whmcs.errors import WhmcsNotFound, WhmcsRefused, WhmcsUnreachable
from whmcs.statuses import ServiceStatus
from whmcs.transport import API, WhmcsAccess

pytestmark = pytest.mark.asyncio(loop_scope="module")

MANY = 601
"""Services: three pages of a listing, the last one of one service."""


@pytest.fixture(params=["python", pytest.param("php", marks=pytest.mark.skipif(not HAS_PHP, reason="no php here"))])
def simulated(request: pytest.FixtureRequest) -> Simulated:
    """One of both, with no client in it."""
    return InPython() if request.param == "python" else InPhp(request.getfixturevalue("whmcs"))


@pytest_asyncio.fixture(loop_scope="module")
async def api(simulated: Simulated) -> AsyncIterator[WhmcsApi]:
    """The flows' own client, which waits for nothing."""

    async def no_wait(_seconds: float) -> None:
        return None

    access = WhmcsAccess(url=simulated.url, identifier=IDENTIFIER, secret=SecretStr(SECRET))
    async with WhmcsApi(access, http=simulated.transport(), sleep=no_wait) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def client_id(simulated: Simulated) -> int:
    return await simulated.client()


@pytest_asyncio.fixture(loop_scope="module")
async def service_id(simulated: Simulated, client_id: int) -> int:
    (service,) = await simulated.order(client_id)
    return service


async def post(simulated: Simulated, action: str, **parameters: object) -> httpx.Response:
    """A call without any client of ours."""
    form = {"identifier": IDENTIFIER, "secret": SECRET, "action": action, "responsetype": "json", **parameters}
    async with httpx.AsyncClient(transport=simulated.transport(), trust_env=False) as http:
        return await http.post(f"{simulated.url}{API}", data={key: str(value) for key, value in form.items()})


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("text_errors", [False, True])
async def test_what_is_written_back_is_read_again_in_every_way_of_answering(
    simulated: Simulated, api: WhmcsApi, service_id: int, flat: bool, text_errors: bool
) -> None:
    await simulated.answers(flat=flat, text_errors=text_errors)
    before = await api.services.get(service_id)
    assert (before.status, len(before.password)) == (ServiceStatus.PENDING, 10)
    await api.services.update(
        service_id,
        domain="two.example.com",
        username="root",
        password=SecretStr('p&w+"ü'),
        dedicated_ip="192.0.2.4",
        assigned_ips=["192.0.2.5", "192.0.2.6"],
        status=ServiceStatus.ACTIVE,
    )
    after = await api.services.get(service_id)
    assert (after.domain, after.username, after.password.get_secret_value()) == ("two.example.com", "root", 'p&w+"ü')
    assert (after.dedicated_ip, after.assigned_ips, after.status) == ("192.0.2.4", ("192.0.2.5", "192.0.2.6"), "Active")
    await api.services.update(service_id, dedicated_ip="", assigned_ips=[])
    cleared = await api.services.get(service_id)
    assert (cleared.dedicated_ip, cleared.assigned_ips, cleared.domain) == ("", (), "two.example.com")
    client = await api.clients.get(after.client_id)
    assert (client.email, client.full_name, client.email_verified) == ("ann+tag@example.com", "Ann Ünal", False)


async def test_who_is_not_there_is_not_found(api: WhmcsApi, service_id: int, client_id: int) -> None:
    with pytest.raises(WhmcsNotFound):
        await api.services.get(service_id + 1)
    with pytest.raises(WhmcsNotFound):
        await api.services.update(service_id + 1, domain="x")
    with pytest.raises(WhmcsNotFound):
        await api.clients.get(client_id + 1)


async def test_a_shop_of_many_pages_is_listed_whole(simulated: Simulated, api: WhmcsApi, client_id: int) -> None:
    numbers = await simulated.order(client_id, MANY)
    assert len(numbers) == MANY
    assert [service.service_id for service in await api.services.all()] == numbers


async def test_a_lost_answer_to_a_read_is_not_noticed(simulated: Simulated, api: WhmcsApi, service_id: int) -> None:
    await simulated.lose_answer("GetClientsProducts")
    assert (await api.services.get(service_id)).service_id == service_id
    assert len(await simulated.requests()) == 2


async def test_a_lost_answer_to_a_write_is_an_error_and_has_taken_effect(
    simulated: Simulated, api: WhmcsApi, client_id: int
) -> None:
    await simulated.lose_answer("LogActivity")
    with pytest.raises(WhmcsUnreachable):
        await api.log.write("once", client_id)
    assert await simulated.activities() == [("once", client_id)]


async def test_a_sleeping_web_server_delays_a_read_and_fails_a_write(
    simulated: Simulated, api: WhmcsApi, service_id: int, client_id: int
) -> None:
    await simulated.unavailable(2)
    await api.services.get(service_id)
    await simulated.unavailable(1)
    with pytest.raises(WhmcsUnreachable):
        await api.log.write("never", client_id)
    assert await simulated.activities() == []
    await api.log.write("now", client_id)
    assert await simulated.activities() == [("now", client_id)]


async def test_an_unlisted_address_a_forbidden_action_and_a_wrong_secret_say_what_to_mend(
    simulated: Simulated, api: WhmcsApi, service_id: int
) -> None:
    await simulated.reject(True)
    with pytest.raises(WhmcsRefused, match="Security"):
        await api.services.get(service_id)
    await simulated.reject(False)
    await simulated.role(SECRET, ["GetClientsProducts"])
    with pytest.raises(WhmcsRefused, match="API role"):
        await api.log.write("never", 1)
    await simulated.role("another", ["GetClientsProducts"])
    with pytest.raises(WhmcsRefused, match="identifier and secret"):
        await api.services.get(service_id)


@pytest.mark.parametrize("action", CONTRACT["api_role"]["calls"])
async def test_the_role_of_dciflow_may_call_what_it_needs(simulated: Simulated, action: str) -> None:
    assert "Permissions" not in (await post(simulated, action)).text


@pytest.mark.parametrize("action", sorted({*CONTRACT["local_api"]["calls"]} - {*CONTRACT["api_role"]["calls"]}))
async def test_the_role_of_dciflow_may_not_call_what_only_the_module_does(simulated: Simulated, action: str) -> None:
    answer = await post(simulated, action)
    assert answer.status_code in (403, 404)
    assert answer.json()["result"] == "error"


REFUSED: list[tuple[dict[str, object], int, str]] = [
    ({"action": "LogActivity", "identifier": ""}, 403, "Authentication Failed"),
    ({"action": "LogActivity", "secret": ""}, 403, "Authentication Failed"),
    ({"action": "LogActivity", "secret": "another"}, 403, "Authentication Failed"),
    ({"action": "LogActivity", "identifier": "another"}, 403, "Invalid or missing credentials"),
    ({"action": "Nothing"}, 404, "Action Not Found"),
    ({"action": "LogActivity"}, 200, "Description is required"),
    ({"action": "GetClientsDetails", "clientid": 0}, 200, "Client Not Found"),
    ({"action": "UpdateClientProduct", "serviceid": "x"}, 200, "Service ID Not Found"),
    ({"action": "UpdateClientProduct", "status": "Done"}, 200, "Invalid Status"),
    ({"action": "ModuleCustom", "serviceid": 0}, 200, "Service ID not found"),
    ({"action": "ModuleCustom"}, 200, "Function name is required"),
]


@pytest.mark.parametrize(("form", "status", "message"), REFUSED, ids=str)
async def test_a_refusal_has_this_status_and_these_words(
    simulated: Simulated, service_id: int, form: dict[str, Any], status: int, message: str
) -> None:
    answer = await post(simulated, **({"serviceid": service_id} | form))
    assert (answer.status_code, answer.json()) == (status, {"result": "error", "message": message})


async def test_numbers_come_as_strings_and_an_answer_without_json_is_text(
    simulated: Simulated, service_id: int, client_id: int
) -> None:
    answer = (await post(simulated, "GetClientsProducts", serviceid=service_id)).json()
    assert (answer["totalresults"], answer["numreturned"]) == ("1", "1")
    (row,) = answer["products"]["product"]
    assert (row["id"], row["clientid"]) == (str(service_id), str(client_id))
    written = await post(simulated, "UpdateClientProduct", serviceid=service_id, notes="x", responsetype="")
    assert written.text == f"result=success;serviceid={service_id};"


async def test_no_services_are_an_empty_text_where_a_list_would_stand(simulated: Simulated) -> None:
    answer = (await post(simulated, "GetClientsProducts", serviceid=4)).json()
    assert (answer["products"], answer["totalresults"]) == ("", "0")


async def test_secrets_are_not_in_what_is_kept_of_requests(
    simulated: Simulated, api: WhmcsApi, service_id: int
) -> None:
    await api.services.update(service_id, password=SecretStr("canary-password"))
    (request,) = await simulated.requests()
    assert SECRET not in request and "canary" not in request
