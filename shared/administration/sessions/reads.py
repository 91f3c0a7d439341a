"""What is shown of ended sessions. Nothing here writes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from shared.access.actions import Action
from shared.pipeline.look import Look
from shared.pipeline.tables import ended_session

MOST = 200


def ended(look: Look) -> list[Any]:
    """Those that were ended lately, the newest first. Raises ``Forbidden``."""
    look.need(Action.SESSION_END)
    c = ended_session.c
    return list(look.session.execute(select(c.subject, c.session, c.at).order_by(c.at.desc()).limit(MOST)))
