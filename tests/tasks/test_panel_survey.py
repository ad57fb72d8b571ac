import logging
from collections import Counter

import pytest

from dcimanager.survey_findings import SurveyedList
from flows.activate import activate
from flows.catalogue import catalogue
from ledger.tables import ForgottenServerRow
from simulator.panel.profile import Profile
from simulator.panel.variants import Variants
from tasks.panel_check import PanelReport, Readiness, examine, report_panel
from tasks.panel_survey import LONGEST_CELL, PanelSurvey, UnreadList, cell, survey, survey_panel
from tests.conftest import HarnessMaker
from tests.harness import PANEL, QUICK, START, Harness
from tests.stories.scenario import one_line, only_fit, take_panel_down

HOSTILE = "beendet` | <script> [x](https://evil)"


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the variables that were written for WHMCS."""
    names: list[str] = []

    async def aset(name: str, value: object, overwrite: bool) -> None:
        names.append(name)

    monkeypatch.setattr("prefect.variables.Variable.aset", aset)
    return names


def reasons(found: PanelSurvey) -> dict[str, int]:
    assert found.sellable + sum(found.why_not.values()) >= found.servers
    return found.why_not


async def test_a_healthy_panel_is_surveyed_with_one_reading_of_each_list_and_no_change(harness: Harness) -> None:
    found = await survey_panel(PANEL)
    assert (found.servers, found.sellable, found.why_not, found.lines()) == (12, 12, {}, [])
    assert found.found.rows[SurveyedList.USERS] == len(harness.panel.world.users)
    assert found.sentence() == "12 of 12 servers could be sold now"
    assert not found.must_be_mended
    assert harness.panel.writes() == []
    assert Counter(call.endpoint for call in harness.panel.requests if call.endpoint != "login") == Counter(
        ["server_list", "user_list", "os_template_list", "ip_pool_list", "location_list"]
    )


async def test_why_the_others_cannot_be_sold_is_counted_by_reason(harness: Harness) -> None:
    only_fit(harness, 5)
    service_id = harness.buy()
    await harness.run(activate, service_id, order=harness.order())
    servers = harness.panel.world.servers
    new, forgotten = (server for server in list(servers.values())[-2:])
    new.is_new, new.configuration = True, None
    async with harness.ledger.transaction() as session:
        session.add(ForgottenServerRow(panel=PANEL, server_id=forgotten.id, service_id=service_id, at=START))
    found = await survey_panel(PANEL)
    assert (found.servers, found.sellable) == (12, 4)
    assert reasons(found) == {
        "protected": 5, "with an owner": 1, "promised to a service": 1, "not yet accepted (new)": 1,
        "without a configuration": 1, "forgotten without a proved wipe": 1,
    }  # fmt: skip
    assert found.sentence().startswith("4 of 12 servers could be sold now; the others: 5 protected, ")


async def test_a_server_that_cannot_be_read_is_counted_and_never_sellable(harness: Harness) -> None:
    harness.panel.world.servers[5].location_id = "Riga"  # type: ignore[assignment]
    found = await survey_panel(PANEL)
    assert (found.servers, found.sellable, reasons(found)) == (12, 11, {"that could not be read": 1})
    assert found.must_be_mended


async def test_a_list_that_the_panel_refuses_is_named_and_the_others_are_surveyed(harness: Harness) -> None:
    harness.panel.world.servers[5].state = "beendet"
    harness.faults.server_error(500, "os_template_list")
    found = await survey_panel(PANEL)
    assert [one.entry for one in found.unread] == ["os_template_list"]
    assert found.lines()[0].startswith("the list os_template_list could not be read: ")
    assert [word.ids for word in found.found.words] == [(5,)]


async def test_a_panel_that_does_not_answer_or_does_not_let_us_in_is_not_surveyed(harness: Harness) -> None:
    take_panel_down(harness)
    assert await one_line(survey_panel(PANEL))


async def test_the_check_has_the_survey_as_a_line_and_a_section(harness: Harness) -> None:
    panel = harness.connect().panels[PANEL]
    report = (await examine(panel)).with_survey(await survey(panel))
    assert report.ready_for_orders
    assert report.orders[-1].what == "Survey: 12 of 12 servers could be sold now"
    assert "## Survey: what is really there" in report.markdown()


async def test_a_word_that_is_not_in_the_table_has_to_be_mended_and_is_inert_in_the_report(harness: Harness) -> None:
    panel = harness.connect().panels[PANEL]
    harness.panel.world.servers[5].state = HOSTILE
    report = (await examine(panel)).with_survey(await survey(panel))
    assert not report.ready_for_orders
    assert report.orders[-1].verdict is Readiness.MEND
    assert report.orders[-1].what.endswith("dciflow panel survey main")
    [row] = [line for line in report.markdown().splitlines() if "beendet" in line]
    assert row == "| `state` | `beendet' / <script> [x](https://evil)` | `state` | `1` | `5` |"


async def test_servers_that_cannot_be_listed_have_to_be_mended(harness: Harness) -> None:
    panel = harness.connect().panels[PANEL]
    report = await examine(panel)
    harness.faults.server_error(500, "server_list")
    found = await survey(panel)
    assert not found.read_servers
    assert report.with_survey(found).orders[-1].what.startswith("Survey: the panel's servers could not be read")
    assert not report.with_survey(found).ready_for_orders


async def test_the_runs_of_check_and_catalogue_warn_once_for_each_kind_of_finding(
    make_harness: HarnessMaker, caplog: pytest.LogCaptureFixture, kept: list[str]
) -> None:
    harness = make_harness(QUICK, Variants(empty_configurations=True))
    harness.panel.world.servers[5].state = harness.panel.world.servers[6].state = "beendet"
    harness.panel.world.servers[7].serial = "Default string"
    panel = harness.connect().panels[PANEL]
    checked = PanelReport(panel=PANEL, orders=[], deletions=[], dialect=[], proofs=[]).with_survey(await survey(panel))
    for run in (catalogue.fn(panel=PANEL), report_panel(checked)):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            await run
        warned = [line for line in caplog.messages if "dciflow panel survey main`" in line]
        assert warned == [
            "panel main: words of kind state that are not in the table: 1 ('beendet' 2 times) "
            "(run `dciflow panel survey main`)",
            "panel main: serial numbers that say nothing: 1, at servers 7: Default string "
            "(run `dciflow panel survey main`)",
            "panel main: servers without a configuration, so nobody can order them: 2, at servers 13, 14 "
            "(run `dciflow panel survey main`)",
        ]
    assert kept


async def test_a_catalogue_is_kept_when_the_survey_after_it_fails(
    harness: Harness, caplog: pytest.LogCaptureFixture, kept: list[str]
) -> None:
    for nth in range(1, 40):
        harness.faults.refuse_before("user_list", nth)
    with caplog.at_level(logging.WARNING):
        await catalogue.fn(panel=PANEL)
    assert kept
    assert [line for line in caplog.messages if "could not be surveyed" in line]


@pytest.mark.parametrize(
    "variants",
    [
        {"roles": "array", "address_key": "ip_addr", "pool_counts": "strings", "rack": "null"},
        {"case": "title", "operation_key": "name", "pdu_connection": "array", "size_in_lists": False},
        {"case": "upper", "operation_key": "kind", "pdu_connection": "null", "default_limit": 1},
    ],
)
async def test_a_panel_that_speaks_otherwise_is_surveyed_without_findings(
    make_harness: HarnessMaker, variants: dict[str, str]
) -> None:
    harness = make_harness(QUICK, Variants.model_validate(variants))
    only_fit(harness, 5)
    await harness.run(activate, harness.buy(), order=harness.order())
    assert (await survey_panel(PANEL)).lines() == []


async def test_an_empty_pool_and_a_template_of_one_location_are_found(make_harness: HarnessMaker) -> None:
    plans = [template.model_copy(update={"locations": ("Riga",)}) for template in QUICK.templates[:1]]
    pools = [pool.model_copy(update={"size": 0}) for pool in QUICK.pools[:1]]
    make_harness(Profile(templates=(*plans, *QUICK.templates[1:]), pools=(*pools, *QUICK.pools[1:])))
    found = (await survey_panel(PANEL)).found
    assert [(one.kind, one.examples) for one in found.findings] == [
        ("template-in-one-location", ("Debian-12-x86_64 in 1",)), ("pool-empty", ("public-v4",)),
    ]  # fmt: skip


def test_a_cell_is_cut_and_what_a_panel_said_of_a_refusal_is_told() -> None:
    assert len(cell("x" * 10_000)) == LONGEST_CELL
    refused = [UnreadList.model_validate({"entry": "user_list", "why": "no | `x`"})]
    assert "- `user_list` could not be read: `no / 'x'`" in markdown(refused)


def markdown(unread: list[UnreadList]) -> str:
    return PanelSurvey.model_validate(
        {"panel": "main", "servers": 0, "sellable": 0, "why_not": {}, "unread": unread, "found": {}}
    ).markdown()
