"""The client with which tests and the demo control a simulated WHMCS and read its state."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

import httpx
from pydantic import TypeAdapter

from simulator.whmcs_php.shown import AddonAnswer, AdminPage, ClientPage, ConnectionTest, FormField, WhmcsState

MODULE = "dcimanager6"
Command = Literal["CreateAccount", "SuspendAccount", "UnsuspendAccount", "TerminateAccount",
                  "Renew", "ChangePackage", "ChangePassword"]  # fmt: skip
Actor = Literal["automation", "payment", "admin", "client", "staff as client", "api"]
T = TypeVar("T")


class FakeWhmcsError(Exception):
    """The simulated WHMCS could not do what it was told; the text is PHP's exception."""


class WhmcsControl:
    """A simulated WHMCS as its staff, clients and cron use it."""

    def __init__(self, address: str, client: httpx.AsyncClient) -> None:
        self._address = address
        self._client = client

    async def control(self, do: str, kind: type[T] | Any = Any, /, **arguments: object) -> T:
        """Run a command of control.php by its name. Raises FakeWhmcsError."""
        answer = await self._client.post(self._address, json={"do": do, "with": arguments})
        try:
            said = answer.json()
        except ValueError:
            raise FakeWhmcsError(f"{do}: no answer of control.php but: {answer.text[:500]}") from None
        if "error" in said:
            raise FakeWhmcsError(f"{do}: {said['error']}")
        value: T = TypeAdapter(kind).validate_python(said["value"])
        return value

    async def reset(self) -> None:
        """Make this WHMCS as empty as a new one: remove all rows and the tables of modules."""
        await self.control("reset")

    async def switch(self, name: str, value: str) -> None:
        """Change how this WHMCS behaves: see lib/FakeWhmcs/Flags.php for the names."""
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
        """The daily cron's UsageUpdate, once for each server record."""
        await self.control("usageUpdate")

    async def metrics(self, *, module: str = MODULE) -> list[dict[str, str]]:
        """What products of the module can be billed by: name, words, type and unit of each metric."""
        return await self.control("metrics", list[dict[str, str]], module=module)

    async def collect_usage(self, month: str) -> None:
        """The cron asks the modules for all usage, in a calendar month; the records are in fake_usage."""
        await self.control("collect", month=month)

    async def retry(self, row: int) -> str:
        """Staff press Retry at a row of the Module Queue."""
        return await self.control("retry", str, row=row)

    async def custom(self, service: int, function: str) -> str:
        """A custom function of the module, as the API's ModuleCustom calls it."""
        return await self.control("custom", str, service=service, function=function)

    async def hook_of_cart(self, name: str, cart: list[dict[str, Any]], **variables: object) -> list[Any]:
        """Fire a hook for a client with these products in the cart: what the modules' functions returned."""
        return await self.control("hook", list[Any], name=name, vars=variables, by="client", cart=cart)

    async def hook(self, name: str, by: Actor = "automation", **variables: object) -> list[Any]:
        """Fire a hook: what the modules' functions returned."""
        return await self.control("hook", list[Any], name=name, vars=variables, by=by)

    async def product_form(self, product: int) -> list[FormField]:
        """The product's Module Settings as staff see them."""
        return await self.control("productForm", list[FormField], product=product)

    async def admin_page(self, service: int) -> AdminPage:
        """The admin page of the service."""
        return await self.control("adminService", AdminPage, service=service)

    async def home_page(self) -> dict[str, str]:
        """The boxes of the admin's home page: HTML by title."""
        return await self.control("home", dict[str, str])

    async def save_service(self, service: int, by: Actor = "admin", **form: str) -> None:
        """Staff save the service's page with these fields in its form; another `by` forges that form."""
        await self.control("saveService", service=service, form=form, by=by)

    async def press(self, service: int, button: str) -> str:
        """Staff press a module button of the service, by its label."""
        return await self.control("press", str, service=service, button=button)

    async def test_connection(
        self, server: int | None = None, *, module: str = MODULE, form: Mapping[str, object] | None = None
    ) -> ConnectionTest:
        """Test Connection of a saved server, or of an unsaved form (columns of tblservers); with both, of its edit."""
        return await self.control("testConnection", ConnectionTest, module=module, server=server, form=dict(form or {}))

    async def client_page(
        self, service: int, client: int, function: str | None = None, form: Mapping[str, str] | None = None
    ) -> ClientPage:
        """The client's page of the service, after pressing a button if a function is named; form: its other fields."""
        return await self.control(
            "clientArea", ClientPage, service=service, client=client, function=function, form=dict(form or {})
        )

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

    async def state(self) -> WhmcsState:
        """The traces of what happened."""
        return await self.control("state", WhmcsState)
