"""The segment's rule: a person changes it."""

from __future__ import annotations

from dataclasses import asdict

import msgspec
from sqlalchemy import Text, cast, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from services.marketing.profiles.tables import purchase
from services.marketing.segments import tested
from services.marketing.segments.conditions import Condition
from services.marketing.segments.rules import HIGH_VALUE, MEASURE, Definition
from services.marketing.segments.tables import segment
from services.marketing.tasks import STANDING
from shared.access.actions import Action
from shared.edge.errors import Forbidden, Invalid, NotFound
from shared.events.envelope import Event
from shared.events.marketing import SegmentCondition, SegmentDefined
from shared.pipeline import due
from shared.pipeline.customer_tables import customer_cluster
from shared.pipeline.doing import Doing
from shared.pipeline.work import Work
from shared.texts import N_

STREAM = f"segment/{HIGH_VALUE}"


def define(work: Work, name: str, definition: Definition, default: Definition) -> None:
    """Give a segment another rule than it has, or the ``default`` until now; everybody's standing is then worked out
    anew. Raises ``Forbidden``, ``NotFound`` for a segment that there isn't, and ``Invalid``."""
    work.need(Action.SEGMENT_DEFINE)
    known(name)
    check(work, definition)
    former = change(work, definition, default)
    work.publish(STREAM, fact_of(definition), former=asdict(former))
    work.touch(STREAM)


def check(doing: Doing, definition: Definition) -> None:
    """Raises ``Invalid`` for what is no rule, and ``Forbidden`` for who doesn't see the fields that it asks: who is in
    tells what they hold."""
    if definition.window_days < 1 or definition.at_least < (0 if definition.conditions else 1):
        raise Invalid(N_("the threshold and the window begin at 1; the threshold at 0 where fields decide"))
    shown = doing.grants.most(Action.CUSTOMER_READ)
    if hidden := sorted({one.code for one in definition.conditions if one.seen_as not in shown}):
        raise Forbidden(
            N_("the roles of %(actor)s don't show %(hidden)s, so no rule can ask it"),
            actor=doing.actor.id,
            hidden=", ".join(hidden),
        )


def change(work: Work, definition: Definition, default: Definition) -> Definition:
    """Let this definition stand and mark everybody of whom one or the other decides; gives the former one."""
    tested.hold_alone(work.session)
    former = tested.kept(work.session) or default
    keep(work, definition)
    if former.rule != definition.rule:
        due.mark(work, STANDING, work.session.scalars(_ONE_OF_EACH))
        due.mark(work, STANDING, tested.concerned(work.session, {*former.conditions, *definition.conditions}))
    return former


def known(name: str) -> None:
    """Raises ``NotFound`` for a segment that there isn't."""
    if name != HIGH_VALUE:
        raise NotFound(N_("there is no such segment"))


def definition_of(work: Work, default: Definition) -> Definition:
    """The segment's definition as it stands; at the first time the default becomes it, and is published."""
    if (found := tested.kept(work.session)) is not None:
        return found
    row = upsert(segment).values(segment=HIGH_VALUE, **asdict(default)).on_conflict_do_nothing()
    if work.session.execute(row.returning(segment.c.segment)).one_or_none() is None:
        return definition_of(work, default)
    work.publish(STREAM, fact_of(default))
    return default


def fact_of(definition: Definition) -> SegmentDefined:
    """The definition as it is published."""
    return SegmentDefined(
        segment=HIGH_VALUE,
        name=definition.name,
        currency=definition.currency,
        measure=MEASURE,
        window_days=definition.window_days,
        at_least=definition.at_least,
        conditions=tuple(SegmentCondition(**asdict(one)) for one in definition.conditions),
    )


def _of_fact(fact: SegmentDefined) -> Definition:
    conditions = tuple(Condition(**msgspec.structs.asdict(one)) for one in fact.conditions)
    return Definition(fact.name, fact.currency, fact.window_days, fact.at_least, conditions)


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
            change(work, _of_fact(fact), Definition())


# One member of each cluster that ever ordered: the standing of all its members is worked out with it.
_CLUSTER = func.coalesce(customer_cluster.c.cluster, purchase.c.member)
_ONE_OF_EACH = (
    select(func.min(cast(purchase.c.member, Text)))
    .select_from(purchase.outerjoin(customer_cluster, customer_cluster.c.member == purchase.c.member))
    .group_by(_CLUSTER)
)
