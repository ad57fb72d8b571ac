"""Text from WHMCS at the border: decoded once, on one line, addresses in one spelling; secrets as they came."""

import pytest

from tests.whmcs.conftest import DONE
from whmcs.services import WhmcsService, comparable
from whmcs.text import addresses_in, decoded, one_line, plain, same_text, spelled


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("R&amp;D", "R&D"),
        ("o&#039;brien@example.com", "o'brien@example.com"),
        ("&lt;b&gt; &quot;x&quot;", '<b> "x"'),
        ("M&uuml;ller", "Müller"),
        ("&amp;amp;", "&amp;"),  # once
        ("AT&T", "AT&T"),
        ("a&notb", "a&notb"),
        ("R&D; and more", "R&D; and more"),
    ],
)
def test_html_is_decoded_once(written, meant):
    assert decoded(written) == meant


def test_control_characters_and_links_of_terminals_do_not_pass():
    assert plain("\x1b[31mred\x1b]8;;http://evil\x07") == "[31mred ]8;;http://evil"
    assert one_line("one\ntwo\x00\u202ethree") == "one two three"
    assert len(one_line("x" * 50_000)) == 600


def test_both_forms_of_a_name_are_one():
    assert same_text("R&D", "R&amp;D")
    assert same_text("R&amp;D", "R&D")
    assert not same_text("R&D", "R & D")


@pytest.mark.parametrize(
    ("written", "one"),
    [
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("192.0.2.4", "192.0.2.4"),
        ("Rack 4", "rack 4"),
        ("10.0.0.0/24", "10.0.0.0/24"),
    ],
)
def test_an_address_has_one_spelling(written, one):
    assert spelled(written) == one


def test_ipv6_is_compared_by_what_it_is():
    assert comparable(["2001:db8::1"]) == comparable(["2001:0DB8:0000::0001"])


def test_a_line_with_anything_but_addresses_is_a_persons_own():
    assert addresses_in("192.0.2.4, 192.0.2.5") == ["192.0.2.4", "192.0.2.5"]
    for line in ("10.0.0.0/24", "192.0.2.9 (spare)", "gateway 192.0.2.1", "see ticket 4711"):
        assert addresses_in(line) == []


def test_a_service_keeps_people_s_lines_apart_from_its_addresses():
    service = WhmcsService.model_validate(
        {
            "id": 1,
            "clientid": 1,
            "pid": 1,
            "status": "Active",
            "dedicatedip": "192.0.2.4",
            "assignedips": "192.0.2.4\r\n10.0.0.0/24\nR&amp;D uplink",
        }
    )
    assert service.assigned_ips == ("192.0.2.4",)
    assert service.notes == ("10.0.0.0/24", "R&D uplink")
    assert service.addresses == {"192.0.2.4"}


async def test_names_and_e_mails_are_decoded_and_passwords_never(scene):
    client = {
        **DONE,
        "id": 7,
        "email": "o&#039;brien@example.com",
        "firstname": "Se&aacute;n",
        "lastname": "O&#039;Brien",
    }
    read = await scene(client).whmcs.clients.get(7)
    assert (read.email, read.full_name) == ("o'brien@example.com", "Seán O'Brien")
    row = {"id": "5", "clientid": "7", "pid": "3", "status": "Active", "password": " p&amp;w\x1b ", "domain": "a&amp;b"}
    answer = {**DONE, "totalresults": 1, "products": {"product": [row]}}
    service = await scene(answer).whmcs.services.get(5)
    assert service.password.get_secret_value() == " p&amp;w\x1b "
    assert service.domain == "a&b"
