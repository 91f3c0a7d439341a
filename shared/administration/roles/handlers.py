"""Roles of a department's own are defined and withdrawn."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from shared.access import roles
from shared.access.actions import Action
from shared.access.roles import NotGrantable, Role
from shared.administration.roles import reads, rules
from shared.customer.fields import BUILT_IN
from shared.edge.errors import Forbidden, Invalid, NotFound
from shared.pipeline.definitions import custom_fields
from shared.pipeline.tables import access_role
from shared.pipeline.work import Work
from shared.texts import N_


def define(work: Work, role: Role) -> bool:
    """Add a role or change it; gives whether anything changed. Raises ``Forbidden``, ``Invalid``."""
    known = _known(work, role.name)
    try:
        roles.check(work.source, role, {*BUILT_IN, *custom_fields(work.session)})
    except NotGrantable as error:
        raise Invalid(error) from None
    if known == role:
        return False
    values = {"label": role.label, "grants": msgspec.to_builtins(role.grants)}
    new = upsert(access_role).values(name=role.name, **values)
    work.session.execute(new.on_conflict_do_update(index_elements=["name"], set_=values))
    work.changed(f"role/{role.name}", former=_grants(known), now=_grants(role))
    return True


def withdraw(work: Work, name: str) -> None:
    """Take a role of the department's own away: it allows nothing any more. Raises ``Forbidden``, ``NotFound``."""
    known = _known(work, name)
    if known is None:
        raise NotFound(N_("this department has no role %(name)s of its own"), name=name)
    work.session.execute(delete(access_role).where(access_role.c.name == name))
    work.changed(f"role/{name}", former=_grants(known), now=None)


def _known(work: Work, name: str) -> Role | None:
    work.need(Action.ROLE_DEFINE)
    try:
        rules.refuse_own(name, work.actor.roles)
    except rules.OwnRole as error:
        raise Forbidden(error) from None
    # Of two changes at once the second is compared with the first.
    work.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("access_role", 0))))
    return next((role for role in reads.custom(work.session) if role.name == name), None)


def _grants(role: Role | None) -> Any:
    return None if role is None else msgspec.to_builtins(role.grants)
