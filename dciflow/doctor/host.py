"""This machine: what is installed, whose the code is, and who can read the secrets."""

import importlib.util
import os
import re
import stat
import sys
from collections.abc import Collection, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution, requires
from pathlib import Path

from prefect.settings import PREFECT_HOME

from dciflow.doctor.findings import Answer, Finding, look, ok, wrong
from dciflow.registration import PROJECT

SETTINGS = Path("/etc/dciflow")
"""Where docs/install.md keeps the settings, which hold Prefect's auth string and encryption key."""

OLD_PROXY = Path("/etc/nginx/dciflow")
"""Where the nginx of before the door had its files."""

OTHERS_READ, OTHERS_WRITE, GROUP_WRITE = stat.S_IROTH, stat.S_IWOTH, stat.S_IWGRP


def check_packages() -> Answer:
    """Whether packages are installed here that only tests and drawings need."""
    for_tests = sorted(name for name in _names_of_extra("dev") if _is_installed(name))
    if not for_tests:
        return [ok("only what runs is installed")]
    named = ", ".join(for_tests[:3])
    return [
        look(
            f"{len(for_tests)} packages are installed that only tests need ({named}, ...)",
            f"on a machine in production: sudo make -C {PROJECT} run-env, then restart",
        )
    ]


def _names_of_extra(extra: str) -> Iterator[str]:
    for line in requires("dciflow") or []:
        name, _, marker = line.partition(";")
        if re.search(rf"extra\s*==\s*['\"]{extra}['\"]", marker):
            yield re.split(r"[^\w.-]", name.strip())[0]


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def check_code(project: Path = PROJECT, environment: Path = Path(sys.prefix), uid: int | None = None) -> Answer:
    """Whether the user that this runs as, or everybody, can change the code that it runs."""
    uid = os.geteuid() if uid is None else uid
    code = [
        project,
        *project.glob("*/"),
        *project.glob("*/*.py"),
        environment,
        *environment.glob("lib/*/site-packages"),
    ]
    loose = [path for path in code if _may_be_changed(path, uid)]
    if loose:
        return [
            wrong(
                f"the user that runs dciflow can change its code ({loose[0]} and {len(loose) - 1} more)",
                # Not chown: what was left there, a hook of git's above all, root would execute.
                f"move {project} away and clone it afresh (docs/install.md, Upgrade); then chmod -R go-w {project}",
            )
        ]
    return [ok("the code belongs to root and nobody else can change it")]


def _may_be_changed(path: Path, uid: int) -> bool:
    facts = path.stat()
    return facts.st_uid not in (0, *(() if uid else (uid,))) or bool(facts.st_mode & (OTHERS_WRITE | GROUP_WRITE))


def check_bytecode() -> Answer:
    """Whether the code was compiled when it was installed: who cannot write there compiles it again at each start."""
    found = importlib.util.find_spec("worker.worker")
    compiled = None if found is None or found.cached is None else Path(found.cached)
    if compiled is not None and compiled.exists():
        return [ok("the code is compiled")]
    return [look("the code is not compiled, so each start takes longer", f"sudo make -C {PROJECT} run-env")]


def check_proxy(folder: Path = OLD_PROXY) -> Answer:
    """Whether files are still here of the nginx that let WHMCS's raw bodies through to Prefect."""
    old = [folder / name for name in ("deployments.map", "prefect-auth.conf") if (folder / name).exists()]
    if not old:
        return [ok("nothing is left of the proxy that let raw bodies through to Prefect")]
    return [
        wrong(
            f"{path} is of the proxy that lets WHMCS's raw bodies through to Prefect",
            "put the door in its place (docs/least-privilege.md), then take the file away",
        )
        for path in old
    ]


def check_secrets(files: Collection[Path] | None = None) -> Answer:
    """Whether files with secrets can be read or changed by others."""
    looked_at = list(_secret_files() if files is None else files)
    if not looked_at:
        return [look(f"there are no settings in {SETTINGS}", "nothing, if they are elsewhere (docs/install.md)")]
    return list(_loose(looked_at)) or [ok(f"{len(looked_at)} files with secrets can be read by nobody else")]


def _secret_files() -> Iterator[Path]:
    yield from sorted(SETTINGS.glob("*.env")) if SETTINGS.is_dir() else ()
    # Prefect's own SQLite database has the blocks, and their key beside them where none is set.
    home = Path(PREFECT_HOME.value())
    yield from (path for path in (home / "prefect.db", home / "profiles.toml") if path.exists())


def _loose(files: Iterable[Path]) -> Iterator[Finding]:
    for path in files:
        mode = path.stat().st_mode
        if mode & (OTHERS_READ | OTHERS_WRITE | GROUP_WRITE) and not _is_shut(path.parent):
            yield wrong(
                f"{path} can be read or changed by others (mode {stat.S_IMODE(mode):o})", f"chmod o-rwx,g-w {path}"
            )


def _is_shut(folder: Path) -> bool:
    """Whether nobody but its owner and group gets into the folder at all."""
    return not folder.stat().st_mode & stat.S_IXOTH
