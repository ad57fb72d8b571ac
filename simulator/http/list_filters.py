"""The grammar of `where`, `orderby` and `limit`.

    expression  = term { OR term }        term = factor { AND factor }
    factor      = NOT factor | "(" expression ")" | field IS [NOT] null | field operator value
    operator    = EQ | NE | CP | LT | GT
    value       = 'text' | number | true | false

CP compares with % for any text. A quote inside a text cannot be written: how the panel escapes it is not known.
Source: docs/sources.md, panel 5.
"""

import re
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from simulator.panel.errors import ApiError, Code
from simulator.panel.serializers import Accessor

Row = TypeVar("Row")
Predicate = Callable[[Row], bool]

_TOKEN = re.compile(r"\s*(?:(?P<mark>[()])|'(?P<text>[^']*)'|(?P<word>[\w.\-:@/+%]+))")

#: Deeper nesting than this is refused rather than followed.
MAX_DEPTH = 50


def bad_filter(text: str) -> ApiError:
    """400: the query of the list is invalid."""
    return ApiError(400, Code.INVALID_FILTER, f"Invalid query: {text}")


class WhereParser(Generic[Row]):
    """Turns a `where` into a predicate. `accessor` gives, for a field's name, how to read it; raises KeyError."""

    def __init__(self, text: str, accessor: Callable[[str], Accessor[Row]]) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0
        self._accessor = accessor

    def parse(self) -> Predicate[Row]:
        """The predicate. Raises ApiError 400: not an expression, or an unknown field."""
        predicate = self._either()
        if self._at < len(self._tokens):
            raise bad_filter(f"unexpected {self._tokens[self._at][1]!r}")
        return predicate

    def _either(self) -> Predicate[Row]:
        parts = [self._both()]
        while self._skip("OR"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda row: any(part(row) for part in parts)

    def _both(self) -> Predicate[Row]:
        parts = [self._one()]
        while self._skip("AND"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda row: all(part(row) for part in parts)

    def _one(self) -> Predicate[Row]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise bad_filter("nested too deep")
        try:
            if self._skip("NOT"):
                inner = self._one()
                return lambda row: not inner(row)
            if self._skip("("):
                inner = self._either()
                if not self._skip(")"):
                    raise bad_filter("a closing parenthesis is missing")
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Predicate[Row]:
        field = self._next("word")
        try:
            read = self._accessor(field)
        except KeyError:
            raise bad_filter(f"unknown field {field}") from None
        operator = self._next("word").upper()
        if operator == "IS":
            wanted = not self._skip("NOT")
            if self._next("word").lower() != "null":
                raise bad_filter("IS must be followed by null")
            return lambda row: (read(row) is None) is wanted
        kind, value = self._value()
        if operator in ("EQ", "NE"):
            same = _meanings(kind, value)
            return (lambda row: read(row) in same) if operator == "EQ" else (lambda row: read(row) not in same)
        if operator == "CP":
            pattern = re.compile(".*".join(re.escape(part) for part in value.split("%")), re.DOTALL)
            return lambda row: (found := read(row)) is not None and pattern.fullmatch(str(found)) is not None
        if operator in ("LT", "GT"):
            return _ordered(read, value, below=operator == "LT")
        raise bad_filter(f"unknown operator {operator}")

    def _value(self) -> tuple[str, str]:
        if self._at < len(self._tokens) and self._tokens[self._at][0] in ("text", "word"):
            self._at += 1
            return self._tokens[self._at - 1]
        raise bad_filter("a value is missing")

    def _next(self, kind: str) -> str:
        if self._at < len(self._tokens) and self._tokens[self._at][0] == kind:
            self._at += 1
            return self._tokens[self._at - 1][1]
        raise bad_filter("a field, an operator or a value is missing")

    def _skip(self, word: str) -> bool:
        if self._at < len(self._tokens):
            kind, text = self._tokens[self._at]
            if kind != "text" and text.upper() == word:
                self._at += 1
                return True
        return False


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    text = text.strip()
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise bad_filter(f"cannot read from {text[at : at + 20]!r}")
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


def _meanings(kind: str, value: str) -> tuple[Any, ...]:
    """All that a literal may be equal to: a number may be quoted, a word may be a truth value."""
    meanings: list[Any] = [value]
    if kind == "word" and value.lower() in ("true", "false"):
        meanings.append(value.lower() == "true")
    elif value.lstrip("-").isdigit():
        meanings.append(int(value))
    elif kind == "word":
        raise bad_filter(f"the text {value!r} must be quoted")
    return tuple(meanings)


def _ordered(read: Accessor[Row], value: str, *, below: bool) -> Predicate[Row]:
    number = int(value) if value.lstrip("-").isdigit() else None

    def compare(row: Row) -> bool:
        found = read(row)
        if found is None:
            return False
        if isinstance(found, int) and number is not None:
            return found < number if below else found > number
        return str(found) < value if below else str(found) > value

    return compare


def parse_limit(text: str | None, default: int) -> tuple[int, int]:
    """(offset, count) of "count" or "offset,count". Raises ApiError 400."""
    if text is None:
        return 0, default
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > 2 or not all(part.isdigit() for part in parts):
        raise bad_filter(f"limit {text!r}")
    return (0, int(parts[0])) if len(parts) == 1 else (int(parts[0]), int(parts[1]))


def parse_order(text: str | None) -> tuple[str, bool]:
    """(field, descending) of "field asc" or "field desc". Raises ApiError 400."""
    words = (text or "id").split()
    if len(words) > 2 or not words or (len(words) == 2 and words[1].lower() not in ("asc", "desc")):
        raise bad_filter(f"orderby {text!r}")
    return words[0], len(words) == 2 and words[1].lower() == "desc"
