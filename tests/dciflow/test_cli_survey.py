"""The command `dciflow panel survey`, as it is typed."""

import json
from typing import Any

import pytest

from dcimanager.endpoints import load_dialect
from dcimanager.errors import PanelUnreachable
from dcimanager.survey import survey_rows
from dcimanager.survey_findings import SurveyedList
from runtime import connections
from tasks import panel_survey
from tasks.panel_survey import PanelSurvey, UnreadList
from tests.dciflow.command_line import typed
from tests.dciflow.test_cli_output import HOSTILE, inert, read
from tests.dcimanager.surveyed_rows import server

EMAIL = "anna.private@clients.example"


def surveyed(*servers: Any, unread: tuple[UnreadList, ...] = ()) -> PanelSurvey:
    found, _ = survey_rows({SurveyedList.SERVERS: list(servers)}, load_dialect())
    counts = {"servers": len(servers), "sellable": 1, "why_not": {"protected": 2}}
    return PanelSurvey.model_validate({"panel": "main", "unread": list(unread), "found": found, **counts})


@pytest.fixture
def finds(monkeypatch: pytest.MonkeyPatch) -> list[PanelSurvey | Exception]:
    """What the survey ends with is put in here."""
    ends: list[PanelSurvey | Exception] = []

    async def named(name: str) -> None:
        """No panel is asked."""

    async def survey(panel: None) -> PanelSurvey:
        if isinstance(ends[0], Exception):
            raise ends[0]
        return ends[0]

    monkeypatch.setattr(connections, "panel_named", named)
    monkeypatch.setattr(panel_survey, "survey", survey)
    return ends


async def test_findings_are_shown_in_tables_and_end_with_zero(finds: list[PanelSurvey | Exception]) -> None:
    finds.append(surveyed(server(1, state="kaputt", is_new="no"), server(2, serial="None"), server(3)))
    said = await typed("panel", "survey", "main")
    assert said.exit_code == 0, said.output
    shown = " ".join(said.output.replace("│", " ").split())
    assert "state kaputt state 1 1" in shown
    assert "servers is_new string once of 3 1" in shown
    assert "serial numbers that say nothing 1 servers 2 None" in shown
    assert '[words.state.kaputt] means = "changing" or "in operation" or "out of operation"' in shown
    assert shown.endswith("1 of 3 servers could be sold now; the others: 2 protected.")


async def test_a_panel_with_nothing_to_find_is_said_so(finds: list[PanelSurvey | Exception]) -> None:
    finds.append(surveyed(server(1)))
    assert "Nothing is unknown, missing, empty or shared." in (await typed("panel", "survey", "main")).output


async def test_a_survey_is_printed_for_programs(finds: list[PanelSurvey | Exception]) -> None:
    finds.append(surveyed(server(1, state="kaputt"), server(2, serial="None")))
    told = read(await typed("panel", "survey", "main", "--json"))
    assert (told["servers"], told["sellable"], told["why_not"], told["unread"]) == (2, 1, {"protected": 2}, [])
    assert told["rows"] == {"server_list": 2}
    assert told["words"] == [
        {"kind": "state", "word": "kaputt", "field": "state", "count": 1, "rows": 1, "ids": [1]}
    ]  # fmt: skip
    [finding] = told["findings"]
    assert (finding["kind"], finding["found_in"], finding["examples"]) == (
        "serial-placeholder",
        "server_list",
        ["None"],
    )


async def test_what_a_panel_says_is_shown_as_text_and_never_an_email(finds: list[PanelSurvey | Exception]) -> None:
    hostile = HOSTILE[:70] + "evil end"
    finds.append(surveyed(server(1, state=hostile, owner_email=EMAIL, barcode=EMAIL), server(2, barcode=EMAIL)))
    for words in (("panel", "survey", "main"), ("panel", "survey", "main", "--json")):
        said = await typed(*words)
        assert said.exit_code == 0
        assert "clients.example" not in said.output
        assert "(e-mail)" in said.output
        assert not any(sign in said.output for sign in ("\x1b", "\x07", "\x9b", "\u202e"))
    assert json.loads(said.output)["words"][0]["word"].startswith("correct [ip_pool_settings] in [bold]x[/]")


async def test_a_long_text_is_cut_in_its_cell(finds: list[PanelSurvey | Exception]) -> None:
    unread = UnreadList(entry=SurveyedList.USERS, why="no " * 1000)
    finds.append(surveyed(server(1), unread=(unread,)))
    said = await typed("panel", "survey", "main")
    assert said.exit_code == 0
    assert "The list user_list could not be read: no no" in said.output
    assert len(max(said.output.splitlines(), key=len)) < 700


async def test_a_panel_that_could_not_be_read_ends_with_one_line_and_one(
    finds: list[PanelSurvey | Exception],
) -> None:
    unread = UnreadList(entry=SurveyedList.SERVERS, why=HOSTILE)
    for end in (surveyed(unread=(unread,)), PanelUnreachable(HOSTILE)):
        finds[:] = [end]
        said = await typed("panel", "survey", "main", "--json")
        assert (said.exit_code, len(said.output.splitlines())) == (1, 1)
        inert(said.output)
