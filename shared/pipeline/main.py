"""The commands of a service: ``python -m services.<name> api | worker | migrate`` and those for its operators."""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI
from sqlalchemy import MetaData
from sqlalchemy.exc import SQLAlchemyError

from shared.edge import faults, logs, metrics, settings
from shared.edge.errors import Refused
from shared.edge.garbage import collect_seldom
from shared.edge.live import Live
from shared.edge.settings import Settings
from shared.edge.signs import Signs
from shared.pipeline import admin, forgetting, migrate, recovery, rights, worker
from shared.pipeline.intents import Performer
from shared.pipeline.service import Service
from shared.pipeline.subscriptions import Subscriptions
from shared.pipeline.tasks import Task
from shared.pipeline.worker import Parts

GRACE_SECONDS = 5
"""How long a stop waits for requests that are being answered."""
NOT_STARTED = 3
"""The exit status of an API that couldn't begin to answer, as when its port is taken."""

OWN = {
    "api": "answer requests and show pages",
    "worker": "send what was committed, and hear what others say",
    "migrate": "bring the database to the newest version of its tables",
    "draft-migration": "print the body of the migration that the code would need next",
}


@dataclass(frozen=True)
class Command:
    """A command of one service's own."""

    name: str
    help: str
    run: Callable[[Settings, argparse.Namespace], int]
    """Gives the process's exit status."""
    add_arguments: Callable[[argparse.ArgumentParser], None] = lambda _: None


@dataclass(frozen=True)
class Block:
    """What makes one service different from the others; its wiring.py says it."""

    name: str
    versions: Path
    metadatas: tuple[MetaData, ...]
    app: Callable[[Settings, Service], FastAPI]
    subscriptions: Callable[[Settings], Subscriptions]
    performers: Callable[[Settings], Mapping[str, Performer]] = lambda _: {}
    tasks: Callable[[Settings], Sequence[Task]] = lambda _: ()
    """What the worker works out anew when it is due."""
    parts: Parts = lambda _service, _stop: {}
    """What else runs in the worker."""
    more: tuple[Command, ...] = ()
    """Commands that only this service has."""


def parser(block: Block) -> argparse.ArgumentParser:
    """The command line of a service."""
    made = argparse.ArgumentParser(prog=f"python -m services.{block.name}")
    commands = made.add_subparsers(dest="command", required=True, metavar="command")
    for name, text in OWN.items():
        commands.add_parser(name, help=text, description=text)
    for own in block.more:
        own.add_arguments(commands.add_parser(own.name, help=own.help, description=own.help))
    admin.add_commands(commands)
    return made


def main(block: Block, arguments: Sequence[str]) -> int:
    """Run one command; gives the process's exit status."""
    chosen = parser(block).parse_args(arguments)
    given = settings.load(block.name)
    for line in settings.unknown():
        print(f"warning: {line}", file=sys.stderr)
    faults.arm_from_environment(os.environ.get("CRM_FAULT"))
    match chosen.command:
        case "api":
            _api(block, given)
        case "worker":
            of = (block.subscriptions(given), block.performers(given), block.tasks(given), block.parts)
            worker.run(given, *of, versions=block.versions)
        case "migrate":
            migrate.upgrade(given.database_url, block.versions)
            rights.grant(given.database_url, block.name)
        case "draft-migration":
            print(migrate.draft(given.database_url, block.metadatas))
        case name:
            for own in block.more:
                if own.name == name:
                    return own.run(given, chosen)
            return _administer(block, given, chosen)
    return 0


def _api(block: Block, given: Settings) -> None:
    logs.configure(block.name, "api")
    # Every open page is an open file; the usual limit is made for programs that have few.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    metrics.says(block.name, "api", given.release)
    # What ends as it was told to ends well; uvicorn raises the signal again once it has ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    service = Service.of(given, process="api", versions=block.versions)
    recovery.refuse_if_restored(service)
    forgetting.forget_first(service, block.subscriptions(given).sources, block.tasks(given))
    app = block.app(given, service)
    if given.api_metrics_port:
        Signs(given.host, given.api_metrics_port, app.state.health)
    config = uvicorn.Config(
        app, host=given.host, port=given.port, access_log=False, timeout_graceful_shutdown=GRACE_SECONDS
    )
    server = _Server(config, app.state.live)
    collect_seldom()
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(NOT_STARTED)


class _Server(uvicorn.Server):
    """Ends open pages' streams when it is told to stop, which would else take all of the time that there is."""

    def __init__(self, config: uvicorn.Config, live: Live) -> None:
        super().__init__(config)
        self._live = live

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._live.end()
        super().handle_exit(sig, frame)


def _administer(block: Block, given: Settings, chosen: argparse.Namespace) -> int:
    try:
        return admin.run(chosen, given, block.subscriptions(given))
    except (Refused, RuntimeError) as error:
        print(error, file=sys.stderr)
    except SQLAlchemyError as error:
        print(f"The database of {block.name} doesn't answer: {type(error).__name__}", file=sys.stderr)
    return 1
