"""What a service in use was ordered with; one that was adopted was never ordered, and goes by what else is known."""

from ledger import reinstalls
from ledger.orders import Order
from ledger.snapshots import Service
from runtime.driver import driving
from runtime.errors import StepRefused
from tasks.order import order_of
from whmcs.services import WhmcsService


async def order_in_use(service: Service) -> Order:
    """The service's last order, checked; of an adopted service one that has an order's defaults, and is kept nowhere.

    That one names the client and, from the permit on, the OS template of the reinstallation: neither pool nor
    configuration, which no reinstallation needs. Raises StepRefused: the order asks for something that cannot be.
    """
    if service.order is not None:
        return order_of(service)
    permit = await reinstalls.current(driving(service).ledger, service.service_id, service.generation)
    template = "" if permit is None else permit.os_template
    return Order(client_id=service.client_id or 0, os_template=template, ip_pool="")


async def name_in_use(service: Service, record: WhmcsService) -> str:
    """The name that has to be typed for the service's server. Raises StepRefused: there is none."""
    name = record.domain or (await order_in_use(service)).hostname or record.dedicated_ip
    if not name:
        raise StepRefused(
            f"WHMCS shows neither a host name nor a Dedicated IP of service {service.service_id}, so there is no name "
            "to confirm it by. Nothing was touched: enter one of them there, then ask again."
        )
    return name
