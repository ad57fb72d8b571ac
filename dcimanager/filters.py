"""The panel's filter language (`where=`), built from typed values so that nothing from outside can break out of it.

    str(Field("owner_email").is_null() & Field("is_new").eq(False))  ->  (owner_email IS null) AND (is_new EQ false)

Source: docs/sources.md, panel 5.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

_NAME = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*")


class UnsafeValue(ValueError):
    """A value cannot be put into a filter: how the panel escapes it is not known. List all and compare instead."""


@dataclass(frozen=True)
class Filter:
    """A condition on the elements of a list; combine with & (and), | (or) and ~ (not)."""

    text: str

    def __str__(self) -> str:
        return self.text

    def __and__(self, other: "Filter") -> "Filter":
        return Filter(f"({self}) AND ({other})")

    def __or__(self, other: "Filter") -> "Filter":
        return Filter(f"({self}) OR ({other})")

    def __invert__(self) -> "Filter":
        return Filter(f"NOT ({self})")

    def __bool__(self) -> bool:
        # `a and b` would silently be b alone: a filter that lets more through than was asked.
        raise TypeError("combine filters with & and |, not with `and` and `or`")


@dataclass(frozen=True)
class Field:
    """An attribute of the elements of a list; nested ones with dots (`account.id`). Raises UnsafeValue: not a name."""

    name: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UnsafeValue(f"{self.name!r} is not the name of a field.")

    def is_null(self) -> Filter:
        """The element has no value there."""
        return Filter(f"{self.name} IS null")

    def eq(self, value: int | bool | str) -> Filter:
        """The value is exactly this one. Raises UnsafeValue: the text holds a quote, a backslash or a control sign."""
        return Filter(f"{self.name} EQ {_literal(value)}")

    def one_of(self, numbers: Iterable[int]) -> Filter:
        """The value is one of these, written without nesting. Raises UnsafeValue: of none, which would ask for all."""
        alternatives = [str(self.eq(number)) for number in numbers]
        if not alternatives:
            raise UnsafeValue(f"There is nothing that {self.name} could be one of.")
        return Filter(alternatives[0] if len(alternatives) == 1 else " OR ".join(f"({one})" for one in alternatives))


def _literal(value: int | bool | str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else _quoted(value)


def _quoted(text: str) -> str:
    if any(sign in "'\\" or unicodedata.category(sign).startswith("C") for sign in text):
        raise UnsafeValue(f"{text!r} cannot be put into a filter of the panel: quote, backslash or control character.")
    return f"'{text}'"
