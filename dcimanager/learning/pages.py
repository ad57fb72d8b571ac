"""Finds in a Swagger page and its scripts the addresses of the definitions that it offers."""

import re
from dataclasses import dataclass

from pydantic import JsonValue

_STRING = r"""(?:"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)"""
_COMMENT = re.compile(rf"({_STRING})|//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_SCRIPT = re.compile(r"<script\b([^<>]*)>(.*?)(?:</script\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_SRC = re.compile(r"""\bsrc\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""\b(?:spec-url|apiDescriptionUrl|data-url)\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_KEY = r"""(?<![\w$.])["']?{key}["']?\s*[:=]\s*(?:(?:window\.)?location\.origin\s*\+\s*)?({string})"""
_URL = re.compile(_KEY.format(key="url", string=_STRING))
_NAME = re.compile(_KEY.format(key="name", string=_STRING))
_CONFIG = re.compile(_KEY.format(key="configUrl", string=_STRING))
_OBJECT = re.compile(r"\{[^{}]*\}")
_LIKELY = re.compile(r"\.(?:json|ya?ml)(?:\?|$)|swagger|openapi|api-docs", re.IGNORECASE)
_LIBRARY = re.compile(r"bundle|preset|polyfill|jquery|(?:^|/)swagger-ui(?:\.min)?\.js", re.IGNORECASE)


@dataclass(frozen=True)
class Offer:
    """A definition that a page offers: its address as the page writes it, and its name, "" if it has none."""

    url: str
    name: str = ""


@dataclass(frozen=True)
class PageContent:
    """What is of use in a page or a script: definitions, configurations, and further scripts to read."""

    offers: tuple[Offer, ...]
    configurations: tuple[str, ...]
    scripts: tuple[str, ...]


def read_page(text: str) -> PageContent:
    """What an HTML page, or a script, says of definitions. Never raises: what is not understood is left aside."""
    if "<script" not in text.lower() and "<html" not in text.lower():
        return PageContent(*_from_script(text), ())
    sources: list[str] = []
    offers = [Offer(one[1] or one[2]) for one in _ATTRIBUTE.finditer(text)]
    configurations: list[str] = []
    for attributes, inline in _SCRIPT.findall(text):
        src = _SRC.search(attributes)
        if src is not None:
            sources.append(next(filter(None, src.groups()), ""))
        found, others = _from_script(inline)
        offers += found
        configurations += others
    scripts = [source for source in sources if source and not _LIBRARY.search(source)]
    return PageContent(tuple(offers), tuple(configurations), tuple(scripts))


def read_configuration(found: JsonValue) -> tuple[Offer, ...]:
    """The definitions that a configuration (`urls`, `url`) names."""
    if not isinstance(found, dict):
        return ()
    listed = found.get("urls")
    offers = [
        Offer(str(one["url"]), str(one.get("name") or ""))
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict) and isinstance(one.get("url"), str)
    ]
    single = found.get("url")
    return tuple(offers) or ((Offer(single),) if isinstance(single, str) and single else ())


def _from_script(script: str) -> tuple[tuple[Offer, ...], tuple[str, ...]]:
    code = _COMMENT.sub(lambda found: found[1] or " ", script)
    offers: dict[str, str] = {}
    for piece in _OBJECT.findall(code):
        if url := _URL.search(piece):
            name = _NAME.search(piece)
            offers.setdefault(_text(url[1]), _text(name[1]) if name else "")
    for url in _URL.finditer(code):
        offers.setdefault(_text(url[1]), "")
    configurations = tuple(_text(one[1]) for one in _CONFIG.finditer(code))
    if not offers and not configurations:
        # A page may keep its list in any form; what is no definition is found out when it is read.
        for literal in re.findall(_STRING, code):
            if _LIKELY.search(_text(literal)) and " " not in literal:
                offers.setdefault(_text(literal), "")
    named = tuple(Offer(url, name) for url, name in offers.items() if url)
    return named, configurations


def _text(literal: str) -> str:
    inner = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), literal[1:-1])
    return re.sub(r"\\(.)", r"\1", inner).strip()
