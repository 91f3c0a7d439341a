"""What open pages of the segment are told of."""

from __future__ import annotations

from services.marketing.segments.handlers import STREAM
from shared.access.actions import Action
from shared.pipeline.look import Look


def heard(look: Look) -> set[str]:
    """The live topics of who enters and leaves, the rule, and how satisfied they are. Raises ``Forbidden``."""
    look.need(Action.SEGMENT_READ)
    return {STREAM}
