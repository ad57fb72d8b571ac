from typing import Any

import pytest

from runtime.blocks import Email

# Apprise imports it, and goes without it where it is gone.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def mailer(**more: Any) -> Any:
    """What Apprise makes of the block."""
    given = {"smtp": "mail.example.com", "sender": "dciflow@example.com", "to": ["noc@example.com"], **more}
    (made,) = Email(**given)._apprise_client
    assert type(made).__name__ == "NotifyEmail"
    return made


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("ssl", 465), ("insecure", 25)])
def test_each_encryption_has_its_port(security: str, port: int) -> None:
    made = mailer(security=security)
    assert (made.smtp_host, made.secure_mode, made.port) == ("mail.example.com", security, port)
    assert mailer(security=security, port=2525).port == 2525


def test_a_login_may_have_any_letters_and_is_not_shown() -> None:
    block = {"username": "noc@example.com", "password": "p/w:@?&#% +x"}
    made = mailer(**block)
    assert (made.user, made.password) == ("noc@example.com", "p/w:@?&#% +x")
    assert "p/w" not in repr(Email(smtp="m.example.com", sender="a@example.com", to=["b@example.com"], **block))


def test_everybody_gets_the_mail_as_plain_text() -> None:
    made = mailer(to=["noc@example.com", "chief+dc@example.com"])
    assert [address for _, address in made.targets] == ["noc@example.com", "chief+dc@example.com"]
    assert made.from_addr[1] == "dciflow@example.com"
    assert made.notify_format.value == "text"
    assert made.user is None
