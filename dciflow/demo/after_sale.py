"""What a client does with a server after the sale: reboots it, installs another OS, buys an address, signs in."""

import hashlib
import time

from dciflow.demo.demo_client import DemoClient, say
from dciflow.demo.ordering import WhmcsOrdering
from dciflow.demo.prefect_api import RunEnd
from runtime.errors import StepRefused
from simulator.whmcs_php.browser import press_form
from simulator.whmcs_php.sign_on import single_sign_on

OTHER_OS = "Ubuntu-24.04-x86_64"


async def use_what_is_offered(client: DemoClient) -> None:
    """Press what the client's page offers, one after the other. Nothing where no WHMCS with pages is here."""
    if not isinstance(client.shop, WhmcsOrdering):
        return
    await _press(client, client.shop, "power", {"command": "reboot"})
    form = {"os_template": OTHER_OS, "hostname_typed": client.wants.hostname}
    client.mails += 1  # the password is a new one
    await _press(client, client.shop, "reinstall", form)
    await client.uses_the_server()
    await _buy_an_address(client, client.shop)
    await _sign_in(client, client.shop)


async def _press(client: DemoClient, shop: WhmcsOrdering, flow: str, form: dict[str, str]) -> None:
    wants, started = client.wants, time.monotonic()
    before = set(await shop.prefect.runs(flow, wants.service_id))
    page = await press_form(shop.whmcs, wants.service_id, wants.client_id, flow, form)
    await client.note(
        flow, "COMPLETED", await _end(shop, flow, wants.service_id, before, started), shows=client.shown_as("Active")
    )
    if page.message != "success":
        raise StepRefused(f"The page said {page.message} when the client pressed {flow}.")


async def _buy_an_address(client: DemoClient, shop: WhmcsOrdering) -> None:
    number, started = client.wants.service_id, time.monotonic()
    before = set(await shop.prefect.runs("change-order", number))
    await shop.whmcs.control("upgrade", str, service=number, options={"ip": "2"}, product=None)
    end = await _end(shop, "change-order", number, before, started)
    await client.note("change-order", "COMPLETED", end, shows=client.shown_as("Active"))
    addresses = (await client.server_now())["addresses"]
    if not isinstance(addresses, list) or len(addresses) != 2:
        raise StepRefused(f"Two addresses were paid for, and the server has {addresses}.")


async def _sign_in(client: DemoClient, shop: WhmcsOrdering) -> None:
    number, started = client.wants.service_id, time.monotonic()
    before = set(await shop.prefect.runs("sign-in", number))
    answer = await single_sign_on(shop.whmcs, number, client.wants.client_id)
    await client.note(
        "sign-in", "COMPLETED", await _end(shop, "sign-in", number, before, started), shows=client.shown_as("Active")
    )
    if not answer.success or not answer.redirectTo.startswith(shop.stack.simulator):
        raise StepRefused(f"The way into the panel is shut: {answer.errorMsg}")
    key = hashlib.sha256(answer.redirectTo.rsplit("/", 1)[-1].encode()).hexdigest()
    say(f"service {number}: the panel lets its client in, with a key whose SHA-256 begins {key[:8]}")


async def _end(shop: WhmcsOrdering, flow: str, service_id: int, before: set[str], started: float) -> RunEnd:
    new = [run for run in await shop.prefect.runs(flow, service_id) if run not in before]
    if not new:
        raise StepRefused(f"WHMCS started no run of {flow} for service {service_id}.")
    end = await shop.prefect.wait(new[0])
    return end.model_copy(update={"seconds": time.monotonic() - started})
