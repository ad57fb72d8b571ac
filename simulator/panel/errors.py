"""The panel's error codes and the error that a refused call raises.

Codes 1000, 1106, 3008 and 3080 are the panel's; the others are not public and are the simulator's own
(docs/sources.md, panel 4.1, 17 and 18.3).
"""

from enum import IntEnum
from typing import Any


class Code(IntEnum):
    """The `code` of an error body."""

    DEAD_SESSION = 1000
    WRONG_CREDENTIALS = 1001
    NO_SESSION = 1002
    NOT_ALLOWED = 1003
    NO_ROUTE = 1106
    UNEXPECTED_PROPERTY = 3008
    INVALID_VALUE = 3009
    INVALID_FILTER = 3010
    NO_ELEMENT = 3080
    BUSY = 4001
    PROTECTED = 4002
    WRONG_POWER = 4003
    DUPLICATE = 4004
    POOL_EXHAUSTED = 4005
    NO_DEALLOCATION_POOL = 4006
    TEMPLATE_UNFIT = 4007
    NO_ADDRESS = 4008
    OWNS_SERVERS = 4009
    BROKEN = 5000


class ApiError(Exception):
    """The panel refuses a call: HTTP status, code, message and an optional object of details."""

    def __init__(self, status: int, code: Code, message: str, value: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.value = value or {}

    def body(self) -> dict[str, Any]:
        """The error body. Source: docs/sources.md, panel 4.1."""
        return {"error": {"code": int(self.code), "msg": self.message, "value": self.value}}


def no_element(kind: str, wanted: object) -> ApiError:
    """404, code 3080: there is no such element."""
    return ApiError(404, Code.NO_ELEMENT, f"Instance not found: {kind} {wanted}", {"id": str(wanted)})


def invalid(prop: str, message: str) -> ApiError:
    """400: a property has a value that the panel cannot use."""
    return ApiError(400, Code.INVALID_VALUE, f"Invalid value of {prop}: {message}", {"property": prop})
