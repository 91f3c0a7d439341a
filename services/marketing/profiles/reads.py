"""The profile of a customer, combined over the members of its cluster when it is asked for. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec
from sqlalchemy import func, select

from services.marketing.profiles.tables import profile, spending
from shared.access.actions import Action
from shared.customer.fold import Record
from shared.edge.errors import NotFound
from shared.pipeline import clusters, keys, records
from shared.pipeline.customer_tables import any_of, customer_record
from shared.pipeline.look import Look
from shared.texts import N_


class Spent(msgspec.Struct, frozen=True):
    """The orders of a customer in one currency; amounts in minor units, of cancelled ones too."""

    currency: str
    orders: int
    amount: int
    first_order: datetime
    last_order: datetime
    cancelled: int
    cancelled_amount: int


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What everybody has told of a customer."""

    customer: str
    """The cluster."""
    members: tuple[str, ...]
    name: str = ""
    erased: bool = False
    registered: datetime | None = None
    contacts: int = 0
    last_contact: datetime | None = None
    abandoned: int = 0
    satisfaction: float | None = None
    """The mean, 1 to 5; none where nobody gave any."""
    reviews: int = 0
    """How many gave one."""
    cases_opened: int = 0
    cases_resolved: int = 0
    spent: tuple[Spent, ...] = ()
    masked: tuple[str, ...] = ()
    """``name``, when there is more to it than is shown to the actor."""

    @property
    def cases_open(self) -> int:
        return max(0, self.cases_opened - self.cases_resolved)


class Name(msgspec.Struct, frozen=True):
    """What to call a customer, as far as the actor may see it."""

    text: str = ""
    masked: bool = False
    """Whether there is more to it than is shown."""


def profile_of(look: Look, member: str) -> Profile:
    """The profile of a member's customer. Raises ``Forbidden``, and ``NotFound`` for one that was never heard of."""
    look.see(Action.CUSTOMER_READ, member)
    session = look.session
    mates = sorted(clusters.mates_of(session, [member])[member])
    c, s = profile.c, spending.c
    sums = session.execute(
        select(
            func.count().label("known"),
            func.min(c.registered).label("registered"),
            func.max(c.last_contact).label("last_contact"),
            func.sum(c.satisfaction_sum).label("satisfaction"),
            func.coalesce(func.sum(c.satisfaction_count), 0).label("reviews"),
            *(
                func.coalesce(func.sum(c[name]), 0).label(name)
                for name in ("contacts", "abandoned", "cases_opened", "cases_resolved")
            ),
        ).where(c.member == any_of(mates))
    ).one()
    spent = session.execute(
        select(
            s.currency,
            func.sum(s.orders),
            func.sum(s.amount),
            func.min(s.first_order),
            func.max(s.last_order),
            func.sum(s.cancelled),
            func.sum(s.cancelled_amount),
        )
        .where(s.member == any_of(mates))
        .group_by(s.currency)
        .order_by(s.currency)
    ).all()
    record, erased = records.record(session, member), bool(keys.erased(session, [member]))
    if not (sums.known or spent or record or erased):
        raise NotFound(N_("there is no such customer"))
    look.saw_customers(mates)
    name = names(look, [member]).get(member, Name())
    return Profile(
        customer=clusters.clusters_of(session, [member])[member],
        members=tuple(mates),
        name=name.text,
        erased=erased,
        registered=sums.registered,
        contacts=int(sums.contacts),
        last_contact=sums.last_contact,
        abandoned=int(sums.abandoned),
        satisfaction=round(sums.satisfaction / sums.reviews, 2) if sums.reviews else None,
        reviews=int(sums.reviews),
        cases_opened=int(sums.cases_opened),
        cases_resolved=int(sums.cases_resolved),
        spent=tuple(Spent(row[0], int(row[1]), int(row[2]), row[3], row[4], int(row[5]), int(row[6])) for row in spent),
        masked=("name",) if name.masked else (),
    )


def names(look: Look, members: Iterable[str]) -> dict[str, Name]:
    """What to call these members; those without a known name, and those out of reach, are left out."""
    fields = look.fields(Action.CUSTOMER_READ, sorted(set(members)))
    c = customer_record.c
    found = {}
    for row in look.session.execute(select(c.member, c.states).where(c.member == any_of(fields))):
        states, hidden = fields[row.member].mask(records.states_of(row.states))
        name = Name(Record(states).name, any(part in hidden for part in records.NAME_FIELDS))
        if name != Name():
            found[row.member] = name
    look.saw_customers(member for member, name in found.items() if name.text)
    return found
