import json
import time

import httpx
import pytest

from answers import body
from dcimanager.endpoints import load_dialect
from dcimanager.errors import PanelUnreachable
from dcimanager.learning import discovery
from dcimanager.learning.discovery import discover
from dcimanager.learning.pages import read_page

DOCUMENT = {"openapi": "3.0.0", "paths": {"/dci/v3/server": {"get": {}}}}


@pytest.fixture
def serve(wire, panel):
    """Serve these files below the host's root, and nothing else; what was found, and which paths were asked for."""

    async def serve(files, prefix="", logged_in=False):
        asked = []

        def answer(request):
            asked.append(request.url.raw_path.decode())
            found = files.get(asked[-1])
            if logged_in and "x-xsrf-token" not in request.headers:
                return httpx.Response(401)
            if found is None:
                return httpx.Response(404)
            if isinstance(found, httpx.Response):
                return found
            return httpx.Response(200, text=found if isinstance(found, str) else json.dumps(found))

        wire.router.route(method="GET").mock(side_effect=answer)
        return await discover(panel.transport), asked

    return serve


def page(script):
    return f"<!doctype html><html><body><script>{script}</script></body></html>"


def names(found):
    return [(one.name, one.address) for one in found.definitions]


@pytest.mark.parametrize(
    "script",
    [
        'ui({urls: [{url: "/d/a.json", name: "A"}, {url: "b.json", name: "B"}]})',
        "ui({ 'urls' : [ { 'name' : 'A', 'url' : '/d/a.json' }, { \"name\": \"B\", \"url\": \"./b.json\" } ] })",
        'const list = [{url: window.location.origin + "/d/a.json", name: "A"}, {url: `b.json`, name: `B`}]',
        '/* url: "old.json" */ ui({urls: [{url: "\\/d\\/a.json", name: "\\u0041"}, // {url: "c.json"}\n'
        '{url:"b.json",name:"B"}]})',
    ],
)
@pytest.mark.parametrize("place", ["/swagger/", "/api/swagger/"])
async def test_the_list_of_a_page_is_read_however_it_is_written(serve, script, place):
    files = {place: page(script), "/d/a.json": DOCUMENT, f"{place}b.json": DOCUMENT}
    found, asked = await serve(files)
    assert names(found) == [("A", "/d/a.json"), ("B", f"{place}b.json")]
    assert not any("old" in path or "c.json" in path for path in asked)


async def test_the_list_may_stand_in_a_script_of_the_page_and_libraries_are_not_read(serve):
    html = (
        '<html><script src="swagger-ui-bundle.js"></script><script src="./swagger-initializer.js?v=2"></script></html>'
    )
    files = {
        "/swagger/": html,
        "/swagger/swagger-initializer.js?v=2": 'ui({url: "one.yaml"})',
        "/swagger/one.yaml": "swagger: '2.0'\npaths: {/server: {get: {}}}",
    }
    found, asked = await serve(files)
    assert names(found) == [("", "/swagger/one.yaml")]
    assert "/swagger/swagger-ui-bundle.js" not in asked


@pytest.mark.parametrize("at", ["/swagger/a.json", "/conf/a.json"])
async def test_a_configuration_is_followed_from_the_page_or_from_its_own_place(serve, at):
    files = {
        "/swagger/": page('ui({configUrl: "/conf/config.json"})'),
        "/conf/config.json": {"urls": [{"url": "a.json", "name": "A"}]},
        at: DOCUMENT,
    }
    assert names((await serve(files))[0]) == [("A", at)]


async def test_a_page_without_a_known_form_is_searched_for_addresses(serve):
    files = {"/swagger/": page('load(["/x/openapi.json", "hello world"])'), "/x/openapi.json": DOCUMENT}
    assert names((await serve(files))[0]) == [("", "/x/openapi.json")]


async def test_the_old_place_is_tried_when_there_is_no_page(serve):
    assert names((await serve({discovery.OLD_PLACE: DOCUMENT}))[0]) == [("", discovery.OLD_PLACE)]


async def test_a_definition_that_the_table_names_itself_will_do(wire, make_panel):
    dialect = load_dialect()
    own = dialect["swagger"].model_copy(update={"path": "docs/all.json"})
    panel = make_panel(dialect=dialect.model_copy(update={"endpoints": {**dialect.endpoints, "swagger": own}}))
    wire.router.route(method="GET", path="/docs/all.json").mock(return_value=httpx.Response(200, json=DOCUMENT))
    assert names(await discover(panel.transport)) == [("", "/docs/all.json")]


async def test_no_other_host_is_asked(serve):
    elsewhere = httpx.Response(302, headers={"location": "https://evil.example.com/x.json"})
    urls = ["https://evil.example.com/a.json", "//evil.example.com/b.json", "http://panel.example.com/c.json", "/go"]
    script = f"ui({{urls: {json.dumps([{'url': url, 'name': 'x'} for url in urls])}}})"
    found, asked = await serve({"/swagger/": page(script), "/go": elsewhere})
    assert names(found) == []
    assert not any("evil" in path or path.endswith(("a.json", "b.json", "c.json")) for path in asked)
    assert sum("not on the panel's host" in text for text in found.skipped) == 4


async def test_a_redirect_within_the_host_is_followed_and_a_circle_ends(serve):
    files = {
        "/swagger/": httpx.Response(301, headers={"location": "/docs/"}),
        "/docs/": page('ui({urls: [{url: "a.json", name: "A"}, {url: "r1", name: "R"}]})'),
        "/docs/a.json": DOCUMENT,
        "/docs/r1": httpx.Response(302, headers={"location": "r2"}),
        "/docs/r2": httpx.Response(302, headers={"location": "r1"}),
    }
    assert names((await serve(files))[0]) == [("A", "/docs/a.json")]


async def test_a_page_that_needs_a_session_is_read_with_one(serve, wire):
    found, _ = await serve({"/swagger/": page('ui({url: "a.json"})'), "/swagger/a.json": DOCUMENT}, logged_in=True)
    assert names(found) == [("", "/swagger/a.json")]
    assert wire.tokens == 1


async def test_a_page_that_needs_none_is_read_before_there_is_one(serve, wire):
    await serve({"/swagger/": page('ui({url: "a.json"})'), "/swagger/a.json": DOCUMENT})
    assert wire.tokens == 0


async def test_files_that_a_definition_refers_to_are_read_once(serve):
    document = {"paths": {"/a": {"get": {"x": {"$ref": "parts.yaml#/A"}, "y": {"$ref": "parts.yaml#/B"}}}}}
    files = {
        "/swagger/": page('ui({url: "d/a.json"})'),
        "/swagger/d/a.json": document,
        "/swagger/d/parts.yaml": "A: {$ref: 'more.yaml#/C'}\nB: 1",
        "/swagger/d/more.yaml": "C: 1",
    }
    found, asked = await serve(files)
    assert set(found.files) == {"/swagger/d/parts.yaml", "/swagger/d/more.yaml"}
    assert len(asked) == len(set(asked))


async def test_pages_without_end_are_read_to_a_limit(serve, monkeypatch):
    monkeypatch.setattr(discovery, "MOST_PAGES", 5)
    urls = [{"url": f"{number}.json", "name": str(number)} for number in range(50)]
    files = {
        "/swagger/": page(f"ui({{urls: {json.dumps(urls)}}})"),
        **{f"/swagger/{n}.json": DOCUMENT for n in range(50)},
    }
    found, asked = await serve(files)
    assert len(asked) == 5
    assert any("more than 5 pages" in text for text in found.skipped)


async def test_a_file_beyond_the_limit_of_bytes_is_left_aside(serve, monkeypatch):
    monkeypatch.setattr(body, "MOST_BYTES", 1_000)
    large = {**DOCUMENT, "x": "x" * 2_000}
    found, _ = await serve({"/swagger/": page('ui({url: "a.json"})'), "/swagger/a.json": large})
    assert found.definitions == ()
    assert any("longer than 1,000 bytes" in text for text in found.skipped)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"paths": ' + '{"a":' * 200 + "1" + "}" * 201,
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)),
        "&a [*a]",
        "a: !!python/object/apply:os.system [id]",
        "\x00\x01",
        "<html>no</html>",
    ],
)
async def test_what_cannot_be_read_is_named_and_stops_nothing(serve, text):
    files = {
        "/swagger/": page('ui({urls: [{url: "bad", name: "Bad"}, {url: "a.json", name: "A"}]})'),
        "/swagger/bad": text,
        "/swagger/a.json": DOCUMENT,
    }
    found, _ = await serve(files)
    assert names(found) == [("A", "/swagger/a.json")]
    assert any(text.startswith("/swagger/bad: ") for text in found.skipped)


async def test_a_panel_that_is_down_is_told(wire, panel):
    wire.router.route(method="GET").mock(side_effect=httpx.ReadError)
    with pytest.raises(PanelUnreachable):
        await discover(panel.transport)


@pytest.mark.parametrize("path", ["//evil.example.com/x", "https://evil.example.com/x", "/\\evil.example.com", "x"])
async def test_the_transport_reads_no_page_of_another_host(panel, path):
    with pytest.raises(ValueError, match="no path of the panel's host"):
        await panel.transport.read_text(path)


@pytest.mark.parametrize(
    "text",
    [
        "<script" * 150_000,
        "<script>" * 125_000,
        "/*" * 500_000,
        "<html>" + "src=" * 250_000,
        "url" + " " * 1_000_000,
        "{" * 1_000_000,
        "`" + "a" * 1_000_000,
        "a" * 1_000_000,
    ],
)
def test_a_hostile_page_of_a_megabyte_is_read_in_no_time(text):
    began = time.process_time()
    read_page(text)
    read_page(f"<html><script>{text}")
    assert time.process_time() - began < 3  # seconds; what is not linear takes minutes
