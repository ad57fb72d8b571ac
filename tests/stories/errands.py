"""The errands as stories know them: a further one is a row, and every story of this kind is told of it, too."""

from typing import Any, NamedTuple

from prefect import Flow

from flows.power import power
from flows.rename import rename
from flows.rescue import rescue
from flows.sign_in import sign_in
from ledger.service_identity import ServiceIdentity
from ledger.states import State
from tests.harness import Harness
from tests.sealed import key_pair


class Errand(NamedTuple):
    """One errand with its own parameters."""

    name: str
    flow: "Flow[..., Any]"
    own: dict[str, Any]
    sends: str
    """The call of the panel that changes something."""
    for_staff: frozenset[State] = frozenset({State.ACTIVE, State.SUSPENDED})
    """The states in which staff may ask."""
    for_clients: frozenset[State] = frozenset({State.ACTIVE})

    def __str__(self) -> str:
        return self.name


ERRANDS = [
    Errand("off", power, {"command": "off"}, "power_off"),
    Errand("reboot", power, {"command": "reboot"}, "power_reset"),
    Errand("rescue", rescue, {"command": "start"}, "rescue_start"),
    Errand("sign-in", sign_in, {"public_key": key_pair()[1]}, "key_create"),
    Errand("rename", rename, {"hostname": "web2.example.com"}, "host_name_set"),
]


async def press(harness: Harness, errand: Errand, service_id: int, by: str = "client") -> None:
    """A button is pressed, and its run is executed."""
    known = harness.billed(service_id)
    await harness.run(
        errand.flow,
        service_id,
        requested_by=by,
        identity=ServiceIdentity(installation="whmcs", client_id=known.client_id),
        asked_at=harness.clock.now(),
        **errand.own,
    )
