import re
from typing import Any

import pytest
from pydantic import JsonValue

from dcimanager.endpoints import load_dialect
from dcimanager.survey import survey_rows
from dcimanager.survey_findings import LONGEST_EXAMPLE, FindingKind, SurveyedList
from tests.dcimanager.surveyed_rows import (
    LOCATIONS,
    POOLS,
    TEMPLATES,
    of_kind,
    only,
    server,
    survey,
    template,
)


def test_a_panel_with_which_nothing_is_wrong_gives_no_findings() -> None:
    found = survey(server(1), server(2), server(3))
    assert (found.words, found.fields, found.findings, found.lines()) == ([], [], [], [])
    assert found.rows == {
        "server_list": 3,
        "user_list": 1,
        "os_template_list": 3,
        "ip_pool_list": 1,
        "location_list": 2,
    }


def test_a_panel_without_anything_gives_no_findings() -> None:
    assert survey(users=[], templates=[], pools=[], locations=[]).lines() == []
    found, servers = survey_rows({}, load_dialect())
    assert (found.rows, found.lines(), servers) == ({}, [], [])


def test_a_template_in_one_location_only_is_told_where_the_panel_has_several() -> None:
    templates = [*TEMPLATES, template(4, "Rare", 4), template(5, "Diag6", 3, type="diagnostics")]
    finding = only(survey(server(1), templates=templates))
    assert (finding.kind, finding.ids) == (FindingKind.TEMPLATE_IN_ONE_LOCATION, (4,))
    assert finding.examples == ("Rare in 4",)
    assert survey(server(1), templates=[template(4, "Rare", 3)], locations=LOCATIONS[:1]).findings == []


def test_a_pool_without_a_free_address_is_told() -> None:
    pools: list[JsonValue] = [*POOLS, {"id": 2, "name": "full", "ipv4": {"total": 3, "used": 3}}]
    finding = only(survey(server(1), pools=pools))
    assert (finding.kind, finding.ids, finding.examples) == (FindingKind.POOL_EMPTY, (2,), ("full",))


@pytest.mark.parametrize(
    "odd", [None, 17, "x", [], {}, {"id": {"a": 1}}, {"id": 1}, {"id": 1, "owner": None, "switch_connection": [7]}]
)
def test_one_odd_row_is_named_and_stops_nothing(odd: Any) -> None:
    rows = {SurveyedList.SERVERS: [server(2, state="beendet"), odd, server(3, serial="None")]}
    found, servers = survey_rows(rows, load_dialect())
    assert [one.id for one in servers] == [2, 3]
    assert [word.word for word in found.words] == ["beendet"]
    unreadable = of_kind(found, FindingKind.ROW_UNREADABLE)
    assert (unreadable.count, unreadable.found_in, len(unreadable.ids)) == (1, SurveyedList.SERVERS, 1)
    assert of_kind(found, FindingKind.SERIAL_PLACEHOLDER).ids == (3,)


def test_an_odd_row_says_what_is_wrong_with_it() -> None:
    unowned = server(8)
    del unowned["owner_email"]
    found = survey(unowned, server(9, location_id="Riga"), users=[{"id": 5, "email": "u@example.com"}])
    told = {one.found_in: one.examples for one in found.findings if one.kind is FindingKind.ROW_UNREADABLE}
    assert told[SurveyedList.SERVERS][0] == "8: it does not tell its owner"
    assert told[SurveyedList.SERVERS][1].startswith("9: location_id: ")
    assert told[SurveyedList.USERS] == ("5: roles: Field required",)


def test_no_email_and_no_long_text_gets_into_a_survey() -> None:
    email = "anna.private+x@clients.example"
    found = survey(
        server(1, owner_email=email, state=f"held for {email}", barcode=email, serial="\x1b[31mN/A"),
        server(2, barcode=email, state="w" * 5000, configuration=f" {email} "),
        server(3, is_new=email, location_id=email, operation={"id": 1, "status": email}),
        users=[{"id": email, "email": email, "roles": 7}, {"email": email}],
        templates=[template(1, email, 3)], pools=[{"id": 1, "name": email, "ipv4": {"total": 1, "used": 1}}],
    )  # fmt: skip
    whole = found.model_dump_json()
    assert "(e-mail)" in whole
    assert not re.search(r"clients\.example|\x1b|\\u001b", whole)
    assert all(len(text) <= 2 * LONGEST_EXAMPLE for one in found.findings for text in one.examples)
    assert all(len(word.word) <= LONGEST_EXAMPLE for word in found.words)
    assert all(len(line) <= 600 for line in found.lines())
