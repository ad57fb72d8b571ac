"""The exact shapes of the module's bodies, one for each deployment that it starts (whmcs-module/contract.json).

Strict: no key more or less, no number for a text, no object where none is named. A test compares them with the
contract.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar
from uuid import UUID, uuid5

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from door.refusal import DoorRefusal, one_line
from ledger.panel_name import PATTERN

HIGHEST_NUMBER = 1_999_999_999
"""Higher numbers of services are servers that were left for another one: those are not WHMCS's."""

MOST_ADOPTEES = 500
"""Services that one run of an import may name, as the module cuts them: 40 KB."""

PUBLIC_KEY = "^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$"
"""`public_key` of contract.json: 32 bytes in base64 for addresses, in one spelling only."""

SSH_KEY = (
    "^(ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43}"
    "|ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBB[A-Za-z0-9+/]{86}="
    "|ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhB[A-Za-z0-9+/]{129}=="
    "|ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFB[A-Za-z0-9+/]{177}=="
    "|ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB[A-Za-z0-9+/]{346,1372}={0,2})$"
)
"""`ssh_key` of contract.json: the type and the base64 of a public key. The run reads what is in it."""

_IDS = UUID("6f1a4c0e-35a3-4a0b-9a3e-dc1f100d0042")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def _printed(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("has a control character")
    return text


def _moment(text: str) -> str:
    datetime.fromisoformat(text)
    return text


Number = Annotated[int, Field(ge=1, le=HIGHEST_NUMBER)]
Count = Annotated[int, Field(ge=0, le=HIGHEST_NUMBER)]
Word = Annotated[str, StringConstraints(max_length=64), AfterValidator(_printed)]
Line = Annotated[str, StringConstraints(max_length=300), AfterValidator(_printed)]
GivenLine = Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(_printed)]
HostName = Annotated[str, StringConstraints(max_length=1000), AfterValidator(_printed)]
StaffName = Annotated[str, StringConstraints(min_length=1, max_length=80), AfterValidator(_printed)]
Panel = Annotated[str, StringConstraints(pattern=PATTERN)]
RequestedBy = Literal["admin", "api", "client", "cron"]
AskedAt = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"), AfterValidator(_moment)
]
HeldAt = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}\+00:00$"), AfterValidator(_moment)
]


class Shape(BaseModel):
    """What all shapes are: exact, and silent about what they were given."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class IdentityShape(Shape):
    """`identity` of contract.json."""

    installation: Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_printed)]
    client_id: Number
    order_id: Count | None
    registered: Word | None


class WishShape(Shape):
    """`wish` of contract.json."""

    status: Word
    next_due: Word
    told_at_end: bool


class OrderShape(Shape):
    """`order` of contract.json. What is empty or too much is the run's to refuse: its line is what staff read.

    server_id: left out where staff chose none.
    """

    client_id: Number
    configuration: Line
    os_template: Line
    ip_pool: Line
    ipv4_count: Count
    location_id: Count | None
    wait_for_os: bool
    os_install_timeout_minutes: Count
    hostname: HostName | None
    wipe_delay_hours: Count
    suspension_mode: Word = "ports"
    suspension_grace_hours: Count = 0
    reinstall_templates: Annotated[list[Line], Field(max_length=500)] | None = None
    server_id: Number | None = None


class AdopteeShape(Shape):
    """`adoptee` of contract.json."""

    service_id: Number
    client_id: Number
    server_id: Number
    suspended: bool


class CommandShape(Shape):
    """Parameters of `unsuspend`, and what the other three commands have, too. who: left out where no staff asked."""

    service_id: Number
    panel: Panel
    requested_by: RequestedBy
    identity: IdentityShape
    asked_at: AskedAt
    who: StaffName | None = None


class PowerShape(CommandShape):
    """Parameters of `power`."""

    command: Literal["on", "off", "reboot", "look"]


class ReinstallShape(CommandShape):
    """Parameters of `reinstall`. ssh_key: left out where none was given."""

    os_template: GivenLine
    hostname_typed: HostName
    ssh_key: Annotated[str, StringConstraints(pattern=SSH_KEY)] | None = None


class ChangeAddressesShape(CommandShape):
    """Parameters of `change-addresses`."""

    ipv4_count: Annotated[int, Field(ge=1, le=256)]
    give_back: Annotated[str, StringConstraints(max_length=4096), AfterValidator(_printed)]
    ipv6_count: Annotated[int, Field(ge=0, le=256)] | None


class SignInShape(CommandShape):
    """Parameters of `sign-in`."""

    public_key: Annotated[str, StringConstraints(pattern=PUBLIC_KEY)]


class SetPtrShape(CommandShape):
    """Parameters of `set-ptr`."""

    address: Annotated[str, StringConstraints(pattern=r"^[0-9.]{7,15}$")]
    name: Annotated[str, StringConstraints(max_length=253), AfterValidator(_printed)]


class RescueShape(CommandShape):
    """Parameters of `rescue`."""

    command: Literal["start", "leave"]


class RenameShape(CommandShape):
    """Parameters of `rename`."""

    hostname: Annotated[str, StringConstraints(min_length=1, max_length=253), AfterValidator(_printed)]


class TakesAwayShape(CommandShape):
    """Parameters of `suspend` and `terminate`."""

    wish: WishShape


class ActivateShape(CommandShape):
    """Parameters of `activate`."""

    order: OrderShape


class ChangeOrderShape(CommandShape):
    """Parameters of `change-order`."""

    order: OrderShape


class DecideShape(Shape):
    """Parameters of `decide-held`: no decision that wipes or gives away, and none past a cap (safety rule 23)."""

    service_id: Number
    decision: Literal["retry", "release"]
    who: GivenLine
    why: GivenLine
    held_at: HeldAt


class CheckPanelShape(Shape):
    """Parameters of `check-panel`."""

    panel: Panel


class AdoptShape(Shape):
    """Parameters of `adopt`."""

    panel: Panel
    services: Annotated[list[AdopteeShape], Field(min_length=1, max_length=MOST_ADOPTEES)]
    apply: bool
    who: StaffName | None = None


P_co = TypeVar("P_co", bound=Shape, covariant=True)


class StartShape(Shape, Generic[P_co]):
    """The body of `create_flow_run`. Name and tags are compared with the door's own, and the door's are sent."""

    name: Line
    parameters: P_co
    tags: Annotated[list[Line], Field(max_length=3)]
    idempotency_key: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9:._-]{1,120}$")]


@dataclass(frozen=True)
class StartedFlow:
    """A flow whose deployment `<flow>/whmcs` the module starts. urgent: it is not held up by others' calls."""

    flow: str
    shape: type[StartShape[Shape]]
    urgent: bool = False

    @property
    def id(self) -> str:
        """The deployment's id at the door; Prefect's own one is not told."""
        return str(uuid5(_IDS, self.flow))


FLOWS = {
    flow.flow: flow
    for flow in (
        StartedFlow("activate", StartShape[ActivateShape]),
        StartedFlow("suspend", StartShape[TakesAwayShape], urgent=True),
        StartedFlow("unsuspend", StartShape[CommandShape], urgent=True),
        StartedFlow("terminate", StartShape[TakesAwayShape]),
        StartedFlow("power", StartShape[PowerShape], urgent=True),
        StartedFlow("reinstall", StartShape[ReinstallShape]),
        StartedFlow("sign-in", StartShape[SignInShape], urgent=True),
        StartedFlow("change-addresses", StartShape[ChangeAddressesShape]),
        StartedFlow("change-order", StartShape[ChangeOrderShape]),
        StartedFlow("set-ptr", StartShape[SetPtrShape], urgent=True),
        StartedFlow("rescue", StartShape[RescueShape], urgent=True),
        StartedFlow("rename", StartShape[RenameShape], urgent=True),
        StartedFlow("decide-held", StartShape[DecideShape]),
        StartedFlow("check-panel", StartShape[CheckPanelShape]),
        StartedFlow("adopt", StartShape[AdoptShape]),
    )
}
FLOW_OF_ID = {flow.id: flow for flow in FLOWS.values()}


def run_name(flow: str, parameters: Shape) -> str:
    """What a run is called, of its parameters."""
    service = getattr(parameters, "service_id", None)
    return f"{flow}-service-{service}" if service is not None else f"{flow}-{getattr(parameters, 'panel', '')}"


def run_tags(parameters: Shape) -> list[str]:
    """The tags that staff find a run by, of its parameters."""
    values = {"service": getattr(parameters, "service_id", None), "panel": getattr(parameters, "panel", None)}
    if isinstance(parameters, CommandShape):
        values["client"] = parameters.identity.client_id
    return [f"{what}:{value}" for what, value in values.items() if value is not None]


S = TypeVar("S", bound=Shape)


def checked(shape: type[S], value: object) -> S:
    """The value in its shape. Raises DoorRefusal (422): it has another one; the text names the first fault."""
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = one_line(".".join(map(str, fault["loc"])) or "the body", 80)
        raise DoorRefusal(422, f"Not what the module sends: {place}: {one_line(fault['msg'], 120)}") from None
