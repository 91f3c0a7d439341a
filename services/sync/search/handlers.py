"""Keeps whose each thing is that people know by an id."""

from __future__ import annotations

from shared.customer.member import member_of
from shared.edge.db import text_array
from shared.edge.statements import run
from shared.events.envelope import Event
from shared.events.facts import FACT_TYPES
from shared.pipeline.work import Work

BEGINNINGS = (
    "contact.offered",
    "contact.answered",
    "contact.wrapped_up",
    "case.opened",
    "order.requested",
    "order.placed",
    "note.added",
)
"""Types of events by which a thing is first told of."""

# The earliest word on a thing holds, in whatever order they come; sorted, so two workers never wait for each other.
_KEEP = """
INSERT INTO thing AS t (id, kind, member, source, occurred)
SELECT DISTINCT ON (id, kind, member) id, kind, member, source, occurred
FROM unnest(CAST(%(id)s AS text[]), CAST(%(kind)s AS text[]), CAST(%(member)s AS uuid[]), CAST(%(source)s AS text[]),
    CAST(%(occurred)s AS timestamptz[])) AS n (id, kind, member, source, occurred)
ORDER BY id, kind, member, occurred, source
ON CONFLICT (id, kind, member) DO UPDATE SET occurred = excluded.occurred, source = excluded.source
WHERE (excluded.occurred, excluded.source) < (t.occurred, t.source)
"""


def heard(work: Work, events: list[Event]) -> None:
    """Things that were begun."""
    rows = [(id, kind, member_of(event.stream), event) for event in events for kind, id in _named(event)]
    if not rows:
        return
    values = {
        "id": text_array(row[0] for row in rows),
        "kind": text_array(row[1] for row in rows),
        "member": text_array(row[2] for row in rows),
        "source": text_array(event.envelope.source for *_, event in rows),
        "occurred": text_array(event.occurred.isoformat() for *_, event in rows),
    }
    run(work.session, _KEEP, values)


def _named(event: Event) -> list[tuple[str, str]]:
    """Kind and id of the thing that an event tells of."""
    kind = FACT_TYPES[event.envelope.type].about
    id = getattr(event.fact, kind, "") if kind else ""
    return [(kind, id)] if kind and id else []
