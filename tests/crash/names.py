"""The reverse name of an address, as an errand that a driver dies in."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from prefect import Flow

from flows.set_ptr import set_ptr
from ledger.hold_reasons import HoldReason
from ledger.states import State
from runtime import resolver
from simulator.panel.models import SimServer
from tests.crash.errands import ACTIVE, SAME_RUN, ErrandScenario, _sold_by_hand, pressed
from tests.crash.scenarios import _active
from tests.harness import Harness

NAME = "mail.example.com"


def _named(server: SimServer) -> None:
    server.addresses[0].domain = NAME


class NameScenario(ErrandScenario):
    """A reverse name: of the main address, as WHMCS shows it."""

    def asks(self, harness: Harness, flow: "Flow[..., Any]") -> dict[str, Any]:
        """What WHMCS sends with the press; whoever asks chose the address by the page."""
        [billed] = harness.whmcs.services.values()
        return {"address": billed.dedicated_ip, "name": NAME, **super().asks(harness, flow)}


def _leads_to(*addresses: str) -> Callable[[Harness], AbstractContextManager[None]]:
    """The name leads to these, or to the service's main address where there are none."""

    @contextmanager
    def known(harness: Harness) -> Iterator[None]:
        [billed] = harness.whmcs.services.values()

        async def resolve(name: str) -> frozenset[str]:
            return frozenset(addresses or [billed.dedicated_ip])

        resolver.set_resolver(resolve)
        yield
        resolver.set_resolver(resolver.ask_this_machine)

    return known


NAME_SCENARIOS = [
    NameScenario(
        "set a reverse name",
        pressed(_active),
        (set_ptr,),
        ACTIVE,
        sends="ptr_set",
        leaves=_named,
        by_hand=_leads_to(),
    ),
    NameScenario(
        "set a reverse name that leads elsewhere",
        pressed(_active),
        (set_ptr,),
        ACTIVE,
        SAME_RUN,
        by_hand=_leads_to("203.0.113.77"),
        refused_with="leads to 203.0.113.77 and not to",
    ),
    NameScenario(
        "set a reverse name of a server that was sold by hand",
        pressed(_sold_by_hand),
        (set_ptr,),
        frozenset({State.HELD}),
        SAME_RUN,
        by_hand=_leads_to(),
        held_because=HoldReason.OWNER_CHANGED,
        refused_with="is HELD (owner-changed)",
    ),
]
