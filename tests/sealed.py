"""Opens what was sealed, as the module does in PHP; written again from whmcs-module/contract.json, and not shared."""

import base64

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def key_pair() -> tuple[X25519PrivateKey, str]:
    """A pair for one request; its public half as it is sent."""
    private = X25519PrivateKey.generate()
    raw = private.public_key().public_bytes_raw()
    return private, base64.urlsafe_b64encode(raw).decode().rstrip("=")


def opened(sealed: str, private: X25519PrivateKey) -> str:
    """What was sealed. Raises InvalidTag: it was not for this key, or was changed."""
    raw = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
    theirs, box = raw[:32], raw[32:]
    shared = private.exchange(X25519PublicKey.from_public_bytes(theirs))
    info = b"dciflow sealed 1" + theirs + private.public_key().public_bytes_raw()
    made = HKDF(SHA256(), 44, None, info).derive(shared)
    return ChaCha20Poly1305(made[:32]).decrypt(made[32:], box, None).decode()
