"""What the door is started with: Prefect's address and auth string, and the installations' file, by environment."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

CONFIG = Path("/etc/dciflow/door.toml")


class DoorSettings(BaseSettings):
    """Read from the environment of the process."""

    prefect_api_url: str = Field(default="http://127.0.0.1:4200/api", description="Prefect's REST API.")
    prefect_api_auth_string: SecretStr | None = Field(default=None, description="Prefect's own auth string.")
    prefect_api_ssl_cert_file: Path | None = Field(default=None, description="Who signed Prefect's certificate.")
    dciflow_door_config: Path = Field(default=CONFIG, description="The installations' file.")
