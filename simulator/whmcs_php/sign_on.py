"""WHMCS's links into a panel, as its clients and its staff press them."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from simulator.whmcs_php.control import Actor, WhmcsControl


class SignOn(BaseModel):
    """Where WHMCS's single sign-on leads, or why not; session: what the visitor's PHP session has then."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    success: bool
    redirectTo: str
    errorMsg: str
    session: dict[str, Any]


async def single_sign_on(
    whmcs: WhmcsControl, service: int, client: int, *, by: Actor = "client", session: Mapping[str, Any] | None = None
) -> SignOn:
    """WHMCS's link into the panel at a service, for its client or staff, from a browser with this session."""
    given = dict(session or {})
    return await whmcs.control("singleSignOn", SignOn, service=service, client=client, by=by, session=given)


async def custom_action(
    whmcs: WhmcsControl, service: int, client: int, name: str, *, session: Mapping[str, Any] | None = None
) -> SignOn:
    """A custom action of the client area, by its identifier."""
    given = dict(session or {})
    return await whmcs.control("customAction", SignOn, service=service, client=client, name=name, session=given)


async def server_sign_on(whmcs: WhmcsControl, server: int) -> SignOn:
    """Staff press single sign-on at a server record."""
    return await whmcs.control("serverSignOn", SignOn, server=server)
