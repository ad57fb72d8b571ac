from urllib.parse import parse_qs

import httpx
import pytest
from pydantic import SecretStr

from dcimanager.errors import PanelRefused, UnexpectedPanelResponse, WrongCredentials
from dcimanager.users import User, folded


def user(number, email, roles="[@user]"):
    return {"id": number, "email": email, "roles": roles, "server_count": 0}


USERS = [user(1, "admin@example.com", "[@admin]"), user(2, "a+b@example.com"), user(3, "o'hara@example.com")]


def filtering(*users, seen):
    """A panel that filters e-mails exactly, as SQL would, case included."""

    def answer(request: httpx.Request) -> httpx.Response:
        where = parse_qs(request.url.query.decode()).get("where", [None])[0]
        seen.append(where)
        found = [row for row in users if where is None or where == f"email EQ '{row['email']}'"]
        return httpx.Response(200, json={"list": found, "size": len(found)})

    return answer


@pytest.fixture
def asked(wire):
    seen = []
    wire.on("GET", "dci/v3/user", filtering(*USERS, seen=seen))
    return seen


async def test_all_users_are_listed(panel, asked):
    assert [(found.id, found.is_admin) for found in await panel.users.all()] == [(1, True), (2, False), (3, False)]
    assert asked == [None]


async def test_a_plus_address_is_found(panel, asked):
    found = await panel.users.find("a+b@example.com")
    assert found == User(id=2, email="a+b@example.com", roles=("@user",))
    assert asked == ["email EQ 'a+b@example.com'"]


async def test_an_email_in_capitals_is_found(panel, asked):
    found = await panel.users.find("A+B@Example.com")
    assert found is not None and found.id == 2


async def test_an_email_with_a_quote_is_found_by_reading_all_users(panel, asked):
    found = await panel.users.find("o'hara@example.com")
    assert found is not None and found.id == 3
    assert asked == [None]


async def test_nobody_is_none_and_not_the_first_of_the_list(panel, asked):
    assert await panel.users.find("nobody@example.com") is None


@pytest.mark.parametrize("email", ["b@example.com", "a b@example.com", "a+b@example.co", "%@example.com"])
async def test_a_similar_email_is_not_the_same(wire, panel, email):
    wire.on("GET", "dci/v3/user", {"list": USERS, "size": len(USERS)})
    assert await panel.users.find(email) is None


async def test_a_panel_that_refuses_the_filter_is_read_whole(wire, panel, refusal):
    wire.on("GET", "dci/v3/user", refusal(400), {"list": USERS, "size": 3})
    found = await panel.users.find("a+b@example.com")
    assert found is not None and found.id == 2


async def test_wrong_credentials_are_told_at_once_when_a_user_is_looked_for(wire, panel, refusal):
    wire.login.mock(side_effect=None, return_value=refusal(401))
    with pytest.raises(WrongCredentials):
        await panel.users.find("a@example.com")
    assert wire.login.call_count == 1


async def test_of_two_spellings_the_exact_one_is_found(wire, panel):
    both = [user(5, "Bob@example.com"), user(6, "bob@example.com")]
    wire.on("GET", "dci/v3/user", {"list": both, "size": 2})
    found = await panel.users.find("bob@example.com")
    assert found is not None and found.id == 6


async def test_an_odd_row_of_somebody_else_does_not_hinder(wire, panel):
    wire.on("GET", "dci/v3/user", {"list": [{"id": 9}, *USERS], "size": 4})
    assert await panel.users.find("a+b@example.com") is not None


async def test_a_user_without_roles_is_a_surprise_and_not_a_client(wire, panel):
    wire.on("GET", "dci/v3/user", {"list": [{"id": 9, "email": "x@example.com"}], "size": 1})
    with pytest.raises(UnexpectedPanelResponse, match="roles"):
        await panel.users.find("x@example.com")


async def test_a_user_is_read_by_id(wire, panel):
    listing = wire.on("GET", "dci/v3/user", {"list": USERS, "size": 3})
    found = await panel.users.get(2)
    assert found is not None and found.email == "a+b@example.com"
    assert parse_qs(listing.calls.last.request.url.query.decode())["where"] == ["id EQ 2"]
    assert await panel.users.get(4) is None


@pytest.mark.parametrize(
    ("told", "roles", "admin"),
    [
        ("[@user]", ("@user",), False),
        ("[@admin]", ("@admin",), True),
        ('["@user", "@admin"]', ("@user", "@admin"), True),
        ("[@user,@admin]", ("@user", "@admin"), True),
        (["@user"], ("@user",), False),
        ([{"name": "Administrator"}], ("Administrator",), True),
        ("@user", ("@user",), False),
        ("@advanced_user", ("@advanced_user",), False),
        ("[@not_admin_at_all]", ("@not_admin_at_all",), False),
        ("[]", (), False),
        ("", (), False),
        (None, (), False),
    ],
)
def test_roles_are_read_as_text_and_as_list(told, roles, admin):
    read = User.model_validate(user(1, "a@example.com", told))
    assert (read.roles, read.is_admin) == (roles, admin)
    assert User.model_validate(read.model_dump()) == read


async def test_a_user_is_created(wire, panel, sent):
    creating = wire.on("POST", "dci/v3/user", httpx.Response(201, json={"id": "3"}))
    created = await panel.users.create(
        email="a+b@example.com", full_name="A B", password=SecretStr("user-canary"), phone="+37120000000"
    )
    assert created == 3
    assert sent(creating) == {
        "email": "a+b@example.com",
        "full_name": "A B",
        "password": "user-canary",
        "phone_number": "+37120000000",
        "role": "@user",
    }
    assert "user-canary" not in repr(wire.calls)


async def test_a_phone_that_is_not_known_is_not_sent(wire, panel, sent):
    creating = wire.on("POST", "dci/v3/user", {"id": 3})
    await panel.users.create(email="a@example.com", full_name="A", password=SecretStr("user-canary"), phone=None)
    assert "phone_number" not in sent(creating)


async def test_an_email_that_is_taken_is_a_refusal_without_the_password(wire, panel, refusal):
    wire.on("POST", "dci/v3/user", refusal(400, 8, "user-canary: e-mail exists"))
    with pytest.raises(PanelRefused, match="e-mail exists") as error:
        await panel.users.create(email="a@example.com", full_name="A", password=SecretStr("user-canary"), phone=None)
    assert "canary" not in str(error.value)


@pytest.mark.parametrize("answer", [{}, {"id": None}, [], httpx.Response(204)])
async def test_a_created_user_without_an_id_is_a_surprise(wire, panel, answer):
    wire.on("POST", "dci/v3/user", answer)
    with pytest.raises(UnexpectedPanelResponse):
        await panel.users.create(email="a@example.com", full_name="A", password=SecretStr("user-canary"), phone=None)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ann@Example.com", "ann@example.COM", True),
        ("Ünal@example.com", "ünal@example.com", True),
        ("straße@example.com", "strasse@example.com", False),
        ("\N{KELVIN SIGN}elvin@example.com", "kelvin@example.com", False),
        ("\N{LATIN SMALL LETTER LONG S}am@example.com", "sam@example.com", False),
        ("I\N{COMBINING DOT ABOVE}@example.com", "İ@example.com", False),
    ],
)
def test_an_address_has_no_case_and_no_other_letter_passes_for_one_of_its_own(one, other, same):
    assert (folded(one) == folded(other)) is same


KEY = "2-74e7c0e9-1d2b-4c3d-8e4f-5a6b7c8d9e0f"


async def test_a_key_is_made_for_the_user_who_was_asked_for(panel, wire):
    route = wire.on("POST", "auth/v4/user/2/key", {"id": "2", "key": KEY})
    assert (await panel.users.create_key(2)).get_secret_value() == KEY
    assert wire.calls[-1].received == "***"
    assert route.calls.last.request.content == b"{}"


@pytest.mark.parametrize(
    "answer",
    [
        {"id": "3", "key": KEY},
        {"id": "2", "key": ""},
        {"id": "2", "key": "2-canary/../../evil"},
        {"id": "2", "key": "2-canary-canary-canary?x=1"},
        {"id": "2", "key": "2-canary-canary-canary\n"},
        {"id": "2", "key": "c" * 129},
        {"id": "2", "key": {"canary": 1}},
        {"id": "2"},
        {"id": "2", "link": KEY},
        {"key": KEY},
        KEY,
        [],
        None,
    ],
)
async def test_a_key_of_another_user_or_one_that_leads_elsewhere_is_outside_the_schema(panel, wire, answer):
    wire.on("POST", "auth/v4/user/2/key", answer)
    with pytest.raises(UnexpectedPanelResponse) as caught:
        await panel.users.create_key(2)
    shown = f"{caught.value} {caught.value.body} {wire.calls[-1].received}"
    assert "canary" not in shown and KEY not in shown


ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIABso50sMzgQAwpCcrzfY175qIUmbPNvHr1sMxKZhoj"


@pytest.mark.parametrize(
    ("text", "found"), [(f"{ED25519} anna@laptop", 5), (ED25519, 5), (ED25519[:-1], None), (None, None)]
)
async def test_an_ssh_key_is_found_by_its_content_whatever_its_comment(panel, wire, text, found):
    rows = [{"id": 4, "name": "a", "ssh_pub_key": "ssh-rsa AAAA"}, {"id": "5", "name": "b", "ssh_pub_key": text}]
    wire.on("GET", "auth/v3/user/2/sshkey", {"list": rows, "size": 2})
    assert await panel.users.find_ssh_key(2, ED25519) == found


@pytest.mark.parametrize(("answer", "key_id"), [({"id": 7}, 7), ({}, None)])
async def test_an_ssh_key_is_added_and_shown_nowhere(panel, wire, sent, answer, key_id):
    route = wire.on("POST", "auth/v3/user/2/sshkey", answer)
    assert await panel.users.add_ssh_key(2, name="service-9", public_key=ED25519) == key_id
    assert sent(route) == {"name": "service-9", "ssh_pub_key": ED25519}
    assert ED25519 not in str(wire.calls[-1])
