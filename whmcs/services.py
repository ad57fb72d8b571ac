"""WHMCS's services: what a client ordered, and where the server's data is written back to."""

from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from whmcs.answers import Answer, Id, Secret, Text, read_as, rows
from whmcs.errors import NotFound, Surprise
from whmcs.transport import Parameters, Transport

READ = "GetClientsProducts"
WRITE = "UpdateClientProduct"
PAGE = 250
"""Services per call of a listing: ten times WHMCS's own default, small enough for a PHP request of a few seconds."""


class ServiceStatus:
    """WHMCS's words for where a service stands. Source: dossier "WHMCS", section 1."""

    PENDING: Final = "Pending"
    ACTIVE: Final = "Active"
    COMPLETED: Final = "Completed"
    SUSPENDED: Final = "Suspended"
    TERMINATED: Final = "Terminated"
    CANCELLED: Final = "Cancelled"
    FRAUD: Final = "Fraud"


def _addresses(value: object) -> object:
    # Staff type them one a line, with commas, or both.
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value or ()


class BillingService(BaseModel):
    """One service as WHMCS shows it. status is WHMCS's text: see ServiceStatus; others may come with later versions.

    Source: dossier "WHMCS", section 13 (GetClientsProducts).
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    service_id: Id = Field(validation_alias=AliasChoices("id", "service_id"))
    client_id: Id = Field(validation_alias=AliasChoices("clientid", "client_id"))
    product_id: Id = Field(validation_alias=AliasChoices("pid", "product_id"))
    product_name: Text = Field(default="", validation_alias=AliasChoices("name", "product_name"))
    status: str = Field(min_length=1)
    domain: Text = ""
    username: Text = ""
    password: Secret = SecretStr("")
    dedicated_ip: Text = Field(default="", validation_alias=AliasChoices("dedicatedip", "dedicated_ip"))
    assigned_ips: Annotated[tuple[str, ...], BeforeValidator(_addresses)] = Field(
        default=(), validation_alias=AliasChoices("assignedips", "assigned_ips")
    )


class Services:
    """Reads services and writes back to them."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(self, service_id: int) -> BillingService:
        """The service with this number.

        Raises NotFound: WHMCS's list has no such row; that is "cannot be read", never "terminated" (safety rule 9).
        Also what Transport.call raises.
        """
        total, found = await self._page({"serviceid": service_id})
        for service in found:
            if service.service_id == service_id:
                return service
        if total and not found:
            raise Surprise(READ, None, f"WHMCS counts {total} rows for service {service_id} and shows none. Run again.")
        raise NotFound(
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

        An empty value clears the field. It sets fields only, so the caller may repeat it after Unreachable.
        Raises ValueError: nothing given, or an empty status. NotFound, and what Transport.call raises.
        Source: dossier "WHMCS", sections 13 (UpdateClientProduct) and 22 (one call).
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
            raise Surprise(
                WRITE, None, f"WHMCS says it wrote to another service than {service_id}. Look at both there."
            )

    async def list(self, product_id: int | None = None) -> tuple[BillingService, ...]:
        """All services of this WHMCS, or of one of its products, of every status, by pages.

        The pages must add up to WHMCS's own count; when they do not, the listing is begun afresh once.
        Raises Surprise: they still do not add up: never take a part for the whole (safety rule 8). Also what
        Transport.call raises.
        """
        found = await self._listing(product_id)
        if found is None:
            found = await self._listing(product_id)
        if found is None:
            raise Surprise(READ, None, "The pages of WHMCS's services do not add up to its own count. Run again later.")
        return found

    async def _listing(self, product_id: int | None) -> tuple[BillingService, ...] | None:
        """The listing, or None when its pages do not add up (services came or went meanwhile, or WHMCS is at fault)."""
        services: dict[int, BillingService] = {}
        expected: int | None = None
        while expected is None or len(services) < expected:
            which: Parameters = {} if product_id is None else {"pid": product_id}
            total, page = await self._page({**which, "limitstart": len(services), "limitnum": PAGE})
            known = len(services)
            services.update({service.service_id: service for service in page})
            if expected not in (None, total) or len(services) != known + len(page) or (not page and known < total):
                return None
            if product_id is not None and any(service.product_id != product_id for service in page):
                return None  # a WHMCS that does not filter must not pass its other products for this one
            expected = total
        return tuple(services.values()) if len(services) == expected else None

    async def _page(self, parameters: Parameters) -> tuple[int, tuple[BillingService, ...]]:
        answer = await self._transport.call(READ, parameters)
        total = _count(answer)
        try:
            found = rows(answer, "products", "product")
        except ValueError:
            total = None
        if total is None:
            raise Surprise(
                READ, None, f"WHMCS answered {READ} without a readable list and count. Look at WHMCS's logs."
            )
        return total, tuple(read_as(BillingService, row, READ) for row in found)


def _count(answer: Answer) -> int | None:
    count = str(answer.get("totalresults", ""))
    return int(count) if count.isascii() and count.isdigit() else None
