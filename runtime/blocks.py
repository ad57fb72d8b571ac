"""What Prefect keeps for us: the credentials of panels and of WHMCS, and the mail server of messages to staff."""

from typing import Literal
from urllib.parse import quote, urlencode

from prefect.blocks.core import Block
from prefect.blocks.notifications import AbstractAppriseNotificationBlock
from pydantic import Field, SecretStr

MAIL_PORTS = {"starttls": 587, "ssl": 465, "insecure": 25}
"""The usual ones."""


class DcimanagerPanel(Block):
    """One DCImanager 6 installation: what a WHMCS "server" record holds, and named as it: dcimanager-panel/<name>."""

    _block_type_name = "DCImanager panel"
    _block_type_slug = "dcimanager-panel"

    url: str = Field(title="Address", description="https://panel.example.com")
    username: str = Field(title="Username", description="The administrator that manages servers in DCImanager")
    password: SecretStr = Field(title="Password")
    verify_tls: bool = Field(default=True, title="Verify the certificate")


class Whmcs(Block):
    """The WHMCS that bills: the API credential that the steps read services with and write results back with."""

    _block_type_name = "WHMCS"
    _block_type_slug = "whmcs"

    url: str = Field(title="Address", description="https://billing.example.com/whmcs")
    identifier: str = Field(title="API identifier")
    secret: SecretStr = Field(title="API secret")
    verify_tls: bool = Field(default=True, title="Verify the certificate")


class Email(AbstractAppriseNotificationBlock):
    """A mail server and the people who read what is sent to staff. Of Prefect's own blocks none speaks SMTP.

    Prefect's server sends the mail, so dciflow has to be installed where that runs.
    """

    _block_type_name = "E-mail of dciflow"
    _block_type_slug = "dciflow-email"

    smtp: str = Field(title="Mail server", description="mail.example.com")
    port: int | None = Field(default=None, title="Port", description="Empty: 587, 465 or 25, after the encryption")
    security: Literal["starttls", "ssl", "insecure"] = Field(default="starttls", title="Encryption")
    username: str | None = Field(default=None, title="Username", description="Empty: no login")
    password: SecretStr | None = Field(default=None, title="Password")
    sender: str = Field(title="From", description="dciflow@example.com")
    to: list[str] = Field(title="To", min_length=1)

    def block_initialization(self) -> None:
        """Make the client that `notify` sends with."""
        self._start_apprise_client(self.address)

    @property
    def address(self) -> SecretStr:
        """All of it as Apprise's address. Source: Apprise's documentation, "Email"."""
        login = ""
        if self.username is not None and self.password is not None:
            login = f"{quote(self.username, safe='')}:{quote(self.password.get_secret_value(), safe='')}@"
        query = {"smtp": self.smtp, "from": self.sender, "to": ",".join(self.to), "mode": self.security}
        scheme = "mailto" if self.security == "insecure" else "mailtos"
        port = self.port or MAIL_PORTS[self.security]
        return SecretStr(f"{scheme}://{login}{self.smtp}:{port}?{urlencode({**query, 'format': 'text'})}")
