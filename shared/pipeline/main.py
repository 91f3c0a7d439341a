"""The commands of a service: ``python -m services.<name> api | worker | migrate`` and those for its operators."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from sqlalchemy import MetaData
from sqlalchemy.exc import SQLAlchemyError

from shared.edge import faults, logs, settings
from shared.edge.errors import Refused
from shared.edge.settings import Settings
from shared.pipeline import admin, forgetting, migrate, recovery, rights, worker
from shared.pipeline.intents import Performer
from shared.pipeline.service import Service
from shared.pipeline.subscriptions import Subscriptions
from shared.pipeline.tasks import Task
from shared.pipeline.worker import Parts

GRACE_SECONDS = 5
"""Open pages are streams without an end; a stop waits for them no longer."""

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
    faults.arm_from_environment(os.environ.get("CRM_FAULT"))
    match chosen.command:
        case "api":
            _api(block, given)
        case "worker":
            worker.run(given, block.subscriptions(given), block.performers(given), block.tasks(given), block.parts)
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
    service = Service.of(given, process="api")
    recovery.refuse_if_restored(service)
    forgetting.forget_first(service, block.subscriptions(given).sources, block.tasks(given))
    uvicorn.run(
        block.app(given, service),
        host=given.host,
        port=given.port,
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _administer(block: Block, given: Settings, chosen: argparse.Namespace) -> int:
    try:
        return admin.run(chosen, given, block.subscriptions(given))
    except (Refused, RuntimeError) as error:
        print(error, file=sys.stderr)
    except SQLAlchemyError as error:
        print(f"The database of {block.name} doesn't answer: {type(error).__name__}", file=sys.stderr)
    return 1
