import json
from datetime import UTC, datetime

from prefect.types import MAX_VARIABLE_VALUE_LENGTH
from pydantic import JsonValue

from ledger.reconciliation import DifferenceKey, Known
from tasks.published.variables import shortened
from tasks.reconciliation.comparison import Comparison
from tasks.reconciliation.differences import Difference, Drift, Repair
from tasks.reconciliation.repairs import Repaired, RepairOutcome
from tasks.reconciliation.report import REMEDIES, ROWS, still_open, summary, table

NOW = datetime(2027, 1, 10, tzinfo=UTC)


def difference(service_id: int, drift: Drift = Drift.PORTS_OFF, repair: Repair = Repair.PORTS_ON) -> Difference:
    return Difference(
        drift=drift, what="2 ports off", service_id=service_id, server_id=7, client_id=3, since=NOW, repair=repair
    )


def comparison(*differences: Difference, known: dict[DifferenceKey, Known] | None = None) -> Comparison:
    return Comparison(
        panel="main",
        flow_run_id="run",
        at=NOW,
        list_lengths={"services": 100},
        products=frozenset(),
        differences=list(differences),
        known=known or {},
    )


def test_one_line_says_what_was_found_and_what_became_of_it() -> None:
    first, second = difference(1), difference(2, Drift.OWNER_CHANGED, Repair.HOLD)
    done = [Repaired(first, RepairOutcome.REPAIRED, "ports-on"), Repaired(second, RepairOutcome.HELD, "held")]
    found = comparison(second, first)
    assert summary(found, done) == "main: 1 owner-changed, 1 active-ports-off; 1 repaired, 1 HELD"
    assert summary(comparison(), []) == "main: no difference"
    assert still_open(found, done) == [second]


def test_a_table_has_one_class_and_what_was_done_now() -> None:
    first, second = difference(1), difference(2, Drift.OWNER_CHANGED)
    (row,) = table(comparison(first, second), Drift.PORTS_OFF, [Repaired(first, RepairOutcome.FAILED, "stuck")])
    assert (row["service"], row["server"], row["client"], row["done now"]) == (1, 7, 3, "stuck")
    assert row["since"] == "2027-01-10 00:00 UTC"


def test_a_table_that_would_be_endless_says_how_much_more_there_is() -> None:
    rows = table(comparison(*map(difference, range(1, ROWS + 6))), Drift.PORTS_OFF, [])
    assert (len(rows), rows[-1]["what"]) == (ROWS + 1, "and 5 more")


def test_a_variable_has_as_many_rows_as_prefect_takes() -> None:
    rows: list[dict[str, JsonValue]] = [{"class": "x", "what": "y" * 400} for _ in range(20)]
    value = shortened({"at": "now"}, "open", rows)
    assert len(json.dumps(value)) <= MAX_VARIABLE_VALUE_LENGTH
    shown = value["open"]
    assert isinstance(shown, list)
    assert 10 < len(shown) < 20
    assert shortened({"at": "now"}, "open", rows[:2])["open"] == rows[:2]


def test_every_class_says_what_to_do() -> None:
    assert set(REMEDIES) == set(Drift)
