"""Packs whmcs-module/ as the archives that a host extracts over the WHMCS root: `python -m dciflow.module_archive`."""

import hashlib
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from gzip import GzipFile
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

from dciflow.registration import PROJECT
from runtime.errors import StepRefused

MODULE = PROJECT / "whmcs-module"
DIST = PROJECT / "dist"
MANIFEST = "modules/addons/dcimanager6flows/manifest.sha256"
"""The checksums of all files of the module, as sha256sum writes them: install.sh knows by it what a host changed."""


def module_files(module: Path) -> list[Path]:
    """What belongs on a WHMCS: the files below modules/, in order, without tests and hidden files.

    Raises StepRefused: there are none.
    """
    files = [
        path
        for path in sorted((module / "modules").rglob("*"))
        if path.is_file() and not _stays_here(path.relative_to(module))
    ]
    if not files:
        raise StepRefused(f"No module to pack: {module / 'modules'} has no files.")
    return files


def _stays_here(path: Path) -> bool:
    return any(part.startswith(".") or part == "tests" for part in path.parts)


def pack(module: Path, dist: Path, *, release: str, changed_at: int | None = None) -> list[Path]:
    """Write dciflow-whmcs-<release>.tar.gz, .zip and .sh, which installs the first, into dist; returns their paths.

    The same files give the same bytes. `changed_at`: what all files in them are dated, in seconds since 1970; without
    it, the date of the module's last commit. It has to be another for each release: PHP's opcache takes a file with the
    same date for the same file. Raises StepRefused: there is nothing to pack, or no date.
    """
    files = {path.relative_to(module).as_posix(): path.read_bytes() for path in module_files(module)}
    files[MANIFEST] = _manifest(files)
    changed_at = _last_change(module) if changed_at is None else changed_at
    dist.mkdir(parents=True, exist_ok=True)
    name = f"dciflow-whmcs-{release}"
    packed = {
        dist / f"{name}.tar.gz": _tar(files, changed_at),
        dist / f"{name}.zip": _zip(files, changed_at),
        dist / f"{name}.sh": (module / "install.sh").read_bytes(),
    }
    for path, content in packed.items():
        path.write_bytes(content)
    return list(packed)


def _manifest(files: dict[str, bytes]) -> bytes:
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items()).encode()


def _tar(files: dict[str, bytes], changed_at: int) -> bytes:
    """Files only: an entry for a folder would give WHMCS's own modules/ another owner and other rights."""
    out = BytesIO()
    with (
        GzipFile(fileobj=out, mode="wb", mtime=0) as gzip,
        tarfile.open(fileobj=gzip, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(content), changed_at, 0o644
            entry.uname = entry.gname = "root"
            tar.addfile(entry, BytesIO(content))
    return out.getvalue()


def _zip(files: dict[str, bytes], changed_at: int) -> bytes:
    out = BytesIO()
    year, month, day, hour, minute, second, *_ = time.gmtime(changed_at)
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (year, month, day, hour, minute, second))
            entry.create_system, entry.external_attr = 3, 0o100644 << 16  # Unix, so that the rights count
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return out.getvalue()


def _last_change(module: Path) -> int:
    """SOURCE_DATE_EPOCH, else the date of the module's last commit. Raises StepRefused: there is neither."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given is None:
        command = ["git", "-C", str(module.parent), "log", "-1", "--format=%ct", "--", module.name]
        given = subprocess.run(command, capture_output=True, text=True).stdout.strip()  # noqa: S603
    if not given.isdecimal():
        raise StepRefused("No date for the archive: pack it in a git checkout, or set SOURCE_DATE_EPOCH.")
    return int(given)


if __name__ == "__main__":
    try:
        for made in pack(MODULE, DIST, release=version("dciflow")):
            print(made.relative_to(PROJECT))
    except StepRefused as refusal:
        sys.exit(str(refusal))
