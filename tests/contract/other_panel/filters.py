"""The lists: `where`, `orderby` and `limit` as the vendor's documents and the known clients use them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.contract.other_panel.state import Refusal

Row = dict[str, Any]
Test = Callable[[Mapping[str, Any]], bool]

TOKEN = re.compile(r"\s*(?:(?P<sign>[()])|'(?P<text>[^']*)'|(?P<word>[^\s()']+))")


def listed(rows: list[Row], query: Mapping[str, str], hidden: Mapping[int, Row] | None = None) -> Row:
    """The part of the rows that was asked for. `hidden`: fields that filters know and rows do not show, by place."""
    known = [({**row, **(hidden or {}).get(place, {})}, row) for place, row in enumerate(rows)]
    if where := query.get("where"):
        test = _Reader(where).whole()
        known = [pair for pair in known if test(pair[0])]
    if orderby := query.get("orderby"):
        name, _, direction = orderby.partition(" ")
        known.sort(key=lambda pair: _sortable(pair[0], name), reverse=direction.lower() == "desc")
    first, count = _part(query.get("limit", "0,50"))
    return {"list": [row for _, row in known[first : first + count]], "size": len(known), "last_notify": 4711}


def _part(limit: str) -> tuple[int, int]:
    numbers = [int(part) for part in limit.split(",")]
    return (0, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1])


def _sortable(row: Mapping[str, Any], name: str) -> tuple[int, str]:
    text = str(_value(row, name))
    return (int(text), "") if text.isdecimal() else (0, text)


def _value(row: Mapping[str, Any], name: str) -> Any:
    value: Any = row
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise Refusal(3010, f"Unknown field {name}")
        value = value[part]
    return value


class _Reader:
    """expression = term {OR term}; term = factor {AND factor}; factor = NOT factor | (expression) | field OP value."""

    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        end = 0
        while text[end:].strip():
            found = TOKEN.match(text, end)
            if found is None:
                raise Refusal(3011, "The filter cannot be read")
            kind = str(found.lastgroup)
            self.tokens.append((kind, found[kind]))
            end = found.end()

    def whole(self) -> Test:
        test = self._joined("OR")
        if self.tokens:
            raise Refusal(3011, "The filter cannot be read")
        return test

    def _joined(self, word: str) -> Test:
        def one() -> Test:
            return self._joined("AND") if word == "OR" else self._factor()

        tests = [one()]
        while self.tokens[:1] == [("word", word)]:
            self.tokens.pop(0)
            tests.append(one())
        matches = any if word == "OR" else all
        return lambda row: matches(test(row) for test in tests)

    def _factor(self) -> Test:
        kind, text = self._next()
        if (kind, text) == ("sign", "("):
            inner = self._joined("OR")
            if self._next() != ("sign", ")"):
                raise Refusal(3011, "The filter cannot be read")
            return inner
        if (kind, text) == ("word", "NOT"):
            negated = self._factor()
            return lambda row: not negated(row)
        return self._comparison(text)

    def _comparison(self, name: str) -> Test:
        operator = self._next()[1]
        kind, wanted = self._next()
        if operator == "IS" and wanted == "null":
            return lambda row: _value(row, name) is None
        if operator == "CP" and kind == "text":
            pattern = re.compile(".*".join(map(re.escape, wanted.split("%"))), re.IGNORECASE)
            return lambda row: pattern.fullmatch(str(_value(row, name))) is not None
        if operator in ("EQ", "NE"):
            return lambda row: (_said(_value(row, name)) == wanted) is (operator == "EQ")
        raise Refusal(3011, f"Unknown operator {operator}")

    def _next(self) -> tuple[str, str]:
        if not self.tokens:
            raise Refusal(3011, "The filter ends too early")
        return self.tokens.pop(0)


def _said(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
