"""What is shown of roles. Nothing here writes."""

from __future__ import annotations

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.access.actions import Action
from shared.access.grants import Grant
from shared.access.roles import Role
from shared.administration.roles import rules
from shared.pipeline.look import Look
from shared.pipeline.tables import access_role


def custom(session: Session) -> list[Role]:
    """The department's own roles, by name."""
    c = access_role.c
    rows = session.execute(select(c.name, c.grants, c.label).order_by(c.name))
    return [Role(name, msgspec.convert(grants, tuple[Grant, ...]), label) for name, grants, label in rows]


def table(look: Look) -> rules.Table:
    """All roles. Raises ``Forbidden``."""
    look.need(Action.ROLE_READ)
    return rules.table(look.source, custom(look.session))
