"""The program that puts the module into a WHMCS, run as a host runs it: on folders, by sh."""

import os
import shutil
import subprocess
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from dciflow.module_archive import MANIFEST, MODULE, pack

WHEN = 1_790_000_000
SERVER = "modules/servers/dcimanager6/dcimanager6.php"
TEMPLATE = "modules/servers/dcimanager6/templates/clientarea.tpl"
GONE = "modules/addons/dcimanager6flows/lib/Old.php"

needs_php = pytest.mark.skipif(
    shutil.which("php") is None and "DCIFLOW_TEST_MARIADB" not in os.environ, reason="no php here"
)


class Host:
    """A WHMCS's folder, two releases of the module, and the program."""

    def __init__(self, folder: Path) -> None:
        self.whmcs = folder / "whmcs"
        self.save = folder / "kept"
        for name in ("servers/cpanel", "addons/another"):
            (self.whmcs / "modules" / name).mkdir(parents=True)
        (self.whmcs / "configuration.php").write_text("<?php\n", encoding="utf-8")
        (self.whmcs / "modules" / "servers" / "cpanel" / "cpanel.php").write_text("<?php // theirs\n", encoding="utf-8")
        self.before = self._release(folder / "before", {SERVER: "<?php // 1\n", TEMPLATE: "one\n", GONE: "<?php\n"})
        self.after = self._release(folder / "after", {SERVER: "<?php // 2\n", TEMPLATE: "two\n"})

    def _release(self, folder: Path, files: dict[str, str]) -> Path:
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content, encoding="utf-8")
        shutil.copy(MODULE / "install.sh", folder)
        archive, *_ = pack(folder, folder / "dist", release="1.2.3", changed_at=WHEN)
        return archive

    def run(self, *words: str | Path, php: str = "php", umask: int = -1) -> tuple[int, str]:
        """The exit code, and all that it said."""
        command = ["sh", str(MODULE / "install.sh"), *map(str, words)]
        said = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            umask=umask,
            env=os.environ | {"PHP": php, "TMPDIR": str(self.whmcs.parent)},
        )
        left = list(self.whmcs.parent.glob("tmp.*")) + list(self.whmcs.rglob("*.dciflow-new"))
        assert left == [], "it leaves its temporary files behind"
        return said.returncode, said.stdout + said.stderr

    def files(self) -> set[str]:
        """The files below modules/ that are the module's."""
        found = {path.relative_to(self.whmcs).as_posix() for path in self.whmcs.rglob("*") if path.is_file()}
        return found - {"configuration.php", "modules/servers/cpanel/cpanel.php"}

    def read(self, name: str) -> str:
        return (self.whmcs / name).read_text(encoding="utf-8")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.fixture
def installed(host: Host) -> Host:
    assert host.run("install", host.before, host.whmcs)[0] == 0
    return host


def test_installed_are_the_files_of_the_archive_and_every_right_is_set(host: Host) -> None:
    code, said = host.run("install", host.before, host.whmcs, umask=0o077)
    assert (code, "installed: 4 files" in said) == (0, True)
    assert host.files() == {SERVER, TEMPLATE, GONE, MANIFEST}
    assert {(host.whmcs / name).stat().st_mode & 0o777 for name in host.files()} == {0o644}
    assert (host.whmcs / TEMPLATE).parent.stat().st_mode & 0o777 == 0o755


def test_a_module_that_is_there_is_not_installed_over(installed: Host) -> None:
    code, said = installed.run("install", installed.after, installed.whmcs)
    assert (code, "already: upgrade it" in said) == (1, True)
    assert installed.read(SERVER) == "<?php // 1\n"


def test_an_upgrade_replaces_what_is_there_and_deletes_what_the_new_one_has_no_more(installed: Host) -> None:
    code, said = installed.run("upgrade", installed.after, installed.whmcs)
    assert (code, said) == (0, "upgraded: 3 files.\n")
    assert installed.files() == {SERVER, TEMPLATE, MANIFEST}
    assert installed.read(TEMPLATE) == "two\n"
    assert not (installed.whmcs / GONE).parent.exists()


def test_what_a_host_changed_is_named_and_stays_until_there_is_a_place_to_keep_it(installed: Host) -> None:
    (installed.whmcs / TEMPLATE).write_text("ours\n", encoding="utf-8")
    own = "modules/servers/dcimanager6/hooks.php"
    (installed.whmcs / own).write_text("<?php // ours\n", encoding="utf-8")
    for command in (("upgrade", installed.after, installed.whmcs), ("remove", installed.whmcs)):
        code, said = installed.run(*command)
        assert code == 1
        assert said.splitlines()[:2] == [f"changed here: {own}", f"changed here: {TEMPLATE}"]
        assert (installed.read(TEMPLATE), installed.read(SERVER)) == ("ours\n", "<?php // 1\n")
    code, _ = installed.run("upgrade", installed.after, installed.whmcs, "--save", installed.save)
    assert (code, installed.read(TEMPLATE)) == (0, "two\n")
    assert (installed.save / TEMPLATE).read_text(encoding="utf-8") == "ours\n"
    assert (installed.save / own).read_text(encoding="utf-8") == "<?php // ours\n"


def test_a_module_that_was_extracted_by_hand_counts_as_changed(installed: Host) -> None:
    (installed.whmcs / MANIFEST).unlink()
    code, said = installed.run("upgrade", installed.after, installed.whmcs)
    assert (code, said.count("changed here:")) == (1, 3)
    assert installed.run("upgrade", installed.before, installed.whmcs)[0] == 0, "what is as it is to be was not changed"
    assert (installed.whmcs / MANIFEST).exists()


def test_an_upgrade_that_was_killed_is_finished_by_the_next(installed: Host) -> None:
    (installed.whmcs / SERVER).write_text("<?php // 2\n", encoding="utf-8")  # the new one, beside the old manifest
    (installed.whmcs / f"{TEMPLATE}.dciflow-new").write_text("tw", encoding="utf-8")
    assert installed.run("upgrade", installed.after, installed.whmcs)[0] == 0
    assert (installed.read(SERVER), installed.read(TEMPLATE)) == ("<?php // 2\n", "two\n")


def test_removed_are_the_modules_files_and_nothing_else(installed: Host) -> None:
    code, said = installed.run("remove", installed.whmcs)
    assert (code, "removed: 4 files" in said, installed.files()) == (0, True, set())
    assert sorted(path.name for path in (installed.whmcs / "modules").glob("*/*")) == ["another", "cpanel"]
    assert installed.run("remove", installed.whmcs) == (
        1,
        f"There is no module in {installed.whmcs}. Nothing was changed.\n",
    )


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("cut", "is no archive of the module"),
        ("changed", "is not whole"),
        ("elsewhere", "has files that are no part of the module"),
        ("outside", "has files that are no part of the module"),
        ("old", "has no manifest"),
    ],
)
def test_an_archive_that_is_not_whole_or_not_the_modules_changes_nothing(host: Host, damage: str, why: str) -> None:
    archive, folder = host.before, host.before.parent / "odd"
    folder.mkdir()
    files = [SERVER, TEMPLATE, GONE, MANIFEST]
    subprocess.run(["tar", "-xzf", archive, "-C", folder], check=True)
    match damage:
        case "cut":
            archive.write_bytes(archive.read_bytes()[:400])
        case "changed":
            (folder / SERVER).write_text("<?php // another\n", encoding="utf-8")
        case "elsewhere" | "outside":
            files.append("modules/servers/cpanel.php" if damage == "elsewhere" else "../out.php")
            (folder / files[-1]).write_text("<?php\n", encoding="utf-8")
        case "old":
            files.remove(MANIFEST)
    if damage != "cut":
        subprocess.run(["tar", "-czPf", archive, "-C", folder, *files], check=True)
    code, said = host.run("install", archive, host.whmcs)
    assert (code, said) == (1, f"{archive} {why}{said.partition(why)[2]}")
    assert said.endswith("Nothing was changed.\n")
    assert host.files() == set()


def test_what_is_no_whmcs_is_refused(host: Host, tmp_path: Path) -> None:
    code, said = host.run("install", host.before, tmp_path)
    assert (code, f"{tmp_path} is no WHMCS" in said) == (1, True)


def test_nothing_is_kept_where_the_web_server_shows_it_or_over_something_else(installed: Host) -> None:
    (installed.whmcs / TEMPLATE).write_text("ours\n", encoding="utf-8")
    code, said = installed.run("remove", installed.whmcs, "--save", installed.whmcs / "kept")
    assert (code, "is below WHMCS" in said) == (1, True)
    code, said = installed.run("remove", installed.whmcs, "--save", installed.whmcs.parent)
    assert (code, "is not empty" in said) == (1, True)
    assert TEMPLATE in installed.files()


@pytest.mark.parametrize(
    "words",
    [(), ("install",), ("install", "a.tar.gz"), ("check", "w", "--save", "d"), ("fix", "w"), ("check", "w", "x")],
)
def test_a_wrong_command_line_is_answered_with_the_right_ones(host: Host, words: tuple[str, ...]) -> None:
    code, said = host.run(*words)
    assert (code, "sh dciflow-whmcs.sh upgrade ARCHIVE WHMCS" in said) == (2, True)


@needs_php
def test_the_check_finds_nothing_where_all_is_well(installed: Host) -> None:
    code, said = installed.run("check", installed.whmcs)
    assert code == 0
    assert "good     3 files, as they were released" in said.splitlines()
    assert [line.split()[0] for line in said.splitlines()] == ["good"] * len(said.splitlines())


@needs_php
def test_the_check_names_what_is_to_be_mended(installed: Host) -> None:
    (installed.whmcs / TEMPLATE).write_text("ours\n", encoding="utf-8")
    (installed.whmcs / GONE).unlink()
    (installed.whmcs / SERVER).chmod(0o600)
    code, said = installed.run("check", installed.whmcs)
    mend = [line for line in said.splitlines() if line.startswith("mend")]
    assert (code, len(mend)) == (1, 3)
    assert mend[:2] == [f"mend     changed here, or no part of the module: {TEMPLATE}", f"mend     missing: {GONE}"]
    assert mend[2].endswith(f": {SERVER} (1 in all)")


def test_a_php_that_is_missing_or_too_old_is_named(installed: Host, tmp_path: Path) -> None:
    assert "PHP: no-such-php cannot be started" in installed.run("check", installed.whmcs, php="no-such-php")[1]
    old = tmp_path / "old-php"
    old.write_text('#!/bin/sh\ncase "$2" in *version_compare*) exit 1 ;; *) printf 7.3.33 ;; esac\n', encoding="utf-8")
    old.chmod(0o755)
    code, said = installed.run("check", installed.whmcs, php=str(old))
    assert (code, "mend     PHP 7.3.33: the module needs 7.4 or later" in said) == (1, True)


@needs_php
@pytest.mark.parametrize("status", [401, 200])
def test_the_door_has_to_ask_for_its_auth_string(installed: Host, status: int) -> None:
    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Door) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        door = f"http://127.0.0.1:{server.server_port}/api"
        code, said = installed.run("check", installed.whmcs, "--door", door)
        server.shutdown()
    assert code == (0 if status == 401 else 1)
    assert f"the door at {door}" in said
    assert f"the door at {door} does not answer" in installed.run("check", installed.whmcs, "--door", door)[1]
