"""The segment's rule: a person changes it."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import Text, cast, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from services.marketing.profiles.tables import purchase
from services.marketing.segments.rules import HIGH_VALUE, MEASURE, Definition
from services.marketing.segments.tables import segment
from services.marketing.tasks import STANDING
from shared.access.actions import Action
from shared.edge.errors import Invalid, NotFound
from shared.events.envelope import Event
from shared.events.marketing import SegmentDefined
from shared.pipeline import due
from shared.pipeline.customer_tables import customer_cluster
from shared.pipeline.work import Work

STREAM = f"segment/{HIGH_VALUE}"


def define(work: Work, name: str, definition: Definition, default: Definition) -> None:
    """Give a segment another rule than it has, or the ``default`` until now; everybody's standing is then worked out
    anew. Raises ``Forbidden``, ``NotFound`` for a segment that there isn't, and ``Invalid``."""
    work.need(Action.SEGMENT_DEFINE)
    known(name)
    if definition.at_least < 1 or definition.window_days < 1:
        raise Invalid("the threshold and the window begin at 1")
    former = _kept(work) or default
    keep(work, definition)
    work.publish(STREAM, fact_of(definition), former=asdict(former))
    due.mark(work, STANDING, work.session.scalars(_ONE_OF_EACH))
    work.touch(STREAM)


def known(name: str) -> None:
    """Raises ``NotFound`` for a segment that there isn't."""
    if name != HIGH_VALUE:
        raise NotFound("there is no such segment")


def definition_of(work: Work, default: Definition) -> Definition:
    """The segment's definition as it stands; at the first time the default becomes it, and is published."""
    if (found := _kept(work)) is not None:
        return found
    row = upsert(segment).values(segment=HIGH_VALUE, **asdict(default)).on_conflict_do_nothing()
    if work.session.execute(row.returning(segment.c.segment)).one_or_none() is None:
        return definition_of(work, default)
    work.publish(STREAM, fact_of(default))
    return default


def _kept(work: Work) -> Definition | None:
    c = segment.c
    fields = (c.name, c.currency, c.window_days, c.at_least)
    found = work.session.execute(select(*fields).where(c.segment == HIGH_VALUE)).one_or_none()
    return None if found is None else Definition(*found)


def fact_of(definition: Definition) -> SegmentDefined:
    """The definition as it is published."""
    return SegmentDefined(
        segment=HIGH_VALUE,
        name=definition.name,
        currency=definition.currency,
        measure=MEASURE,
        window_days=definition.window_days,
        at_least=definition.at_least,
    )


def keep(work: Work, definition: Definition) -> None:
    """Let this definition stand."""
    row = upsert(segment).values(segment=HIGH_VALUE, **asdict(definition))
    columns = {name: row.excluded[name] for name in asdict(definition)}
    work.session.execute(row.on_conflict_do_update(index_elements=["segment"], set_=columns))


def heard_defined(work: Work, events: list[Event]) -> None:
    """Own definitions that only the log knows any more; called by ``recover``."""
    for event in events:
        fact = event.fact
        if isinstance(fact, SegmentDefined) and fact.segment == HIGH_VALUE:
            keep(work, Definition(fact.name, fact.currency, fact.window_days, fact.at_least))


# One member of each cluster that ever ordered: the standing of all its members is worked out with it.
_CLUSTER = func.coalesce(customer_cluster.c.cluster, purchase.c.member)
_ONE_OF_EACH = (
    select(func.min(cast(purchase.c.member, Text)))
    .select_from(purchase.outerjoin(customer_cluster, customer_cluster.c.member == purchase.c.member))
    .group_by(_CLUSTER)
)
