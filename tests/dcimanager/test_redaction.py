import pytest

from dcimanager.redaction import redact, redact_text


@pytest.mark.parametrize(
    "key", ["password", "Password", "root_password", "token", "x-xsrf-token", "key", "api_KEY", "ses6", "client_secret"]
)
def test_values_of_secret_keys_are_masked_at_any_depth(key):
    assert redact({"a": [{key: "canary"}]}) == {"a": [{key: "***"}]}
    assert redact({key: {"inner": ["canary"]}}) == {key: "***"}


def test_authorization_is_masked_whole():
    assert redact({"Authorization": "Bearer canary"}) == {"Authorization": "***"}


def test_what_is_no_secret_stays():
    given = {"id": 7, "monkeys": 3, "name": "srv-7", "password": None, "ok": True, "list": [1.5, None]}
    assert redact(given) == given


def test_a_known_secret_is_masked_wherever_it_stands():
    assert redact({"msg": "you sent hunter2", "list": ["hunter2"]}, {"hunter2"}) == {
        "msg": "you sent ***",
        "list": ["***"],
    }


def test_a_secret_inside_another_is_masked_with_it():
    assert redact("long-secret secret", {"secret", "long-secret"}) == "*** ***"


def test_a_secret_of_one_letter_does_not_blacken_the_text():
    assert redact("a banana", {"a"}) == "a banana"


def test_a_long_list_is_shortened():
    assert redact(list(range(500)))[-2:] == [19, "… and 480 more"]


@pytest.mark.parametrize(
    "text",
    [
        "password=canary&x=1",
        'oops {"password": "canary", "x": 1',
        "token: canary",
        "ses6=canary; path=/",
        "<p>api_key=canary</p>",
        "[password] => canary",
        "pwd: canary",
    ],
)
def test_of_a_text_that_is_no_json_nothing_is_shown_but_length_and_hash(text):
    shown = redact_text(text)
    assert "canary" not in shown
    assert shown.startswith(f"{len(text)} bytes of no type, sha256 ")


def test_a_body_is_cut_after_masking():
    text = '{"a": "' + "x" * 480 + '", "password": "canary-canary-canary"}'
    assert len(redact_text(text)) == 500
    assert "canary" not in redact_text(text)
