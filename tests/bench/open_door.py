"""``python -m tests.bench.open_door BLOCK``: a service's API that lets everybody in, for ``auth.overhead``.

No token is looked at, nobody's roles are asked, everything may be seen, and nothing is noted in the audit log.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from starlette.requests import Request

from shared.access.grants import EVERYTHING, Grants
from shared.edge.actor import Actor
from shared.edge.auth import Authenticator
from shared.pipeline import audit, main
from shared.pipeline.standing import Standing

SOMEBODY = Actor("somebody", "Somebody")


def open_door() -> None:
    """Take the checks out of this process."""

    async def somebody(_authenticator: Authenticator, _request: Request) -> Actor:
        return SOMEBODY

    def everything(_standing: Standing, _actor: Actor) -> Grants:
        return EVERYTHING

    def nothing(*_: object) -> None:
        return None

    checks: tuple[tuple[Any, str, Any], ...] = (
        (Authenticator, "admit", somebody),
        (Standing, "grants_of", everything),
        (audit, "of_work", nothing),
        (audit.Looks, "is_new", nothing),
    )
    for where, name, instead in checks:
        assert hasattr(where, name), f"{name} is gone: what is measured without it?"
        setattr(where, name, instead)


if __name__ == "__main__":
    open_door()
    sys.exit(main.main(importlib.import_module(f"services.{sys.argv[1]}.wiring").BLOCK, ["api"]))
