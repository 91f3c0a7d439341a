"""Reading the audit log. Nothing here writes, but that somebody read is noted like any look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, cast, select
from sqlalchemy.orm import Session

from shared.access.actions import Action
from shared.administration.audit import rules
from shared.administration.audit.rules import Key, Said, Told
from shared.administration.exports.reads import exports_of
from shared.events.envelope import UUID_TEXT
from shared.pipeline.customer_tables import any_of, claim
from shared.pipeline.look import Look
from shared.pipeline.tables import audit_entry

LOG = "audit"
"""What somebody looked at who read the log."""
PAGE = 50
CUSTOMER = "customer/"


@dataclass(frozen=True)
class Search:
    """What is looked for; what is empty isn't asked for."""

    actor: str = ""
    subject: str = ""
    """A stream (``customer/ID``, with the files that the customer is in) or another thing's name."""
    action: str = ""
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None
    """Up to, and without, this instant."""


@dataclass(frozen=True)
class Found:
    """Entries, the newest first."""

    entries: list[Told]
    next: int | None
    """Where older ones begin; none when there are none."""


def find(look: Look, search: Search, before: int | None = None, limit: int = PAGE) -> Found:
    """Entries, and what they say of customers as far as the actor may read these. Raises ``Forbidden``."""
    look.need(Action.AUDIT_READ)
    c = audit_entry.c
    query = select(audit_entry).where(*_conditions(look.session, search)).order_by(c.n.desc()).limit(limit + 1)
    rows = look.session.execute(query if before is None else query.where(c.n < before)).all()
    shown = rows[:limit]
    said = _said(look, [row.detail for row in shown])
    look.saw(LOG)
    # Whose former values are shown was looked at as on any other page.
    look.saw_customers({member for (member, _), one in said.items() if one.state == rules.SHOWN})
    return Found([_told(row, said) for row in shown], shown[-1].n if len(rows) > limit else None)


def _conditions(session: Session, search: Search) -> Iterable[ColumnElement[bool]]:
    c = audit_entry.c
    for column, wanted in ((c.actor, search.actor), (c.action, search.action), (c.outcome, search.outcome)):
        if wanted:
            yield column == wanted
    if search.subject:
        yield c.subjects.op("&&")(cast(_with_exports(session, search.subject), ARRAY(Text)))
    if search.since:
        yield c.at >= search.since
    if search.until:
        yield c.at < search.until


def _with_exports(session: Session, subject: str) -> list[str]:
    member = subject.removeprefix(CUSTOMER)
    if not (subject.startswith(CUSTOMER) and UUID_TEXT.fullmatch(member)):
        return [subject]
    files = exports_of(session, [member]).get(member, ())
    return [subject, *(f"export/{id}" for id in sorted(files))]


def _said(look: Look, details: Sequence[Mapping[str, Any]]) -> dict[Key, Said]:
    """What claims say, or that it is masked; claims of erased people are missing."""
    named = [one for detail in details for one in rules.claims_in(detail) if UUID_TEXT.fullmatch(one[0])]
    if not named:
        return {}
    members = {member for member, _, _ in named}
    granted = look.fields(Action.CUSTOMER_READ, members)
    c = claim.c
    query = select(c.member, c.id, c.field, c.value)
    rows = look.session.execute(query.where(c.member == any_of(members), c.id.in_({of for _, _, of in named})))
    return {
        (row.member, row.id): Said(rules.SHOWN, row.value)
        if row.member in granted and row.field in granted[row.member]
        else Said(rules.MASKED)
        for row in rows
    }


def _told(row: Any, said: Mapping[Key, Said]) -> Told:
    return Told(
        *(row.n, row.at, row.actor, row.action, row.outcome, list(row.subjects), row.why, row.origin),
        reason=rules.reason(row.detail),
        done=rules.done(row.detail, said),
        more=rules.more(row.detail),
    )
