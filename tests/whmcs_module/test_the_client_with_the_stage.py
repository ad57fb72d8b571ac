"""The project's own client against the stage's includes/api.php: as against the simulated WHMCS in Python."""

import pytest
import pytest_asyncio
from pydantic import SecretStr

from simulator.billing import IDENTIFIER, SECRET
from whmcs.billing import Billing
from whmcs.errors import NotFound, Refused, Unreachable
from whmcs.services import ServiceStatus
from whmcs.transport import Access

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def billing(whmcs):
    async def no_wait(_seconds):
        return None

    access = Access(url=whmcs.url, identifier=IDENTIFIER, secret=SecretStr(SECRET))
    async with Billing(access, sleep=no_wait) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def service_id(whmcs):
    client = await whmcs.add_client("ann+tag@example.com", "Ann", "Ünal", email_verified=False)
    product = await whmcs.add_product("Xeon E3", ["success"], module="sample")
    return await whmcs.order(client, product, "one.example.com")


@pytest.mark.parametrize("errors", ["", "1"])
@pytest.mark.parametrize("flat", ["", "1"])
async def test_what_is_written_back_is_read_again_in_every_way_of_answering(whmcs, billing, service_id, flat, errors):
    await whmcs.switch("api_flat_keys", flat)
    await whmcs.switch("api_text_errors", errors)
    before = await billing.services.get(service_id)
    assert (before.status, len(before.password)) == (ServiceStatus.PENDING, 10)
    await billing.services.update(
        service_id,
        domain="two.example.com",
        username="root",
        password=SecretStr('p&w+"ü'),
        dedicated_ip="192.0.2.4",
        assigned_ips=["192.0.2.5", "192.0.2.6"],
        status=ServiceStatus.ACTIVE,
    )
    after = await billing.services.get(service_id)
    assert (after.domain, after.username, after.password.get_secret_value()) == ("two.example.com", "root", 'p&w+"ü')
    assert (after.dedicated_ip, after.assigned_ips, after.status) == ("192.0.2.4", ("192.0.2.5", "192.0.2.6"), "Active")
    await billing.services.update(service_id, dedicated_ip="", assigned_ips=[])
    cleared = await billing.services.get(service_id)
    assert (cleared.dedicated_ip, cleared.assigned_ips, cleared.domain) == ("", (), "two.example.com")
    client = await billing.clients.get(after.client_id)
    assert (client.email, client.full_name, client.email_verified) == ("ann+tag@example.com", "Ann Ünal", False)
    with pytest.raises(NotFound):
        await billing.services.get(service_id + 1)
    with pytest.raises(NotFound):
        await billing.services.update(service_id + 1, domain="x")
    with pytest.raises(NotFound):
        await billing.clients.get(after.client_id + 1)


async def test_a_shop_of_many_pages_is_listed_whole(whmcs, billing, service_id):
    first = await billing.services.get(service_id)
    for _ in range(10):  # each time twice as many
        await whmcs.sql(
            "INSERT INTO tblhosting (userid, packageid, domainstatus, password) "
            "SELECT userid, packageid, domainstatus, '' FROM tblhosting WHERE userid = ?",
            first.client_id,
        )
    numbers = [row["id"] for row in await whmcs.sql("SELECT id FROM tblhosting ORDER BY id")]
    assert len(numbers) == 1024
    assert [service.service_id for service in await billing.services.list()] == numbers


async def test_a_lost_answer_to_a_read_is_not_noticed(whmcs, billing, service_id):
    await whmcs.control("loseAnswer", action="GetClientsProducts", nth=1)
    assert (await billing.services.get(service_id)).service_id == service_id
    assert len((await whmcs.state()).api_requests) == 2


async def test_a_sleeping_web_server_delays_a_read_and_fails_a_write(whmcs, billing, service_id):
    client = (await whmcs.state()).service(service_id).userid
    await whmcs.switch("api_unavailable", "2")
    await billing.services.get(service_id)
    await whmcs.switch("api_unavailable", "1")
    with pytest.raises(Unreachable):
        await billing.log.write("never", client)
    await billing.log.write("now", client)
    assert [(line.description, line.userid) for line in (await whmcs.state()).activities] == [("now", client)]


async def test_an_unlisted_address_and_a_forbidden_action_say_what_to_mend(whmcs, billing, service_id):
    await whmcs.switch("api_rejected_address", "203.0.113.9")
    with pytest.raises(Refused, match="Security"):
        await billing.services.get(service_id)
    await whmcs.switch("api_rejected_address", "")
    await whmcs.control("role", identifier=IDENTIFIER, secret=SECRET, actions=["GetClientsProducts"])
    with pytest.raises(Refused, match="API role"):
        await billing.log.write("never", 1)
    await whmcs.control("role", identifier=IDENTIFIER, secret="another", actions=["GetClientsProducts"])
    with pytest.raises(Refused, match="identifier and secret"):
        await billing.services.get(service_id)


async def test_secrets_are_not_in_what_the_stage_kept_of_requests(whmcs, billing, service_id):
    await billing.services.update(service_id, password=SecretStr("canary-password"))
    (request,) = (await whmcs.state()).api_requests
    assert SECRET not in request.body and "canary" not in request.body


async def test_a_custom_function_of_the_module_is_called_through_the_api(whmcs, billing, service_id):
    await billing.transport.call("ModuleCustom", {"serviceid": service_id, "func_name": "note"})
    assert (await billing.services.get(service_id)).dedicated_ip == "192.0.2.9"
    with pytest.raises(Refused, match="no function"):
        await billing.transport.call("ModuleCustom", {"serviceid": service_id, "func_name": "nothing"})
