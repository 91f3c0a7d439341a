"""Members turn out to be the same customer, or not to be."""

from __future__ import annotations

from services.marketing.tasks import STANDING
from shared.events.envelope import Event
from shared.pipeline import clusters, due
from shared.pipeline.work import Work


def heard_assigned(work: Work, events: list[Event]) -> None:
    """Members assigned to clusters: whoever has other mates now, and who had them, is worked out anew."""
    newest = {event.stream: event for event in events}
    for live in (False, True):
        moved = clusters.assigned(event for event in newest.values() if event.live is live)
        # Also by whose name a cluster went: what is kept under the name of one that nobody is in any more has to go.
        names = clusters.clusters_of(work.session, moved).values()
        due.mark(work, STANDING, clusters.assign(work.session, moved).union(names), history=not live)
