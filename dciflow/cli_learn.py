"""The command `dciflow panel learn`: the dialect as the panel's own description proposes it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from dciflow.cli_support import AsJson, command, fail, say, show_json, show_table


@command
async def panel_learn(
    name: Annotated[str, typer.Argument(help="The panel's name.")],
    write: Annotated[
        Path | None, typer.Option("--write", dir_okay=False, help="Write an endpoints file; one that is there stays.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read the panel's Swagger and propose the dialect, each entry with its evidence; nothing on the panel changes."""
    from dciflow.cli_output import LearnedPanel
    from dcimanager.endpoints import load_dialect
    from dcimanager.learning.endpoints_file import endpoints_file
    from dcimanager.learning.learner import learn
    from runtime.connections import panel_named

    panel = await panel_named(name)
    learned = await learn(panel)
    if not learned.definitions:
        fail(
            f"Panel {name} serves no Swagger definition ({'; '.join(learned.skipped[:3])}): "
            "correct [swagger] in the table of endpoints."
        )
    if write is not None:
        text = endpoints_file(learned, panel.dialect, panel=name, now=datetime.now(UTC))
        try:
            with write.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            fail(f"{write} is there already: name another file, and compare the two.")
        except OSError as error:
            fail(f"{write} cannot be written ({error.strerror}).")
        load_dialect(write)  # what was written is what every run will read
    shown = LearnedPanel.of(name, learned, panel.dialect)
    if as_json:
        return show_json(shown)
    show_table(
        ["Entry", "Ours", "The panel's", "Certainty", "Evidence"],
        (
            (
                one.entry,
                one.ours,
                "as ours" if one.same else one.proposed,
                one.certainty.value,
                "; ".join([*one.evidence, *(f"BUT {doubt}" for doubt in one.doubts)]),
            )
            for one in shown.entries
        ),
        title=f"Dialect of panel {name}",
        whole="Certainty",
    )
    show_table(
        ["Word of", "Word", "Means", "In the table", "Where"],
        ((one.kind, one.word, one.means or "open", one.known, one.where) for one in shown.words),
        title="Words",
    )
    for text in learned.skipped:
        say(f"Left aside: {text}")
    if write is not None:
        say(f"Written: {write}. Uncomment what a person has compared, then set DCIFLOW_ENDPOINTS_FILE to it.")
