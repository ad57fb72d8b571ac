"""A simulated WHMCS: the API calls that dciflow makes on its clients, products and services.

Source: docs/sources.md, WHMCS 1, 6 and 13. How an answer is written (text, flat keys) is the routes' part.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from simulator.panel.clock import SimClock
from simulator.panel.hostile import HostileAnswer, Hostility
from simulator.whmcs.database import WhmcsDatabase
from simulator.whmcs.records import (
    ActivityRecord,
    ModuleCall,
    RecordedCall,
    Role,
    ServiceRecord,
)

IDENTIFIER = "simulated-identifier"
SECRET = "simulated-secret"  # noqa: S105 - the default credential of a simulation, not of anything real
NEEDED = frozenset({"GetClientsDetails", "GetClientsProducts", "UpdateClientProduct", "LogActivity", "ModuleCustom"})
"""What the API role of dciflow may call unless a test says otherwise."""
STATUSES = ("Pending", "Active", "Completed", "Suspended", "Terminated", "Cancelled", "Fraud")
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


class ApiDenied(Exception):
    """WHMCS's result=error: the HTTP status and the message that go with it."""

    def __init__(self, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


class Unavailable(Exception):
    """The web server in front of WHMCS answers 503; WHMCS itself saw nothing."""


class SimulatedWhmcs(WhmcsDatabase):
    """One WHMCS: its database, its API and the faults that a test asks for.

    Switches: text_errors (errors come as text, not JSON), flat_keys ("products[product][0][id]" instead of nesting),
    string_numbers (numbers come as strings; on, as in most answers of the real one).
    """

    def __init__(self, clock: SimClock) -> None:
        super().__init__(clock)
        self.activities: list[ActivityRecord] = []
        self.module_calls: list[ModuleCall] = []
        self.roles: dict[str, Role] = {IDENTIFIER: Role(SECRET, NEEDED)}
        self.requests: list[RecordedCall] = []
        self.text_errors = False
        self.flat_keys = False
        self.string_numbers = True
        self._rejected_address: str | None = None
        self._unavailable = 0
        self._lost: set[tuple[str, int]] = set()
        self._dripping: set[tuple[str, int]] = set()
        self._hostile: dict[tuple[str, int], HostileAnswer] = {}
        self._calls: dict[str, int] = {}

    def allow(self, identifier: str, secret: str, actions: Iterable[str]) -> None:
        """Make an API credential whose role may call these actions, or change one that exists."""
        self.roles[identifier] = Role(secret, frozenset(actions))

    def lose_answer(self, action: str, nth: int = 1) -> None:
        """The nth call of the action from now on takes effect, and its answer never arrives."""
        self._lost.add((action, self._calls.get(action, 0) + nth))

    def answer_hostile(self, how: Hostility, action: str, nth: int = 1) -> None:
        """The nth call of the action from now on takes effect, and its answer is one that nobody should read."""
        self._hostile[action, self._calls.get(action, 0) + nth] = HostileAnswer(how)

    def drip(self, action: str, nth: int = 1) -> None:
        """The nth call of the action from now on takes effect, and its answer drips for ever."""
        self._dripping.add((action, self._calls.get(action, 0) + nth))

    def drips_now(self, action: str) -> bool:
        """Whether the answer to the action's last handled call drips; true once for each."""
        return _once(self._dripping, (action, self._calls.get(action, 0)))

    def hostile_now(self, action: str) -> HostileAnswer | None:
        """What the action's last call is answered with instead."""
        return self._hostile.pop((action, self._calls.get(action, 0)), None)

    def be_friendly(self) -> None:
        """Forget the hostile answers that were not given yet."""
        self._hostile.clear()
        self._dripping.clear()

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
        return _once(self._lost, (action, self._calls.get(action, 0)))

    def handle(self, form: Parameters) -> Answer:
        """Answer one API request. Raises ApiDenied: result=error. Unavailable: the web server answered instead."""
        if self._unavailable:
            self._unavailable -= 1
            raise Unavailable
        action = form.get("action", "")
        self._calls[action] = self._calls.get(action, 0) + 1
        error: str | None = None
        try:
            return {"result": "success", **self._call(action, form)}
        except ApiDenied as denial:
            error = denial.message
            raise
        finally:
            body = {key: "***" if key in _MASKED else value for key, value in form.items()}
            self.requests.append(RecordedCall(self.clock.now(), action, body, error))

    def _call(self, action: str, form: Parameters) -> Answer:
        if self._rejected_address is not None:
            raise ApiDenied(f"Invalid IP {self._rejected_address}", 403)
        if not form.get("identifier") or not form.get("secret"):
            raise ApiDenied("Authentication Failed", 403)
        role = self.roles.get(form["identifier"])
        if role is None:
            raise ApiDenied("Invalid or missing credentials", 403)
        if not secrets.compare_digest(role.secret.encode(), form["secret"].encode()):
            raise ApiDenied("Authentication Failed", 403)
        call = _ACTIONS.get(action)
        if call is None:
            raise ApiDenied("Action Not Found", 404)
        if action not in role.actions:
            raise ApiDenied(f'Invalid Permissions: API action "{action.lower()}" is not allowed', 403)
        return call(self, form)

    def _get_clients_details(self, form: Parameters) -> Answer:
        wanted = form.get("clientid") or None
        for client in self.clients.values():
            if str(client.id) == wanted or (wanted is None and client.email == form.get("email")):
                break
        else:
            raise ApiDenied("Client Not Found")
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

    def _shown(self, service: ServiceRecord) -> Answer:
        return {
            "id": service.id,
            "clientid": service.client_id,
            "orderid": service.order_id,
            "regdate": service.registered,
            "pid": service.product_id,
            "name": self.products[service.product_id].name,
            "groupname": "Dedicated servers",
            "domain": service.domain,
            "dedicatedip": service.dedicated_ip,
            "assignedips": service.assigned_ips,
            "status": service.status,
            "nextduedate": service.next_due,
            "overideautosuspend": int(service.never_suspended),
            "overidesuspenduntil": service.not_suspended_until,
            "username": service.username,
            "password": service.password,
            "notes": service.notes,
        }

    def _update_client_product(self, form: Parameters) -> Answer:
        service = self._service(form, "serviceid", "Service ID Not Found")
        if form.get("status") and form["status"] not in STATUSES:
            raise ApiDenied("Invalid Status")
        for parameter, column in _COLUMNS.items():
            if form.get(parameter):
                setattr(service, column, form[parameter])
        for key, parameter in form.items():
            if key.startswith("unset[") and parameter in _COLUMNS and parameter != "status":
                setattr(service, _COLUMNS[parameter], "")
        return {"serviceid": service.id}

    def _log_activity(self, form: Parameters) -> Answer:
        if not form.get("description"):
            raise ApiDenied("Description is required")
        client_id = _number(form, "clientid", 0) or None
        self.activities.append(ActivityRecord(self.clock.now(), form["description"], client_id))
        return {}

    def _module_custom(self, form: Parameters) -> Answer:
        service = self._service(form, "serviceid", "Service ID not found")
        if not form.get("func_name"):
            raise ApiDenied("Function name is required")
        self.module_calls.append(ModuleCall(self.clock.now(), service.id, form["func_name"]))
        return {}

    def _service(self, form: Parameters, key: str, otherwise: str) -> ServiceRecord:
        service = self.services.get(_number(form, key, 0))
        if service is None:
            raise ApiDenied(otherwise)
        return service


def _once(calls: set[tuple[str, int]], call: tuple[str, int]) -> bool:
    there = call in calls
    calls.discard(call)
    return there


def _number(form: Parameters, key: str, otherwise: int) -> int:
    # As PHP reads a number: what is none counts as not given.
    text = form.get(key, "")
    return int(text) if text.isascii() and text.isdigit() else otherwise


_ACTIONS: Mapping[str, Callable[[SimulatedWhmcs, Parameters], Answer]] = {
    "GetClientsDetails": SimulatedWhmcs._get_clients_details,
    "GetClientsProducts": SimulatedWhmcs._get_clients_products,
    "UpdateClientProduct": SimulatedWhmcs._update_client_product,
    "LogActivity": SimulatedWhmcs._log_activity,
    "ModuleCustom": SimulatedWhmcs._module_custom,
}
