"""Parked streams are handed in again, or go on without what they stand at."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shared.access.actions import Action
from shared.edge.errors import NotFound
from shared.pipeline.mending import redriven, skipped
from shared.pipeline.receive import Subscription
from shared.pipeline.work import Work
from shared.texts import N_, Text

Moving = Callable[[Work], Sequence[Subscription]]
"""The subscriptions of the service as they are registered."""


def redrive(work: Work, moving: Moving, subscription: str, source: str, stream: str) -> dict[str, int]:
    """Hand in again what waits, after its cause was mended. Raises ``Forbidden`` and ``NotFound``."""
    work.need(Action.OPERATIONS_ACT)
    handled, stay = redriven(work, _named(moving(work), subscription), (source, stream))
    return {"handled": handled, "stay": stay}


def skip(work: Work, moving: Moving, subscription: str, source: str, stream: str, reason: str) -> dict[str, int]:
    """Leave out what the stream stands at, for a reason that is kept. Raises ``Forbidden``, ``NotFound``,
    ``Conflict``."""
    work.need(Action.OPERATIONS_ACT)
    handled, stay = skipped(work, _named(moving(work), subscription), (source, stream), reason)
    return {"handled": handled, "stay": stay}


def _named(subscriptions: Sequence[Subscription], name: str) -> Subscription:
    for each in subscriptions:
        if each.name == name:
            return each
    raise NotFound(
        N_("there is no subscription %(name)s; there are %(subscriptions)s"),
        name=name,
        subscriptions=", ".join(s.name for s in subscriptions) or Text(N_("none yet")),
    )
