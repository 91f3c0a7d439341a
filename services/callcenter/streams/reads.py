"""What is shown of the live windows. Nothing here writes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from services.callcenter.streams.tables import live_window
from shared.access.actions import Action
from shared.pipeline.look import Look


def windows(look: Look) -> list[Any]:
    """The live windows as they were seen last, the shortest first; none before the first. They count everybody's
    contacts, and so are for who decides by them. Raises ``Forbidden``."""
    look.need(Action.OUTAGE_DECIDE)
    return list(look.session.execute(select(live_window).order_by(live_window.c.minutes)))
