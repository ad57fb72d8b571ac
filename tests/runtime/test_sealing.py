"""Seals: who has the private half reads what was sealed, nobody else does, and no forged key gets anything."""

import base64
import re

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from pydantic import SecretStr, TypeAdapter, ValidationError

from runtime.sealing import PATTERN, PublicKey, Seal, UnusablePublicKey
from tests.contract.contract import CONTRACT
from tests.sealed import key_pair, opened

SECRET = "4-74e7c0e9-1d2b-4c3d-8e4f-5a6b7c8d9e0f"

LOW_ORDER = [
    "00" * 32,
    "01" + "00" * 31,
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]
"""Points of Curve25519 with which every private key makes the same (RFC 7748, section 6.1; cr.yp.to/ecdh.html)."""


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def test_what_is_sealed_is_read_by_the_private_half_only() -> None:
    private, public = key_pair()
    sealed = Seal(public).close(SecretStr(SECRET))
    assert opened(sealed, private) == SECRET
    with pytest.raises(InvalidTag):
        opened(sealed, X25519PrivateKey.generate())


def test_a_sealed_secret_fits_into_a_label_and_shows_nothing_of_itself() -> None:
    _, public = key_pair()
    first, second = (Seal(public).close(SecretStr("k" * 128)) for _ in range(2))
    assert re.fullmatch(r"[A-Za-z0-9_-]{,240}", first)
    assert first[:43] != second[:43]  # another pair of ours each time, so the nonce never comes twice
    assert encoded(b"k" * 12) not in first


def test_what_was_changed_on_its_way_does_not_open() -> None:
    private, public = key_pair()
    sealed = Seal(public).close(SecretStr(SECRET))
    for at in (0, 42, 50, len(sealed) - 2):
        other = "A" if sealed[at] != "A" else "Q"
        with pytest.raises((InvalidTag, ValueError)):
            opened(sealed[:at] + other + sealed[at + 1 :], private)


@pytest.mark.parametrize("point", LOW_ORDER)
def test_a_point_that_makes_the_same_with_every_key_is_refused(point: str) -> None:
    with pytest.raises(UnusablePublicKey, match="nothing can be kept secret"):
        Seal(encoded(bytes.fromhex(point)))


@pytest.mark.parametrize(
    "text",
    ["", "A" * 42, "A" * 44, "A" * 42 + "B", "A" * 42 + "=", "A" * 42 + "\n", "+" + "A" * 42, "/" + "A" * 42, "ä" * 43],
)
def test_what_has_not_the_form_of_a_public_key_is_refused(text: str) -> None:
    with pytest.raises(UnusablePublicKey):
        Seal(text)
    with pytest.raises(ValidationError):
        TypeAdapter(PublicKey).validate_python(text)


def test_the_form_that_prefect_shows_is_the_contracts() -> None:
    assert TypeAdapter(PublicKey).json_schema()["pattern"] == PATTERN == CONTRACT["sealed"]["public_key"]
