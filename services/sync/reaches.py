"""How customers lie to who asks: whom it looks after, as sales force automation tells."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy.orm import Session

from shared.access.actions import Reach
from shared.edge.actor import Actor
from shared.pipeline import territories


def reaches(session: Session, actor: Actor, members: Collection[str]) -> Mapping[str, Collection[Reach]]:
    """By territory, in one statement for any number of members."""
    near = territories.looked_after(session, actor.id, members, territories.ASSIGNED_ELSEWHERE)
    return dict.fromkeys(near, (Reach.TERRITORY,))
