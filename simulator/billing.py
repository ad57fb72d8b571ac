"""A WHMCS that remembers: clients, products and services, and the API calls that dciflow makes on them.

Source: dossier "WHMCS", sections 1, 4, 6 and 13. How an answer is written (text, flat keys) is the routes' part.
"""

import secrets
import string
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import Any

from simulator.billing_records import (
    Activity,
    Client,
    Mail,
    ModuleCall,
    ModuleSettings,
    Notification,
    Product,
    QueueEntry,
    Recorded,
    Role,
    Service,
)
from simulator.clock import Clock

IDENTIFIER = "simulated-identifier"
SECRET = "simulated-secret"  # noqa: S105 - the default credential of a simulation, not of anything real
NEEDED = frozenset({"GetClientsDetails", "GetClientsProducts", "UpdateClientProduct", "LogActivity", "ModuleCustom"})
"""What the API role of dciflow may call unless a test says otherwise."""
STATUSES = ("Pending", "Active", "Completed", "Suspended", "Terminated", "Cancelled", "Fraud")
WELCOME = "Dedicated/VPS Server Welcome Email"
_MASKED = ("identifier", "secret", "servicepassword", "password", "accesskey")
_COLUMNS = {
    "domain": "domain",
    "serviceusername": "username",
    "servicepassword": "password",
    "dedicatedip": "dedicated_ip",
    "assignedips": "assigned_ips",
    "status": "status",
    "notes": "notes",
}
"""Parameters of UpdateClientProduct and the fields of a service that they set."""

Parameters = Mapping[str, str]
Answer = dict[str, Any]


class Denial(Exception):
    """WHMCS's result=error: the HTTP status and the message that go with it."""

    def __init__(self, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


class Unavailable(Exception):
    """The web server in front of WHMCS answers 503; WHMCS itself saw nothing."""


class Billing:
    """One WHMCS: its data, its API and the faults that a test asks for.

    Switches: text_errors (errors come as text, not JSON), flat_keys ("products[product][0][id]" instead of nesting),
    string_numbers (numbers come as strings; on, as in most answers of the real one).
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.clients: dict[int, Client] = {}
        self.products: dict[int, Product] = {}
        self.services: dict[int, Service] = {}
        self.activities: list[Activity] = []
        self.mails: list[Mail] = []
        self.module_calls: list[ModuleCall] = []
        self.notifications: list[Notification] = []
        self.module_queue: list[QueueEntry] = []
        self.templates: set[str] = {WELCOME}
        self.roles: dict[str, Role] = {IDENTIFIER: Role(SECRET, NEEDED)}
        self.requests: list[Recorded] = []
        self.text_errors = False
        self.flat_keys = False
        self.string_numbers = True
        self._rejected_address: str | None = None
        self._unavailable = 0
        self._lost: set[tuple[str, int]] = set()
        self._calls: dict[str, int] = {}
        self._numbers = {"client": count(1), "product": count(1), "service": count(1001), "order": count(501)}

    def add_client(
        self, email: str, firstname: str, lastname: str, *, phone: str = "", email_verified: bool = True
    ) -> Client:
        """Register a client."""
        client = Client(next(self._numbers["client"]), email, firstname, lastname, phone, email_verified)
        self.clients[client.id] = client
        return client

    def add_product(self, name: str, settings: ModuleSettings) -> Product:
        """Put a product on offer."""
        product = Product(next(self._numbers["product"]), name, settings)
        self.products[product.id] = product
        return product

    def order(self, client_id: int, product_id: int, hostname: str) -> int:
        """Order a product: the number of a Pending service with a password of 10 letters and digits.

        Raises KeyError: no such client or product.
        Source: dossier "WHMCS", section 4 (username, password).
        """
        client, product = self.clients[client_id], self.products[product_id]
        password = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(10))
        number, order = next(self._numbers["service"]), next(self._numbers["order"])
        username = "".join(filter(str.isalnum, hostname))[:8]
        self.services[number] = Service(number, client.id, product.id, order, hostname, username, password)
        return number

    def allow(self, identifier: str, secret: str, actions: Iterable[str]) -> None:
        """Make an API credential whose role may call these actions, or change one that exists."""
        self.roles[identifier] = Role(secret, frozenset(actions))

    def lose_answer(self, action: str, nth: int = 1) -> None:
        """The nth call of the action from now on takes effect, and its answer never arrives."""
        self._lost.add((action, self._calls.get(action, 0) + nth))

    def unavailable(self, n: int) -> None:
        """The next n calls are answered 503 by the web server and take no effect."""
        self._unavailable = n

    def reject_ip(self, address: str = "203.0.113.9") -> None:
        """From now on the caller's address is not on WHMCS's list."""
        self._rejected_address = address

    def accept_ip(self) -> None:
        """The caller's address was added to WHMCS's list."""
        self._rejected_address = None

    def loses_answer_now(self, action: str) -> bool:
        """Whether the answer to the action's last handled call is to be lost; true once for each."""
        lost = (action, self._calls.get(action, 0))
        if lost not in self._lost:
            return False
        self._lost.remove(lost)
        return True

    def handle(self, form: Parameters) -> Answer:
        """Answer one API request. Raises Denial: result=error. Unavailable: the web server answered instead."""
        if self._unavailable:
            self._unavailable -= 1
            raise Unavailable
        action = form.get("action", "")
        self._calls[action] = self._calls.get(action, 0) + 1
        error: str | None = None
        try:
            return {"result": "success", **self._call(action, form)}
        except Denial as denial:
            error = denial.message
            raise
        finally:
            body = {key: "***" if key in _MASKED else value for key, value in form.items()}
            self.requests.append(Recorded(self.clock.now(), action, body, error))

    def _call(self, action: str, form: Parameters) -> Answer:
        if self._rejected_address is not None:
            raise Denial(f"Invalid IP {self._rejected_address}", 403)
        if not form.get("identifier") or not form.get("secret"):
            raise Denial("Authentication Failed", 403)
        role = self.roles.get(form["identifier"])
        if role is None:
            raise Denial("Invalid or missing credentials", 403)
        if not secrets.compare_digest(role.secret.encode(), form["secret"].encode()):
            raise Denial("Authentication Failed", 403)
        call = _ACTIONS.get(action)
        if call is None:
            raise Denial("Action Not Found", 404)
        if action not in role.actions:
            raise Denial(f'Invalid Permissions: API action "{action.lower()}" is not allowed', 403)
        return call(self, form)

    def _get_clients_details(self, form: Parameters) -> Answer:
        wanted = form.get("clientid") or None
        for client in self.clients.values():
            if str(client.id) == wanted or (wanted is None and client.email == form.get("email")):
                break
        else:
            raise Denial("Client Not Found")
        shown: Answer = {
            "userid": client.id,
            "id": client.id,
            "firstname": client.firstname,
            "lastname": client.lastname,
            "fullname": f"{client.firstname} {client.lastname}",
            "email": client.email,
            "phonenumber": client.phone,
            "email_verified": client.email_verified,
            "status": client.status,
        }
        # The real one shows the client twice: as it did in old versions, and below "client".
        return {**shown, "client": shown}

    def _get_clients_products(self, form: Parameters) -> Answer:
        asked = {key: form[key] for key in ("clientid", "serviceid", "pid", "domain", "username2") if form.get(key)}
        found = [
            row
            for row in map(self._shown, self.services.values())
            if all(str(row[{"serviceid": "id", "username2": "username"}.get(key, key)]) == asked[key] for key in asked)
        ]
        start, limit = _number(form, "limitstart", 0), _number(form, "limitnum", 25)
        page = found[start : start + limit]
        return {
            "clientid": form.get("clientid"),
            "serviceid": form.get("serviceid"),
            "pid": form.get("pid"),
            "domain": form.get("domain"),
            "totalresults": len(found),
            "startnumber": start,
            "numreturned": len(page),
            "products": {"product": page} if page else "",
        }

    def _shown(self, service: Service) -> Answer:
        return {
            "id": service.id,
            "clientid": service.client_id,
            "orderid": service.order_id,
            "pid": service.product_id,
            "name": self.products[service.product_id].name,
            "groupname": "Dedicated servers",
            "domain": service.domain,
            "dedicatedip": service.dedicated_ip,
            "assignedips": service.assigned_ips,
            "status": service.status,
            "username": service.username,
            "password": service.password,
            "notes": service.notes,
        }

    def _update_client_product(self, form: Parameters) -> Answer:
        service = self._service(form, "serviceid", "Service ID Not Found")
        if form.get("status") and form["status"] not in STATUSES:
            raise Denial("Invalid Status")
        for parameter, column in _COLUMNS.items():
            if form.get(parameter):
                setattr(service, column, form[parameter])
        for key, parameter in form.items():
            if key.startswith("unset[") and parameter in _COLUMNS and parameter != "status":
                setattr(service, _COLUMNS[parameter], "")
        return {"serviceid": service.id}

    def _send_email(self, form: Parameters) -> Answer:
        if form.get("messagename") not in self.templates:
            raise Denial("Email Template not found")
        service = self._service(form, "id", "Sending Failed")
        self.mails.append(Mail(self.clock.now(), form["messagename"], service.id))
        return {}

    def _log_activity(self, form: Parameters) -> Answer:
        if not form.get("description"):
            raise Denial("Description is required")
        client_id = _number(form, "clientid", 0) or None
        self.activities.append(Activity(self.clock.now(), form["description"], client_id))
        return {}

    def _module_custom(self, form: Parameters) -> Answer:
        service = self._service(form, "serviceid", "Service ID not found")
        if not form.get("func_name"):
            raise Denial("Function name is required")
        self.module_calls.append(ModuleCall(self.clock.now(), service.id, form["func_name"]))
        return {}

    def _trigger_notification_event(self, form: Parameters) -> Answer:
        identifier, title, message = (form.get(key, "") for key in ("notification_identifier", "title", "message"))
        if not (identifier and title and message):
            raise Denial("notification_identifier, title and message are required")
        self.notifications.append(Notification(self.clock.now(), identifier, title, message))
        return {}

    def _get_module_queue(self, form: Parameters) -> Answer:
        related = form.get("relatedId")
        queue = [
            {"id": e.id, "serviceType": "service", "relatedId": e.service_id, "moduleAction": e.action}
            | {"lastAttemptError": e.error, "completed": 0}
            for e in self.module_queue
            if related in (None, "", str(e.service_id))
        ]
        return {"count": len(queue), "queue": queue}

    def _service(self, form: Parameters, key: str, otherwise: str) -> Service:
        service = self.services.get(_number(form, key, 0))
        if service is None:
            raise Denial(otherwise)
        return service


def _number(form: Parameters, key: str, otherwise: int) -> int:
    # As PHP reads a number: what is none counts as not given.
    text = form.get(key, "")
    return int(text) if text.isascii() and text.isdigit() else otherwise


_ACTIONS: Mapping[str, Callable[[Billing, Parameters], Answer]] = {
    "GetClientsDetails": Billing._get_clients_details,
    "GetClientsProducts": Billing._get_clients_products,
    "UpdateClientProduct": Billing._update_client_product,
    "SendEmail": Billing._send_email,
    "LogActivity": Billing._log_activity,
    "ModuleCustom": Billing._module_custom,
    "TriggerNotificationEvent": Billing._trigger_notification_event,
    "GetModuleQueue": Billing._get_module_queue,
}
