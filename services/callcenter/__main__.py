"""python -m services.callcenter api | worker | migrate | draft-migration"""

from __future__ import annotations

import os
import sys

import uvicorn

from services.callcenter import wiring
from services.callcenter.subscriptions import SUBSCRIPTIONS
from shared.edge import faults, logs, settings
from shared.pipeline import migrate, worker
from shared.pipeline.service import Service

GRACE_SECONDS = 5
"""Open pages are streams without an end; a stop waits for them no longer."""


def main(arguments: list[str]) -> int:
    """Run one command; gives the exit code."""
    known = {"api": api, "worker": work, "migrate": upgrade, "draft-migration": draft}
    command = known.get(arguments[0]) if len(arguments) == 1 else None
    if command is None:
        print(__doc__, file=sys.stderr)
        return 2
    command(settings.load(wiring.NAME))
    return 0


def api(given: settings.Settings) -> None:
    logs.configure(wiring.NAME, "api")
    app = wiring.app(given, Service.of(given, process="api"))
    uvicorn.run(
        app,
        host=given.host,
        port=given.port,
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def work(given: settings.Settings) -> None:
    worker.run(given, SUBSCRIPTIONS)


def upgrade(given: settings.Settings) -> None:
    migrate.upgrade(given.database_url, wiring.VERSIONS)


def draft(given: settings.Settings) -> None:
    print(migrate.draft(given.database_url, wiring.METADATAS))


if __name__ == "__main__":
    faults.arm_from_environment(os.environ.get("CRM_FAULT"))
    sys.exit(main(sys.argv[1:]))
