"""Copies the databases and the log of a local run, whether it's running or not, and its secrets apart from them."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from sqlalchemy import make_url

from deploy.local import layout, private, state
from deploy.local.backing import Backing
from deploy.local.backup import copies
from deploy.local.backup.copies import DATABASES, LOG, Copy
from deploy.local.kafka import Kafka
from deploy.local.layout import Layout
from deploy.local.postgres import Postgres
from deploy.local.problems import Problem, check_space
from deploy.local.process import NotReady
from deploy.local.progress import Progress

READY_SECONDS = 60
SPARE_BYTES = 2**28
UNNEEDED = shutil.ignore_patterns(".lock")
"""Of the log's folder: it says which broker uses it."""


@dataclass(frozen=True)
class Wish:
    """What is to be copied, where to, and for how long copies are kept."""

    into: Path
    keys: Path
    keep_days: int
    with_log: bool = True
    dry_run: bool = False


def make(place: Layout, wish: Wish, progress: Progress) -> Copy | None:
    """Make a copy, and delete those whose time is over; only say what would be done, for a dry run.

    Raises ``Problem`` and ``NotReady``.
    """
    backing = Backing(place, layout.services())
    parts = _parts(place, backing, wish)
    _check(place, wish)
    now = datetime.now(UTC).replace(microsecond=0)
    if wish.dry_run:
        _tell(place, wish, parts, now, progress)
        return None
    folder, keys = (below / copies.name_of(now) for below in (wish.into, wish.keys))
    for made in (folder, keys):
        made.mkdir(mode=0o700, parents=True)
    try:
        with ExitStack() as stack:
            is_running = state.running(place) is not None
            if not is_running:
                stack.enter_context(state.in_use(place))
            with progress.step("Secrets: copied, apart from the rest"):
                secrets(place, keys)
            if DATABASES in parts and backing.postgres:
                if not is_running:
                    backing.postgres.start(READY_SECONDS)
                    stack.callback(backing.postgres.stop)
                with progress.step("Databases: copied as they are at one moment"):
                    databases(backing.postgres, folder / DATABASES)
            if LOG in parts and backing.kafka:
                with progress.step("Log: copied"):
                    log(backing.kafka, folder / LOG, _broker(place))
        with progress.step("Files: listed"):
            copies.add_sums(folder)
        if place.sample_marker.exists():
            (folder / place.sample_marker.name).touch()
        copy = copies.note(folder, now, parts)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(keys, ignore_errors=True)
        raise
    _forget_old(wish, now, progress)
    progress.say(f"  {folder}  {copies.shown(copy.size())}")
    progress.say(f"  {keys}  whoever has both can read everything: keep them apart")
    return copy


def secrets(place: Layout, into: Path) -> None:
    """Copy what opens the rest: passwords, the keys that encrypt keys, and the issuer's accounts and sessions."""
    for path in sorted(place.secrets.iterdir()):
        if path.suffix == ".sqlite":
            target = into / path.name
            private.write(target, "")
            # It may be written to meanwhile.
            with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
                source.backup(copy)
        elif path.is_file() and not path.name.endswith(("-wal", "-shm", "-journal")):
            private.write(into / path.name, path.read_text())


def databases(postgres: Postgres, into: Path) -> None:
    """Copy all databases of a running server with what is committed at one moment. Raises ``NotReady``."""
    postgres.wait_ready(READY_SECONDS)
    command = [str(postgres.programs / "pg_basebackup"), "-h", layout.HOST, "-p", str(postgres.port)]
    command += ["-U", "postgres", "--no-password", "--checkpoint=fast", "--wal-method=stream", "-D", str(into)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**os.environ, "PGPASSWORD": str(make_url(postgres.admin_url).password), "LC_ALL": "C"},
        start_new_session=True,
    )
    if done.returncode:
        raise NotReady(f"The databases couldn't be copied.\n{done.stderr}")


def log(kafka: Kafka, into: Path, broker: psutil.Process | None) -> None:
    """Copy the log with its topics, users and rights.

    The broker stands still meanwhile, so that the copy is what a power cut would leave, which it is made to start from.
    What is said to it waits as it does when it's away.
    """
    with frozen(broker) if broker else ExitStack():
        shutil.copytree(copies.data_of(kafka), into, ignore=UNNEEDED)


@contextmanager
def frozen(process: psutil.Process) -> Iterator[None]:
    """Keeps a process from running. It goes on afterwards whatever becomes of us."""
    # Reads the end of its input when we are gone, of which only we hold the other end.
    command = ["sh", "-c", 'read -r _; kill -CONT "$1"', "guard", str(process.pid)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, cwd="/", start_new_session=True):
        process.send_signal(signal.SIGSTOP)
        yield


def _broker(place: Layout) -> psutil.Process | None:
    return next((one for one in state.leftovers(place) if "kafka.Kafka" in one.cmdline()), None)


def _parts(place: Layout, backing: Backing, wish: Wish) -> tuple[str, ...]:
    wanted = [DATABASES] if backing.postgres and copies.data_of(backing.postgres).exists() else []
    if wish.with_log and backing.kafka and copies.data_of(backing.kafka).exists():
        wanted.append(LOG)
    if not wanted:
        raise Problem(
            f"There's nothing to back up in {place.state}: no embedded server ever ran there.\n"
            "Servers that the environment names are backed up by their own means: see docs/backup.md."
        )
    return tuple(wanted)


def _check(place: Layout, wish: Wish) -> None:
    for folder in (wish.into, wish.keys):
        if folder.resolve().is_relative_to(place.state.resolve()):
            raise Problem(f"{folder} is within {place.state}, which it is to outlive. Name another folder.")
    into, keys = wish.into.resolve(), wish.keys.resolve()
    if keys.is_relative_to(into) or into.is_relative_to(keys):
        raise Problem(f"Secrets belong apart from what they open: {wish.keys} and {wish.into} are in one folder.")
    check_space(wish.into, size(place) + SPARE_BYTES)


def size(place: Layout) -> int:
    """Bytes that a copy may have."""
    return sum(copies.size_of((place.state / part).resolve()) for part in ("postgres", "kafka"))


def _tell(place: Layout, wish: Wish, parts: tuple[str, ...], now: datetime, progress: Progress) -> None:
    progress.say(f"  Would copy {' and '.join(parts)}, {copies.shown(size(place))} at most, to")
    progress.say(f"    {wish.into / copies.name_of(now)}")
    progress.say(f"  and the secrets to\n    {wish.keys / copies.name_of(now)}")
    for old in (*copies.outdated(wish.into, now, wish.keep_days), *copies.outdated(wish.keys, now, wish.keep_days)):
        progress.say(f"  and delete {old}, older than {wish.keep_days} days")
    progress.say("  Nothing was done.")


def _forget_old(wish: Wish, now: datetime, progress: Progress) -> None:
    """Certificates of erasures say that no copy is older."""
    for old in (*copies.outdated(wish.into, now, wish.keep_days), *copies.outdated(wish.keys, now, wish.keep_days)):
        copies.remove(old)
        progress.say(f"  Deleted {old}, older than {wish.keep_days} days")
