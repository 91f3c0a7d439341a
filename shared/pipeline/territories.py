"""Whose customers are near whom by territory: the rule of shared/customer/territories.py over a service's own tables,
for any number of members in one statement.

A territory of which an event waits for a person (a parked stream) gives nothing, nor what is reached through it: what
waits may be that somebody looks after it no longer. Once anybody was ever assigned, only who looks after a customer's
territory is near it; before that everybody is.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy.orm import Session

from shared.edge.db import text_array
from shared.edge.statements import run

ASSIGNED_HERE = "customer_territory"
ASSIGNED_ELSEWHERE = "member_territory"
"""Tables of (member, territory, at): where it is decided, and where it is heard of."""


def looked_after(session: Session, rep: str, members: Collection[str], assigned: str) -> set[str]:
    """Those of the members that are near the rep. ``assigned``: the table that says where members were put; those of
    territories and their reps are called the same everywhere."""
    if not members:
        return set()
    statement = _NEAR[assigned]
    return {member for (member,) in run(session, statement, {"rep": rep, "members": text_array(members)})}


# Mates as clusters.mates_of has them, a home as shared.customer.territories.territory_of.
_STATEMENT = """
WITH RECURSIVE asked AS (SELECT DISTINCT unnest(CAST(%(members)s AS uuid[])) AS member),
parked AS (
  SELECT DISTINCT substr(stream, 11) AS id FROM parked_stream WHERE stream LIKE 'territory/_%%'
),
mine AS (
  SELECT r.territory COLLATE "C" AS id FROM territory_rep r
  WHERE r.rep = %(rep)s AND r.stands AND NOT EXISTS (SELECT FROM parked p WHERE p.id = r.territory)
  UNION
  SELECT t.id COLLATE "C" FROM territory t JOIN mine m ON t.parent = m.id
  WHERE NOT EXISTS (SELECT FROM parked p WHERE p.id = t.id)
),
cluster AS (
  SELECT a.member, coalesce(c.cluster, a.member) AS id FROM asked a LEFT JOIN customer_cluster c USING (member)
),
mate AS (
  SELECT member, member AS mate FROM asked
  UNION SELECT h.member, c.member FROM cluster h JOIN customer_cluster c ON c.cluster = h.id
  UNION SELECT h.member, h.id FROM cluster h
  WHERE NOT EXISTS (SELECT FROM customer_cluster c WHERE c.member = h.id AND c.cluster <> h.id)
),
home AS (
  SELECT DISTINCT ON (m.member) m.member, t.territory
  FROM mate m JOIN {assigned} t ON t.member = m.mate AND t.territory <> ''
  ORDER BY m.member, (m.mate = m.member) DESC, t.at DESC, t.member DESC
)
SELECT member::text FROM asked WHERE NOT EXISTS (SELECT FROM territory_rep)
UNION ALL
SELECT h.member::text FROM home h WHERE h.territory COLLATE "C" IN (SELECT id FROM mine)
  AND EXISTS (SELECT FROM territory_rep)
"""
_NEAR = {assigned: _STATEMENT.format(assigned=assigned) for assigned in (ASSIGNED_HERE, ASSIGNED_ELSEWHERE)}
