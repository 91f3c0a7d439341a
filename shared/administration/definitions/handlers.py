"""A department defines, retires and restores what is its own."""

from __future__ import annotations

import msgspec

from shared.access.actions import Action
from shared.customer import definitions as rules
from shared.customer.definitions import CUSTOMER_FIELD, Definition, NotDefinable
from shared.customer.fields import Field
from shared.edge.errors import Invalid, NotFound
from shared.pipeline import definitions, vocabulary
from shared.pipeline.work import Work
from shared.texts import N_, Text


def define(work: Work, new: Definition) -> bool:
    """Add a definition or change it; gives whether anything changed. One that is retired stays so.

    Raises ``Forbidden``, ``Invalid``, and ``Conflict`` for another department's.
    """
    work.need(Action.FIELD_DEFINE)
    vocabulary.hold(work, new.kind)
    others = _of_kind(work, new.kind)
    before = next((one for one in others if one.code == new.code), None)
    if before is not None:
        new = msgspec.structs.replace(new, retired=before.retired)
    return _put(work, new, before, others)


def retire(work: Work, kind: str, code: str, *, retired: bool = True) -> bool:
    """Take nothing new by a definition, or (``retired=False``) take it again; gives whether anything changed. What
    was written by it is shown as before. Raises as ``define``, and ``NotFound``."""
    work.need(Action.FIELD_DEFINE)
    vocabulary.hold(work, kind)
    others = _of_kind(work, kind)
    before = next((one for one in others if one.code == code), None)
    if before is None:
        raise NotFound(N_("there is no %(kind)s %(code)s"), kind=Text(kind), code=code)
    return _put(work, msgspec.structs.replace(before, retired=retired), before, others)


def _put(work: Work, new: Definition, before: Definition | None, others: list[Definition]) -> bool:
    try:
        rules.check(work.source, new)
        rules.check_change(new, before, others)
    except NotDefinable as error:
        raise Invalid(error) from None
    if new.kind == CUSTOMER_FIELD:
        return bool(vocabulary.define_fields(work, [_field(work, new)]))
    if new == before:
        return False
    vocabulary.define(work, new, before)
    return True


def _field(work: Work, new: Definition) -> Field:
    """The field of customers; who may claim it and which claim stands aren't changed here."""
    field = rules.field_of(new)
    before = definitions.custom_fields(work.session).get(field.name)
    return field if before is None else msgspec.structs.replace(field, policy=before.policy, owner=before.owner)


def _of_kind(work: Work, kind: str) -> list[Definition]:
    if kind == CUSTOMER_FIELD:
        return vocabulary.customer_fields(work.session)
    return vocabulary.own(work.session, work.source, kind)
