"""What a consumer tells of what it took in: a line in the log for each trace, and how new it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import structlog

from shared.edge import tracing
from shared.edge.metrics import CONSUMER_NEWEST
from shared.events.envelope import Event
from shared.pipeline.incoming import Incoming
from shared.pipeline.receive import Subscription
from shared.pipeline.subscriptions import EVERYTHING

FEW = 50
"""Events of one batch that are told of. More come when much is behind: then it is how fast that counts, and whoever
follows one click finds it by the events that it left."""

log = structlog.get_logger(__name__)


def heard(subscription: Subscription, events: Sequence[Event]) -> None:
    """Tell of a small batch that was committed, once for each trace: which types, how many of each."""
    if len(events) > FEW:
        return
    of: dict[str | None, Counter[str]] = {}
    for event in events:
        if event.live and (event.type in subscription.named or EVERYTHING in subscription.named):
            of.setdefault(event.envelope.traceparent, Counter())[f"{event.source}/{event.type}"] += 1
    for trace, counts in of.items():
        with tracing.following(trace):
            log.info("events.heard", subscription=subscription.name, events=dict(counts))


def newest(name: str, messages: Sequence[Incoming]) -> None:
    """Show when the newest of these had been recorded, for each source."""
    # The last of each partition will do: a relay sends in the order in which things were recorded, or nearly.
    last = {message.stands: message for message in messages}
    ages: dict[str, float] = {}
    for message in last.values():
        if message.envelope:
            at = message.envelope.recordedtime.timestamp()
            ages[message.source] = max(at, ages.get(message.source, 0.0))
    for source, at in ages.items():
        CONSUMER_NEWEST.labels(name, source).set(at)
