from dcimanager.survey_findings import EXAMPLES, WHAT, FindingKind
from tests.dcimanager.surveyed_rows import only, server, survey


def test_a_finding_at_many_servers_names_five_and_counts_the_rest() -> None:
    finding = only(survey(*(server(number, barcode="same") for number in range(1, 31))))
    assert (finding.count, finding.rows, len(finding.ids)) == (1, 30, EXAMPLES)
    assert finding.line() == (
        "barcodes that several servers have: 1, at servers 1, 2, 3, 4, 5 and 25 more: same at 1, 2, 3, 4, 5 and 25 more"
    )


def test_there_is_one_line_for_each_kind_of_finding() -> None:
    found = survey(
        server(1, state="a", is_new="no", serial="None"),
        server(2, state="b", serial="None"),
        server(3, power_status="z"),
    )
    assert found.lines() == [
        "words of kind power that are not in the table: 1 ('z' once)",
        "words of kind state that are not in the table: 2 ('a' once, 'b' once)",
        "fields that are missing or of another type: 1 (servers: is_new)",
        "serial numbers that say nothing: 2, at servers 1, 2: None (2 times)",
    ]


def test_every_kind_of_finding_says_what_it_is() -> None:
    assert set(WHAT) == set(FindingKind)
