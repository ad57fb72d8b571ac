"""What is shown of an answer that nobody looks through: it may hold anything, so nothing of it is repeated."""

import hashlib

LONGEST_KIND = 40
"""Characters of the type that an answer claims to have."""


def described(body: bytes, kind: str = "") -> str:
    """The answer's length, its type, and a hash to find it again by. kind: its Content-Type, if it told one."""
    told = kind[: 4 * LONGEST_KIND].partition(";")[0].strip().lower()
    what = "".join(sign for sign in told if sign.isalnum() or sign in "/+.-")[:LONGEST_KIND]
    return f"{len(body)} bytes of {what or 'no type'}, sha256 {hashlib.sha256(body).hexdigest()[:16]}"
