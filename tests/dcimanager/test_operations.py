import pytest

from dcimanager.endpoints import load_dialect
from dcimanager.errors import PanelNotFound, UnexpectedPanelResponse
from dcimanager.marks import Mark
from dcimanager.operations import Operation, OperationProgress, OperationStep
from dcimanager.words import Vocabulary, Word, WordKind


@pytest.mark.parametrize(
    ("status", "progress"),
    [
        ("new", "RUNNING"),
        ("queued", "RUNNING"),
        ("in_progress", "RUNNING"),
        ("waiting", "RUNNING"),
        ("something nobody ever saw", "UNKNOWN"),
        ("", "UNKNOWN"),
        (None, "UNKNOWN"),
        ("ok", "FINISHED"),
        (" OK ", "FINISHED"),
        ("finished", "FINISHED"),
        ("Successful", "FINISHED"),
        ("COMPLETE", "FINISHED"),
        ("Success", "FINISHED"),
        ("done", "FINISHED"),
        ("failed", "FAILED"),
        ("ERROR", "FAILED"),
        ("finished_with_error", "FAILED"),
        ("canceled", "ENDED"),
        ("Cancelled", "ENDED"),
        ("aborted", "ENDED"),
        ("terminated", "ENDED"),
        ("interrupted", "ENDED"),
        ("unsuccessful", "FAILED"),
        ("abandoned", "ENDED"),
        ("incomplete", "RUNNING"),
        ("unfinished", "RUNNING"),
        ("not_finished", "RUNNING"),
        ("finishing", "RUNNING"),
        ("Completing", "RUNNING"),
        ("cancelling", "RUNNING"),
        ("terminating", "RUNNING"),
        ("finished_with_warnings", "UNKNOWN"),
        ("partially done", "UNKNOWN"),
        ("okay", "UNKNOWN"),
        ("not ok", "RUNNING"),
        ("beendet", "UNKNOWN"),
    ],
)
def test_a_status_is_told_by_its_whole_word_and_else_by_its_parts_but_never_as_finished(status, progress):
    operation = Operation.model_validate({"id": 1, "status": status})
    assert operation.progress is OperationProgress[progress]
    assert operation.running is (progress in ("RUNNING", "UNKNOWN"))
    assert bool(operation.word_note) is (progress == "UNKNOWN")


def test_the_line_about_a_word_names_it_and_the_page():
    note = Operation(id=1, status="beendet").word_note
    assert note == "The panel's word for it, 'beendet', is not in the table of words: see docs/dialect.md."


async def test_a_word_means_what_the_sites_own_table_says(wire, make_panel, tmp_path):
    file = tmp_path / "corrections.toml"
    file.write_text('[words.operation.beendet]\nmeans = "finished"\n[words.operation.ok]\nmeans = "running"\n')
    steps = [{"name": "copy", "status": "beendet"}, {"name": "check", "status": "ok"}]
    row = {"id": 902, "status": "beendet", "progress_info": steps}
    wire.on("GET", "dci/v3/server/7/operation/902", row)
    read = await make_panel(dialect=load_dialect(file)).operations.get(7, 902)
    assert (read.progress, read.status) == (OperationProgress.FINISHED, "beendet")
    assert [step.over for step in read.progress_info] == [True, False]
    assert (await make_panel().operations.get(7, 902)).progress is OperationProgress.UNKNOWN


@pytest.mark.parametrize("key", ["type", "name", "kind"])
def test_the_kind_is_read_in_all_spellings(key):
    install = Operation.model_validate({"id": 1, key: "OS_Install"})
    assert (install.is_install, install.is_diagnostics) == (True, False)
    diagnostics = Operation.model_validate({"id": 1, key: "server_diagnostics"})
    assert (diagnostics.is_install, diagnostics.is_diagnostics) == (False, True)


def test_an_operation_that_does_not_tell_its_kind_is_neither_one_nor_the_other():
    silent = Operation.model_validate({"id": 1, "status": "new"})
    assert (silent.kind, silent.is_install, silent.is_diagnostics) == (None, None, None)


@pytest.mark.parametrize(
    ("means", "does"), [("installation", (True, False)), ("diagnostics", (False, True)), ("other", (False, False))]
)
def test_what_an_operation_does_is_told_by_its_whole_type_before_any_part_of_it(means, does):
    word = Word(kind=WordKind.OPERATION_TYPE, word="reinstall_diag", means=means, mark=Mark.CORRECTED)
    vocabulary = Vocabulary(words={WordKind.OPERATION_TYPE: {word.word: word}})
    operation = Operation.model_validate({"id": 1, "type": "Reinstall_Diag"}, context=vocabulary)
    assert (operation.is_install, operation.is_diagnostics) == does


@pytest.mark.parametrize(
    ("info", "text"),
    [
        ({}, ""),
        (None, ""),
        ("PXE timeout", "PXE timeout"),
        ({"msg": "PXE timeout"}, "PXE timeout"),
        ({"error": {"message": "deep"}}, "deep"),
        ({"disk": "sda", "left": 3}, "disk: sda, left: 3"),
    ],
)
def test_what_the_panel_says_of_an_operation_becomes_a_text(info, text):
    assert Operation.model_validate({"id": 1, "status_info": info}).status_info == text


@pytest.mark.parametrize(
    ("told", "template"),
    [
        ({"os_template": {"id": 12, "name": "Debian-12"}}, "Debian-12"),
        ({"template": "Diag6"}, "Diag6"),
        ({"os_template": 12}, "12"),
        ({"os_template": {"id": 12}}, "12"),
        ({}, None),
    ],
)
def test_the_template_is_told_by_name_or_id(told, template):
    assert Operation.model_validate({"id": 1, **told}).template == template


STEPS = [
    {"name": "preparing the template", "status": "finished"},
    {"name": "uploading", "status": "in_progress"},
    {"name": "running", "status": "new"},
    {"name": "completing"},
]


def test_an_operation_tells_its_step_and_percentage():
    operation = Operation.model_validate(
        {"id": 1, "status": "in_progress", "progress_info": STEPS, "status_info": {"msg": "wait\nhere"}}
    )
    assert operation.sentence() == "in_progress, step 2 of 4: uploading, wait here"
    assert operation.percent == 25


def test_an_operation_without_steps_tells_its_status():
    operation = Operation.model_validate({"id": 1, "status": "queued", "progress_info": None})
    assert (operation.sentence(), operation.percent) == ("queued", None)
    assert Operation(id=1).sentence() == "no status"


def test_an_operation_with_all_steps_done_is_at_a_hundred():
    operation = Operation.model_validate({"id": 1, "status": "finished", "progress_info": STEPS[:1] * 3})
    assert (operation.percent, operation.sentence()) == (100, "finished")


@pytest.mark.parametrize(
    ("step", "name"),
    [("uploading", "uploading"), ({"title": "x"}, "x"), ({"id": 3}, "3"), ({}, "step"), (7, "7")],
)
def test_a_step_of_any_form_has_a_name(step, name):
    assert Operation.model_validate({"id": 1, "progress_info": [step]}).progress_info == [OperationStep(name=name)]


async def test_one_operation_of_a_server_is_read(wire, panel):
    wire.on("GET", "dci/v3/server/7/operation/902", {"id": "902", "status": "in_progress"})
    assert (await panel.operations.get(7, 902)).running


async def test_another_operation_than_the_one_asked_for_is_a_surprise(wire, panel):
    wire.on("GET", "dci/v3/server/7/operation/902", {"id": 901, "status": "finished"})
    with pytest.raises(UnexpectedPanelResponse, match="gave operation 901 of server 7 instead of 902"):
        await panel.operations.get(7, 902)


async def test_an_operation_without_an_id_is_a_surprise(wire, panel):
    wire.on("GET", "dci/v3/server/7/operation/902", {"status": "finished"})
    with pytest.raises(UnexpectedPanelResponse, match="id: Field required"):
        await panel.operations.get(7, 902)


async def test_an_operation_that_is_not_there_is_not_found(wire, panel, refusal):
    wire.on("GET", "dci/v3/server/7/operation/902", refusal(404, 3080))
    with pytest.raises(PanelNotFound):
        await panel.operations.get(7, 902)


async def test_an_operation_is_ended_in_the_panels_own_word(wire, panel, make_panel, corrected, sent):
    ending = wire.on("POST", "dci/v3/server/7/operation/902", {})
    await panel.operations.end(7, 902)
    assert sent(ending) == {"status": "canceled"}
    await make_panel(dialect=corrected("operation_end", values={"ended": "stop"})).operations.end(7, 902)
    assert sent(ending) == {"status": "stop"}


DONE = {"name": "clear sda", "status": "finished"}


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"progress_info": [DONE, {"name": "clear sdb", "status": "failed"}]}, "its step clear sdb is failed"),
        ({"progress_info": [DONE, {"name": "clear sdb", "status": "new"}]}, "its step clear sdb is new"),
        (
            {"progress_info": [DONE, {"name": "clear sdb", "status": "ausgelassen"}]},
            "its step clear sdb is ausgelassen",
        ),
        ({"progress_info": ["clear sdb: failed"]}, "its step says clear sdb: failed"),
        ({"status_info": {"msg": "1 disk skipped"}}, "the panel says of it: 1 disk skipped"),
        ({"status_info": "Errors while clearing sdb"}, "the panel says of it: Errors while clearing sdb"),
        ({"progress_info": [DONE, {"name": "clear sdb"}]}, "its step clear sdb tells no status"),
        ({"status_info": "all good " * 1_000}, f"the panel says of it: {('all good ' * 1_000)[:177]}…"),
        ({"progress_info": ["clear sda", "completing"], "status_info": "no errors, failed: 0"}, ""),
        ({"progress_info": [DONE], "status_info": {}}, ""),
        ({}, ""),
    ],
)
def test_a_finished_operation_with_a_step_that_did_not_end_well_says_so(told, why):
    assert Operation.model_validate({"id": 1, "status": "finished", **told}).undone == why
