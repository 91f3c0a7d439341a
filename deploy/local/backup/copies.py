"""What a backup consists of: one folder a copy, named by its instant, and one apart with the secrets that open it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deploy.local import jars, postgres
from deploy.local.problems import Problem
from deploy.local.process import ServerProcess

FORMAT = 1
NAMES = "%Y-%m-%dT%H%M%SZ"
NOTE = "backup.json"
SUMS = "files.json"
DATABASES, LOG = "databases", "log"
PARTS = (DATABASES, LOG)
"""In the order in which they are copied: a log that is newer than the databases has all that these lack."""
DAYS_VARIABLE = "CRM_BACKUP_DAYS"
DAYS = 35
"""As the services have it, who say in certificates of erasures until when a backup may hold somebody."""


@dataclass(frozen=True)
class Copy:
    """One copy. Its note is written last, so what has none was broken off."""

    folder: Path
    made: datetime
    parts: tuple[str, ...]
    versions: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.folder.name

    def part(self, name: str) -> Path:
        """Where a part of it is."""
        return self.folder / name

    def size(self) -> int:
        """Bytes."""
        return size_of(self.folder)


def name_of(now: datetime) -> str:
    """What a copy is called that is made now."""
    return now.astimezone(UTC).strftime(NAMES)


def note(folder: Path, made: datetime, parts: tuple[str, ...]) -> Copy:
    """Say that a copy is complete."""
    copy = Copy(folder, made, parts, versions())
    told = asdict(copy) | {"format": FORMAT, "made": made.isoformat(), "parts": list(parts)}
    del told["folder"]
    (folder / NOTE).write_text(json.dumps(told, indent=1))
    return copy


def versions() -> dict[str, str]:
    """Of the servers, whose files only these can read."""
    return {"kafka": jars.KAFKA_VERSION, "postgres": postgres.VERSION}


def add_sums(folder: Path) -> None:
    """List the files of a copy with what is in them, to see later whether they are still the same."""
    (folder / SUMS).write_text(json.dumps(_sums(folder), indent=0))


def check(copy: Copy) -> None:
    """Raises ``Problem`` when the files of a copy aren't as they were written."""
    try:
        wanted: dict[str, str] = json.loads((copy.folder / SUMS).read_text())
    except (OSError, ValueError) as error:
        raise Problem(f"{copy.folder / SUMS} can't be read: {error}") from error
    found = _sums(copy.folder)
    if wrong := sorted(path for path in wanted.keys() | found.keys() if wanted.get(path) != found.get(path)):
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise Problem(f"{copy.folder} isn't as it was written, so nothing was restored: {', '.join(wrong[:3])}{more}")


def _sums(folder: Path) -> dict[str, str]:
    paths = (path for part in PARTS for path in (folder / part).rglob("*") if path.is_file())
    found = {}
    for path in sorted(paths):
        with path.open("rb") as file:
            found[str(path.relative_to(folder))] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def all_in(folder: Path) -> list[Copy]:
    """The complete copies in a folder, the oldest first."""
    found = [_read(path.parent) for path in folder.glob(f"*/{NOTE}")] if folder.is_dir() else []
    return sorted(found, key=lambda copy: copy.made)


def find(folder: Path, name: str = "") -> Copy:
    """The newest copy in a folder, or the one of that name; the folder itself may be one. Raises ``Problem``."""
    if (folder / NOTE).exists():
        return _read(folder)
    known = all_in(folder)
    if not known:
        raise Problem(f"There's no complete backup in {folder}.")
    if not name:
        return known[-1]
    for copy in known:
        if copy.name == name:
            return copy
    names = ", ".join(copy.name for copy in known)
    raise Problem(f"There's no backup {name} in {folder}. There are: {names}")


def apart(folder: Path) -> Path:
    """Where the secrets of a folder's copies are put if nothing else is said. ``folder`` has the copies."""
    return folder.with_name(f"{folder.name}-keys")


def days(environ: Mapping[str, str] = os.environ) -> int:
    """For how long copies are kept. Raises ``Problem``."""
    text = environ.get(DAYS_VARIABLE) or str(DAYS)
    if not text.isdecimal():
        raise Problem(f"{DAYS_VARIABLE} is {text!r}; it must be a number of days.")
    return int(text)


def outdated(folder: Path, now: datetime, keep_days: int) -> list[Path]:
    """Copies, or secrets of copies, whose time is over."""
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        made = _instant(path.name)
        if made is not None and path.is_dir() and now - made > timedelta(days=keep_days):
            found.append(path)
    return found


def data_of(server: ServerProcess) -> Path:
    """Where an embedded server keeps what it has."""
    return server.folder / "data"


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder, as far as they are still there."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def shown(size: int) -> str:
    """A size as people say it."""
    return f"{size / 2**20:,.0f} MiB"


def remove(folder: Path) -> None:
    """Delete a copy: its note first, so that half of one is never taken for a whole one."""
    (folder / NOTE).unlink(missing_ok=True)
    shutil.rmtree(folder)


def _read(folder: Path) -> Copy:
    try:
        told = json.loads((folder / NOTE).read_text())
        if told["format"] != FORMAT:
            raise Problem(f"{folder} was written by another version of this platform.")
        return Copy(folder, datetime.fromisoformat(told["made"]), tuple(told["parts"]), told["versions"])
    except (ValueError, KeyError, TypeError) as error:
        raise Problem(f"{folder / NOTE} can't be read: {error}") from error


def _instant(name: str) -> datetime | None:
    try:
        return datetime.strptime(name, NAMES).replace(tzinfo=UTC)
    except ValueError:
        return None
