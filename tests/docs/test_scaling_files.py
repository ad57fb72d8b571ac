"""The files of docs/scale-out: nothing here can start them, so they are read for what would keep them from starting."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest
import yaml

from dciflow.registration import POOL
from tests.docs.documents import PROJECT, prefect_settings
from tests.e2e.scaled import shared_by_servers
from worker.limits import DRAIN_SECONDS, RETURN_SECONDS
from worker.worker import InProcessWorker

FOLDER = PROJECT / "docs" / "scale-out"
FILES = sorted(FOLDER.iterdir())
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SERVER_VALUES: dict[str, Any] = yaml.safe_load((FOLDER / "prefect-server-values.yaml").read_text(encoding="utf-8"))
WORKER_VALUES: dict[str, Any] = yaml.safe_load((FOLDER / "prefect-worker-values.yaml").read_text(encoding="utf-8"))

OF_THE_SERVER = ("migrate", "api-1", "api-2", "services")
WORKERS = ("worker-1", "worker-2")
PLACES = frozenset(
    {"PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_SERVER_DOCKET_URL", "PREFECT_SERVER_ENCRYPTION_KEY"}
)
"""What says where something is or is a secret: another one at each place."""

TRIED = {
    name: value
    for name, value in shared_by_servers("", "").items()
    if name not in PLACES and not name.startswith("PREFECT_REDIS_")
}
"""The settings that the story runs with and that are the same everywhere."""


def test_every_service_waits_for_services_that_can_get_there() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in SERVICES, f"{name} waits for {other}"
            assert how["condition"] != "service_healthy" or "healthcheck" in SERVICES[other], f"{name}: {other}"
            ends = SERVICES[other].get("restart") == "on-failure"
            assert (how["condition"] == "service_completed_successfully") == ends, f"{name}: {other}"


@pytest.mark.parametrize("name", OF_THE_SERVER)
def test_every_process_of_the_server_has_the_settings_that_were_tried(name: str) -> None:
    settings = SERVICES[name]["environment"]
    assert settings == SERVICES["api-1"]["environment"]
    assert settings.items() >= TRIED.items()
    assert settings.keys() >= shared_by_servers("", "").keys() - {"PREFECT_SERVER_ENCRYPTION_KEY"}


def test_the_chart_gets_the_settings_that_were_tried() -> None:
    assert _pairs(SERVER_VALUES["global"]["prefect"]["env"]).items() >= TRIED.items()


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda file: file.name)
def test_every_setting_in_them_is_one_that_prefect_reads(file: Any) -> None:
    assert set(re.findall(r"\bPREFECT_[A-Z_]+", file.read_text(encoding="utf-8"))) <= prefect_settings()


@pytest.mark.parametrize("module", sorted({value for value in TRIED.values() if "." in value}))
def test_every_module_in_them_is_installed(module: str) -> None:
    assert find_spec(module) is not None


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_gets_the_time_that_it_takes_to_stop(name: str) -> None:
    assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) > DRAIN_SECONDS + RETURN_SECONDS


def test_workers_have_names_of_their_own_and_the_pool_and_type_that_are_registered() -> None:
    commands = [SERVICES[name]["command"] for name in WORKERS]
    assert [command[-1] for command in commands] == list(WORKERS)
    assert all(command[command.index("--pool") + 1] == POOL for command in commands)
    config = WORKER_VALUES["worker"]["config"]
    assert (config["workPool"], config["type"]) == (POOL, InProcessWorker.type)
    assert f"--pool {POOL} " in WORKER_VALUES["worker"]["args"][0]


@pytest.mark.parametrize(
    "file", sorted(path for path in FOLDER.iterdir() if path.is_file()), ids=lambda file: file.name
)
def test_no_secret_is_in_them(file: Any) -> None:
    if file.suffix == ".env":
        return
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"(PASSWORD|AUTH_STRING|ENCRYPTION_KEY)\s*[:=]\s*\S", text)
    assert not re.search(r"://[^/\s:]+:[^@\s]+@", text)


def test_what_holds_secrets_is_kept_out_of_git_and_out_of_the_image() -> None:
    used = {file for service in SERVICES.values() for file in service.get("env_file", [])}
    assert used == {f"docs/scale-out/{name}.env" for name in ("postgres", "server", "worker")}
    assert "docs/scale-out/*.env" in (PROJECT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "**/*.env" in (FOLDER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()


def test_every_file_that_is_mounted_or_built_from_is_there() -> None:
    for service in SERVICES.values():
        if "build" in service:
            assert (PROJECT / service["build"]["dockerfile"]).is_file()
        assert {config["source"] for config in service.get("configs", [])} <= COMPOSE["configs"].keys()
    assert all((PROJECT / config["file"]).is_file() for config in COMPOSE["configs"].values() if "file" in config)


def test_the_proxy_passes_on_to_the_api_servers_and_to_nobody_else() -> None:
    targets = set(
        re.findall(r"^\s+server (\S+):4200 ", (FOLDER / "nginx.conf").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert targets == {name for name in SERVICES if "--no-services" in SERVICES[name].get("command", [])}


def test_the_chart_is_told_of_secrets_that_the_guide_makes() -> None:
    guide = (PROJECT / "docs" / "scale-out.md").read_text(encoding="utf-8")
    made = set(re.findall(r"create secret generic (\S+)", guide))
    assert {*_secrets(SERVER_VALUES), *_secrets(WORKER_VALUES)} == made


def _pairs(env: list[dict[str, str]]) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in env}


def _secrets(values: dict[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _secrets(value)
        elif key in ("existingSecret", "extraEnvVarsSecret"):
            yield value
        elif key == "extraEnvVarsSecrets":
            yield from value
    if values.get("create") is False and "name" in values:
        yield values["name"]


def test_the_images_user_has_no_privilege_and_cannot_change_its_code() -> None:
    image = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    assert image.index("COPY . ./") < image.index("USER 1001") and "chown" not in image
    ours = [service for service in SERVICES.values() if "build" in service]
    assert ours
    for service in ours:
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
