"""What is shown of the live windows. Nothing here writes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.callcenter.streams.tables import live_window


def windows(session: Session) -> list[Any]:
    """The live windows as they were seen last, the shortest first; none before the first."""
    return list(session.execute(select(live_window).order_by(live_window.c.minutes)))
