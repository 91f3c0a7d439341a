"""Values of departments' own fields are heard, and forgotten. Each counts from its instant until the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert as upsert

from services.marketing.custom.tables import custom_value
from services.marketing.segments.conditions import CASE_FIELD, CONTACT_FIELD, ORDER_FIELD
from services.marketing.segments.tested import hold_still, mark
from shared.customer.member import member_of
from shared.events.callcenter import CaseDescribed, CaseOpened, ContactWrappedUp
from shared.events.envelope import Event
from shared.events.sfa import OrderPlaced
from shared.pipeline import claims
from shared.pipeline.customer_tables import any_of
from shared.pipeline.work import Work


def heard(work: Work, events: list[Event]) -> None:
    """Contacts were reviewed, cases opened or described, orders placed, with values of departments' own fields."""
    written = [(event, rows) for event in events if (rows := list(_rows(event)))]
    if not written:
        return
    rule = hold_still(work.session)
    gone = claims.hold(work.session, {member_of(event.stream) for event, _ in written})
    if rows := [row for _, of_event in written for row in of_event if row["member"] not in gone]:
        new = upsert(custom_value)
        key = custom_value.primary_key
        work.session.execute(new.on_conflict_do_update(constraint=key, set_={"value": new.excluded.value}), rows)
    of_rule = {condition.of for condition in rule}
    mark(work, [event for event, of_event in written if any(_of(row) in of_rule for row in of_event)])


def forget(work: Work, members: Iterable[str]) -> Counter[str]:
    """Delete all values of the members, whose rows are locked; gives how many each had."""
    c = custom_value.c
    gone = delete(custom_value).where(c.member == any_of(sorted(members))).returning(c.member)
    return Counter(work.session.scalars(gone).all())


def _written(event: Event) -> tuple[str, str, dict[str, str]]:
    """Which kind of field, of which thing, and the values by code."""
    match event.fact:
        case ContactWrappedUp(contact=about, custom=custom):
            return CONTACT_FIELD, about, custom
        case CaseOpened(case=about, custom=custom) | CaseDescribed(case=about, custom=custom):
            return CASE_FIELD, about, custom
        case OrderPlaced(order=about, custom=custom):
            return ORDER_FIELD, about, custom
    return "", "", {}


def _rows(event: Event) -> Iterator[dict[str, Any]]:
    kind, about, custom = _written(event)
    for code, value in custom.items():
        # What is empty ends what was described before; at first it says nothing.
        if value or isinstance(event.fact, CaseDescribed):
            yield {
                "member": member_of(event.stream),
                "kind": kind,
                "department": event.source,
                "about": about,
                "code": code,
                "occurred": event.occurred,
                "value": str(value),
            }


def _of(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["kind"], row["department"], row["code"]
