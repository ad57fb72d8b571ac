import inspect
from pathlib import Path

import pytest
from pydantic import SecretStr

from whmcs.billing import Billing
from whmcs.clients import Clients
from whmcs.errors import NotFound, Refused, Surprise
from whmcs.log import Log
from whmcs.module import Module
from whmcs.services import PAGE, Services, ServiceStatus

DONE = {"result": "success"}
ROW = {
    "id": "1042",
    "clientid": "7",
    "pid": "3",
    "name": "Dedicated S",
    "status": "Active",
    "domain": "one.example.com",
    "username": "root",
    "password": " p&amp;w ",
    "dedicatedip": "192.0.2.4",
    "assignedips": "192.0.2.5\r\n192.0.2.6, 192.0.2.7",
}


def listing(*rows, total=None):
    return {**DONE, "totalresults": str(len(rows) if total is None else total), "products": {"product": list(rows)}}


def row(number):
    return {"id": str(number), "clientid": "7", "pid": "3", "status": "Active"}


@pytest.mark.parametrize(
    "answer",
    [
        listing(ROW),
        {**DONE, "totalresults": 1, "products": {"product": ROW}},
        {**DONE, "totalresults": 1, "products": {"product": {"0": ROW}}},
        {**DONE, "totalresults": 1, "products": [ROW]},
        {**DONE, "totalresults": "1"} | {f"products[product][0][{key}]": value for key, value in ROW.items()},
        {**DONE, "totalresults": 1, "products[product]": [ROW]},
        listing({**ROW, "id": 1042, "clientid": 7, "pid": 3}),
        listing({**row(10), "clientid": "1"}, ROW),
    ],
)
async def test_a_service_is_read_however_whmcs_writes_its_list(scene, answer):
    s = scene(answer)
    service = await s.billing.services.get(1042)
    assert (service.service_id, service.client_id, service.product_id, service.product_name) == (
        1042,
        7,
        3,
        "Dedicated S",
    )
    assert (service.status, service.domain, service.username) == (ServiceStatus.ACTIVE, "one.example.com", "root")
    assert service.password.get_secret_value() == " p&amp;w "
    assert (service.dedicated_ip, service.assigned_ips) == ("192.0.2.4", ("192.0.2.5", "192.0.2.6", "192.0.2.7"))
    assert s.whmcs.forms[0]["action"] == "GetClientsProducts" and s.whmcs.forms[0]["serviceid"] == "1042"


async def test_what_whmcs_leaves_empty_is_empty(scene):
    service = await scene(listing({**row(5), "assignedips": None, "dedicatedip": None})).billing.services.get(5)
    assert (service.domain, service.dedicated_ip, service.assigned_ips) == ("", "", ())
    assert service.password.get_secret_value() == ""


async def test_a_status_of_a_later_version_is_no_fault(scene):
    assert (await scene(listing({**row(5), "status": "Dreaming"})).billing.services.get(5)).status == "Dreaming"


@pytest.mark.parametrize(
    "answer",
    [
        {**DONE, "totalresults": 0, "products": ""},
        {**DONE, "totalresults": "0", "products": {"product": ""}},
        {**DONE, "totalresults": "0", "products": []},
        {**DONE, "totalresults": "0"},
        listing(row(99)),
    ],
)
async def test_a_service_that_is_not_shown_cannot_be_read_and_is_not_terminated(scene, answer):
    with pytest.raises(NotFound, match="does not mean terminated"):
        await scene(answer).billing.services.get(1042)


@pytest.mark.parametrize(
    "answer",
    [
        DONE,
        {**DONE, "totalresults": 1},
        {**DONE, "totalresults": "many", "products": {"product": [ROW]}},
        {**DONE, "totalresults": 1, "products": "some"},
        {**DONE, "totalresults": 1, "products": {"product": ["1042"]}},
        {**DONE, "totalresults": 1, "products": {"product": "1042"}},
        listing({**ROW, "clientid": ""}),
        listing({**ROW, "id": "-4"}),
        listing({key: value for key, value in ROW.items() if key != "status"}),
        listing({**ROW, "status": ""}),
        listing({**ROW, "domain": ["x"]}),
    ],
)
async def test_a_service_outside_the_schema_is_a_surprise(scene, answer):
    with pytest.raises(Surprise):
        await scene(answer).billing.services.get(1042)


async def test_an_update_sends_all_that_is_given_in_one_call(scene):
    s = scene({**DONE, "serviceid": "1042"})
    await s.billing.services.update(
        1042,
        domain="one.example.com",
        username="root",
        password=SecretStr("p&w"),
        dedicated_ip="192.0.2.4",
        assigned_ips=("192.0.2.5", "192.0.2.6"),
        status=ServiceStatus.ACTIVE,
    )
    (form,) = s.whmcs.forms
    assert {key: form[key] for key in form if key not in ("identifier", "secret", "responsetype")} == {
        "action": "UpdateClientProduct",
        "serviceid": "1042",
        "domain": "one.example.com",
        "serviceusername": "root",
        "servicepassword": "p&w",
        "dedicatedip": "192.0.2.4",
        "assignedips": "192.0.2.5\n192.0.2.6",
        "status": "Active",
    }


async def test_an_update_leaves_alone_what_is_not_given(scene):
    s = scene(DONE)
    await s.billing.services.update(5, status=ServiceStatus.PENDING)
    assert set(s.whmcs.forms[0]) == {"identifier", "secret", "responsetype", "action", "serviceid", "status"}


async def test_an_empty_value_clears_its_field(scene):
    s = scene(DONE)
    await s.billing.services.update(5, domain="d", dedicated_ip="", assigned_ips=(), password=SecretStr(""))
    form = s.whmcs.forms[0]
    assert {value for key, value in form.items() if key.startswith("unset[")} == {
        "dedicatedip",
        "assignedips",
        "servicepassword",
    }
    assert form["domain"] == "d" and "dedicatedip" not in form


@pytest.mark.parametrize("fields", [{}, {"status": ""}, {"domain": "d", "status": ""}, {"assigned_ips": "192.0.2.5"}])
async def test_an_update_that_makes_no_sense_is_not_sent(scene, fields):
    s = scene(DONE)
    with pytest.raises(ValueError):
        await s.billing.services.update(5, **fields)
    assert s.whmcs.requests == []


async def test_an_update_of_an_unknown_service_is_not_found(scene):
    with pytest.raises(NotFound):
        await scene({"result": "error", "message": "Service ID Not Found"}).billing.services.update(5, domain="d")


async def test_an_update_that_reached_another_service_is_a_surprise(scene):
    with pytest.raises(Surprise):
        await scene({**DONE, "serviceid": "6"}).billing.services.update(5, domain="d")


async def test_all_pages_are_read_by_what_they_really_hold(scene):
    s = scene(listing(row(1), row(2), total=5), listing(row(3), row(4), total=5), listing(row(5), total=5))
    assert [service.service_id for service in await s.billing.services.list()] == [1, 2, 3, 4, 5]
    assert [(form["limitstart"], form["limitnum"]) for form in s.whmcs.forms] == [
        ("0", str(PAGE)),
        ("2", str(PAGE)),
        ("4", str(PAGE)),
    ]


async def test_one_products_services_are_asked_for_on_every_page(scene):
    s = scene(listing(row(1), row(2), total=3), listing(row(3), total=3))
    product = (await s.billing.services.list(int(row(1)["pid"])))[0].product_id
    assert [form["pid"] for form in s.whmcs.forms] == [str(product)] * 2


async def test_services_of_another_product_than_was_asked_for_are_a_surprise(scene):
    s = scene(listing(row(1), total=1), listing(row(1), total=1))
    with pytest.raises(Surprise, match="do not add up"):
        await s.billing.services.list(int(row(1)["pid"]) + 1)


async def test_a_whmcs_without_services_lists_none(scene):
    assert await scene({**DONE, "totalresults": "0", "products": ""}).billing.services.list() == ()


@pytest.mark.parametrize(
    "second",
    [
        listing(total=3),
        listing(row(2), total=3),
        listing(row(3), total=4),
        listing(row(3), row(4), total=3),
        listing(row(3), row(3), total=3),
    ],
    ids=["ends early", "repeats a service", "counts anew", "holds too many", "holds one twice"],
)
async def test_pages_that_do_not_add_up_are_read_afresh_once(scene, second):
    first = listing(row(1), row(2), total=3)
    healed = scene(first, second, listing(row(1), row(2), row(3)))
    assert len(await healed.billing.services.list()) == 3
    broken = scene(first, second, first, second)
    with pytest.raises(Surprise, match="do not add up"):
        await broken.billing.services.list()
    assert len(broken.whmcs.requests) == 4


CLIENT = {"id": "7", "email": "ann+tag@example.com", "firstname": "Ann", "lastname": "O'Hara", "status": "Active"}


@pytest.mark.parametrize(
    "answer",
    [
        {**DONE, "client": {**CLIENT, "phonenumber": "+44 20 7946", "email_verified": True}},
        {**DONE, "userid": "7", **CLIENT, "phonenumber": "+44 20 7946", "email_verified": "1"},
        {**DONE, "client[phonenumber]": "+44 20 7946", "client[email_verified]": "true"}
        | {f"client[{key}]": value for key, value in CLIENT.items()},
    ],
)
async def test_a_client_is_read_from_old_and_new_versions(scene, answer):
    s = scene(answer)
    client = await s.billing.clients.get(7)
    assert (client.id, client.email, client.full_name) == (7, "ann+tag@example.com", "Ann O'Hara")
    assert (client.phone, client.email_verified, client.status) == ("+44 20 7946", True, "Active")
    assert (s.whmcs.forms[0]["action"], s.whmcs.forms[0]["clientid"]) == ("GetClientsDetails", "7")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        *((yes, True) for yes in (True, 1, "1", "on")),
        *((no, False) for no in (False, 0, "0", "")),
        *((unsaid, None) for unsaid in ("perhaps", None)),
    ],
)
async def test_a_verified_email_is_yes_no_or_not_said(scene, said, meant):
    client = await scene({**DONE, "client": {**CLIENT, "email_verified": said}}).billing.clients.get(7)
    assert client.email_verified is meant


async def test_whether_an_email_is_verified_is_not_guessed_when_whmcs_does_not_say(scene):
    assert (await scene({**DONE, "client": CLIENT}).billing.clients.get(7)).email_verified is None


@pytest.mark.parametrize("phone", ["", " ", None])
async def test_a_client_without_phone_has_none(scene, phone):
    assert (await scene({**DONE, "client": {**CLIENT, "phonenumber": phone}}).billing.clients.get(7)).phone is None


async def test_a_client_without_a_name_goes_by_the_email(scene):
    nameless = {**CLIENT, "firstname": "", "lastname": None}
    assert (await scene({**DONE, "client": nameless}).billing.clients.get(7)).full_name == "ann+tag@example.com"


@pytest.mark.parametrize("client", [{**CLIENT, "email": " "}, {**CLIENT, "id": "x"}, {**CLIENT, "id": "8"}, {}, "Ann"])
async def test_a_client_outside_the_schema_or_another_one_is_a_surprise(scene, client):
    with pytest.raises(Surprise):
        await scene({**DONE, "client": client}).billing.clients.get(7)


async def test_an_unknown_client_is_not_found(scene):
    with pytest.raises(NotFound):
        await scene({"result": "error", "message": "Client Not Found"}).billing.clients.get(7)


async def test_the_module_is_asked_to_look_at_a_service(scene):
    s = scene(DONE)
    await s.billing.module.sync(1042)
    (form,) = s.whmcs.forms
    assert (form["action"], form["serviceid"], form["func_name"]) == ("ModuleCustom", "1042", "sync")


async def test_a_module_that_could_not_look_is_a_refusal(scene):
    with pytest.raises(Refused, match="Prefect does not answer"):
        await scene({"result": "error", "message": "Prefect does not answer"}).billing.module.sync(1042)


async def test_a_line_of_the_activity_log_is_written_with_and_without_a_client(scene):
    s = scene(DONE)
    await s.billing.log.write("Server 7 is ready", 7)
    await s.billing.log.write("Checked")
    assert (s.whmcs.forms[0]["description"], s.whmcs.forms[0]["clientid"]) == ("Server 7 is ready", "7")
    assert s.whmcs.forms[1]["description"] == "Checked" and "clientid" not in s.whmcs.forms[1]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (kind, name)
        for kind, name in (
            (Clients, "clients"),
            (Services, "services"),
            (Module, "module"),
            (Log, "log"),
            (Billing, ""),
        )
    ],
)
def test_each_public_method_has_a_test(kind, name):
    tests = "".join(file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("test_*.py"))
    public = [method for method, _ in inspect.getmembers(kind, inspect.isfunction) if not method.startswith("_")]
    assert public
    assert [m for m in public if f"{'.'.join(filter(None, ('billing', name)))}.{m}(" not in tests] == []
