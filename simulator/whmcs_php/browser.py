"""A client's browser on a service's page: it sends a form with the hidden fields that were drawn in it."""

import re
from collections.abc import Mapping

from simulator.whmcs_php.control import WhmcsControl
from simulator.whmcs_php.shown import ClientPage

_FORM = re.compile(r"<form\b.*?</form>", re.DOTALL)
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')
_WHMCS = frozenset({"token", "id", "modop", "a"})
"""Fields of WHMCS's own, which the simulated one fills in itself."""


def hidden_fields(html: str, function: str) -> dict[str, str]:
    """The module's own hidden fields of the page's form that calls this function; none where there is no such form."""
    for form in _FORM.findall(html):
        fields = dict(_HIDDEN.findall(form))
        if fields.get("a") == function:
            return {name: value for name, value in fields.items() if name not in _WHMCS}
    return {}


async def press_form(
    whmcs: WhmcsControl, service: int, client: int, function: str, form: Mapping[str, str]
) -> ClientPage:
    """Open the client's page and send its form that calls this function, filled in with `form`."""
    page = await whmcs.client_page(service, client)
    return await whmcs.client_page(service, client, function, {**hidden_fields(page.html, function), **form})
