import pytest
from pydantic import SecretStr

from tests.whmcs.conftest import DONE
from whmcs.errors import UnexpectedWhmcsResponse, WhmcsNotFound
from whmcs.services import PAGE
from whmcs.statuses import ServiceStatus

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
    service = await s.whmcs.services.get(1042)
    assert (service.service_id, service.client_id, service.product_id, service.product_name) == (
        1042,
        7,
        3,
        "Dedicated S",
    )
    assert (service.status, service.domain, service.username) == (ServiceStatus.ACTIVE, "one.example.com", "root")
    assert service.password.get_secret_value() == " p&amp;w "
    assert (service.dedicated_ip, service.assigned_ips) == ("192.0.2.4", ("192.0.2.5", "192.0.2.6", "192.0.2.7"))
    assert s.scripted.forms[0]["action"] == "GetClientsProducts" and s.scripted.forms[0]["serviceid"] == "1042"


async def test_what_whmcs_leaves_empty_is_empty(scene):
    service = await scene(listing({**row(5), "assignedips": None, "dedicatedip": None})).whmcs.services.get(5)
    assert (service.domain, service.dedicated_ip, service.assigned_ips) == ("", "", ())
    assert service.password.get_secret_value() == ""


async def test_a_status_of_a_later_version_is_no_fault(scene):
    assert (await scene(listing({**row(5), "status": "Dreaming"})).whmcs.services.get(5)).status == "Dreaming"


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
    with pytest.raises(WhmcsNotFound, match="does not mean terminated"):
        await scene(answer).whmcs.services.get(1042)


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
    with pytest.raises(UnexpectedWhmcsResponse):
        await scene(answer).whmcs.services.get(1042)


async def test_an_update_sends_all_that_is_given_in_one_call(scene):
    s = scene({**DONE, "serviceid": "1042"})
    await s.whmcs.services.update(
        1042,
        domain="one.example.com",
        username="root",
        password=SecretStr("p&w"),
        dedicated_ip="192.0.2.4",
        assigned_ips=("192.0.2.5", "192.0.2.6"),
        status=ServiceStatus.ACTIVE,
    )
    (form,) = s.scripted.forms
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
    await s.whmcs.services.update(5, status=ServiceStatus.PENDING)
    assert set(s.scripted.forms[0]) == {"identifier", "secret", "responsetype", "action", "serviceid", "status"}


async def test_an_empty_value_clears_its_field(scene):
    s = scene(DONE)
    await s.whmcs.services.update(5, domain="d", dedicated_ip="", assigned_ips=(), password=SecretStr(""))
    form = s.scripted.forms[0]
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
        await s.whmcs.services.update(5, **fields)
    assert s.scripted.requests == []


async def test_an_update_of_an_unknown_service_is_not_found(scene):
    with pytest.raises(WhmcsNotFound):
        await scene({"result": "error", "message": "Service ID Not Found"}).whmcs.services.update(5, domain="d")


async def test_an_update_that_reached_another_service_is_a_surprise(scene):
    with pytest.raises(UnexpectedWhmcsResponse):
        await scene({**DONE, "serviceid": "6"}).whmcs.services.update(5, domain="d")


async def test_all_pages_are_read_by_what_they_really_hold(scene):
    s = scene(listing(row(1), row(2), total=5), listing(row(3), row(4), total=5), listing(row(5), total=5))
    assert [service.service_id for service in await s.whmcs.services.all()] == [1, 2, 3, 4, 5]
    assert [(form["limitstart"], form["limitnum"]) for form in s.scripted.forms] == [
        ("0", str(PAGE)),
        ("2", str(PAGE)),
        ("4", str(PAGE)),
    ]


async def test_one_products_services_are_asked_for_on_every_page(scene):
    s = scene(listing(row(1), row(2), total=3), listing(row(3), total=3))
    product = (await s.whmcs.services.all(int(row(1)["pid"])))[0].product_id
    assert [form["pid"] for form in s.scripted.forms] == [str(product)] * 2


async def test_services_of_another_product_than_was_asked_for_are_a_surprise(scene):
    s = scene(listing(row(1), total=1), listing(row(1), total=1))
    with pytest.raises(UnexpectedWhmcsResponse, match="do not add up"):
        await s.whmcs.services.all(int(row(1)["pid"]) + 1)


async def test_a_whmcs_without_services_lists_none(scene):
    assert await scene({**DONE, "totalresults": "0", "products": ""}).whmcs.services.all() == ()


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
    assert len(await healed.whmcs.services.all()) == 3
    broken = scene(first, second, first, second)
    with pytest.raises(UnexpectedWhmcsResponse, match="do not add up"):
        await broken.whmcs.services.all()
    assert len(broken.scripted.requests) == 4


async def test_one_odd_row_is_named_and_hides_no_other_service(scene):
    odd = [{**row(2), "status": ""}, {**row(3), "clientid": 0}, "nonsense"]
    listed = await scene(listing(row(1), *odd, row(5))).whmcs.services.all()
    assert [service.service_id for service in listed] == [1, 5]
    assert [(one.id, one.place) for one in listed.odd] == [(2, 2), (3, 3), (None, 4)]
    assert "status" in listed.odd[0].why and "clientid" in listed.odd[1].why


async def test_an_odd_row_of_another_service_does_not_hide_the_one_that_was_asked_for(scene):
    s = scene(listing({**row(2), "status": ""}, row(5)))
    assert (await s.whmcs.services.get(5)).service_id == 5


async def test_a_service_that_is_shown_twice_is_a_surprise(scene):
    with pytest.raises(UnexpectedWhmcsResponse, match="shows service 5 twice"):
        await scene(listing(row(5), row(5))).whmcs.services.get(5)
