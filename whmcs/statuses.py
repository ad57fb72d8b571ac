"""WHMCS's statuses of a service and what each means; whmcs-module/contract.json has the table for both languages."""

from typing import Final, Literal, NamedTuple

Desired = Literal["new", "active", "suspended", "ended", "unknown"]


class ServiceStatus:
    """WHMCS's words for where a service stands. Source: docs/sources.md, WHMCS 1."""

    PENDING: Final = "Pending"
    ACTIVE: Final = "Active"
    COMPLETED: Final = "Completed"
    SUSPENDED: Final = "Suspended"
    TERMINATED: Final = "Terminated"
    CANCELLED: Final = "Cancelled"
    FRAUD: Final = "Fraud"


class StatusMeaning(NamedTuple):
    """What a status means to the flows."""

    desired: Desired
    """What WHMCS wants of the service."""
    wanted: bool = False
    """A flow may give it a server and write to it."""
    ended: bool = False
    """Its client or its host has ended it: a server that an activation got for it is taken back."""

    @property
    def over(self) -> bool:
        """Whoever gave it this status wants its server back, staff at a fraud included."""
        return self.desired == "ended"

    @property
    def delivered(self) -> bool:
        """Its client has the server's data."""
        return self.desired in ("active", "suspended")


MEANINGS: Final[dict[str, StatusMeaning]] = {
    ServiceStatus.PENDING: StatusMeaning("new", wanted=True),
    ServiceStatus.ACTIVE: StatusMeaning("active", wanted=True),
    ServiceStatus.COMPLETED: StatusMeaning("active", wanted=True),  # a one-time product: paid for good
    ServiceStatus.SUSPENDED: StatusMeaning("suspended", wanted=True),
    ServiceStatus.TERMINATED: StatusMeaning("ended", ended=True),
    ServiceStatus.CANCELLED: StatusMeaning("ended", ended=True),
    ServiceStatus.FRAUD: StatusMeaning("ended"),  # a person looks at it: nothing is taken back by itself
}


def meaning_of(status: str) -> StatusMeaning:
    """What the status means. One that is not in the table is no wish at all (safety rule 9)."""
    return MEANINGS.get(status, StatusMeaning("unknown"))
