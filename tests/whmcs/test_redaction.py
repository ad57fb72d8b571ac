import json
import logging
import traceback

import httpx
import pytest
from pydantic import SecretStr

from answers.described import described
from whmcs.clients import Client
from whmcs.errors import WhmcsError
from whmcs.redaction import redacted, without
from whmcs.services import WhmcsService
from whmcs.transport import WhmcsAccess

CANARIES = ("canary-identifier", "canary+secret/1", "canary%2Bsecret%2F1", "Canary\\Pass", "canary\\\\pass", "hidden-")

# By name only below: a trace shows the line of the call.
PASSWORD = SecretStr("Canary\\Pass")


def leaks(text):
    return [canary for canary in CANARIES if canary.lower() in text.lower()]


PRODUCT = {
    "id": "5",
    "clientid": "7",
    "pid": "2",
    "status": "Active",
    "password": "hidden-password",
    "notes": "hidden-n",
}


@pytest.mark.parametrize(
    "answer",
    [
        {"result": "success", "products": {"product": [PRODUCT]}, "totalresults": 1},
        {"result": "success", "products[product][0][password]": "hidden-password", "totalresults": 1},
        {"result": "success", "client": {"email": "hidden-x@example.com", "tax_id": "hidden-tax", "id": 7}},
        {"result": "error", "message": "Authentication Failed for canary-identifier with canary+secret/1 Canary\\Pass"},
        "result=error;message=bad secret=canary%2Bsecret%2F1",
        "<html>secret=canary%2Bsecret%2F1&servicepassword=hidden-one [password] => hidden-two</html>",
        '{"result": "success", "password": "hidden-half',
        '{"password": "Canary\\\\Pass", "email": "hidden-a@example.com"}',
        "<p>hidden-ann@example.com is not known</p>",
        httpx.ReadError("canary+secret/1"),
        httpx.ConnectError("canary+secret/1"),
    ],
)
async def test_no_secret_reaches_an_error_its_trace_the_listener_or_the_log(scene, answer, caplog):
    caplog.set_level(logging.DEBUG)
    s = scene(answer)
    try:
        await s.whmcs.transport.call("UpdateClientProduct", {"servicepassword": PASSWORD})
    except WhmcsError as error:
        assert leaks("".join(traceback.format_exception(error))) == []
        assert leaks(repr(error)) == []
    assert s.calls
    assert leaks(repr(s.calls)) == []
    assert leaks(caplog.text) == []


async def test_a_row_that_cannot_be_read_is_named_without_its_values(scene):
    bad = {**PRODUCT, "pid": "hidden-pid", "assignedips": {"hidden-key": 1}}
    s = scene({"result": "success", "totalresults": 1, "products": {"product": [bad]}})
    with pytest.raises(WhmcsError) as caught:
        await s.whmcs.services.get(5)
    assert leaks("".join(traceback.format_exception(caught.value))) == []
    assert "pid" in str(caught.value)


def test_only_what_is_on_the_list_is_shown():
    body = {
        "result": "success",
        "totalresults": 1,
        "products": {
            "product": [{"id": 5, "status": "Active", "password": "x", "anything_new": "x", "n": 4, "l": ["x"]}]
        },
    }
    assert redacted(body) == {
        "result": "success",
        "totalresults": 1,
        "products": {
            "product": [
                {"id": 5, "status": "Active", "password": "***", "anything_new": "***", "n": "***", "l": ["***"]}
            ]
        },
    }


def test_flat_keys_are_judged_by_their_last_word():
    flat = {"products[product][0][password]": "x", "products[product][0][id]": 5, "unset[0]": "domain", "[]": "x"}
    assert redacted(flat) == {
        "products[product][0][password]": "***",
        "products[product][0][id]": 5,
        "unset[0]": "domain",
        "[]": "***",
    }


@pytest.mark.parametrize("form", ['a+b/c"d<e&', "a%2Bb%2Fc%22d%3Ce%26", 'a+b/c\\"d<e&', "a+b/c&quot;d&lt;e&amp;"])
def test_a_secret_is_found_in_each_way_of_writing_it(form):
    assert without(f"before {form} after", ['a+b/c"d<e&']) == "before *** after"


def test_an_empty_secret_masks_nothing():
    assert without("text", [""]) == "text"


@pytest.mark.parametrize(
    "page",
    [
        "<password>hidden</password>",
        "Password: hidden",
        '["password"]=> string(6) "hidden"',
        '{"password":["hidden"]',
        "servicepassword%3Dhidden",
        "Hidden Street 1",
    ],
)
def test_of_an_answer_that_cannot_be_read_nothing_is_shown_but_type_length_and_hash(page):
    shown = described(page.encode(), "Text/HTML; charset=utf-8\x1b[31m")
    assert "hidden" not in shown.lower()
    assert shown.startswith(f"{len(page)} bytes of text/html, sha256 ")
    assert described(page.encode()) == described(page.encode()) != described(b"other")


def test_what_is_kept_in_memory_does_not_print_its_secrets():
    access = WhmcsAccess(url="https://b.example.com", identifier="hidden-id", secret=SecretStr("hidden-secret"))
    client = Client(id=1, email="hidden-a@example.com", firstname="hidden-f", lastname="hidden-l", phone="hidden-1")
    service = WhmcsService(service_id=1, client_id=1, product_id=1, status="Active", password=SecretStr("hidden-p"))
    assert leaks(f"{access} {access!r} {client} {client!r} {service} {service!r}") == []
    assert leaks(json.dumps(service.model_dump(mode="json"))) == []
