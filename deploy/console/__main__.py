"""``python -m deploy.console``: serve the console."""

from __future__ import annotations

import uvicorn

from deploy.console import settings
from deploy.console.app import app
from shared.edge import logs

GRACE_SECONDS = 5


def main() -> None:
    """Serve until ended."""
    given = settings.load()
    logs.configure("console", "console")
    uvicorn.run(app(given), host=given.host, port=given.port, access_log=False, timeout_graceful_shutdown=GRACE_SECONDS)


if __name__ == "__main__":
    main()
