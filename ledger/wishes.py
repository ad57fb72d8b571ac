"""What WHMCS showed of a service when something was asked for it: what is looked at again before it is done.

Source: safety rule 17.
"""

from pydantic import BaseModel, ConfigDict, Field

LONGEST = 64


class ServiceWish(BaseModel):
    """What WHMCS's own row said at the moment of the request. Frozen.

    Raises pydantic.ValidationError (a ValueError): a field that is not here, or a text longer than 64 characters.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: str = Field(max_length=LONGEST, title="Status", description="The service's status in WHMCS.")
    next_due: str = Field(
        default="", max_length=LONGEST, title="Next due date", description="Its next due date; empty: it has none."
    )
    told_at_end: bool = Field(
        default=True,
        title="Told at the end",
        description="Whether WHMCS changes the status only when the run has ended, and not within a minute.",
    )


class KeptWish(ServiceWish):
    """A wish as the ledger keeps it with its request."""

    ended: bool = False
    """Whether a run has seen since that WHMCS ended the service: any other status is a new wish."""
