import pytest

from dcimanager.errors import NotFound, Surprise
from dcimanager.operations import Operation, OperationProgress, Step


@pytest.mark.parametrize(
    ("status", "progress"),
    [
        ("new", "RUNNING"),
        ("queued", "RUNNING"),
        ("in_progress", "RUNNING"),
        ("something nobody ever saw", "RUNNING"),
        ("", "RUNNING"),
        (None, "RUNNING"),
        ("finished", "FINISHED"),
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
    ],
)
def test_a_status_is_told_by_the_parts_of_its_word(status, progress):
    operation = Operation.model_validate({"id": 1, "status": status})
    assert operation.progress is OperationProgress[progress]
    assert operation.running is (progress == "RUNNING")


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
    assert Operation.model_validate({"id": 1, "progress_info": [step]}).progress_info == [Step(name=name)]


async def test_one_operation_of_a_server_is_read(wire, panel):
    wire.on("GET", "dci/v3/server/7/operation/902", {"id": "902", "status": "in_progress"})
    assert (await panel.operations.get(7, 902)).running


async def test_another_operation_than_the_one_asked_for_is_a_surprise(wire, panel):
    wire.on("GET", "dci/v3/server/7/operation/902", {"id": 901, "status": "finished"})
    with pytest.raises(Surprise, match="gave operation 901 of server 7 instead of 902"):
        await panel.operations.get(7, 902)


async def test_an_operation_without_an_id_is_a_surprise(wire, panel):
    wire.on("GET", "dci/v3/server/7/operation/902", {"status": "finished"})
    with pytest.raises(Surprise, match="id: Field required"):
        await panel.operations.get(7, 902)


async def test_an_operation_that_is_not_there_is_not_found(wire, panel, refusal):
    wire.on("GET", "dci/v3/server/7/operation/902", refusal(404, 3080))
    with pytest.raises(NotFound):
        await panel.operations.get(7, 902)


async def test_an_operation_is_ended_in_the_panels_own_word(wire, panel, make_panel, corrected, sent):
    ending = wire.on("POST", "dci/v3/server/7/operation/902", {})
    await panel.operations.end(7, 902)
    assert sent(ending) == {"status": "canceled"}
    await make_panel(dialect=corrected("operation_end", values={"ended": "stop"})).operations.end(7, 902)
    assert sent(ending) == {"status": "stop"}
