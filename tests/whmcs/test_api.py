import inspect
from pathlib import Path

import pytest

from tests.whmcs.conftest import DONE
from whmcs.api import Log, Module, WhmcsApi
from whmcs.clients import Clients
from whmcs.errors import WhmcsRefused
from whmcs.services import Services


async def test_the_module_is_asked_to_look_at_a_service(scene):
    s = scene(DONE)
    await s.whmcs.module.sync(1042)
    (form,) = s.scripted.forms
    assert (form["action"], form["serviceid"], form["func_name"]) == ("ModuleCustom", "1042", "sync")


async def test_a_module_that_could_not_look_is_a_refusal(scene):
    with pytest.raises(WhmcsRefused, match="Prefect does not answer"):
        await scene({"result": "error", "message": "Prefect does not answer"}).whmcs.module.sync(1042)


async def test_a_line_of_the_activity_log_is_written_with_and_without_a_client(scene):
    s = scene(DONE)
    await s.whmcs.log.write("Server 7 is ready", 7)
    await s.whmcs.log.write("Checked")
    assert (s.scripted.forms[0]["description"], s.scripted.forms[0]["clientid"]) == ("Server 7 is ready", "7")
    assert s.scripted.forms[1]["description"] == "Checked" and "clientid" not in s.scripted.forms[1]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (kind, name)
        for kind, name in (
            (Clients, "clients"),
            (Services, "services"),
            (Module, "module"),
            (Log, "log"),
            (WhmcsApi, ""),
        )
    ],
)
def test_each_public_method_has_a_test(kind, name):
    tests = "".join(file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("test_*.py"))
    public = [method for method, _ in inspect.getmembers(kind, inspect.isfunction) if not method.startswith("_")]
    assert public
    assert [m for m in public if f"{'.'.join(filter(None, ('whmcs', name)))}.{m}(" not in tests] == []
