"""What is shown of territories, and who looks after whom. Nothing here writes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from services.sfa.territories.tables import customer_territory, territory, territory_rep
from shared.access.actions import Action, Reach
from shared.customer import territories
from shared.customer.territories import Assigned
from shared.edge.errors import NotFound
from shared.pipeline import clusters
from shared.pipeline.customer_tables import any_of
from shared.pipeline.look import Look
from shared.pipeline.within import within_reach
from shared.texts import N_


@dataclass(frozen=True)
class Territory:
    """A territory as people see it."""

    id: str
    name: str
    parent: str
    depth: int
    """Regions above it."""
    reps: tuple[str, ...]
    customers: int | None
    """In itself, not counting those in territories below; none where they aren't all within the reader's reach."""


@dataclass(frozen=True)
class Tree:
    """Who looks after what."""

    parents: dict[str, str]
    reps: dict[str, set[str]]
    divided: bool
    """Whether anybody ever looked after one."""

    def looks_after(self, rep: str, of: str) -> bool:
        """Whether the rep has this territory or a region above it."""
        return territories.looks_after(rep, of, self.parents, self.reps)


def tree(session: Session) -> Tree:
    """All territories and their reps: some hundreds."""
    parents = dict(map(tuple, session.execute(select(territory.c.id, territory.c.parent))))
    reps: dict[str, set[str]] = {}
    known = session.execute(select(territory_rep.c.territory, territory_rep.c.rep, territory_rep.c.stands)).all()
    for of, rep, stands in known:
        if stands:
            reps.setdefault(of, set()).add(rep)
    return Tree(parents, reps, bool(known))


def territories_of(session: Session, members: Collection[str]) -> dict[str, str]:
    """The territory of each member, its own or that of the same customer's other members; empty for none."""
    mates = clusters.mates_of(session, members)
    c = customer_territory.c
    asked = sorted(set(members).union(*mates.values()))
    rows = session.execute(select(c.member, c.territory, c.at).where(c.member == any_of(asked)))
    assigned = {row.member: Assigned(row.territory, row.at) for row in rows}
    return {member: territories.territory_of(member, mates[member], assigned) for member in members}


def own_territory(session: Session, member: str) -> str:
    """Where the member itself was put, which is what an assignment changes; empty for none."""
    c = customer_territory.c
    return session.scalar(select(c.territory).where(c.member == member)) or ""


def everything(look: Look) -> list[Territory]:
    """All territories, each below its region. Raises ``Forbidden``."""
    look.need(Action.TERRITORY_READ)
    known = tree(look.session)
    names = dict(map(tuple, look.session.execute(select(territory.c.id, territory.c.name))))
    counts = _counts(look, known, names)

    def place(one: str) -> list[tuple[str, str]]:
        return [(names[above], above) for above in reversed(territories.upward(one, known.parents)) if above in names]

    return [
        Territory(
            one,
            names[one],
            known.parents[one],
            len(place(one)) - 1,
            tuple(sorted(known.reps.get(one, ()))),
            counts.get(one),
        )
        for one in sorted(names, key=place)
    ]


def _counts(look: Look, known: Tree, ids: Collection[str]) -> dict[str, int]:
    """How many customers were put into each of the territories of which all are within reach."""
    reaches = look.grants.reaches(Action.CUSTOMER_READ)
    if Reach.ALL in reaches or (Reach.TERRITORY in reaches and not known.divided):
        counted = set(ids)
    else:
        mine = Reach.TERRITORY in reaches
        counted = {one for one in ids if mine and known.looks_after(look.actor.id, one)}
    c = customer_territory.c
    query = select(c.territory, func.count()).where(c.territory.in_(sorted(counted))).group_by(c.territory)
    return dict.fromkeys(counted, 0) | dict(map(tuple, look.session.execute(query)))


def below(session: Session, id: str) -> tuple[str, ...]:
    """A territory and all below it."""
    parents = dict(map(tuple, session.execute(select(territory.c.id, territory.c.parent))))
    return tuple(sorted({id, *(one for one in parents if id in territories.upward(one, parents))}))


def customers_in(look: Look, id: str, after: str | None, limit: int) -> list[str]:
    """Members within reach that were put into this very territory, in order of their ids, from ``after`` on.

    Raises ``Forbidden``, ``NotFound``.
    """
    look.need(Action.TERRITORY_READ)
    look.need(Action.CUSTOMER_READ)
    if look.session.scalar(select(territory.c.id).where(territory.c.id == id)) is None:
        raise NotFound(N_("there is no territory %(territory)s"), territory=id)
    c = customer_territory.c
    query = select(c.member).where(c.territory == id).order_by(c.member)

    def more(last: Row[Any] | None, size: int) -> Sequence[Row[Any]]:
        start = after if last is None else last.member
        return look.session.execute((query if start is None else query.where(c.member > start)).limit(size)).all()

    found = within_reach(look, Action.CUSTOMER_READ, more, lambda row: [row.member], limit)
    return [row.member for row, _ in found]


def names_of(session: Session, ids: Iterable[str]) -> dict[str, str]:
    """What territories are called."""
    c = territory.c
    return dict(map(tuple, session.execute(select(c.id, c.name).where(c.id.in_(set(ids))))))
