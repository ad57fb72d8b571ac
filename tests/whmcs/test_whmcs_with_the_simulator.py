import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from simulator.billing import Billing as SimulatedWhmcs
from simulator.billing_records import ModuleSettings
from simulator.billing_routes import router
from simulator.clock import ManualClock
from simulator.faults import AnswerLost
from whmcs.billing import Billing
from whmcs.errors import NotFound, Refused, Unreachable
from whmcs.services import ServiceStatus
from whmcs.transport import Access

SETTINGS = ModuleSettings(configuration="E3", os_template="Debian 12", ip_pool="public")


class Wire(httpx.AsyncBaseTransport):
    def __init__(self, simulated):
        app = FastAPI()
        app.include_router(router(simulated))
        self.app = httpx.ASGITransport(app)

    async def handle_async_request(self, request):
        try:
            return await self.app.handle_async_request(request)
        except AnswerLost:
            raise httpx.ReadError("the answer was lost", request=request) from None


@pytest.fixture
def simulated():
    return SimulatedWhmcs(ManualClock())


@pytest.fixture
async def billing(simulated):
    async def no_wait(_seconds):
        return None

    access = Access(
        url="http://billing.example.com/whmcs", identifier="simulated-identifier", secret=SecretStr("simulated-secret")
    )
    async with Billing(access, http=Wire(simulated), sleep=no_wait) as opened:
        yield opened
    await billing_is_closed(opened)


async def billing_is_closed(billing):
    await billing.aclose()  # closing twice does no harm


@pytest.fixture
def service_id(simulated):
    client = simulated.add_client("ann+tag@example.com", "Ann", "Ünal", phone="+1 555", email_verified=False)
    return simulated.order(client.id, simulated.add_product("S", SETTINGS).id, "one.example.com")


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("strings", [False, True])
@pytest.mark.parametrize("text_errors", [False, True])
async def test_the_write_back_arrives_in_every_way_of_writing(
    simulated, billing, service_id, flat, strings, text_errors
):
    simulated.flat_keys, simulated.string_numbers, simulated.text_errors = flat, strings, text_errors
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
        await billing.clients.get(99)


async def test_a_shop_of_many_pages_is_listed_whole(simulated, billing):
    client, product = simulated.add_client("a@example.com", "A", "B"), simulated.add_product("S", SETTINGS)
    numbers = [simulated.order(client.id, product.id, f"s{n}.example.com") for n in range(601)]
    assert [service.service_id for service in await billing.services.list()] == numbers


async def test_a_lost_answer_to_a_read_is_not_noticed(simulated, billing, service_id):
    simulated.lose_answer("GetClientsProducts")
    assert (await billing.services.get(service_id)).service_id == service_id
    assert len(simulated.requests) == 2


async def test_a_sleeping_web_server_delays_a_read_and_fails_a_write(simulated, billing, service_id):
    simulated.unavailable(2)
    await billing.services.get(service_id)
    simulated.unavailable(1)
    with pytest.raises(Unreachable):
        await billing.log.write("never", 1)
    assert simulated.activities == []
    await billing.log.write("now", 1)
    assert [(line.description, line.client_id) for line in simulated.activities] == [("now", 1)]


async def test_an_unlisted_address_and_a_forbidden_action_say_what_to_mend(simulated, billing, service_id):
    simulated.reject_ip()
    with pytest.raises(Refused, match="Security"):
        await billing.services.get(service_id)
    simulated.accept_ip()
    simulated.allow("simulated-identifier", "simulated-secret", {"GetClientsProducts"})
    with pytest.raises(Refused, match="API role"):
        await billing.log.write("never", 1)
