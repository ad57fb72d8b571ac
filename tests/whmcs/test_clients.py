import pytest

from tests.whmcs.conftest import DONE
from whmcs.errors import UnexpectedWhmcsResponse, WhmcsNotFound

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
    client = await s.whmcs.clients.get(7)
    assert (client.id, client.email, client.full_name) == (7, "ann+tag@example.com", "Ann O'Hara")
    assert (client.phone, client.email_verified, client.status) == ("+44 20 7946", True, "Active")
    assert (s.scripted.forms[0]["action"], s.scripted.forms[0]["clientid"]) == ("GetClientsDetails", "7")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        *((yes, True) for yes in (True, 1, "1", "on")),
        *((no, False) for no in (False, 0, "0", "")),
        *((unsaid, None) for unsaid in ("perhaps", None)),
    ],
)
async def test_a_verified_email_is_yes_no_or_not_said(scene, said, meant):
    client = await scene({**DONE, "client": {**CLIENT, "email_verified": said}}).whmcs.clients.get(7)
    assert client.email_verified is meant


async def test_whether_an_email_is_verified_is_not_guessed_when_whmcs_does_not_say(scene):
    assert (await scene({**DONE, "client": CLIENT}).whmcs.clients.get(7)).email_verified is None


@pytest.mark.parametrize("phone", ["", " ", None])
async def test_a_client_without_phone_has_none(scene, phone):
    assert (await scene({**DONE, "client": {**CLIENT, "phonenumber": phone}}).whmcs.clients.get(7)).phone is None


async def test_a_client_without_a_name_goes_by_the_email(scene):
    nameless = {**CLIENT, "firstname": "", "lastname": None}
    assert (await scene({**DONE, "client": nameless}).whmcs.clients.get(7)).full_name == "ann+tag@example.com"


@pytest.mark.parametrize("client", [{**CLIENT, "email": " "}, {**CLIENT, "id": "x"}, {**CLIENT, "id": "8"}, {}, "Ann"])
async def test_a_client_outside_the_schema_or_another_one_is_a_surprise(scene, client):
    with pytest.raises(UnexpectedWhmcsResponse):
        await scene({**DONE, "client": client}).whmcs.clients.get(7)


async def test_an_unknown_client_is_not_found(scene):
    with pytest.raises(WhmcsNotFound):
        await scene({"result": "error", "message": "Client Not Found"}).whmcs.clients.get(7)
