"""Customers are erased, and members turn out to be the same customer, or not to be."""

from __future__ import annotations

from services.marketing.tasks import STANDING
from shared.customer.member import member_of
from shared.events.envelope import Event
from shared.pipeline import claims, clusters, due
from shared.pipeline.work import Work


def heard_erased(work: Work, events: list[Event]) -> None:
    """Customers erased: nothing readable of them stays here.

    Their profile, purchases and stays do: ids, instants and amounts, by which nobody is known any more, and without
    which the figures of the past would change.
    """
    good = claims.named(work, events)
    claims.forget(work, [member_of(event.stream) for event in good])
    claims.touch(work, {member_of(event.stream) for event in good if event.live})


def heard_assigned(work: Work, events: list[Event]) -> None:
    """Members assigned to clusters: whoever has other mates now, and who had them, is worked out anew."""
    newest = {event.stream: event for event in events}
    for live in (False, True):
        moved = clusters.assigned(event for event in newest.values() if event.live is live)
        # Also by whose name a cluster went: what is kept under the name of one that nobody is in any more has to go.
        names = clusters.clusters_of(work.session, moved).values()
        due.mark(work, STANDING, clusters.assign(work.session, moved).union(names), history=not live)
