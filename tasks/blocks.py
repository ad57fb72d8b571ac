"""What Prefect keeps for us: the credentials of panels and of WHMCS."""

from prefect.blocks.core import Block
from pydantic import Field, SecretStr


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
