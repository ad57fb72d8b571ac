import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from dciflow.release import CHECKSUMS, NAMESPACE, release, sign, source_archive, write_checksums
from runtime.errors import StepRefused
from tests.docs.documents import INSTALL

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen here")
SIGNER = "release@dciflow"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one commit and a module in it."""
    root = tmp_path / "project"
    file = root / "whmcs-module" / "modules" / "servers" / "dcimanager6" / "dcimanager6.php"
    file.parent.mkdir(parents=True)
    file.write_text("<?php\n", encoding="utf-8")
    (root / "whmcs-module" / "install.sh").write_text("#!/bin/sh\n", encoding="utf-8")
    for name, value in {"NAME": "a", "EMAIL": "a@example.com", "DATE": "1790000000 +0000"}.items():
        monkeypatch.setenv(f"GIT_COMMITTER_{name}", value)
        monkeypatch.setenv(f"GIT_AUTHOR_{name}", value)
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "One"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    return root


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return new_key(tmp_path / "key")


def new_key(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


def released(project: Path, key: Path) -> Path:
    """The folder of a release."""
    dist = project.parent / "dist"
    release(project, project / "whmcs-module", dist, key, number="1.2.3")
    return dist


def verified(dist: Path, key: Path, namespace: str = NAMESPACE) -> bool:
    """As docs/install.md says it."""
    signers = dist.parent / "signers"
    signers.write_text(f"{SIGNER} {key.with_suffix('.pub').read_text(encoding='utf-8')}", encoding="utf-8")
    command = ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", SIGNER, "-n", namespace, "-s", f"{CHECKSUMS}.sig"]
    said = subprocess.run(
        command, cwd=dist, input=(dist / CHECKSUMS).read_bytes(), capture_output=True, check=False
    ).returncode
    whole = subprocess.run(["sha256sum", "--check", "--strict", CHECKSUMS], cwd=dist, capture_output=True, check=False)
    return said == 0 and whole.returncode == 0


def test_a_release_is_verified_as_the_installer_does_it(project: Path, key: Path) -> None:
    dist = released(project, key)
    names = [
        "SHA256SUMS",
        "SHA256SUMS.sig",
        "dciflow-1.2.3.tar.gz",
        "dciflow-whmcs-1.2.3.sh",
        "dciflow-whmcs-1.2.3.tar.gz",
        "dciflow-whmcs-1.2.3.zip",
    ]
    assert sorted(file.name for file in dist.iterdir()) == names
    assert verified(dist, key)


def test_a_file_that_was_changed_since_is_found(project: Path, key: Path) -> None:
    dist = released(project, key)
    with (dist / "dciflow-whmcs-1.2.3.tar.gz").open("ab") as file:
        file.write(b"\n")
    assert not verified(dist, key)


def test_checksums_that_somebody_wrote_again_are_found(project: Path, key: Path) -> None:
    dist = released(project, key)
    file = dist / "dciflow-whmcs-1.2.3.tar.gz"
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    file.write_bytes(b"evil")
    sums = dist / CHECKSUMS
    sums.write_text(sums.read_text().replace(before, hashlib.sha256(b"evil").hexdigest()))
    assert not verified(dist, key)


def test_another_key_and_a_signature_for_something_else_do_not_verify(project: Path, key: Path, tmp_path: Path) -> None:
    dist = released(project, key)
    assert not verified(dist, new_key(tmp_path / "other"))
    assert not verified(dist, key, "git")


def test_the_same_commit_gives_the_same_bytes(project: Path, tmp_path: Path) -> None:
    one, two = (source_archive(project, tmp_path / name, release="1.2.3").read_bytes() for name in ("one", "two"))
    assert one == two


def test_what_is_not_committed_is_not_released(project: Path, key: Path) -> None:
    (project / "new.py").write_text("x = 1\n", encoding="utf-8")
    with pytest.raises(StepRefused, match="not committed"):
        released(project, key)


def test_a_folder_that_is_no_checkout_is_not_released(tmp_path: Path) -> None:
    with pytest.raises(StepRefused, match="no git checkout"):
        source_archive(tmp_path, tmp_path / "dist", release="1.2.3")


def test_without_its_key_nothing_is_signed_and_no_older_signature_stays(project: Path, key: Path) -> None:
    dist = released(project, key)
    checksums = write_checksums([dist / "dciflow-1.2.3.tar.gz"])
    assert not (dist / f"{CHECKSUMS}.sig").exists()
    with pytest.raises(StepRefused, match="did not take the key"):
        sign(checksums, project / "absent")


def test_the_page_for_installers_verifies_as_this_test_does() -> None:
    verify = INSTALL.read_text(encoding="utf-8")
    verify = verify[verify.index("ssh-keygen -Y verify") :].partition("```")[0]
    assert f"-n {NAMESPACE}" in verify and f"-I {SIGNER}" in verify
    assert f"sha256sum --check --ignore-missing {CHECKSUMS}" in verify
