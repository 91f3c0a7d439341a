"""What is shown of territories, and who looks after whom. Nothing here writes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.sfa.territories.tables import customer_territory, territory, territory_rep
from shared.customer import territories
from shared.customer.territories import Assigned
from shared.edge.errors import NotFound
from shared.pipeline import clusters
from shared.pipeline.customer_tables import any_of


@dataclass(frozen=True)
class Territory:
    """A territory as people see it."""

    id: str
    name: str
    parent: str
    depth: int
    """Regions above it."""
    reps: tuple[str, ...]
    customers: int
    """In itself, not counting those in territories below."""


@dataclass(frozen=True)
class Tree:
    """Who looks after what."""

    parents: dict[str, str]
    reps: dict[str, set[str]]

    def looks_after(self, rep: str, of: str) -> bool:
        """Whether the rep has this territory or a region above it."""
        return territories.looks_after(rep, of, self.parents, self.reps)


def tree(session: Session) -> Tree:
    """All territories and their reps: some hundreds."""
    parents = dict(map(tuple, session.execute(select(territory.c.id, territory.c.parent))))
    reps: dict[str, set[str]] = {}
    for of, rep in session.execute(select(territory_rep.c.territory, territory_rep.c.rep)):
        reps.setdefault(of, set()).add(rep)
    return Tree(parents, reps)


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


def everything(session: Session) -> list[Territory]:
    """All territories, each below its region."""
    known = tree(session)
    c = customer_territory.c
    counts = dict(map(tuple, session.execute(select(c.territory, func.count()).group_by(c.territory))))
    names = dict(map(tuple, session.execute(select(territory.c.id, territory.c.name))))

    def place(one: str) -> list[tuple[str, str]]:
        return [(names[above], above) for above in reversed(territories.upward(one, known.parents)) if above in names]

    return [
        Territory(
            one,
            names[one],
            known.parents[one],
            len(place(one)) - 1,
            tuple(sorted(known.reps.get(one, ()))),
            counts.get(one, 0),
        )
        for one in sorted(names, key=place)
    ]


def one(session: Session, id: str) -> Territory:
    """Raises ``NotFound``."""
    for found in everything(session):
        if found.id == id:
            return found
    raise NotFound(f"there is no territory {id}")


def customers_in(session: Session, id: str, after: str | None, limit: int) -> list[str]:
    """Members that were put into this very territory, in order of their ids, from ``after`` on."""
    c = customer_territory.c
    query = select(c.member).where(c.territory == id).order_by(c.member).limit(limit)
    return list(session.scalars(query if after is None else query.where(c.member > after)))


def names_of(session: Session, ids: Iterable[str]) -> dict[str, str]:
    """What territories are called."""
    c = territory.c
    return dict(map(tuple, session.execute(select(c.id, c.name).where(c.id.in_(set(ids))))))
