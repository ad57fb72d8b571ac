import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from dciflow.module_archive import MANIFEST, pack
from runtime.errors import StepRefused

SERVER = "modules/servers/dcimanager6/dcimanager6.php"
ADDON = "modules/addons/dcimanager6flows/lib/load.php"
WHEN = 1_790_000_000
ENDS = ["tar.gz", "zip", "sh"]


@pytest.fixture
def module(tmp_path: Path) -> Path:
    root = tmp_path / "whmcs-module"
    for name in (
        SERVER,
        ADDON,
        "modules/servers/dcimanager6/tests/SettingsTest.php",
        "modules/servers/dcimanager6/.php-cs-fixer.php",
        "README.md",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"<?php // {name}\n", encoding="utf-8")
    (root / "install.sh").write_text("#!/bin/sh\n", encoding="utf-8")
    return root


def listing(tar: Path) -> list[list[str]]:
    command = ["tar", "--list", "--verbose", "--utc", "--full-time", "-f", str(tar)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line.split() for line in said.splitlines()]


def test_the_archives_have_the_module_and_neither_tests_nor_hidden_files(module: Path, tmp_path: Path) -> None:
    tar, zipped, installer = pack(module, tmp_path / "dist", release="1.2.3", changed_at=WHEN)
    assert [path.name for path in (tar, zipped, installer)] == [f"dciflow-whmcs-1.2.3.{end}" for end in ENDS]
    assert [row[-1] for row in listing(tar)] == [ADDON, SERVER, MANIFEST]
    assert zipfile.ZipFile(zipped).namelist() == [ADDON, SERVER, MANIFEST]
    assert installer.read_bytes() == (module / "install.sh").read_bytes()


def test_the_manifest_has_the_checksum_of_every_other_file(module: Path, tmp_path: Path) -> None:
    tar, *_ = pack(module, tmp_path / "dist", release="1.2.3", changed_at=WHEN)
    subprocess.run(["tar", "-xzf", str(tar)], cwd=tmp_path, check=True)
    checked = subprocess.run(
        ["sha256sum", "--check", MANIFEST], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert checked.stdout.splitlines() == [f"{ADDON}: OK", f"{SERVER}: OK"]


def test_files_belong_to_root_and_can_be_read_by_the_web_server(module: Path, tmp_path: Path) -> None:
    (module / SERVER).chmod(0o600)
    tar, zipped, _ = pack(module, tmp_path / "dist", release="1.2.3", changed_at=WHEN)
    assert {(row[0], row[1]) for row in listing(tar)} == {("-rw-r--r--", "root/root")}
    assert {info.external_attr >> 16 for info in zipfile.ZipFile(zipped).infolist()} == {0o100644}


def test_the_same_files_give_the_same_bytes(module: Path, tmp_path: Path) -> None:
    first = [path.read_bytes() for path in pack(module, tmp_path / "one", release="1.2.3", changed_at=WHEN)]
    os.utime(module / SERVER, (1, 1))
    (module / ADDON).chmod(0o640)
    second = [path.read_bytes() for path in pack(module, tmp_path / "two", release="1.2.3", changed_at=WHEN)]
    assert first == second


def test_two_releases_date_a_file_differently_so_that_php_sees_that_it_changed(module: Path, tmp_path: Path) -> None:
    dates = []
    for changed_at in (WHEN, WHEN + 60):
        tar, zipped, _ = pack(module, tmp_path / "dist", release="1.2.3", changed_at=changed_at)
        dates.append((listing(tar)[0][3:5], zipfile.ZipFile(zipped).infolist()[0].date_time))
    assert dates[0] != dates[1]
    assert dates[0] == (["2026-09-21", "14:13:20"], (2026, 9, 21, 14, 13, 20))


def test_extracted_as_the_manual_says_it_leaves_whmcs_as_it_is(module: Path, tmp_path: Path) -> None:
    whmcs = tmp_path / "whmcs"
    theirs = whmcs / "modules" / "servers" / "cpanel" / "cpanel.php"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("<?php // theirs\n", encoding="utf-8")
    (whmcs / "modules").chmod(0o711)
    tar, *_ = pack(module, tmp_path / "dist", release="1.2.3", changed_at=WHEN)
    subprocess.run(["tar", "-xzvf", str(tar)], cwd=whmcs, check=True, capture_output=True)
    assert (whmcs / SERVER).read_bytes() == (module / SERVER).read_bytes()
    assert theirs.read_text(encoding="utf-8") == "<?php // theirs\n"
    assert (whmcs / "modules").stat().st_mode & 0o777 == 0o711


def test_without_a_module_nothing_is_packed(tmp_path: Path) -> None:
    with pytest.raises(StepRefused, match="No module to pack"):
        pack(tmp_path, tmp_path / "dist", release="1.2.3")
    assert not (tmp_path / "dist").exists()


def test_the_date_is_that_of_the_last_commit_that_touched_the_module(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    with pytest.raises(StepRefused, match="No date for the archive"):
        pack(module, tmp_path / "dist", release="1.2.3")
    for name, value in {"NAME": "a", "EMAIL": "a@example.com", "DATE": f"{WHEN} +0000"}.items():
        monkeypatch.setenv(f"GIT_COMMITTER_{name}", value)
        monkeypatch.setenv(f"GIT_AUTHOR_{name}", value)
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "One"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    tar, *_ = pack(module, tmp_path / "dist", release="1.2.3")
    assert listing(tar)[0][3:5] == ["2026-09-21", "14:13:20"]
