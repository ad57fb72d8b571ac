"""An SSH public key as clients give it: its type and its base64 on one line, without a comment.

A comment names a person and a machine, so it is left out. contract.json has the form and examples.
"""

import base64
import re
from typing import Annotated

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from pydantic import AfterValidator, WithJsonSchema

PATTERN = (
    "^(ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43}"
    "|ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBB[A-Za-z0-9+/]{86}="
    "|ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhB[A-Za-z0-9+/]{129}=="
    "|ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFB[A-Za-z0-9+/]{177}=="
    "|ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB[A-Za-z0-9+/]{346,1372}={0,2})$"
)
"""The beginnings are the type once more and the lengths, as RFC 4253 (6.6), 5656 (3.1) and 8709 (4) write them."""
_FORM = re.compile(PATTERN.strip("^$"))
RSA_BITS = range(2048, 8193)


class NoSshPublicKey(ValueError):
    """The text is no SSH public key that a server may be given."""


def ssh_public_key(text: str) -> str:
    """The text as it is. Raises NoSshPublicKey: it is none, or one of a type or a length that is not accepted."""
    if _FORM.fullmatch(text) is None:
        raise NoSshPublicKey("it is not the type and the base64 of an ed25519, ecdsa or rsa key on one line")
    coded = text.split()[1]
    if base64.b64encode(base64.b64decode(coded)).decode() != coded:
        raise NoSshPublicKey("its base64 is written in another way than OpenSSH's")
    try:
        key = load_ssh_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise NoSshPublicKey("there is no key in it") from None
    if isinstance(key, RSAPublicKey) and key.key_size not in RSA_BITS:
        raise NoSshPublicKey(f"it has {key.key_size} bits, and an rsa key has 2048 to 8192")
    return text


SshPublicKey = Annotated[str, AfterValidator(ssh_public_key), WithJsonSchema({"type": "string", "pattern": PATTERN})]
"""A flow's parameter: Prefect refuses another text before a run begins."""
