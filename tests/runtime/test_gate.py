"""Whether a row of the ledger still counts; tests/stories/test_gate.py shows what the gate does with it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from dcimanager.endpoints import Mark, load_dialect
from dcimanager.words import WordKind
from ledger.proofs import EVERY_ENTRY, Backing, EntryProof
from runtime.driver import ERRANDS
from runtime.gate import BY_NAME, ERRANDS_NEED, NEEDED, OPTIONAL, RESTS_ON, needed, provable, status_of, words_of
from tasks.rehearsal.report import REHEARSED
from tools.steps import calls_of, flows

DIALECT = load_dialect()
AT = datetime(2027, 1, 1, tzinfo=UTC)
READS = {"address_list"}


def row(entry: str, **changes: Any) -> EntryProof:
    facts: dict[str, Any] = {
        "panel": "main",
        "entry": entry,
        "call": "" if entry == EVERY_ENTRY else DIALECT[entry].call,
        "words": {} if entry == EVERY_ENTRY else words_of(DIALECT, entry),
        "backing": Backing.PROVED,
        "who": "dciflow",
        "why": "rehearsal",
        "flow_run_id": "run-1",
        "server_id": 17,
        "before": "",
        "after": "",
        "at": AT,
    }
    return EntryProof(**{**facts, **changes})


BEFORE = row(EVERY_ENTRY, backing=Backing.SOLD_BEFORE)


@pytest.mark.parametrize(
    ("rows", "status", "sentence"),
    [
        ([], "unproved", "unproved"),
        ([row("port_off")], "proved", "proved on 2027-01-01 by run run-1"),
        (
            [row("port_off", backing=Backing.TRUSTED, who="ann", why="I saw it")],
            "trusted",
            "trusted by ann on 2027-01-01 (I saw it)",
        ),
        ([row("port_on")], "unproved", "unproved"),
        ([BEFORE], "sold-before", "sold before proofs were kept"),
        ([BEFORE, row("port_off")], "proved", "proved on 2027-01-01 by run run-1"),
        ([row("port_off", call="another")], "unproved", "unproved: changed since it was proved on 2027-01-01"),
        (
            [row("port_off", call="another"), row("port_off")],
            "unproved",
            "unproved: changed since it was proved on 2027-01-01",
        ),
        (
            [row("port_off", words={"port": {"down": "up"}})],
            "unproved",
            "unproved: changed since it was proved on 2027-01-01",
        ),
        (
            [row("port_off", words={"port": {"runter": "down"}})],
            "unproved",
            "unproved: changed since it was proved on 2027-01-01",
        ),
        ([row("port_off", words={"port": {"down": "down"}})], "proved", "proved on 2027-01-01 by run run-1"),
        (
            [row("port_off", call="another"), BEFORE],
            "unproved",
            "unproved: changed since it was proved on 2027-01-01",
        ),
    ],
)
def test_the_newest_row_of_an_entry_counts_while_call_and_words_are_as_they_were(
    rows: list[EntryProof], status: str, sentence: str
) -> None:
    found = status_of(DIALECT, rows)["port_off"]
    assert (found.status, found.sentence()) == (status, sentence)
    assert found.is_certain is (status in ("proved", "trusted"))


def test_what_only_errands_use_is_not_what_was_sold_before() -> None:
    assert status_of(DIALECT, [BEFORE])["power_reset"].status == "unproved"
    assert status_of(DIALECT, [BEFORE])["power_on"].status == "sold-before"


def test_the_errands_are_the_flows_that_leave_a_services_state() -> None:
    assert set(ERRANDS_NEED) <= ERRANDS <= {flow.name for flow in flows()}


def test_what_each_action_needs_is_what_its_steps_declare() -> None:
    declared = {flow.name: calls_of(flow) for flow in flows() if flow.name != "rehearse"}
    assert {name: calls for name, calls in declared.items() if calls} == {
        action: set(entries) for action, entries in {**NEEDED, **ERRANDS_NEED}.items()
    }


def test_what_is_optional_is_no_part_of_what_is_needed_and_was_not_sold_before() -> None:
    assert set(OPTIONAL) <= set(NEEDED)
    of_errands_only = {
        "power_off",
        "power_reset",
        "key_create",
        "ptr_set",
        "rescue_start",
        "rescue_leave",
        "host_name_set",
    }
    assert set(provable()) - set(needed()) == of_errands_only
    stands = status_of(DIALECT, [BEFORE])
    assert {entry for entry, one in stands.items() if one.status == "unproved"} == of_errands_only
    assert stands["port_off"].status == "sold-before"


def test_a_rehearsal_proves_all_that_any_action_needs() -> None:
    assert {*needed(), *provable()} <= set(REHEARSED)
    assert set(REHEARSED) <= set(DIALECT.endpoints)


def test_every_entry_that_is_needed_is_in_the_table_and_changes_the_panel_or_is_a_guess() -> None:
    for entry in provable():
        assert (DIALECT[entry].method == "GET") is (entry in READS)
    assert all(DIALECT[entry].mark is Mark.INFERRED for entry in READS)


def test_an_entry_rests_on_words_that_the_table_has() -> None:
    assert set(RESTS_ON) <= set(provable())
    assert all(words for entry in RESTS_ON for words in words_of(DIALECT, entry).values())
    assert words_of(DIALECT, "diagnostics")[WordKind.OPERATION.value]["ok"] == "finished"
    assert words_of(DIALECT, "owner_set") == {}


def test_no_action_needs_what_clients_are_billed_by() -> None:
    assert not set(BY_NAME) & set(needed())
    assert set(BY_NAME) <= set(DIALECT.endpoints)
