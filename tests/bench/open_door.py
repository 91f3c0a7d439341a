"""``python -m tests.bench.open_door BLOCK``: a service's API that lets everybody in, for ``auth.overhead``.

No token is looked at, nobody's roles are asked, everything may be seen, and nothing is noted in the audit log.
"""

from __future__ import annotations

import importlib
import sys

from starlette.requests import Request

from shared.access.grants import EVERYTHING, Grants
from shared.edge.actor import Actor
from shared.edge.auth import Authenticator
from shared.pipeline import audit, main
from shared.pipeline.standing import Standing

SOMEBODY = Actor("somebody", "Somebody")


def open_door() -> None:
    """Take the checks out of this process."""

    def somebody(_authenticator: Authenticator, _request: Request) -> Actor:
        return SOMEBODY

    def everything(_standing: Standing, _actor: Actor) -> Grants:
        return EVERYTHING

    def nothing(*_: object) -> None:
        return None

    Authenticator.actor = somebody  # type: ignore[method-assign]
    Standing.grants_of = everything  # type: ignore[method-assign]
    audit.of_work = nothing  # type: ignore[assignment]
    audit.Looks.is_new = lambda _looks, _look: False  # type: ignore[method-assign]


if __name__ == "__main__":
    open_door()
    sys.exit(main.main(importlib.import_module(f"services.{sys.argv[1]}.wiring").BLOCK, ["api"]))
