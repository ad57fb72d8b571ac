"""The units of docs/systemd, and the doctor's look at those that are installed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from dciflow.doctor.findings import Verdict
from dciflow.doctor.units import SANDBOX, UNITS_OF_THE_PROJECT, check_units, directives, missing

UNITS = sorted(UNITS_OF_THE_PROJECT.glob("*.service"))
WORKER = UNITS_OF_THE_PROJECT / "dciflow-worker.service"


@pytest.fixture(params=UNITS, ids=lambda unit: unit.stem)
def unit(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def test_what_is_installed_has_a_unit() -> None:
    assert {"dciflow-server", "dciflow-worker", "dciflow-door"} <= {unit.stem for unit in UNITS}


def test_a_unit_of_the_project_has_every_line_of_the_sandbox(unit: Path) -> None:
    assert missing(unit.read_text(encoding="utf-8")) == []


def test_a_unit_of_the_project_writes_in_its_own_folder_only_and_runs_the_code_of_root(unit: Path) -> None:
    said = directives(unit.read_text(encoding="utf-8"))
    if said.get("DynamicUser") == "yes":  # a user who owns nothing, and a program that writes nothing
        assert not said.keys() & {"User", "StateDirectory"}
    else:
        assert said["User"] == "dciflow"
        assert said["StateDirectory"].startswith("dciflow")
    assert "ReadWritePaths" not in said
    assert "PYTHONDONTWRITEBYTECODE=1" in said["Environment"]
    assert said["WorkingDirectory"] == "/opt/dciflow"
    assert said["EnvironmentFile"].startswith("/etc/dciflow/")


def test_the_server_unpacks_its_ui_where_it_may_write() -> None:
    said = directives((UNITS_OF_THE_PROJECT / "dciflow-server.service").read_text(encoding="utf-8"))
    assert "PREFECT_SERVER_UI_STATIC_DIRECTORY=/var/lib/dciflow/ui" in said["Environment"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_can_read_a_unit_of_the_project_and_calls_it_safe(unit: Path, tmp_path: Path) -> None:
    here = unit.read_text(encoding="utf-8")
    for name, value in (("User", "daemon"), ("ExecStart", "/bin/true"), ("WorkingDirectory", "/")):
        here = re.sub(f"^{name}=.*$", f"{name}={value}", here, flags=re.MULTILINE)
    copy = tmp_path / unit.name
    copy.write_text(re.sub("^EnvironmentFile=", "EnvironmentFile=-", here, flags=re.MULTILINE), encoding="utf-8")
    read = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=25", copy],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert rated.returncode == 0, rated.stdout[-300:]


@pytest.mark.parametrize("line", [f"{name}={value}" for name, value in SANDBOX.items() if name != "SystemCallFilter"])
def test_a_line_that_is_gone_is_missed(line: str) -> None:
    assert missing(WORKER.read_text(encoding="utf-8").replace(f"\n{line}\n", "\n")) == [line]


def test_a_unit_that_allows_more_calls_is_not_sandboxed() -> None:
    loose = WORKER.read_text(encoding="utf-8").replace("SystemCallFilter=~@privileged @resources\n", "")
    assert missing(loose) == ["SystemCallFilter=@system-service ~@privileged @resources"]


def test_the_units_as_they_are_shipped_are_ok(tmp_path: Path) -> None:
    for unit in UNITS:
        shutil.copy(unit, tmp_path)
    assert {one.verdict for one in check_units(tmp_path)} == {Verdict.OK}


def test_a_unit_of_an_earlier_release_is_wrong_and_the_line_says_how_to_put_it_right(tmp_path: Path) -> None:
    (tmp_path / WORKER.name).write_text(
        "[Service]\nUser=dciflow\nExecStart=/bin/true\n[Install]\nProtectSystem=strict\n"
    )
    [found] = check_units(tmp_path)
    assert found.verdict is Verdict.WRONG
    assert "lacks NoNewPrivileges=yes" in found.what and "more" in found.what
    assert f"cp {WORKER}" in found.do


def test_a_drop_in_that_takes_a_wall_down_is_seen(tmp_path: Path) -> None:
    shutil.copy(WORKER, tmp_path)
    folder = tmp_path / f"{WORKER.name}.d"
    folder.mkdir()
    (folder / "override.conf").write_text("[Service]\nProtectSystem=no\n")
    [found] = check_units(tmp_path)
    assert found.verdict is Verdict.WRONG and "ProtectSystem=strict" in found.what


def test_a_drop_in_that_adds_a_folder_is_fine(tmp_path: Path) -> None:
    shutil.copy(WORKER, tmp_path)
    folder = tmp_path / f"{WORKER.name}.d"
    folder.mkdir()
    (folder / "override.conf").write_text("[Service]\nReadOnlyPaths=/srv/certificates\n")
    assert [one.verdict for one in check_units(tmp_path)] == [Verdict.OK]


def test_a_unit_that_runs_as_root_is_wrong(tmp_path: Path) -> None:
    (tmp_path / WORKER.name).write_text(WORKER.read_text(encoding="utf-8").replace("User=dciflow\n", ""))
    assert "runs as root" in next(one for one in check_units(tmp_path) if one.verdict is Verdict.WRONG).what


def test_a_host_without_units_is_looked_at_by_a_person(tmp_path: Path) -> None:
    assert [one.verdict for one in check_units(tmp_path)] == [Verdict.LOOK]
