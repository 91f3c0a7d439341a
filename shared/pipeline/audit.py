"""The audit log's writing side: what was changed, looked at or refused, by whom, why and from where.

A change is noted in the statement that puts its events into the outbox, so it costs no way more and can't be without
its note. A look is noted in the read's own transaction before anything is shown, without waiting for the disk: a crash
of the database server can lose the last looks of half a second, a crash of this process none. Nothing personal is
noted: entries outlive erased people. Reading, chaining and checking: shared/administration/audit.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from shared.edge.actor import Actor
from shared.edge.db import text_array
from shared.edge.statements import run
from shared.events.customer import CustomerEdited, CustomerRegistered
from shared.pipeline.look import Look
from shared.pipeline.work import Published, Work
from shared.texts import Text

CHANGED = "changed"
LOOKED = "looked"
REFUSED = "refused"
SAME_LOOK = timedelta(minutes=5)
MOST_NOTED = 10_000
UNNAMED = "unnamed"
"""The action of a change for which no leave was asked."""

INSERT = """
INSERT INTO audit_entry (at, actor, action, outcome, subjects, why, origin, detail)
SELECT %(at)s, %(actor)s, %(action)s, %(outcome)s, CAST(%(subjects)s AS text[]), %(why)s, %(origin)s,
       CAST(%(detail)s AS jsonb)
"""
"""With placeholders named as the columns are: for a statement of its own or as a part of one."""
_LOOK = f"WITH soon AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)) {INSERT} FROM soon"  # noqa: S608


def of_work(work: Work) -> dict[str, Any] | None:
    """The entry of a work as parameters of ``INSERT``; none where nothing changed, or events led to it."""
    if work.actor.is_service and not work.changes:
        return None
    if not (work.facts or work.changes):
        return None
    subjects = dict.fromkeys([*(fact.stream for fact in work.facts), *(change.subject for change in work.changes)])
    detail: dict[str, Any] = {}
    if work.facts:
        detail["events"] = [_event(fact) for fact in work.facts]
    if work.changes:
        detail["changes"] = [{"subject": change.subject, **change.detail} for change in work.changes]
    return _entry(work.actor, work.now, work.did[0] if work.did else UNNAMED, CHANGED, list(subjects), detail, work.why)


def of_look(look: Look) -> dict[str, Any] | None:
    """The entry of a look as parameters of ``INSERT``; none where nothing personal was seen."""
    if not look.seen or look.actor.is_service:
        return None
    return _entry(look.actor, look.now, look.did[0] if look.did else UNNAMED, LOOKED, sorted(look.seen), {}, look.why)


class Looks:
    """What was noted lately in this process: a page that refreshes itself is one look and not a thousand."""

    def __init__(self) -> None:
        self._noted: dict[tuple[object, ...], float] = {}

    def is_new(self, look: Look) -> bool:
        """Whether none like it, of the same actor for the same reason, was noted within ``SAME_LOOK``."""
        if not look.seen or look.actor.is_service:
            return False
        return look.now.timestamp() - self._noted.get(_what(look), 0.0) >= SAME_LOOK.total_seconds()

    def noted(self, look: Look) -> None:
        """This one is in the log now."""
        if len(self._noted) >= MOST_NOTED:
            self._noted.clear()
        self._noted[_what(look)] = look.now.timestamp()


def _what(look: Look) -> tuple[object, ...]:
    return look.actor.id, look.actor.origin, look.why, *look.did[:1], frozenset(look.seen)


def write_look(look: Look) -> None:
    """Note who was seen, in the look's transaction, which isn't committed here."""
    if (entry := of_look(look)) is not None:
        run(look.session, _LOOK, entry)


def refused(actor: Actor, now: datetime, route: str, subject: str, why: Text) -> dict[str, Any]:
    """The entry of a refusal. ``route``: its template. ``why``: the text that the actor was given."""
    detail = {"why": str(why), **why.kept()}
    return _entry(actor, now, route, REFUSED, [subject] if subject else [], detail)


def operated(actor: Actor, now: datetime, action: str, subject: str, **detail: Any) -> dict[str, Any]:
    """The entry of what a person did by a command on the server."""
    return _entry(actor, now, action, CHANGED, [subject], {"changes": [{"subject": subject, **detail}]})


def _entry(
    actor: Actor,
    at: datetime,
    action: str,
    outcome: str,
    subjects: list[str],
    detail: Mapping[str, Any],
    why: str | None = None,
) -> dict[str, Any]:
    return {
        "at": at,
        "actor": actor.id,
        "action": str(action),
        "outcome": outcome,
        "subjects": text_array(subjects),
        "why": actor.why if why is None else why,
        "origin": actor.origin,
        "detail": msgspec.json.encode(detail).decode(),
    }


def _event(one: Published) -> dict[str, Any]:
    told: dict[str, Any] = {"id": one.id, "type": one.fact_type.name, "subject": one.stream}
    if isinstance(one.fact, CustomerRegistered | CustomerEdited):
        # The values are personal: the claims have them, and what they replaced, until the person is erased.
        told["fields"] = [{"field": claim.field, "claim": claim.id, "saw": claim.saw} for claim in one.fact.claims]
    if one.former is not None:
        told["former"] = one.former
    return told
