"""What WHMCS's staff do: services move, numbers come again, an old dump is restored; and what was right before."""

from copy import copy, deepcopy
from dataclasses import dataclass
from typing import Any

from simulator.whmcs.records import ClientRecord, RecordedCall, ServiceRecord
from tests.harness import Harness
from tests.machine.expected_state import ExpectedState, Peek, Promise, Shown, Whose

DUE = "2026-12-31"
"""Every service is overdue when the examples begin: it may be suspended."""
PAID = "2027-12-31"
ENDED = ("Terminated", "Cancelled", "Fraud")


@dataclass(frozen=True)
class Dump:
    """What a dump of WHMCS has: its services and the numbers that come next."""

    services: dict[int, ServiceRecord]
    numbers: dict[str, Any]


class WhmcsStaff:
    """Changes WHMCS, and remembers the row that each service of the ledger should have."""

    def __init__(self, harness: Harness, expected: ExpectedState, peek: Peek) -> None:
        self._whmcs = harness.whmcs
        self._expected = expected
        self._peek = peek
        self._lost: dict[tuple[int, int], ServiceRecord] = {}
        """Rows that were lost, by number and order."""
        self._clients: dict[int, ClientRecord] = dict(harness.whmcs.clients)
        self._dump = self._now()

    def row(self, service_id: int) -> ServiceRecord | None:
        """WHMCS's row of the service."""
        return self._whmcs.services.get(service_id)

    def whose(self, service_id: int) -> Whose | None:
        """Whose it is, by WHMCS."""
        row = self.row(service_id)
        return None if row is None else Whose(row.client_id, row.order_id)

    def shown(self, service_id: int) -> Shown | None:
        """What WHMCS shows of it."""
        row = self.row(service_id)
        return None if row is None else Shown(row.status, row.next_due)

    def set_status(self, service_id: int, status: str) -> None:
        """WHMCS, or its staff, gives the service another status."""
        row = self.row(service_id)
        if row is not None:
            self._expected.statuses[service_id] = row.status = status
            self._expected.told.add(service_id)

    def pay(self, service_id: int, *, active: bool) -> None:
        """The client pays; staff may set the service Active at once."""
        row = self.row(service_id)
        if row is not None:
            row.next_due = PAID
            self._expected.told.add(service_id)
            if active and row.status not in ("Pending", *ENDED):
                self.set_status(service_id, "Active")

    def move(self, service_id: int) -> None:
        """The service is another client's from now on."""
        row = self.row(service_id)
        if row is not None:
            self._whmcs.move(service_id, self._other(row.client_id))
            self._expected.given_away.add(service_id)

    def give_out_again(self, service_id: int) -> None:
        """The service is deleted in WHMCS, and another client's order gets its number."""
        row = self.row(service_id)
        if row is not None:
            self._lost[service_id, row.order_id] = row
            self._whmcs.give_out_again(service_id, self._other(row.client_id), row.product_id, "web2.example.com")
            self._whmcs.services[service_id].next_due = DUE
            self._expected.statuses[service_id] = "Pending"
            self._expected.given_away.add(service_id)

    def back_up(self) -> None:
        """Dump WHMCS's database."""
        self._dump = self._now()

    def restore(self) -> None:
        """Go back to the last dump: newer services are gone, and their numbers come again."""
        for number, row in self._whmcs.services.items():
            self._lost[number, row.order_id] = row
            self._expected.given_away.add(number)
            self._expected.told.add(number)
        self._whmcs.services = deepcopy(self._dump.services)
        self._whmcs._numbers.update({what: copy(numbers) for what, numbers in self._dump.numbers.items()})
        for number, row in self._whmcs.services.items():
            self._expected.statuses[number] = row.status

    def put_right(self, service_id: int, whose: Whose | None) -> None:
        """The service's row is the one of the client whose server it is, again."""
        row = self.row(service_id)
        if whose is None or (row is not None and Whose(row.client_id, row.order_id) == whose):
            return
        if row is not None and row.order_id == whose.order_id:
            row.client_id = whose.client_id
        elif (service_id, whose.order_id) in self._lost:
            self._whmcs.services[service_id] = self._lost.pop((service_id, whose.order_id))
            self._whmcs.services[service_id].client_id = whose.client_id
            self._expected.statuses[service_id] = self._whmcs.services[service_id].status

    def unwanted(self, endpoint: str, promise: Promise, *, is_late: bool) -> str | None:
        """Why WHMCS does not want this call of the service's run, by what it shows at this moment."""
        number, shown = promise.service_id, self.shown(promise.service_id)
        whose = self._expected.whose.get((number, promise.generation))
        if endpoint == "port_off" and is_late and shown is not None and shown == ("Active", PAID):
            return f"service {number} is paid and Active, and a suspension of long ago cuts it off"
        if endpoint != "diagnostics" or whose is None:
            return None
        if self._peek.permits_used(promise.server_id, number, promise.generation) > 1:
            return None  # a wipe has begun before: there is no way back
        asked = self._expected.deleted.get((number, promise.generation, whose))
        if asked is None and shown is not None and shown.status in ENDED and self.whose(number) == whose:
            # An older run came back to a service that WHMCS has ended: that is wanted.
            self._expected.deleted[number, promise.generation, whose] = shown
            return None
        if asked is None:
            return f"nobody asked for the deletion of service {number} of client {whose.client_id}"
        if self.whose(number) != whose or shown is None:
            return f"service {number} is {self.whose(number)} in WHMCS and its server was of {whose}"
        is_back = (shown.status == "Active" and asked.status != "Active") or shown.next_due > asked.next_due
        if shown.status not in ENDED and is_back:
            return f"service {number} was {asked} when its deletion was asked for and is {shown} now"
        return None

    def _now(self) -> Dump:
        numbers = {what: copy(self._whmcs._numbers[what]) for what in ("service", "order")}
        return Dump(deepcopy(self._whmcs.services), numbers)

    def _other(self, client_id: int) -> int:
        return next(number for number in self._clients if number != client_id)


class WhmcsCalls(list[RecordedCall]):
    """WHMCS's record of calls, which looks at what is written where."""

    def __init__(self, staff: WhmcsStaff, expected: ExpectedState, peek: Peek) -> None:
        super().__init__()
        self._staff = staff
        self._expected = expected
        self._peek = peek
        self.wrongs: list[str] = []

    def append(self, call: RecordedCall) -> None:
        """Remember a call, and what is wrong with it."""
        super().append(call)
        if call.action != "UpdateClientProduct" or call.error is not None or "dedicatedip" not in call.body:
            return
        number = int(call.body["serviceid"])
        for promise in self._peek.promises().values():
            whose = self._expected.whose.get((number, promise.generation))
            if promise.service_id == number and whose is not None and whose != self._staff.whose(number):
                self.wrongs.append(f"the server of {whose} is shown to {self._staff.whose(number)}: service {number}")
