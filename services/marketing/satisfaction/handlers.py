"""Reviews are heard. Each is kept by itself, so that neither order nor repetition matters."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert as upsert

from services.marketing.satisfaction.rules import SCORES
from services.marketing.satisfaction.tables import review
from services.marketing.segments.handlers import STREAM
from shared.customer.member import member_of
from shared.events.callcenter import ContactWrappedUp
from shared.events.envelope import Event
from shared.pipeline.work import Work


def heard_reviews(work: Work, events: list[Event]) -> None:
    """Contacts were reviewed; where the customer gave no score there is nothing to keep."""
    rows = [
        {"member": member_of(e.stream), "contact": e.fact.contact, "at": e.occurred, "score": e.fact.satisfaction}
        for e in events
        if isinstance(e.fact, ContactWrappedUp) and e.fact.satisfaction in SCORES
    ]
    if rows:
        work.session.execute(upsert(review).on_conflict_do_nothing(), rows)
        if any(event.live for event in events):
            work.touch(STREAM)
