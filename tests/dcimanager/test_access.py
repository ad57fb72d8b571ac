import httpx
import pytest
from pydantic import SecretStr, ValidationError

from dcimanager.access import PanelAccess
from dcimanager.endpoints import load_dialect
from dcimanager.transport import PanelTransport


def access(url: str, **changes) -> PanelAccess:
    given = {"name": "main", "url": url, "username": "u", "password": SecretStr("canary"), **changes}
    return PanelAccess.model_validate(given)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://panel.example.com", "https://panel.example.com"),
        ("https://panel.example.com/", "https://panel.example.com"),
        ("https://panel.example.com/api", "https://panel.example.com/api"),
        (" https://Panel.Example.com:8443/api/ ", "https://panel.example.com:8443/api"),
        ("https://[2001:db8::1]:1500", "https://[2001:db8::1]:1500"),
        ("http://127.0.0.1:8600", "http://127.0.0.1:8600"),
        ("http://localhost/api", "http://localhost/api"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_an_address_is_kept_without_its_last_slash(given, kept):
    assert access(given).url == kept


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("panel.example.com", "write the panel's address as"),
        ("", "write the panel's address as"),
        ("ftp://panel.example.com", "write the panel's address as"),
        ("https://", "write the panel's address as"),
        ("https://panel.example.com:x", "cannot be read"),
        ("https://[panel", "cannot be read"),
        ("http://panel.example.com", "use https"),
        ("http://192.0.2.1", "use https"),
        ("https://user:canary@panel.example.com", "leave user name and password out"),
        ("https://panel.example.com/dci/v3", "ends after the host"),
        ("https://panel.example.com/?a=b", "ends after the host"),
        ("https://panel.example.com/#x", "ends after the host"),
    ],
)
def test_an_address_that_cannot_be_right_says_what_to_write_and_repeats_no_secret(given, said):
    with pytest.raises(ValidationError, match=said) as error:
        access(given)
    assert "canary" not in str(error.value)


@pytest.mark.parametrize("missing", ["name", "username", "password"])
def test_an_empty_name_user_or_password_is_refused(missing):
    with pytest.raises(ValidationError, match=missing):
        access("https://panel.example.com", **{missing: ""})


def test_tls_is_verified_unless_a_panel_opts_out():
    assert access("https://panel.example.com").verify_tls is True
    assert access("https://panel.example.com", verify_tls=False).verify_tls is False


def test_the_password_is_not_shown():
    assert "canary" not in repr(access("https://panel.example.com"))


def test_a_password_keeps_its_spaces():
    assert access("https://panel.example.com", password=" canary ").password.get_secret_value() == " canary "


@pytest.mark.parametrize("verify", [True, False])
async def test_the_transport_verifies_as_the_panel_says(monkeypatch, verify):
    made = []

    class Recording(httpx.AsyncClient):
        def __init__(self, **options):
            made.append(options)
            super().__init__(**options)

    monkeypatch.setattr("dcimanager.exchange.httpx.AsyncClient", Recording)
    await PanelTransport(access("https://panel.example.com", verify_tls=verify), load_dialect()).aclose()
    assert [options["verify"] for options in made] == [verify]
    assert made[0].get("follow_redirects", False) is False
