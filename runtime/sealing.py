"""Seals a secret for whoever asked for it: it may then stand where anybody reads it, and only they can open it.

The one who asks makes a key pair for this one time and sends its public half. X25519 of a key pair of our own and
theirs, HKDF-SHA256, then ChaCha20-Poly1305: what PHP's sodium has, too (whmcs-module/contract.json, sealed).
"""

import base64
import binascii
import re
from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import AfterValidator, SecretStr, WithJsonSchema

PATTERN = "^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$"
"""32 bytes in base64 for addresses, without the sign at its end: each key in one spelling only."""
_PUBLIC_KEY = re.compile(PATTERN.strip("^$"))

PURPOSE = b"dciflow sealed 1"
"""What is made of the two keys is for this and for nothing else."""
KEY_BYTES, NONCE_BYTES = 32, 12
"""Of ChaCha20-Poly1305. The nonce may come from the two keys, since no two things are sealed with the same two."""


class UnusablePublicKey(ValueError):
    """The text is no public key that anything can be sealed for."""


def public_key(text: str) -> str:
    """The text as it is. Raises UnusablePublicKey: it has not the form of a public key."""
    if _PUBLIC_KEY.fullmatch(text):
        return text
    raise UnusablePublicKey("it is not the 43 characters of a public key")


PublicKey = Annotated[str, AfterValidator(public_key), WithJsonSchema({"type": "string", "pattern": PATTERN})]
"""A flow's parameter: Prefect refuses another text before a run begins."""


class Seal:
    """What seals one secret for the holder of one public key. Made before the secret is, so that none is made in vain.

    Raises UnusablePublicKey: the text is none, or a point of which everybody knows what it makes with any other key.
    """

    def __init__(self, recipient: str) -> None:
        theirs = _decoded(public_key(recipient))
        own = X25519PrivateKey.generate()
        self._own = own.public_key().public_bytes_raw()
        try:
            shared = own.exchange(X25519PublicKey.from_public_bytes(theirs))
        except ValueError:
            raise UnusablePublicKey("nothing can be kept secret with this public key") from None
        made = HKDF(SHA256(), KEY_BYTES + NONCE_BYTES, salt=None, info=PURPOSE + self._own + theirs).derive(shared)
        self._key, self._nonce = made[:KEY_BYTES], made[KEY_BYTES:]

    def close(self, secret: SecretStr) -> str:
        """Our public key and the sealed secret as one text in base64 for addresses. To be called once."""
        sealed = ChaCha20Poly1305(self._key).encrypt(self._nonce, secret.get_secret_value().encode(), None)
        return base64.urlsafe_b64encode(self._own + sealed).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(f"{text}=")
    except binascii.Error:
        raise UnusablePublicKey("it is not the 43 characters of a public key") from None
