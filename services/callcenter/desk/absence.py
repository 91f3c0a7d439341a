"""Which agents aren't there: what was offered to one of them is for anybody of its queue."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, or_, select

from services.callcenter.desk import rules
from services.callcenter.desk.tables import agent_state


def absent(now: datetime) -> Select[tuple[str]]:
    """The agents who said that they aren't there, or have no page open."""
    s = agent_state.c
    return select(s.agent).where(or_(s.state != "available", s.heard < now - rules.GONE_AFTER))
