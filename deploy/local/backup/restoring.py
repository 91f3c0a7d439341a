"""Puts a copy back in the place of what is there, which is moved aside and not deleted."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.local import layout, private, state, unprivileged
from deploy.local.backing import Backing
from deploy.local.backup import copies
from deploy.local.backup.copies import DATABASES, LOG, Copy
from deploy.local.backup.making import SPARE_BYTES
from deploy.local.kafka import Kafka
from deploy.local.layout import Layout
from deploy.local.postgres import Postgres
from deploy.local.problems import Problem, check_space
from deploy.local.progress import Progress

KEKS = "key-encryption-keys"
ASIDE = "before-"
"""Begins the name of what was here until a restore."""


@dataclass(frozen=True)
class Wish:
    """Which copy, and which parts of it."""

    folder: Path
    name: str = ""
    keys: Path | None = None
    """The secrets' folder; where it isn't said, those that are here stay."""
    parts: Collection[str] = copies.PARTS
    dry_run: bool = False


def restore(place: Layout, wish: Wish, progress: Progress) -> Copy:
    """Put a copy back, after a look at whether it's sound; only look, for a dry run. Raises ``Problem``.

    Nothing may be running.
    """
    copy = copies.find(wish.folder, wish.name)
    parts = tuple(part for part in copies.PARTS if part in wish.parts and part in copy.parts)
    if not parts:
        raise Problem(f"{copy.folder} has no {' and no '.join(wish.parts)}, only {' and '.join(copy.parts)}.")
    if dict(copy.versions) != copies.versions():
        raise Problem(
            f"{copy.folder} is of other servers: there {copy.versions}, here {copies.versions()}.\n"
            "Check out the version of this platform that made it."
        )
    secrets = _secrets(place, wish, copy)
    with state.in_use(place):
        state.stop_leftovers(place)
        backing = Backing(place, layout.services())
        check_space(place.state, copy.size() + SPARE_BYTES)
        with progress.step(f"{copy.name}: every file is as it was written"):
            copies.check(copy)
        if wish.dry_run:
            _tell(place, copy, parts, secrets, progress)
            return copy
        now = copies.name_of(datetime.now(UTC))
        if secrets:
            with progress.step("Secrets: put back"):
                aside(place.secrets, now)
                private_copy(secrets, place.secrets)
        if DATABASES in parts and backing.postgres:
            with progress.step("Databases: put back"):
                databases(backing.postgres, copy.part(DATABASES), now)
            _mark_sample(place, copy)
        if LOG in parts and backing.kafka:
            with progress.step("Log: put back"):
                log(backing.kafka, copy.part(LOG), now)
        _note_versions(place)
    _say_next(place, parts, copy, now, progress)
    return copy


def databases(postgres: Postgres, copy: Path, now: str) -> None:
    """Put databases back. The server mustn't run."""
    unprivileged.own_folder(postgres.folder, postgres.user)
    data = copies.data_of(postgres)
    aside(data, now)
    shutil.copytree(copy, data)
    data.chmod(0o700)
    if postgres.user:
        for path in (data, *data.rglob("*")):
            shutil.chown(path, postgres.user, postgres.user)


def log(kafka: Kafka, copy: Path, now: str) -> None:
    """Put the log back. The broker mustn't run."""
    kafka.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    data = copies.data_of(kafka)
    aside(data, now)
    shutil.copytree(copy, data)


def aside(folder: Path, now: str) -> None:
    """Move what is there out of the way, beside it."""
    if folder.exists():
        folder.rename(folder.with_name(f"{ASIDE}{now}-{folder.name}"))


def private_copy(source: Path, target: Path) -> None:
    """Copy a folder of secrets."""
    target.mkdir(mode=0o700, parents=True)
    for path in source.iterdir():
        private.write(target / path.name, "")
        shutil.copyfile(path, target / path.name)


def _secrets(place: Layout, wish: Wish, copy: Copy) -> Path | None:
    """The secrets to put back, if any. Raises ``Problem`` when the data couldn't be opened with those that are here."""
    if wish.keys is not None:
        found = wish.keys if (wish.keys / KEKS).exists() else wish.keys / copy.name
        if not (found / KEKS).exists():
            raise Problem(f"{found} has no secrets of the backup {copy.name}.")
        return found
    here, there = place.secrets / KEKS, copies.apart(copy.folder.parent) / copy.name
    if here.exists():
        if (there / KEKS).exists() and not _covers(here.read_text(), (there / KEKS).read_text()):
            raise Problem(
                f"{here} isn't the key of the backup {copy.name}: without that nothing of it can be read.\n"
                f"Put the backup's secrets back, too: --keys {there.parent}"
            )
        return None
    if (there / KEKS).exists():
        return there
    raise Problem(
        f"Without its secrets nothing of {copy.folder} can be read, and there are none in {place.secrets} or {there}.\n"
        "Say where they are kept: --keys FOLDER"
    )


def _covers(here: str, there: str) -> bool:
    """Whether keys are among those that are known here; new ones may have come since."""
    return set(there.strip().split(",")) <= set(here.strip().split(","))


def _mark_sample(place: Layout, copy: Copy) -> None:
    """Neither loaded twice nor never."""
    if (copy.folder / place.sample_marker.name).exists():
        place.sample_marker.touch()
    else:
        place.sample_marker.unlink(missing_ok=True)


def _note_versions(place: Layout) -> None:
    if not (place.state / "versions.json").exists():
        state.note_versions(place)


def _tell(place: Layout, copy: Copy, parts: Collection[str], secrets: Path | None, progress: Progress) -> None:
    progress.say(f"  Would put back {' and '.join(parts)} of {copy.made:%Y-%m-%d %H:%M:%S %Z} to {place.state}")
    progress.say(f"  with the secrets of {secrets}" if secrets else "  with the secrets that are here")
    progress.say("  What is there would be moved aside. Nothing was done.")


def _say_next(place: Layout, parts: Collection[str], copy: Copy, now: str, progress: Progress) -> None:
    progress.say(
        f"\n  Here is what was at {copy.made:%Y-%m-%d %H:%M:%S %Z}. What was here until now lies beside it, as"
    )
    progress.say(f"  {ASIDE}{now}-… in {place.state}: delete it once all is well.")
    progress.say("  Next: .venv/bin/python -m deploy.local recover   (says what is lost, and changes nothing)")
    if list(parts) == [LOG]:
        progress.say("  The databases are newer than this log; that says which events are gone.")
