"""WHMCS's services: what a client ordered, and where the server's data is written back to."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from whmcs.errors import UnexpectedWhmcsResponse, WhmcsNotFound
from whmcs.response import MOST_DIGITS, Answer, Flag, Id, Secret, read_as, rows
from whmcs.statuses import StatusMeaning, meaning_of
from whmcs.text import Text, addresses_in, plain, raw, spelled
from whmcs.transport import Parameters, WhmcsTransport

READ: Final = "GetClientsProducts"
WRITE: Final = "UpdateClientProduct"
PAGE = 250
"""Services per call of a listing: ten times WHMCS's own default, small enough for a PHP request of a few seconds."""
MOST_ROWS = 200_000
"""Services of a product; WHMCS itself is said to be slow from some ten thousand clients on."""
MOST_PAGES = 2_000
"""Calls for one list: MOST_ROWS in pages of a hundred, which WHMCS may shorten its pages to."""
LIST_SECONDS = 600.0
"""The whole time of a list, in real seconds."""


def _lines(value: object) -> object:
    """The lines of a text that people wrote; a list of addresses is one line each."""
    return tuple(filter(None, map(plain, raw(value).splitlines()))) if isinstance(value, str) else value or ()


def _day(value: str) -> str:
    # WHMCS writes zeros for no date, and some of its answers have a time behind the day.
    return "" if not value.strip("0-: ") else value[:10]


class WhmcsService(BaseModel):
    """One service as WHMCS shows it. status is WHMCS's text: see whmcs/statuses.py; others may come later.

    Source: docs/sources.md, WHMCS 13 (GetClientsProducts).
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    service_id: Id = Field(validation_alias=AliasChoices("id", "service_id"))
    client_id: Id = Field(validation_alias=AliasChoices("clientid", "client_id"))
    order_id: int = Field(default=0, ge=0, validation_alias=AliasChoices("orderid", "order_id"))
    """0: it has none."""
    registered: Text = Field(default="", validation_alias=AliasChoices("regdate", "registered"))
    """The day of its registration; empty or zeros: WHMCS has none."""
    product_id: Id = Field(validation_alias=AliasChoices("pid", "product_id"))
    product_name: Text = Field(default="", validation_alias=AliasChoices("name", "product_name"))
    status: str = Field(min_length=1)
    next_due: Annotated[Text, AfterValidator(_day)] = Field(
        default="", validation_alias=AliasChoices("nextduedate", "next_due")
    )
    """The next due date, as 2027-01-31; empty: it has none."""
    never_suspended: Flag = Field(
        default=None, validation_alias=AliasChoices("overideautosuspend", "overrideautosuspend", "never_suspended")
    )
    """Staff's "Override Auto-Suspend"; None: WHMCS does not say."""
    not_suspended_until: Annotated[Text, AfterValidator(_day)] = Field(
        default="",
        validation_alias=AliasChoices("overidesuspenduntil", "overridesuspenduntil", "not_suspended_until"),
    )
    """The day until which that holds; empty: for good."""
    domain: Text = ""
    username: Text = ""
    password: Secret = SecretStr("")
    dedicated_ip: Text = Field(default="", validation_alias=AliasChoices("dedicatedip", "dedicated_ip"))
    assigned_lines: Annotated[tuple[str, ...], BeforeValidator(_lines)] = Field(
        default=(), validation_alias=AliasChoices("assignedips", "assigned_ips", "assigned_lines")
    )
    """The lines of Assigned IPs: addresses, and what staff wrote there besides."""

    @property
    def assigned_ips(self) -> tuple[str, ...]:
        """The addresses of Assigned IPs; staff type them one a line, with commas, or both."""
        return tuple(address for line in self.assigned_lines for address in addresses_in(line))

    @property
    def notes(self) -> tuple[str, ...]:
        """The lines of Assigned IPs that are no addresses, such as a subnet: they are people's own and stay."""
        return tuple(line for line in self.assigned_lines if not addresses_in(line))

    @property
    def meaning(self) -> StatusMeaning:
        """What its status means."""
        return meaning_of(self.status)

    @property
    def addresses(self) -> frozenset[str]:
        """The service's addresses, in whichever of WHMCS's two fields, as `comparable` has them."""
        return comparable(address for address in (self.dedicated_ip, *self.assigned_ips) if address)


def comparable(addresses: Iterable[str]) -> frozenset[str]:
    """Addresses as they are compared: in any order, each in its one spelling."""
    return frozenset(map(spelled, addresses))


@dataclass(frozen=True)
class OddService:
    """A row of WHMCS's list that cannot be read. `id` is None where it tells none; `place` counts from 1."""

    id: int | None
    place: int
    why: str


class ServiceListing(tuple[WhmcsService, ...]):
    """The services of a list that can be read, and the rows that cannot: those are neither ended nor absent."""

    odd: tuple[OddService, ...]

    def __new__(cls, services: Iterable[WhmcsService] = (), odd: Sequence[OddService] = ()) -> "ServiceListing":
        """Make one of the services and of the odd rows."""
        made = super().__new__(cls, services)
        made.odd = tuple(odd)
        return made


class Services:
    """Reads services and writes back to them."""

    def __init__(self, transport: WhmcsTransport) -> None:
        self._transport = transport

    async def get(self, service_id: int) -> WhmcsService:
        """The service with this number.

        Raises WhmcsNotFound: WHMCS's list has no such row. That means "cannot be read", never "ended" (safety rule 9).
        Also what WhmcsTransport.call raises.
        """
        total, found = await self._page({"serviceid": service_id})
        own = [row for row in found if _number_of(row) == service_id]
        if len(own) == 1:
            return read_as(WhmcsService, own[0], READ)
        for row in found:
            read_as(WhmcsService, row, READ)  # one that cannot be read may be the one that was asked for
        if own:
            raise UnexpectedWhmcsResponse(READ, None, f"WHMCS shows service {service_id} twice. Look at it there.")
        if total and not found:
            raise UnexpectedWhmcsResponse(
                READ, None, f"WHMCS counts {total} rows for service {service_id} and shows none. Run again."
            )
        raise WhmcsNotFound(
            READ,
            None,
            f"WHMCS shows no service {service_id}: it cannot be read, which does not mean terminated. Check it there.",
        )

    async def update(
        self,
        service_id: int,
        *,
        domain: str | None = None,
        username: str | None = None,
        password: SecretStr | None = None,
        dedicated_ip: str | None = None,
        assigned_ips: Iterable[str] | None = None,
        status: str | None = None,
    ) -> None:
        """Set fields of a service in one call, without any module call or mail; None leaves a field as it is.

        An empty value clears the field. It sets fields only, so the caller may repeat it after WhmcsUnreachable.
        Raises ValueError: nothing given, or an empty status. WhmcsNotFound, and what WhmcsTransport.call raises.
        Source: docs/sources.md, WHMCS 13 (UpdateClientProduct) and 22 (one call).
        """
        if status == "":
            raise ValueError("A service cannot be without a status.")
        if isinstance(assigned_ips, str):
            raise ValueError("The assigned addresses are a list, not one text.")
        fields: dict[str, str | SecretStr | None] = {
            "domain": domain,
            "serviceusername": username,
            "servicepassword": password,
            "dedicatedip": dedicated_ip,
            "assignedips": None if assigned_ips is None else "\n".join(assigned_ips),
            "status": status,
        }
        given = {name: value for name, value in fields.items() if value is not None}
        if not given:
            raise ValueError(f"Nothing to write to service {service_id}.")
        # WHMCS has a list of its own for fields that are to be emptied.
        cleared = [name for name, value in given.items() if not value]
        answer = await self._transport.call(
            WRITE,
            {
                "serviceid": service_id,
                **{name: value for name, value in given.items() if name not in cleared},
                **{f"unset[{number}]": name for number, name in enumerate(cleared)},
            },
        )
        if str(answer.get("serviceid") or service_id) != str(service_id):
            raise UnexpectedWhmcsResponse(
                WRITE, None, f"WHMCS says it wrote to another service than {service_id}. Look at both there."
            )

    async def all(self, product_id: int | None = None) -> ServiceListing:
        """All services of this WHMCS, or of one of its products, of every status, by pages.

        A row that cannot be read is odd and hides no other one (safety rule 18). The pages must add up to WHMCS's own
        count, odd rows included; when they do not, the list is read afresh once.
        Raises UnexpectedWhmcsResponse: they still do not add up. A part never passes for the whole
        (safety rule 8). So is a list over a limit of rows, pages or whole time.
        Raises what WhmcsTransport.call raises.
        """
        try:
            async with asyncio.timeout(LIST_SECONDS):
                found = await self._listing(product_id)
                if found is None:
                    found = await self._listing(product_id)
        except TimeoutError:
            raise _not_read(f"they were not read within {LIST_SECONDS:g} s") from None
        if found is None:
            raise UnexpectedWhmcsResponse(
                READ, None, "The pages of WHMCS's services do not add up to its own count. Run again later."
            )
        return found

    async def _listing(self, product_id: int | None) -> ServiceListing | None:
        """The listing, or None when its pages do not add up (services came or went meanwhile, or WHMCS is at fault)."""
        listed: list[Any] = []
        expected: int | None = None
        for _ in range(MOST_PAGES):
            if expected is not None and len(listed) >= expected:
                break
            which: Parameters = {} if product_id is None else {"pid": product_id}
            total, page = await self._page({**which, "limitstart": len(listed), "limitnum": PAGE})
            if max(total, len(listed) + len(page)) > MOST_ROWS:
                raise _not_read(f"they are more than {MOST_ROWS:,}")
            if expected not in (None, total) or (not page and len(listed) < total):
                return None
            listed += page
            expected = total
        else:
            raise _not_read(f"they have more than {MOST_PAGES:,} pages")
        counted = Counter(number for number in map(_number_of, listed) if number is not None)
        if len(listed) != expected or any(times > 1 for times in counted.values()):
            return None  # the number is WHMCS's own key: one that comes twice is a list that moved
        services = _read_each(listed)
        if product_id is not None and any(service.product_id != product_id for service in services):
            return None  # a WHMCS that does not filter must not pass its other products for this one
        return services

    async def _page(self, parameters: Parameters) -> tuple[int, list[Any]]:
        answer = await self._transport.call(READ, parameters)
        total = _count(answer)
        try:
            found = rows(answer, "products", "product")
        except ValueError:
            total = None
        if total is None:
            raise UnexpectedWhmcsResponse(
                READ, None, f"WHMCS answered {READ} without a readable list and count. Look at WHMCS's logs."
            )
        return total, found


def _not_read(why: str) -> UnexpectedWhmcsResponse:
    return UnexpectedWhmcsResponse(
        READ, None, f"WHMCS's services were not read to their end: {why}. Look at what WHMCS answers to {READ}."
    )


def _read_each(listed: Sequence[Any]) -> ServiceListing:
    services, odd = [], []
    for place, row in enumerate(listed, 1):
        try:
            services.append(read_as(WhmcsService, row, READ))
        except UnexpectedWhmcsResponse as error:
            odd.append(OddService(_number_of(row), place, error.message))
    return ServiceListing(services, odd)


def _number_of(row: object) -> int | None:
    told = str(row.get("id")) if isinstance(row, dict) else ""
    return int(told) if told.isascii() and told.isdecimal() and len(told) < 19 else None


def _count(answer: Answer) -> int | None:
    count = str(answer.get("totalresults", ""))
    return int(count) if count.isascii() and count.isdigit() and len(count) <= MOST_DIGITS else None
