"""Finds the definition files of a panel: its Swagger page lists one for each service.

Source: docs/sources.md, panel 18.5; safety rule 25.
"""

from collections import deque
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from pydantic import JsonValue

from answers.json_text import beside_the_loop
from dcimanager.errors import UnexpectedPanelResponse
from dcimanager.learning.documents import NoDocument, parse_document
from dcimanager.learning.pages import Offer, read_configuration, read_page
from dcimanager.transport import PanelTransport

OLD_PLACE = "/dci/v3/swagger.json"
"""Where a definition was looked for before the page was known; asked when the page leads nowhere."""
MOST_PAGES = 80
"""Pages, scripts and files that are read in all: a platform has about fifteen services."""
MOST_HOPS = 3
"""Redirects within the panel's host, one after the other."""


@dataclass(frozen=True)
class Definition:
    """One definition file. `address` is its path on the panel's host, `name` what the page calls it."""

    name: str
    address: str
    document: dict[str, JsonValue]


@dataclass(frozen=True)
class Discovered:
    """What a panel offers: its definitions, the files that they refer to by address, and what was left aside, why."""

    definitions: tuple[Definition, ...] = ()
    files: dict[str, JsonValue] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()


async def discover(transport: PanelTransport) -> Discovered:
    """All definitions that the panel's Swagger page offers.

    Only the panel's own host is asked; what cannot be read is named in `skipped`.
    Raises PanelUnreachable, and WrongCredentials where the page needs a session.
    """
    search = _Search(transport)
    page = "/" + transport.dialect["swagger"].path.lstrip("/")
    for place in (page, f"/api{page}", OLD_PLACE):
        if not search.definitions:
            await search.follow(place)
    if not search.definitions:
        await search.follow(urljoin(page, "swagger-initializer.js"), relative_to=page)
    await search.read_references()
    return Discovered(tuple(search.definitions.values()), search.files, tuple(dict.fromkeys(search.skipped)))


class _Search:
    def __init__(self, transport: PanelTransport) -> None:
        self._transport = transport
        self._read: set[str] = set()
        self.definitions: dict[str, Definition] = {}
        self.files: dict[str, JsonValue] = {}
        self.skipped: list[str] = []

    async def follow(self, place: str, relative_to: str | None = None) -> None:
        """Read a page, its scripts and configurations, and the definitions that they name."""
        found = await self._text(place)
        if found is None:
            return
        address, text = found
        base = relative_to or address
        try:
            document = await beside_the_loop(len(text), parse_document, text)
        except NoDocument:
            content = await beside_the_loop(len(text), read_page, text)
        else:
            self._take(Offer(address), address, document)
            await self._definitions(read_configuration(document), base)
            return
        for script in content.scripts:
            if (script_text := await self._text(self._local(base, script))) is not None:
                more = await beside_the_loop(len(script_text[1]), read_page, script_text[1])
                await self._configurations(more.configurations, base)
                await self._definitions(more.offers, base)
        await self._configurations(content.configurations, base)
        await self._definitions(content.offers, base)

    async def _configurations(self, places: tuple[str, ...], base: str) -> None:
        for place in places:
            found = await self._text(self._local(base, place))
            if found is None:
                continue
            try:
                offers = read_configuration(await beside_the_loop(len(found[1]), parse_document, found[1]))
            except NoDocument as error:
                self.skipped.append(f"{place}: {error}")
                continue
            # Browsers read a configuration's addresses from the page; some panels mean its own place.
            await self._definitions(offers, base, also=found[0])

    async def _definitions(self, offers: tuple[Offer, ...], base: str, also: str | None = None) -> None:
        for offer in offers:
            for start in dict.fromkeys(filter(None, (base, also))):
                found = await self._text(self._local(start, offer.url))
                if found is None:
                    continue
                try:
                    self._take(offer, found[0], await beside_the_loop(len(found[1]), parse_document, found[1]))
                except NoDocument as error:
                    self.skipped.append(f"{found[0]}: {error}")
                break

    def _take(self, offer: Offer, address: str, document: dict[str, JsonValue]) -> None:
        if isinstance(document.get("paths"), dict):
            self.definitions.setdefault(address, Definition(offer.name, address, document))
        elif not read_configuration(document):
            self.skipped.append(f"{address}: no Swagger document")

    async def read_references(self) -> None:
        """Read the files that the definitions refer to, and those that these refer to."""
        left = deque((one.address, one.document) for one in self.definitions.values())
        while left:
            base, document = left.popleft()
            for target in sorted(_references(document)):
                address = self._local(base, target)
                if address is None or address in self.files or address in self.definitions:
                    continue
                found = await self._text(address)
                try:
                    if found is not None:
                        self.files[address] = parsed = await beside_the_loop(len(found[1]), parse_document, found[1])
                        left.append((address, parsed))
                except NoDocument as error:
                    self.skipped.append(f"{address}: {error}")

    def _local(self, base: str, target: str) -> str | None:
        """The target as a path of the panel's host, None (and named) if it is on another."""
        origin = self._transport.access.origin
        try:
            whole = urljoin(f"{origin}{base}", target)
            own = urlsplit(whole)[:2] == urlsplit(origin)[:2]
        except ValueError:
            whole, own = target, False
        if not own:
            self.skipped.append(f"{target}: not on the panel's host")
            return None
        parts = urlsplit(whole)
        path = parts.path or "/"
        if path.startswith(("//", "/\\")):
            self.skipped.append(f"{target}: not on the panel's host")
            return None
        return f"{path}?{parts.query}" if parts.query else path

    async def _text(self, place: str | None) -> tuple[str, str] | None:
        """The address at which it was found in the end, and its text; None (and why) if there is nothing of use."""
        for _ in range(MOST_HOPS):
            if place is None or place in self._read:
                return None
            if len(self._read) >= MOST_PAGES:
                self.skipped.append(f"{place}: more than {MOST_PAGES} pages")
                return None
            self._read.add(place)
            try:
                answer = await self._transport.read_text(place)
            except UnexpectedPanelResponse as error:
                self.skipped.append(f"{place}: {error.message}")
                return None
            if not 300 <= answer.status < 400 or answer.location is None:
                break
            place = self._local(place, answer.location)
        else:
            self.skipped.append(f"{place}: sent on more than {MOST_HOPS} times")
            return None
        if answer.status >= 300:
            self.skipped.append(f"{place}: HTTP {answer.status}")
            return None
        return str(place), answer.text


def _references(document: JsonValue) -> set[str]:
    """The other files that a document refers to, without the place in them."""
    found: set[str] = set()
    left: list[JsonValue] = [document]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            target = value.get("$ref")
            if isinstance(target, str) and not target.startswith("#"):
                found.add(target.partition("#")[0])
            left += value.values()
        elif isinstance(value, list):
            left += value
    return found
