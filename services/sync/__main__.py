"""python -m services.sync api | worker | migrate | draft-migration"""

from __future__ import annotations

import os
import sys

import uvicorn

from services.sync import wiring
from services.sync.subscriptions import subscriptions
from shared.edge import faults, logs, settings
from shared.pipeline import migrate
from shared.pipeline import worker as pipeline
from shared.pipeline.service import Service

GRACE_SECONDS = 5
"""Open pages are streams without an end; a stop waits for them no longer."""


def main(arguments: list[str]) -> int:
    """Run one command; gives the exit code."""
    known = {"api": api, "worker": worker, "migrate": upgrade, "draft-migration": draft}
    command = known.get(arguments[0]) if len(arguments) == 1 else None
    if command is None:
        print(__doc__, file=sys.stderr)
        return 2
    command(settings.load(wiring.NAME))
    return 0


def api(given: settings.Settings) -> None:
    logs.configure(wiring.NAME, "api")
    uvicorn.run(
        wiring.app(given, Service.of(given, process="api")),
        host=given.host,
        port=given.port,
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def worker(given: settings.Settings) -> None:
    pipeline.run(given, subscriptions(notices_wanted=bool(given.notify_url)), wiring.performers(given))


def upgrade(given: settings.Settings) -> None:
    migrate.upgrade(given.database_url, wiring.VERSIONS)


def draft(given: settings.Settings) -> None:
    print(migrate.draft(given.database_url, wiring.METADATAS))


if __name__ == "__main__":
    faults.arm_from_environment(os.environ.get("CRM_FAULT"))
    sys.exit(main(sys.argv[1:]))
