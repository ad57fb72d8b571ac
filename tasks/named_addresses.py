"""What a change of a server's addresses may name: addresses by family, and what the service was given."""

from collections.abc import Mapping

from dcimanager.addresses import Family
from ledger import journal
from ledger.snapshots import Entry, Service
from ledger.step_names import StepName
from runtime.driver import driving
from runtime.errors import StepRefused
from runtime.gate import is_answered_for
from whmcs.text import addresses_in, spelled

MOST_ADDRESSES = 256
"""Addresses of one family of one server: a whole /24. More than this is a slip in a form."""

MORE: Mapping[Family, StepName] = {"ipv4": StepName.MORE_ADDRESSES, "ipv6": StepName.MORE_IPV6}
"""Under which name the journal keeps what was given of each family."""


def named_in(give_back: str) -> list[str]:
    """The addresses of the text, each once, in their one spelling. Raises StepRefused: it has something else."""
    words = give_back.replace(",", " ").split()
    if len(words) > MOST_ADDRESSES or (words and not addresses_in(give_back.replace("\n", " "))):
        raise StepRefused("The addresses to be given back are not a list of IP addresses. Nothing was touched.")
    return list(dict.fromkeys(map(spelled, words)))


def names_of(names: list[str], family: Family) -> list[str]:
    """Those of the addresses that are of this family."""
    return [name for name in names if (":" in name) is (family == "ipv6")]


async def check_ipv6(service: Service) -> None:
    """Raises StepRefused: nobody has answered for the call that gives IPv6 addresses, which no rehearsal proves."""
    panel = await driving(service).panel()
    if not await is_answered_for(panel, "address_add_ipv6"):
        raise StepRefused(
            f"Panel {panel.name}: address_add_ipv6 is a guess that nobody has answered for, so nothing was touched. "
            f"Try it by hand, then: dciflow panel trust {panel.name} --entry address_add_ipv6 --why ..."
        )


async def given_by_us(service: Service) -> set[int] | None:
    """The ids of the addresses that this service was given, by the journal; None: it was adopted with its own."""
    drive = driving(service)
    entries = await journal.entries(drive.ledger, service.service_id, service.generation)
    if not any(entry.step == StepName.ADDRESSES for entry in entries):
        return None
    return {
        address
        for entry in entries
        if entry.step in (StepName.ADDRESSES, *MORE.values())
        for address in given_ids(entry)
    }


def given_ids(entry: Entry | None) -> list[int]:
    """The ids of the addresses that a step gave, as the journal has them; none where it did not end."""
    listed = [] if entry is None else (entry.result or {}).get("addresses", [])
    return [one for one in listed if isinstance(one, int)] if isinstance(listed, list) else []
