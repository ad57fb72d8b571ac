import os
from pathlib import Path

import pytest

from dciflow.doctor import host
from dciflow.doctor.findings import Verdict
from dciflow.doctor.host import check_bytecode, check_code, check_packages, check_proxy, check_secrets

ME = os.geteuid()


def said(found: object) -> list[tuple[Verdict, str]]:
    return [(one.verdict, one.what) for one in found]  # type: ignore[attr-defined]


def test_an_environment_for_tests_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    [(verdict, what)] = said(check_packages())
    assert verdict is Verdict.LOOK and "packages are installed that only tests need" in what
    monkeypatch.setattr(
        host, "requires", lambda _: ["rich>=13", "absent; extra == 'dev'", "prefect-redis; extra == 'redis'"]
    )
    assert said(check_packages()) == [(Verdict.OK, "only what runs is installed")]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project" / "flows").mkdir(parents=True)
    (tmp_path / "project" / "flows" / "activate.py").write_text("")
    for path in (tmp_path / "project", *(tmp_path / "project").rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return tmp_path / "project"


@pytest.mark.skipif(ME != 0, reason="only root can give files to another user")
def test_code_of_root_cannot_be_changed_by_the_user_that_runs_it(project: Path) -> None:
    assert said(check_code(project, project, uid=1001))[0][0] is Verdict.OK


@pytest.mark.skipif(ME != 0, reason="only root can give files to another user")
def test_code_of_the_user_that_runs_it_is_wrong(project: Path) -> None:
    os.chown(project / "flows" / "activate.py", 1001, 1001)
    [found] = check_code(project, project, uid=1001)
    assert found.verdict is Verdict.WRONG and "activate.py" in found.what and "clone it afresh" in found.do


@pytest.mark.skipif(ME != 0, reason="only root can give files to another user")
@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_code_that_others_may_write_is_wrong(project: Path, mode: int) -> None:
    (project / "flows" / "activate.py").chmod(mode)
    assert said(check_code(project, project, uid=1001))[0][0] is Verdict.WRONG


def test_code_is_compiled_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Spec:
        cached = str(tmp_path / "worker.pyc")

    monkeypatch.setattr(host.importlib.util, "find_spec", lambda _: Spec)
    assert said(check_bytecode())[0][0] is Verdict.LOOK
    Path(Spec.cached).write_bytes(b"")
    assert said(check_bytecode())[0][0] is Verdict.OK


@pytest.mark.parametrize("name", ["deployments.map", "prefect-auth.conf"])
def test_a_file_of_the_old_proxy_is_wrong(tmp_path: Path, name: str) -> None:
    assert said(check_proxy(tmp_path))[0][0] is Verdict.OK
    (tmp_path / name).write_text("")
    [found] = check_proxy(tmp_path)
    assert found.verdict is Verdict.WRONG and name in found.what and "least-privilege.md" in found.do


@pytest.mark.parametrize(
    ("mode", "verdict"), [(0o600, Verdict.OK), (0o640, Verdict.OK), (0o644, Verdict.WRONG), (0o660, Verdict.WRONG)]
)
def test_a_file_with_secrets_is_nobody_elses_to_read_or_change(tmp_path: Path, mode: int, verdict: Verdict) -> None:
    file = tmp_path / "worker.env"
    file.write_text("PREFECT_API_AUTH_STRING=canary")
    tmp_path.chmod(0o755)
    file.chmod(mode)
    [found] = check_secrets([file])
    assert found.verdict is verdict
    assert "canary" not in found.what + found.do


def test_a_file_in_a_folder_that_nobody_else_gets_into_is_safe(tmp_path: Path) -> None:
    file = tmp_path / "prefect.db"
    file.write_text("")
    file.chmod(0o644)
    tmp_path.chmod(0o700)
    assert said(check_secrets([file]))[0][0] is Verdict.OK


def test_a_host_without_settings_is_looked_at_by_a_person() -> None:
    assert said(check_secrets([]))[0][0] is Verdict.LOOK


def test_the_settings_of_this_host_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "server.env").write_text("")
    (tmp_path / "server.env").chmod(0o644)
    tmp_path.chmod(0o755)
    monkeypatch.setattr(host, "SETTINGS", tmp_path)
    assert any("server.env" in what for verdict, what in said(check_secrets()) if verdict is Verdict.WRONG)
