"""What is shown of contacts. Nothing here writes."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from services.callcenter.contacts import rules
from services.callcenter.contacts.tables import contact
from shared.access.actions import TEXT, Action
from shared.access.grants import NO_FIELDS, Fields
from shared.customer.definitions import Definition
from shared.edge.db import text_array
from shared.edge.errors import NotFound
from shared.edge.statements import run
from shared.pipeline import vocabulary
from shared.pipeline.customer_tables import any_of
from shared.pipeline.look import Look
from shared.pipeline.records import GROWS, MOST_LOOKED_AT
from shared.texts import N_

WAITING_HOURS = 1
"""An offer that was neither answered nor abandoned is shown this long; then its end was lost."""


@dataclass(frozen=True)
class Contact:
    """A contact as the actor may see it: ``masked`` names what it has and isn't shown."""

    id: str
    member: str
    channel: str
    queue: str
    address: str | None
    state: str
    offered_to: str | None
    agent: str | None
    offered: datetime
    answered: datetime | None
    ended: datetime | None
    wrapped_up: datetime | None
    abandoned: datetime | None
    reason: str | None
    outcome: str | None
    satisfaction: int | None
    note: str | None
    custom: dict[str, str]
    """Values of the department's own fields; the hidden ones aren't here."""
    masked: tuple[str, ...] = ()


COLUMNS = tuple(contact.c[name] for name in Contact.__dataclass_fields__ if name != "masked")


def one(look: Look, id: str) -> Contact:
    """A contact. Raises ``Forbidden`` and ``NotFound``."""
    look.need(Action.CONTACT_READ)
    row = look.session.execute(select(*COLUMNS).where(contact.c.id == id)).one_or_none()
    if row is None:
        raise NotFound(N_("there is no such contact"))
    look.see(Action.CONTACT_READ, row.member)
    look.account = f"contact/{id}"
    return seen(look, [row])[0]


def of_members(look: Look, members: Iterable[str], limit: int = 10) -> list[Contact]:
    """The newest contacts of a customer, who may have several members; of those within reach."""
    c = contact.c
    within = look.fields(Action.CONTACT_READ, members)
    query = select(*COLUMNS).where(c.member == any_of(within)).order_by(c.offered.desc(), c.id)
    return seen(look, look.session.execute(query.limit(limit)).all()) if within else []


def offers(look: Look, queues: Collection[str], gone: datetime, limit: int = 10) -> list[Contact]:
    """What waits for the actor, or for anybody of these queues, within reach; who waits longest first. What was offered
    to an agent who isn't there, or had no page open since ``gone``, is for anybody of its queue: else nobody would
    answer."""
    told: dict[str, Any] = {"me": look.actor.id, "queues": text_array(queues), "gone": gone}
    after, size = (look.now - timedelta(hours=WAITING_HOURS), _LAST_ID), limit
    found: list[Contact] = []
    while True:
        here = {"at": after[0], "id": after[1], "limit": size}
        rows: list[Any] = [_Row(*row) for row in run(look.session, _OFFERED, told | here)]
        found += seen(look, rows)
        if len(found) >= limit or len(rows) < size or size >= MOST_LOOKED_AT:
            return found[:limit]
        after, size = (rows[-1].offered, rows[-1].id), size * GROWS


def current(look: Look) -> Contact | None:
    """The contact that the actor talks to or has yet to review; the newest of several."""
    rows = run(look.session, _CURRENT, {"me": look.actor.id})
    return next(iter(seen(look, [_Row(*row) for row in rows])), None)


# Each page of an agent asks for both with every signal.
_Row: Any = namedtuple("_Row", [column.name for column in COLUMNS])  # type: ignore[misc]
_LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
_SHOWN = """
SELECT id::text, member::text, channel, queue, address, state, offered_to, agent, offered, answered, ended, wrapped_up,
       abandoned, reason, outcome, satisfaction, note, custom
FROM contact
"""
_OFFERED = f"""{_SHOWN}
WHERE state = 'offered' AND (offered, id) > (%(at)s, CAST(%(id)s AS uuid))
  AND (offered_to = %(me)s OR queue = ANY (CAST(%(queues)s AS text[])) AND (
    offered_to IS NULL
    OR offered_to IN (SELECT agent FROM agent_state WHERE state <> 'available' OR heard < %(gone)s)))
ORDER BY contact.offered, contact.id LIMIT %(limit)s
"""  # noqa: S608
_CURRENT = f"""{_SHOWN}
WHERE agent = %(me)s AND state IN ('answered', 'ended') ORDER BY answered DESC LIMIT 1
"""


def seen(look: Look, rows: Collection[Any]) -> list[Contact]:
    """The contacts of these rows that are within reach, without what is hidden from the actor."""
    fields = shown(look, Action.CONTACT_READ, {row.member for row in rows})
    look.saw_customers(fields)
    return [_seen(row, fields[row.member]) for row in rows if row.member in fields]


def _seen(row: Any, fields: Fields) -> Contact:
    hidden = {"address": rules.field_of(row.address), "note": TEXT}
    masked = [name for name, field in hidden.items() if getattr(row, name) and field not in fields]
    custom, hidden_custom = custom_seen(row.custom, fields)
    return Contact(**{**row._asdict(), **dict.fromkeys(masked), "custom": custom}, masked=(*masked, *hidden_custom))


def custom_seen(custom: dict[str, str], fields: Fields) -> tuple[dict[str, str], list[str]]:
    """The values of own fields that are shown, and what is masked of them: people wrote them, as they write notes."""
    return (custom, []) if TEXT in fields else ({}, [f"custom.{code}" for code in custom])


def shown(look: Look, action: Action, members: Iterable[str]) -> dict[str, Fields]:
    """What is shown of contacts or cases of these customers, for which ``action`` is granted: nothing that the
    customer's own record wouldn't show. Those out of reach are left out."""
    granted = look.fields(action, members)
    known = look.fields(Action.CUSTOMER_READ, granted)
    return {member: fields & known.get(member, NO_FIELDS) for member, fields in granted.items()}


def choices(look: Look, *kinds: str) -> list[list[Definition]]:
    """What the department defined of each kind, in its order, also what is retired. Raises ``Forbidden``."""
    look.need(Action.FIELD_READ)
    found: dict[str, list[Definition]] = {kind: [] for kind in kinds}
    for one in vocabulary.own(look.session, look.source, *kinds):
        found[one.kind].append(one)
    return list(found.values())
