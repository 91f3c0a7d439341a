"""Whom a change of an order is told: pages that show it, and lists in which it stands or may come to stand."""

from __future__ import annotations

from services.sfa.territories import reads as territories
from shared.access.actions import Action, Reach
from shared.customer.member import Member, stream
from shared.edge.live import topic
from shared.pipeline.look import Look
from shared.pipeline.work import Work

EVERY = "orders"


def touch(work: Work, member: str, territory: str, rep: str) -> None:
    """An order of the customer, or one that is asked for, changed. ``territory``: where it was taken."""
    work.touch(stream(Member(member)), EVERY, topic("territory", territory), topic("rep", rep))


def heard(look: Look) -> set[str]:
    """The topics of the orders within reach: who sees some only isn't told that something happens to others. Those of
    a customer who was moved since are told where they were taken; whoever has them now sees it at the next look.
    Raises ``Forbidden``."""
    look.need(Action.ORDER_READ)
    reaches = look.grants.reaches(Action.ORDER_READ)
    tree = territories.tree(look.session)
    if Reach.ALL in reaches or (Reach.TERRITORY in reaches and not tree.divided):
        return {EVERY}
    mine = {one for one in tree.parents if tree.looks_after(look.actor.id, one)} if Reach.TERRITORY in reaches else ()
    return {topic("rep", look.actor.id), *(topic("territory", one) for one in mine)}
