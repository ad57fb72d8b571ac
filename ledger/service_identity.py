"""Whose a service is: what WHMCS says of it that does not come again when its number does.

Source: safety rule 16.
"""

from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

LONGEST = 64


class ServiceIdentity(BaseModel):
    """A service's WHMCS, client, order and day of registration; a number alone may be given out twice. Frozen.

    Raises pydantic.ValidationError (a ValueError): a field that is not here, or a text longer than 64 characters.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    installation: str | None = Field(
        default=None, max_length=LONGEST, title="WHMCS", description="What the module calls this WHMCS installation."
    )
    client_id: int = Field(title="Client", description="WHMCS client id.")
    order_id: int | None = Field(default=None, title="Order", description="WHMCS order id.")
    registered: str | None = Field(
        default=None, max_length=LONGEST, title="Registered", description="The service's registration date in WHMCS."
    )

    def differs_from(self, recorded: "Recorded") -> list[str]:
        """What of client, order and registration date is not as recorded; what one side does not know is not compared.

        The installation is compared where it is known: WHMCS's own row does not tell it.
        """
        pairs = {
            "client": (recorded.client_id, self.client_id),
            "order": (recorded.order_id, self.order_id),
            "registration date": (day_of(recorded.registered), day_of(self.registered)),
        }
        return [what for what, (was, now) in pairs.items() if was is not None and now is not None and was != now]

    def was_moved(self, recorded: "Recorded") -> bool:
        """Whether it is certainly the service that was recorded, with another client: moved or merged in WHMCS."""
        return self.differs_from(recorded) == ["client"] and self._has_order_or_day_of(recorded)

    def is_of(self, recorded: "Recorded") -> bool:
        """Whether it is certainly the service that was recorded: nothing differs, and more than the client is known."""
        return not self.differs_from(recorded) and self._has_order_or_day_of(recorded)

    def _has_order_or_day_of(self, recorded: "Recorded") -> bool:
        same_order = recorded.order_id is not None and recorded.order_id == self.order_id
        same_day = day_of(recorded.registered) is not None and day_of(recorded.registered) == day_of(self.registered)
        return same_order or same_day


class Recorded(Protocol):
    """Whatever keeps whose a service is: the ledger's row and its copies."""

    @property
    def client_id(self) -> int | None: ...
    @property
    def order_id(self) -> int | None: ...
    @property
    def registered(self) -> str | None: ...


def day_of(registered: str | None) -> str | None:
    """The day of a registration date as WHMCS writes it; None: empty or zeros, which say nothing."""
    day = (registered or "")[:10]
    return day if day.strip("0-") else None
