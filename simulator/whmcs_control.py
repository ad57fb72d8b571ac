"""What a test or the demo has a pretend WHMCS do, and what it then looks at."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

import httpx
from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter

MODULE = "dcimanager6"
Command = Literal[
    "CreateAccount",
    "SuspendAccount",
    "UnsuspendAccount",
    "TerminateAccount",
    "Renew",
    "ChangePackage",
    "ChangePassword",
]
Actor = Literal["automation", "payment", "admin", "client", "api"]
Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else str(value))]
T = TypeVar("T")


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Service(_Row):
    """A row of tblhosting; the password is decrypted."""

    id: int
    userid: int
    packageid: int
    server: int
    domain: str
    username: str
    password: str
    domainstatus: str
    dedicatedip: str
    assignedips: Text
    suspendreason: str


class Mail(_Row):
    """A mail that went out; relid is the service, and mails to staff have userid 0."""

    userid: int
    relid: int
    messagename: str
    subject: str
    message: str


class QueueRow(_Row):
    """A row of the Module Queue."""

    id: int
    service_id: int
    module_name: str
    module_action: str
    last_attempt_error: str
    num_retries: int
    completed: bool


class LogRow(_Row):
    """An entry of the module log."""

    module: str
    action: str
    request: Text
    response: Text
    arrdata: Text


class Activity(_Row):
    """A line of the activity log."""

    description: str
    userid: int


class Notification(_Row):
    """An event for WHMCS's notification rules."""

    identifier: str
    title: str
    message: str
    url: str


class ApiRequest(_Row):
    """A request to includes/api.php. error: WHMCS's message, None for a success."""

    action: str
    body: str
    error: str | None


class State(_Row):
    """All that is left of what happened. php_faults: warnings and exceptions of module code, one line each."""

    services: list[Service]
    mails: list[Mail]
    queue: list[QueueRow]
    module_log: list[LogRow]
    activities: list[Activity]
    notifications: list[Notification]
    api_requests: list[ApiRequest]
    php_faults: list[str]

    def service(self, service_id: int) -> Service:
        """The service with this number. Raises StopIteration: there is none."""
        return next(service for service in self.services if service.id == service_id)

    def client_mails(self, service_id: int) -> list[Mail]:
        """The mails that clients got about the service."""
        return [mail for mail in self.mails if mail.userid and mail.relid == service_id]

    def waiting(self, service_id: int) -> list[QueueRow]:
        """The open rows of the Module Queue for the service."""
        return [row for row in self.queue if row.service_id == service_id and not row.completed]


class Field(_Row):
    """A module setting on the product's form. error: what its loader threw, "" when it did not."""

    name: str
    type: str
    value: str
    description: str
    options: dict[str, str]
    error: str


class AdminPage(_Row):
    """The module's part of the admin page of a service: rows of HTML by label, functions by button."""

    fields: dict[str, Text]
    buttons: dict[str, str]


class ClientPage(_Row):
    """The module's part of a client's page of a service. message: what the pressed button said."""

    html: str
    message: str
    buttons: dict[str, str]


class Connection(_Row):
    """What Test Connection said."""

    success: bool
    error: str


class AddonAnswer(_Row):
    """What an addon said when it was activated or deactivated."""

    status: str
    description: str = ""


class StageError(Exception):
    """The stage could not do what it was told; the text is PHP's exception."""


class Control:
    """A pretend WHMCS as its staff, clients and cron use it."""

    def __init__(self, address: str, client: httpx.AsyncClient) -> None:
        self._address = address
        self._client = client

    async def control(self, do: str, kind: type[T] | Any = Any, /, **arguments: object) -> T:
        """Have the stage do something by its name in control.php. Raises StageError."""
        answer = await self._client.post(self._address, json={"do": do, "with": arguments})
        try:
            said = answer.json()
        except ValueError:
            raise StageError(f"{do}: no answer of the stage but: {answer.text[:500]}") from None
        if "error" in said:
            raise StageError(f"{do}: {said['error']}")
        value: T = TypeAdapter(kind).validate_python(said["value"])
        return value

    async def reset(self) -> None:
        """An empty shop again, as a new one: rows and the tables of modules are gone."""
        await self.control("reset")

    async def switch(self, name: str, value: str) -> None:
        """Change how this WHMCS behaves: see lib/Stage/Switches.php for the names."""
        await self.control("switch", name=name, value=value)

    async def add_client(
        self, email: str, firstname: str = "Ann", lastname: str = "Example", *, email_verified: bool = True
    ) -> int:
        """Register a client."""
        return await self.control(
            "client", int, email=email, firstname=firstname, lastname=lastname, email_verified=email_verified
        )

    async def add_product(
        self, name: str, settings: Sequence[str], *, module: str = MODULE, welcome: bool = True
    ) -> int:
        """Put a product on offer. settings: the module settings by position. welcome: with WHMCS's welcome mail."""
        return await self.control("product", int, name=name, module=module, settings=list(settings), welcome=welcome)

    async def add_server(
        self, name: str, hostname: str, username: str, password: str, *, module: str = MODULE, **more: object
    ) -> int:
        """Add a server record. more: ipaddress, port, secure."""
        return await self.control(
            "server", int, name=name, module=module, hostname=hostname, username=username, password=password, **more
        )

    async def add_group(self, name: str, servers: Sequence[int]) -> int:
        """Put server records into a new server group."""
        return await self.control("group", int, name=name, servers=list(servers))

    async def order(self, client: int, product: int, hostname: str, *, server: int = 0, password: str = "") -> int:
        """A Pending service; without a password it gets ten letters and digits."""
        return await self.control(
            "order", int, client=client, product=product, hostname=hostname, server=server, password=password
        )

    async def choose(self, service: int, name: str, value: str, *, kind: str = "dropdown") -> None:
        """A configurable option of the service. kind: dropdown, radio, yesno or quantity."""
        await self.control("option", service=service, name=name, value=value, type=kind)

    async def edit(self, table: str, row: int, **values: object) -> None:
        """Staff change a row by hand; a password is encrypted on the way."""
        await self.control("edit", table=table, id=row, values=values)

    async def sql(self, statement: str, *bindings: object) -> Any:
        """Rows of a SELECT as dictionaries, else the number of rows changed."""
        return await self.control("sql", statement=statement, bindings=list(bindings))

    async def command(
        self, service: int, command: Command, by: Actor = "admin", *, addon: int | None = None, **more: object
    ) -> str:
        """Run a module command: "success" or why not. more: further keys of $params."""
        return await self.control("command", str, service=service, command=command, by=by, addon=addon, more=more)

    async def cron(self, *commands: tuple[int, Command]) -> list[str]:
        """One cron process: its commands, then the AfterCronJob hook."""
        return await self.control("cronRun", list[str], commands=commands)

    async def usage_update(self) -> None:
        """What the daily cron asks of the modules about traffic, once for each server record."""
        await self.control("usageUpdate")

    async def retry(self, row: int) -> str:
        """Staff press Retry at a row of the Module Queue."""
        return await self.control("retry", str, row=row)

    async def custom(self, service: int, function: str) -> str:
        """A custom function of the module, as the API's ModuleCustom calls it."""
        return await self.control("custom", str, service=service, function=function)

    async def hook(self, name: str, by: Actor = "automation", **variables: object) -> list[Any]:
        """Fire a hook: what the modules' functions returned."""
        return await self.control("hook", list[Any], name=name, vars=variables, by=by)

    async def product_form(self, product: int) -> list[Field]:
        """The product's Module Settings as staff see them."""
        return await self.control("productForm", list[Field], product=product)

    async def admin_page(self, service: int) -> AdminPage:
        """The admin page of the service."""
        return await self.control("adminService", AdminPage, service=service)

    async def press(self, service: int, button: str) -> str:
        """Staff press a module button of the service, by its label."""
        return await self.control("press", str, service=service, button=button)

    async def test_connection(
        self, server: int | None = None, *, module: str = MODULE, form: Mapping[str, object] | None = None
    ) -> Connection:
        """Test Connection of a saved server, or of an unsaved form (columns of tblservers); with both, of its edit."""
        return await self.control("testConnection", Connection, module=module, server=server, form=dict(form or {}))

    async def client_page(self, service: int, client: int, function: str | None = None) -> ClientPage:
        """The client's page of the service, after pressing a button if a function is named."""
        return await self.control("clientArea", ClientPage, service=service, client=client, function=function)

    async def activate(self, addon: str) -> AddonAnswer:
        """Activate an addon module."""
        return await self.control("activate", AddonAnswer, module=addon)

    async def deactivate(self, addon: str) -> AddonAnswer:
        """Deactivate an addon module."""
        return await self.control("deactivate", AddonAnswer, module=addon)

    async def configure(self, addon: str, **settings: str) -> None:
        """Save settings of an addon."""
        await self.control("configure", module=addon, settings=settings)

    async def addon_page(
        self, addon: str, *, get: Mapping[str, str] | None = None, post: Mapping[str, str] | None = None
    ) -> str:
        """The HTML of the addon's page, after a form was sent if one is given."""
        page: dict[str, str] = await self.control(
            "output", dict[str, str], module=addon, get=dict(get or {}), post=dict(post or {})
        )
        return page["html"]

    async def state(self) -> State:
        """All that is left of what happened."""
        return await self.control("state", State)
