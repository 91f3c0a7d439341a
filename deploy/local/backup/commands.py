"""The commands: ``backup``, ``restore`` and ``recover`` of ``python -m deploy.local``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from deploy.local.backing import Backing
from deploy.local.backup import copies, making, recovering, restoring
from deploy.local.layout import Layout
from deploy.local.progress import Progress
from deploy.local.run import Run

Stopping = Callable[[Layout, Progress, Callable[[Run], None]], int]
"""Does something with a run, and stops it."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser], until_stopped: Stopping) -> None:
    """Add these commands to the others."""
    backup = commands.add_parser("backup", help="copy all data, running or not; secrets go to a folder of their own")
    backup.add_argument("folder", type=_folder, help="the copy becomes a folder in this one, named by its time")
    backup.add_argument("--keys", type=Path, help="where secrets go (default: FOLDER-keys)")
    backup.add_argument("--without-log", action="store_true", help="only the databases; the log is safe elsewhere")
    backup.add_argument("--dry-run", action="store_true", help="only say what would be done")
    backup.set_defaults(command=_backup)
    restore = commands.add_parser("restore", help="put a copy back; what is there is moved aside")
    restore.add_argument("folder", type=_folder, help="a copy, or the folder that has some: then the newest")
    restore.add_argument("--at", default="", metavar="NAME", help="the copy of this name instead")
    restore.add_argument("--keys", type=Path, help="put these secrets back, too")
    restore.add_argument("--only", choices=copies.PARTS, help="leave the other part as it is")
    restore.add_argument("--dry-run", action="store_true", help="only check the copy, and say what would be done")
    restore.set_defaults(command=_restore)
    recover = commands.add_parser(
        "recover", help="after a restore: say what is lost, and bring databases and log together with --apply"
    )
    recover.add_argument("--apply", action="store_true", help="put right what was found")
    recover.add_argument("--accept-loss", action="store_true", help="go on without what the log itself has lost")
    recover.set_defaults(command=lambda options, place: _recover(options, place, until_stopped))


def _folder(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("say which folder: make backup TO=/somewhere, make restore FROM=/somewhere")
    return Path(text)


def _backup(options: argparse.Namespace, place: Layout) -> int:
    into = options.folder.absolute()
    keys = options.keys.absolute() if options.keys else copies.apart(into)
    wish = making.Wish(into, keys, copies.days(), with_log=not options.without_log, dry_run=options.dry_run)
    making.make(place, wish, Progress())
    return 0


def _restore(options: argparse.Namespace, place: Layout) -> int:
    parts = (options.only,) if options.only else copies.PARTS
    keys = options.keys.absolute() if options.keys else None
    wish = restoring.Wish(options.folder.absolute(), options.at, keys, parts, options.dry_run)
    restoring.restore(place, wish, Progress())
    return 0


def _recover(options: argparse.Namespace, place: Layout, until_stopped: Stopping) -> int:
    progress = Progress()
    chosen = {"--apply": options.apply, "--accept-loss": options.accept_loss}
    told = [name for name, wanted in chosen.items() if wanted]

    def work(backing: Backing) -> None:
        recovering.recover(place, backing, progress, told)

    return until_stopped(place, progress, lambda run: run.briefly(work))
