"""How customers lie to who asks: whom it looks after, whom it registered, of whom it took an order."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy.orm import Session

from shared.access.actions import Reach
from shared.edge.actor import Actor
from shared.edge.db import text_array
from shared.edge.statements import run
from shared.pipeline import territories


def reaches(session: Session, actor: Actor, members: Collection[str]) -> Mapping[str, Collection[Reach]]:
    """By territory as territories say, and their own: in two statements, for any number of members."""
    near: dict[str, set[Reach]] = {member: set() for member in members}
    if not near:
        return near
    for member in territories.looked_after(session, actor.id, members, territories.ASSIGNED_HERE):
        near[member].add(Reach.TERRITORY)
    for (member,) in run(session, _OWN, {"actor": actor.id, "members": text_array(near)}):
        near[member].add(Reach.OWN)
    return near


# Registered: its claims are as old as the customer. An order: the rep's, also when it came from a device.
_OWN = """
SELECT a.member::text FROM unnest(CAST(%(members)s AS uuid[])) AS a (member)
WHERE EXISTS (
  SELECT FROM customer_record r JOIN claim c ON c.member = r.member AND c.occurred = r.registered
  WHERE r.member = a.member AND c.source = 'sfa' AND c.author = %(actor)s
) OR EXISTS (
  SELECT FROM sales_order o
  WHERE o.member = a.member AND (o.rep = %(actor)s OR EXISTS (
    SELECT FROM order_step s WHERE s.order_id = o.id AND s.step = 'placed' AND s.by = %(actor)s))
)
"""
