"""Records of customers are edited, departments' fields defined, members turn out to be the same customer or not."""

from __future__ import annotations

from services.marketing.segments import tested
from services.marketing.tasks import STANDING
from shared.customer.fields import CUSTOM, field
from shared.events.customer import CustomerEdited, CustomerRegistered
from shared.events.envelope import Event
from shared.pipeline import claims, clusters, definitions, due
from shared.pipeline.work import Work


def heard_claims(work: Work, events: list[Event]) -> None:
    """Customers registered or edited: who has another value in a field that the segment's rule asks is worked out
    anew."""
    told = [event for event in events if any(name.startswith(CUSTOM) for name in _fields(event))]
    asked = {one.field for one in tested.hold_still(work.session)} if told else set()
    claims.heard(work, events)
    tested.mark(work, [event for event in told if asked & _fields(event)])


def _fields(event: Event) -> set[str]:
    told = isinstance(event.fact, CustomerRegistered | CustomerEdited)
    return {one.field for one in event.fact.claims} if told else set()  # type: ignore[union-attr]


def heard_fields(work: Work, events: list[Event]) -> None:
    """Definitions of customers' fields. One that folds claims in another way from now on changes who is in."""
    rule = [one for one in tested.hold_still(work.session) if one.field]
    before = definitions.custom_fields(work.session) if rule else {}
    claims.heard_fields(work, events)
    after = definitions.custom_fields(work.session) if rule else {}
    other = [one for one in rule if field(one.field, before).policy != field(one.field, after).policy]
    live = any(event.live for event in events)
    due.mark(work, STANDING, tested.concerned(work.session, other), history=not live)


def heard_assigned(work: Work, events: list[Event]) -> None:
    """Members assigned to clusters: whoever has other mates now, and who had them, is worked out anew."""
    newest = {event.stream: event for event in events}
    for live in (False, True):
        moved = clusters.assigned(event for event in newest.values() if event.live is live)
        # Also by whose name a cluster went: what is kept under the name of one that nobody is in any more has to go.
        names = clusters.clusters_of(work.session, moved).values()
        due.mark(work, STANDING, clusters.assign(work.session, moved).union(names), history=not live)
