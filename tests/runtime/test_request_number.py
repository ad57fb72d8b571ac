"""What an idempotency key of WHMCS's module says."""

import re

import pytest

from runtime.request_number import numbered_request
from tests.contract.contract import CONTRACT

TOKEN = "0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("key", "source"),
    [
        (f"0f1e2d3c4b5a:n105.{TOKEN}", "0f1e2d3c4b5a"),
        (f"installation:shop:0f1e2d3c4b5a:n105.{TOKEN}", "installation:shop:0f1e2d3c4b5a"),
    ],
)
def test_a_number_a_token_and_who_counts(key: str, source: str) -> None:
    found = numbered_request(key)
    assert found is not None
    assert (found.source, found.number, found.token) == (source, 105, TOKEN)


def test_the_contracts_example_is_such_a_key() -> None:
    key = CONTRACT["request_key"]["example"]
    assert re.fullmatch(CONTRACT["request_key"]["pattern"], key)
    found = numbered_request(key)
    assert found is not None and found.number == 105


@pytest.mark.parametrize(
    "key",
    [
        "",
        "0f1e2d3c4b5a:42",
        f"0f1e2d3c4b5a:{TOKEN}",
        "decided-1042-9",
        "0f1e2d3c4b5a:check:0123456789abcdef",
        f":n105.{TOKEN}",
        f"x:n105{TOKEN}",
        f"x:n.{TOKEN}",
        "x:n105.",
        f"x:n{'9' * 16}.{TOKEN}",
        f"x:n105.{TOKEN}\n",
    ],
)
def test_other_keys_have_none(key: str) -> None:
    assert numbered_request(key) is None
