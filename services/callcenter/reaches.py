"""How customers lie to who works in the call center, as its contacts tell: one statement, however many customers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy.orm import Session

from shared.access.actions import Reach
from shared.edge.actor import Actor
from shared.edge.db import text_array
from shared.edge.statements import run


def reaches(session: Session, actor: Actor, members: Collection[str]) -> dict[str, set[Reach]]:
    """Own: the actor answered a contact of the customer, is the one to whom a waiting one was offered, or registered
    the customer. Team: a contact of the customer came in a queue that is named like one of the actor's teams.

    A contact and a case lie to an actor as their customer does.
    """
    found: dict[str, set[Reach]] = defaultdict(set)
    told = {"members": text_array(members), "actor": actor.id, "teams": text_array(actor.teams)}
    for member, own, team in run(session, _NEAR, told):
        found[member] |= {Reach.OWN} if own else set()
        found[member] |= {Reach.TEAM} if team else set()
    return found


# Who registered a customer is the author of the claims that were made as it was registered.
_NEAR = """
SELECT c.member::text, bool_or(c.agent = %(actor)s OR (c.state = 'offered' AND c.offered_to = %(actor)s)),
       bool_or(c.queue = ANY (CAST(%(teams)s AS text[])))
FROM contact c WHERE c.member = ANY (CAST(%(members)s AS uuid[])) GROUP BY c.member
UNION ALL
SELECT r.member::text, true, false FROM customer_record r JOIN claim k ON k.member = r.member
WHERE r.member = ANY (CAST(%(members)s AS uuid[]))
  AND k.source = 'callcenter' AND k.author = %(actor)s AND k.occurred = r.registered
GROUP BY r.member
"""
