"""Figures of territories and reps, and what was moved. Only for who sees all customers and orders: a number of some of
them would tell of the others. Nothing here writes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select, text

from services.sfa.orders.rules import OPEN
from services.sfa.orders.tables import sales_order
from services.sfa.territories.reads import tree
from shared.access.actions import Action, Reach
from shared.edge.db import text_array
from shared.pipeline.look import Look

LATELY = timedelta(days=30)
MOST_MOVES = 10
MOST_APART = 50


@dataclass(frozen=True)
class Figures:
    """What there is of a territory, or of a rep."""

    placed: int = 0
    provisioned: int = 0
    late: int = 0

    @property
    def open(self) -> int:
        return self.placed + self.provisioned

    def __add__(self, other: Figures) -> Figures:
        return Figures(self.placed + other.placed, self.provisioned + other.provisioned, self.late + other.late)


@dataclass(frozen=True)
class RepFigures:
    """A rep's orders and what it asks for on its devices."""

    orders: Figures = field(default_factory=Figures)
    waiting: int = 0
    """Requests that nobody has decided."""
    last_request: datetime | None = None


@dataclass(frozen=True)
class Move:
    """Customers who were moved together."""

    move: str
    at: datetime
    by: str
    territory: str
    former: tuple[str, ...]
    customers: int
    there: int
    """Of these, who is still where they were put: whom an undo puts back."""


@dataclass(frozen=True)
class Apart:
    """A customer in this territory that is, as another member of the same person, in another one too."""

    member: str
    territory: str


def sees_all(look: Look, *actions: Action) -> bool:
    """Whether all customers are within the reader's reach for each of these actions."""
    return all(Reach.ALL in look.grants.reaches(action) for action in actions)


def by_territory(look: Look) -> Mapping[str, Figures] | None:
    """The open orders of each territory; none where they aren't all within reach."""
    return _open(look, "territory")


def _open(look: Look, column: str) -> Mapping[str, Figures] | None:
    if not sees_all(look, Action.ORDER_READ):
        return None
    c, of = sales_order.c, sales_order.c[column]
    sums = [
        func.count().filter(counted)
        for counted in (c.state == "placed", c.state == "provisioned", c.promised < look.now)
    ]
    rows = look.session.execute(select(of, *sums).where(c.state.in_(OPEN)).group_by(of))
    return defaultdict(Figures, {name: Figures(placed, set_up, late) for name, placed, set_up, late in rows})


def with_those_below(
    figures: Mapping[str, Figures], ids: Iterable[str], parents: Mapping[str, str]
) -> dict[str, Figures]:
    """The figures of each territory together with all below it."""
    sums: dict[str, Figures] = defaultdict(Figures)
    for one in ids:
        above, seen = one, set()
        while above and above not in seen:
            seen.add(above)
            sums[above] += figures.get(one, Figures())
            above = parents.get(above, "")
    return sums


def apart(look: Look) -> Mapping[str, int] | None:
    """Territory -> how many of its customers are in another one, too; none where that isn't the reader's to know."""
    if not sees_all(look, Action.CUSTOMER_READ):
        return None
    rows = look.session.execute(_APART).all()
    return Counter(territory for _, territory in {(row.cluster, row.territory) for row in rows})


def apart_in(look: Look, territory: str) -> list[Apart]:
    """Customers of a territory who are in another one, too; nobody where that isn't the reader's to know."""
    if not sees_all(look, Action.CUSTOMER_READ):
        return []
    rows = look.session.execute(_APART).all()
    here = [row for row in rows if row.territory == territory]
    found = [Apart(one.member, of.territory) for one in here for of in rows if of.cluster == one.cluster]
    return [one for one in found if one.territory != territory][:MOST_APART]


def open_of(look: Look, members: Sequence[str]) -> Mapping[str, int]:
    """How many open orders each of these members has, if orders are within the reader's reach."""
    shown = look.fields(Action.ORDER_READ, members) if look.may(Action.ORDER_READ) else {}
    rows = look.session.execute(_OPEN_OF, {"members": text_array(shown)})
    return defaultdict(int, map(tuple, rows))


def moves(look: Look, territory: str) -> list[Move]:
    """Who was lately moved out of a territory or into it, the newest first; for who may undo it."""
    if not (look.may(Action.TERRITORY_DEFINE) and sees_all(look, Action.CUSTOMER_READ)):
        return []
    values = {"territory": territory, "since": look.now - LATELY, "limit": MOST_MOVES}
    return [
        Move(m.move, m.at, m.by, m.territory, tuple(m.former), *m[5:]) for m in look.session.execute(_MOVES, values)
    ]


def by_rep(look: Look) -> Mapping[str, RepFigures] | None:
    """Each rep's open orders and requests; none where these aren't all within the reader's reach."""
    orders = _open(look, "rep")
    if orders is None or not sees_all(look, Action.REQUEST_READ):
        return None
    asked = {rep: (waiting, last) for rep, waiting, last in look.session.execute(_REQUESTS)}
    none = (0, None)
    return {rep: RepFigures(orders.get(rep, Figures()), *asked.get(rep, none)) for rep in {*orders, *asked} - {""}}


@dataclass(frozen=True)
class Effect:
    """What moving customers would change."""

    customers: int
    open_orders: int
    lose: tuple[str, ...]
    """Reps who look after them no longer."""
    win: tuple[str, ...]


def effect(look: Look, members: Sequence[str], former: str, to: str) -> Effect:
    """What moving these members would change. Raises ``Forbidden``."""
    look.need(Action.TERRITORY_DEFINE)
    known = tree(look.session)
    reps = {rep for of in known.reps.values() for rep in of}
    before, after = ({rep for rep in reps if one and known.looks_after(rep, one)} for one in (former, to))
    orders = sum(open_of(look, members).values())
    return Effect(len(members), orders, tuple(sorted(before - after)), tuple(sorted(after - before)))


# Those who are in several territories: few, as who links members sees where they are.
_APART = text("""
WITH mate AS (SELECT cluster, member FROM customer_cluster UNION SELECT cluster, cluster FROM customer_cluster),
placed AS (SELECT cluster, member, territory FROM mate JOIN customer_territory USING (member) WHERE territory <> ''),
apart AS (SELECT cluster FROM placed GROUP BY cluster HAVING count(DISTINCT territory) > 1)
SELECT cluster::text, member::text, territory FROM placed JOIN apart USING (cluster) ORDER BY member
""")
_OPEN_OF = text("""
SELECT member::text, CAST(count(*) AS int) FROM sales_order
WHERE member = ANY (CAST(:members AS uuid[])) AND state IN ('placed', 'provisioned') GROUP BY member
""")
_MOVES = text("""
SELECT m.move::text, m.at, m.by, m.territory, array_agg(DISTINCT m.former) AS former,
       CAST(count(*) AS int) AS customers,
       CAST(count(*) FILTER (WHERE t.territory = m.territory AND t.at = m.at) AS int) AS there
FROM moved_customer m LEFT JOIN customer_territory t USING (member)
WHERE m.at > :since
GROUP BY m.move, m.at, m.by, m.territory HAVING bool_or(:territory IN (m.territory, m.former))
ORDER BY m.at DESC, m.move LIMIT :limit
""")
_REQUESTS = text("""
SELECT r.rep, CAST(count(*) FILTER (WHERE coalesce(d.outcome, 'waiting') = 'waiting') AS int), max(r.requested)
FROM order_request r LEFT JOIN order_decision d USING (order_id) GROUP BY r.rep
""")
