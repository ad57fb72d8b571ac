"""The calls that store a panel's credentials. They are written and never read: not even stars come back."""

import re
from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, Field, JsonValue, StringConstraints

from door.body import json_body
from door.context import CallContext, Context
from door.installations import UNSAVED, Installation
from door.refusal import DoorRefusal, not_allowed
from door.shapes import GivenLine, Panel, Shape, checked
from door.upstream import PrefectAnswer, Upstream
from ledger.panel_name import PATTERN

router = APIRouter()

SLUG = "dcimanager-panel"
"""The block type of panels, and the only one that there is at the door (contract.json)."""

_IDS = UUID("6f1a4c0e-35a3-4a0b-9a3e-dc1f100d0043")
TYPE_ID, SCHEMA_ID = str(uuid5(_IDS, "type")), str(uuid5(_IDS, "schema"))
"""Of the door's own making: a document of another type or schema cannot be named."""

DOCUMENTS = 100
"""Panels in one of Prefect's lists; each has some KB there."""

_ADDRESS = re.compile(r"https?://(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[1-9][0-9]{0,4})?")


def _no_stars(password: str) -> str:
    # Prefect takes stars for "leave it as it is": the worker would send the stored password to the new address.
    if set(password) <= {"*"}:
        raise ValueError("is no password")
    return password


class PanelDataShape(Shape):
    """The block's fields (contract.json), all of them: an address never changes without a password beside it."""

    url: Annotated[str, StringConstraints(max_length=300, pattern=rf"^{_ADDRESS.pattern}$")]
    username: GivenLine
    password: Annotated[GivenLine, AfterValidator(_no_stars)]
    verify_tls: bool


class NewPanelShape(Shape):
    """The body of POST /block_documents/."""

    name: Panel
    data: PanelDataShape
    block_type_id: Annotated[str, Field(pattern=rf"^{TYPE_ID}$")]
    block_schema_id: Annotated[str, Field(pattern=rf"^{SCHEMA_ID}$")]


class ChangedPanelShape(Shape):
    """The body of PATCH /block_documents/<id>."""

    data: PanelDataShape
    block_schema_id: Annotated[str, Field(pattern=rf"^{SCHEMA_ID}$")]
    merge_existing_data: Literal[False]


class _AnyShape(Shape):
    any_: Annotated[list[str], Field(min_length=1, max_length=1)]


class _OfTypeShape(Shape):
    block_type_id: _AnyShape


class SchemaFilterShape(Shape):
    """The body of POST /block_schemas/filter."""

    block_schemas: _OfTypeShape
    limit: Literal[1]


@router.get(f"/block_types/slug/{SLUG}")
async def read_type(context: Context) -> JsonValue:
    """The id of the panels' block type, as the door knows it."""
    async with context.rate_limited("read panel type") as prefect:
        await _type(prefect)
    return {"id": TYPE_ID, "slug": SLUG}


@router.post("/block_schemas/filter")
async def read_schema(request: Request, context: Context) -> JsonValue:
    """The id of the panels' block schema, as the door knows it."""
    async with context.rate_limited("read panel schema"):
        wanted = checked(SchemaFilterShape, await json_body(request))
        if wanted.block_schemas.block_type_id.any_ != [TYPE_ID]:
            raise not_allowed()
    return [{"id": SCHEMA_ID}]


@router.get(f"/block_types/slug/{SLUG}/block_documents/name/{{name}}")
async def find_panel(name: str, context: Context) -> JsonValue:
    """The id of a panel's credentials; nothing of what is in them."""
    if not re.fullmatch(PATTERN, name):
        raise not_allowed()
    context.check_panel(name, sells=False)
    async with context.rate_limited("find panel") as prefect:
        found = await prefect.ask("GET", f"/block_types/slug/{SLUG}/block_documents/name/{name}")
    return _shown(found, name)


@router.post("/block_documents/")
async def store_panel(request: Request, context: Context) -> JSONResponse:
    """Store the credentials of a panel that has none."""
    async with context.rate_limited("store panel") as prefect:
        new = checked(NewPanelShape, await json_body(request))
        context.check_panel(new.name, sells=False)
        check_url(new.data.url, context.installation)
        type_id = await _type(prefect)
        await _check_number(context.installation, prefect, type_id, new.name)
        body: JsonValue = {
            "name": new.name,
            "data": new.data.model_dump(mode="json"),
            "block_type_id": type_id,
            "block_schema_id": await _schema(prefect, type_id),
        }
        made = await prefect.ask("POST", "/block_documents/", body)
    if made.status == 409:
        raise DoorRefusal(409, f"Panel {new.name} is stored already: change it.")
    if made.status not in (200, 201):
        raise DoorRefusal(422, "Prefect does not take the panel: run `dciflow setup`.")
    return JSONResponse(_shown(made, new.name), 201)


@router.patch("/block_documents/{document}")
async def change_panel(document: UUID, request: Request, context: Context) -> Response:
    """Overwrite a panel's credentials, all of them."""
    async with context.rate_limited("change panel") as prefect:
        changed = checked(ChangedPanelShape, await json_body(request))
        check_url(changed.data.url, context.installation)
        await _check_own(context, await prefect.ask("GET", f"/block_documents/{document}"))
        body: JsonValue = {
            "data": changed.data.model_dump(mode="json"),
            "block_schema_id": await _schema(prefect, await _type(prefect)),
            "merge_existing_data": False,
        }
        answer = await prefect.ask("PATCH", f"/block_documents/{document}", body)
    if answer.status >= 300:
        raise DoorRefusal(422, "Prefect does not take the panel: run `dciflow setup`.")
    return Response(status_code=204)


async def _check_number(installation: Installation, prefect: Upstream, type_id: str, name: str) -> None:
    """Raises DoorRefusal (403): panels that the file only tells the beginning of are stored as many as may be."""
    if name == UNSAVED or name in installation.panels:
        return
    wanted: JsonValue = {"block_type_id": {"any_": [type_id]}}
    stored, offset, is_last = 0, 0, False
    while not is_last:
        body: JsonValue = {"block_documents": wanted, "limit": DOCUMENTS, "offset": offset}
        page = await prefect.ask("POST", "/block_documents/filter", body)
        if page.status != 200 or not isinstance(page.json, list):
            raise DoorRefusal(422, "Prefect does not tell the panels that it has: run `dciflow setup`.")
        names = [str(one.get("name")) for one in page.json if isinstance(one, dict)]
        stored += sum(installation.has_panel(one) and one not in installation.panels for one in names)
        if name in names:
            return  # nothing is added, and Prefect says so
        offset, is_last = offset + DOCUMENTS, len(page.json) < DOCUMENTS
    if stored >= installation.most_panels:
        line = (
            f"{installation.name} has {stored} panels beside those that `panels` in door.toml names: see `most_panels`."
        )
        raise DoorRefusal(403, line)


async def _check_own(context: CallContext, document: PrefectAnswer) -> None:
    """Raises DoorRefusal (404): there is no such document, or it is no panel of the installation."""
    kind = document.get("block_type")
    slug = kind.get("slug") if isinstance(kind, dict) else None
    if document.status != 200 or slug != SLUG or not context.installation.may_check(document.text("name")):
        raise DoorRefusal(404, "There is no panel of this installation with this id.")


def check_url(url: str, installation: Installation) -> None:
    """Raises DoorRefusal (403, 422): no panel may be there, or the address is none. Workers log in where it leads."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise DoorRefusal(422, "Not what the module sends: data.url: is no address.") from None
    if parts.scheme == "http" and port is None:
        raise DoorRefusal(403, "A panel without TLS has a port of its own: write https:// otherwise.")
    if installation.panel_hosts:
        if host not in installation.panel_hosts:
            raise DoorRefusal(403, f"No panel of {installation.name} is at this host: see `panel_hosts` in door.toml.")
    elif _is_near(host):
        raise DoorRefusal(403, f"No panel is there, unless `panel_hosts` of {installation.name} in door.toml says so.")


def _is_near(host: str) -> bool:
    """Whether it is this machine or its link, or a number that some resolver reads as that.

    A name without a dot is resolved by the machine's own files first: ip6-localhost, or what the machine is called.
    """
    try:
        address = ip_address(host)
    except ValueError:
        last = host.rpartition(".")[2]
        return "." not in host or last in ("localhost", "") or last[:1].isdigit()
    address = getattr(address, "ipv4_mapped", None) or address
    return any((address.is_loopback, address.is_link_local, address.is_unspecified, address.is_multicast))


async def _type(prefect: Upstream) -> str:
    return _id(await prefect.ask("GET", f"/block_types/slug/{SLUG}"))


async def _schema(prefect: Upstream, type_id: str) -> str:
    wanted: JsonValue = {"block_schemas": {"block_type_id": {"any_": [type_id]}}, "limit": 1}
    found = await prefect.ask("POST", "/block_schemas/filter", wanted)
    first = found.json[0] if isinstance(found.json, list) and found.json else None
    return _id(PrefectAnswer(found.status, first))


def _id(answer: PrefectAnswer) -> str:
    if answer.status != 200 or not answer.text("id"):
        raise DoorRefusal(404, "Prefect knows no panels yet: run `dciflow setup`.")
    return str(UUID(answer.text("id")))


def _shown(document: PrefectAnswer, name: str) -> JsonValue:
    if document.status not in (200, 201) or not document.text("id"):
        raise DoorRefusal(404, f"There are no credentials of panel {name} yet.")
    return {"id": document.text("id"), "name": name}
