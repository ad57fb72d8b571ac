"""SSH public keys: what passes for one is one; contract.json has further examples (tests/contract)."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import TypeAdapter, ValidationError

from runtime.ssh_public_key import NoSshPublicKey, SshPublicKey, ssh_public_key

Private = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIABso50sMzgQAwpCcrzfY175qIUmbPNvHr1sMxKZhoj"


def text_of(key: Private) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


@pytest.mark.parametrize(
    "key",
    [
        ed25519.Ed25519PrivateKey.generate(),
        *(ec.generate_private_key(curve()) for curve in (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)),
        rsa.generate_private_key(65537, 2048),
        rsa.generate_private_key(65537, 3072),
    ],
    ids=lambda key: f"{type(key).__name__} {getattr(key, 'key_size', '')}",
)
def test_a_key_of_each_type_is_taken_as_it_is(key: Private) -> None:
    assert ssh_public_key(text_of(key)) == text_of(key)


def off_the_curve() -> str:
    kind, coded = text_of(ec.generate_private_key(ec.SECP256R1())).split()
    raw = base64.b64decode(coded)
    return f"{kind} {base64.b64encode(raw[:-64] + b'1' * 64).decode()}"


def cut_short() -> str:
    """A key whose own length says more than is there, in the form of one."""
    return text_of(rsa.generate_private_key(65537, 3072))[:480]


@pytest.mark.parametrize(
    "text",
    [
        f"{ED25519} anna@laptop",
        f"{ED25519}\n",
        f" {ED25519}",
        ED25519.replace(" ", "  "),
        text_of(rsa.generate_private_key(65537, 1024)),  # noqa: S505 - that is what is refused
        text_of(rsa.generate_private_key(3, 2048)),
        off_the_curve(),
        cut_short(),
    ],
)
def test_what_only_looks_like_a_key_is_refused(text: str) -> None:
    with pytest.raises(NoSshPublicKey) as refused:
        ssh_public_key(text)
    assert text.split()[-1][:40] not in str(refused.value)


def test_a_flow_with_another_text_does_not_begin() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(SshPublicKey).validate_python("ssh-dss AAAA")
