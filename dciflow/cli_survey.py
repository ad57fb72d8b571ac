"""`dciflow panel survey`: what is really there on a panel. Nothing is changed."""

from typing import TYPE_CHECKING, Annotated

import typer

from dciflow.cli_support import AsJson, command, fail, say, show_json, show_table

if TYPE_CHECKING:
    from tasks.panel_survey import PanelSurvey


@command
async def panel_survey(name: Annotated[str, typer.Argument(help="The panel's name.")], as_json: AsJson = False) -> None:
    """Read every server, user, template, pool and location once, and say what is unknown, missing, empty or shared."""
    from dciflow.cli_output import SurveyedPanel
    from runtime.connections import panel_named
    from tasks.panel_survey import survey

    found = await survey(await panel_named(name))
    if not found.read_servers:
        fail(f"The servers of panel {name} could not be read: {'; '.join(one.why for one in found.unread)}")
    if as_json:
        return show_json(SurveyedPanel.of(found))
    show_survey(found)


def show_survey(survey: "PanelSurvey") -> None:
    """Print what a survey found; tables that would be empty are left out."""
    from dcimanager.words import MEANINGS
    from tasks.panel_survey import FIELD_COLUMNS, FINDING_COLUMNS, WORD_COLUMNS, cell

    for one in survey.unread:
        say(f"The list {one.entry} could not be read: {cell(one.why)}")
    for columns, rows, title in (
        (WORD_COLUMNS, survey.word_rows(), "Words that are not in the table"),
        (FIELD_COLUMNS, survey.field_rows(), "Fields that are missing or of another type"),
        (FINDING_COLUMNS, survey.finding_rows(), "What else was found"),
    ):
        cells = [[cell(text) for text in row] for row in rows]
        if cells:
            show_table(columns, cells, title=title)
    if survey.found.words_left_out:
        say(f"And {survey.found.words_left_out} more words that are not in the table.")
    for word in survey.found.words[:1]:
        meanings = " or ".join(f'"{meaning}"' for meaning in sorted(MEANINGS[word.kind]))
        say(f"Say what such a word means in your endpoints file (docs/dialect.md): {word.entry} means = {meanings}")
    if not survey.lines():
        say("Nothing is unknown, missing, empty or shared.")
    say(f"{survey.sentence()}.")
