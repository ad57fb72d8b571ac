"""The files of a release, their checksums and the signature of those: `python -m dciflow.release KEY`.

Signed by ssh-keygen, which every host has, with a key of whoever releases; how it is verified: docs/install.md, step 6.
"""

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from gzip import GzipFile
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

from dciflow.module_archive import DIST, MODULE, pack
from dciflow.registration import PROJECT
from runtime.errors import StepRefused

CHECKSUMS = "SHA256SUMS"
NAMESPACE = "dciflow-release"
"""What the signature is for: one that the key made for mail or git is none for a release."""


def source_archive(project: Path, dist: Path, *, release: str) -> Path:
    """Write the committed files as dciflow-<release>.tar.gz; the same commit gives the same bytes.

    Raises StepRefused: something is not committed, or it is no git checkout.
    """
    if _git(project, "status", "--porcelain"):
        raise StepRefused("Nothing was released: something is not committed.")
    name = f"dciflow-{release}"
    content = _git(project, "archive", "--format=tar", f"--prefix={name}/", "HEAD")
    out = BytesIO()
    with GzipFile(fileobj=out, mode="wb", mtime=0) as gzip:
        gzip.write(content)
    dist.mkdir(parents=True, exist_ok=True)
    path = dist / f"{name}.tar.gz"
    path.write_bytes(out.getvalue())
    return path


def write_checksums(files: Sequence[Path]) -> Path:
    """Write SHA256SUMS beside the files, as sha256sum does."""
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(files)]
    path = files[0].with_name(CHECKSUMS)
    path.write_text("".join(lines), encoding="ascii")
    path.with_name(f"{CHECKSUMS}.sig").unlink(missing_ok=True)  # it was of others
    return path


def sign(checksums: Path, key: Path) -> Path:
    """Sign the checksums with an SSH key, or by the agent that has it where `key` is a public one.

    Raises StepRefused: ssh-keygen did not sign.
    """
    command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(checksums)]
    try:
        signed = subprocess.run(command, check=False)  # noqa: S603 - it may ask for the key's passphrase
    except OSError as error:
        raise StepRefused(f"Nothing was signed: ssh-keygen cannot be started ({error.strerror}).") from None
    if signed.returncode:
        raise StepRefused(f"Nothing was signed: ssh-keygen did not take the key {key}.")
    return checksums.with_name(f"{checksums.name}.sig")


def release(project: Path, module: Path, dist: Path, key: Path, *, number: str) -> list[Path]:
    """Pack everything, write the checksums and sign them. Raises StepRefused."""
    files = [source_archive(project, dist, release=number), *pack(module, dist, release=number)]
    checksums = write_checksums(files)
    return [*files, checksums, sign(checksums, key)]


def _git(project: Path, *words: str) -> bytes:
    asked = subprocess.run(["git", "-C", str(project), *words], capture_output=True, check=False)  # noqa: S603, S607
    if asked.returncode:
        raise StepRefused("Nothing was released: this is no git checkout.")
    return asked.stdout


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Which key signs the release? make release KEY=~/.ssh/id_ed25519")
    try:
        for made in release(PROJECT, MODULE, DIST, Path(sys.argv[1]), number=version("dciflow")):
            print(made.relative_to(PROJECT))
    except StepRefused as refusal:
        sys.exit(str(refusal))
