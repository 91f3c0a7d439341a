"""PostgreSQL refuses to run as root. Whoever is root runs it as a system user of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from deploy.local.problems import Problem

USER = "crm-postgres"
OUTSIDE = Path("/var/lib/crm-platform-local")
"""Where root's PostgreSQL is put when its user can't reach the checkout: no folder is opened up for it."""


def user() -> str | None:
    """The system user that PostgreSQL runs as, made if it's missing; None when we aren't root.

    Raises ``Problem`` when the user can't be made.
    """
    if os.geteuid() != 0:
        return None
    try:
        _ensure_user()
    except (OSError, subprocess.CalledProcessError) as error:
        raise Problem(
            f"PostgreSQL won't run as root, and the system user {USER} can't be made: {error}\n"
            f"Run this as a plain user, or make the user first: useradd {USER}"
        ) from error
    return USER


def own_folder(folder: Path, account: str | None) -> None:
    """Make ``folder`` belong to ``account``, in a place that it can reach.

    When a folder above is closed to others, ``folder`` becomes a link to one in ``OUTSIDE``.
    """
    if account is None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not folder.exists() and not all(map(_is_open, folder.absolute().parents)):
        OUTSIDE.mkdir(parents=True, exist_ok=True)
        OUTSIDE.chmod(0o755)  # whatever the umask says
        folder.unlink(missing_ok=True)
        folder.symlink_to(tempfile.mkdtemp(prefix="data-", dir=OUTSIDE))
    folder.mkdir(mode=0o700, exist_ok=True)
    entry = pwd.getpwnam(account)
    os.chown(folder, entry.pw_uid, entry.pw_gid)


def remove(folder: Path) -> None:
    """Delete a folder that ``own_folder`` made, wherever it is."""
    if folder.is_symlink():
        shutil.rmtree(folder.resolve(), ignore_errors=True)
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def reachable(installation: Path, version: str, account: str | None) -> Path:
    """``installation``, or a copy of it where ``account`` can read and run it."""
    if account is None or _can_run(installation, account):
        return installation
    package = installation.parent
    copy = OUTSIDE / f"program-{version}" / package.name / installation.name
    if not _can_run(copy, account):
        shutil.rmtree(OUTSIDE / f"program-{version}", ignore_errors=True)
        shutil.copytree(installation, copy, symlinks=True)
        # Where the programs look for their libraries, as seen from their own folder.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, copy.parents[1] / libraries.name)
        for path in (OUTSIDE, *OUTSIDE.glob(f"program-{version}/**/*"), OUTSIDE / f"program-{version}"):
            _open(path)
    return copy


def _ensure_user() -> None:
    try:
        pwd.getpwnam(USER)
    except KeyError:
        command = ["useradd", "--system", "--user-group", "--no-create-home", USER]
        subprocess.run(command, check=True, capture_output=True)


def _can_run(installation: Path, account: str) -> bool:
    command = [str(installation / "bin" / "initdb"), "--version"]
    done = None
    with suppress(OSError):
        done = subprocess.run(command, user=account, group=account, extra_groups=[], cwd="/", capture_output=True)
    return done is not None and done.returncode == 0


def _is_open(folder: Path) -> bool:
    """Whether everybody may pass through a folder."""
    return not folder.exists() or bool(folder.stat().st_mode & stat.S_IXOTH)


def _open(path: Path) -> None:
    """Let everybody read a file, and run it or pass through it if its owner may."""
    if path.is_symlink():
        return
    mode = path.stat().st_mode
    path.chmod(mode | 0o444 | (0o111 if mode & stat.S_IXUSR else 0))
