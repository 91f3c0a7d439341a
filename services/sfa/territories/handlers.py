"""Territories are defined, reps and customers assigned to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from services.sfa import live
from services.sfa.territories.tables import customer_territory, moved_customer, territory, territory_rep
from shared.access.actions import Action
from shared.customer.member import Member, member_of, stream
from shared.customer.territories import closes_circle
from shared.edge.errors import Conflict, Invalid, NotFound
from shared.edge.live import topic
from shared.events.envelope import Event
from shared.events.sfa import CustomerTerritoryAssigned, TerritoryDefined, TerritoryRepAssigned, TerritoryRepWithdrawn
from shared.pipeline import keys
from shared.pipeline.customer_tables import any_of, customer_record
from shared.pipeline.work import Work
from shared.texts import N_, Text


@dataclass(frozen=True)
class Define:
    """A territory as it is to be. ``expected``: the region that the author saw; none to change it whatever it is."""

    territory: str
    name: str
    parent: str = ""
    expected: str | None = None


@dataclass(frozen=True)
class Rep:
    """A rep of a territory."""

    territory: str
    rep: str


@dataclass(frozen=True)
class Assign:
    """A customer is to be in a territory. ``expected``: the one that the author saw it in; empty for none."""

    member: str
    expected: str = ""


def define(work: Work, commands: Sequence[Define]) -> list[str]:
    """Add territories or change them; gives those that are new or different.

    Raises ``Forbidden``; ``NotFound`` for a region that doesn't exist; ``Conflict`` for a territory that would be
    below itself, or whose region isn't the expected one any more.
    """
    work.need(Action.TERRITORY_DEFINE)
    # Two changes at once could each close no circle and both together one, so the tree has one writer at a time.
    work.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("territories", 0))))
    c = territory.c
    known = {row.id: (row.name, row.parent) for row in work.session.execute(select(c.id, c.name, c.parent))}
    changed = []
    for command in commands:
        before = known.get(command.territory)
        _check_place(command, known)
        if before != (command.name, command.parent):
            known[command.territory] = (command.name, command.parent)
            fact = TerritoryDefined(territory=command.territory, name=command.name, parent=command.parent)
            former = None if before is None else dict(zip(("name", "parent"), before, strict=True))
            work.publish(f"territory/{command.territory}", fact, former=former)
            changed.append(fact)
    _keep(work, changed)
    return [fact.territory for fact in changed]


def _check_place(command: Define, known: Mapping[str, tuple[str, str]]) -> None:
    parents = {one: parent for one, (_, parent) in known.items()}
    if command.expected is not None and command.expected != parents.get(command.territory, ""):
        raise Conflict(N_("%(territory)s was moved meanwhile; reload and decide again"), territory=command.territory)
    if command.parent and closes_circle(command.territory, command.parent, parents):
        raise Conflict(
            N_("%(territory)s would be below itself: %(parent)s is that territory or below it"),
            territory=command.territory,
            parent=command.parent,
        )
    if command.parent and command.parent not in known:
        raise NotFound(N_("there is no territory %(parent)s to be its region"), parent=command.parent)


def assign_reps(work: Work, commands: Sequence[Rep]) -> list[Rep]:
    """Reps look after territories from now on; gives those that didn't. Raises ``Forbidden``, ``NotFound``."""
    work.need(Action.TERRITORY_DEFINE)
    need_territories(work, {command.territory for command in commands})
    wanted = sorted(set(commands), key=lambda c: (c.territory, c.rep))
    rows = [{"territory": c.territory, "rep": c.rep, "stands": True} for c in wanted]
    added = [Rep(*row) for row in work.session.execute(_ASSIGN, rows)]
    for each in added:
        fact = TerritoryRepAssigned(territory=each.territory, rep=each.rep)
        work.publish(f"territory/{each.territory}", fact, former={"assigned": False})
    return added


_NEW = upsert(territory_rep)
_ASSIGN = _NEW.on_conflict_do_update(
    index_elements=["territory", "rep"], set_={"stands": True}, where=~territory_rep.c.stands
).returning(territory_rep.c.territory, territory_rep.c.rep)


def withdraw_reps(work: Work, commands: Sequence[Rep]) -> list[Rep]:
    """Reps look after territories no longer; gives those that did. Raises ``Forbidden``, ``NotFound``."""
    work.need(Action.TERRITORY_DEFINE)
    need_territories(work, {command.territory for command in commands})
    withdrawn = [command for command in commands if _withdraw(work, command)]
    for each in withdrawn:
        fact = TerritoryRepWithdrawn(territory=each.territory, rep=each.rep)
        work.publish(f"territory/{each.territory}", fact, former={"assigned": True})
    return withdrawn


def _withdraw(work: Work, one: Rep) -> bool:
    # Kept as withdrawn: what was divided once stays so, see shared/pipeline/territories.
    t = territory_rep.c
    gone = update(territory_rep).where(t.territory == one.territory, t.rep == one.rep, t.stands).values(stands=False)
    return work.session.scalar(gone.returning(t.rep)) is not None


def assign_customers(work: Work, to: str, commands: Sequence[Assign], move: str) -> list[str]:
    """Put customers into a territory (empty: into none); gives those that weren't there yet. ``move``: the id under
    which it can be undone.

    All or none: raises ``Conflict`` when one is neither where it was expected nor where it is to be, or is erased;
    ``NotFound`` for a territory or customer that doesn't exist; ``Invalid`` for one named twice; ``Forbidden``.
    """
    work.need(Action.TERRITORY_DEFINE)
    expected = {command.member: command.expected for command in commands}
    if len(expected) < len(commands):
        raise Invalid(N_("a customer is named twice"))
    need_territories(work, {to} - {""})
    _hold(work, expected)
    c = customer_territory.c
    rows = work.session.execute(select(c.member, c.territory).where(c.member == any_of(expected)))
    now: dict[str, str] = dict(map(tuple, rows))
    elsewhere = [m for m in sorted(expected) if now.get(m, "") not in (to, expected[m])]
    if elsewhere:
        first = elsewhere[0]
        where = now.get(first) or Text(N_("no territory"))
        raise Conflict(
            N_(
                "%(elsewhere)s of %(expected)s customers were assigned by somebody else meanwhile "
                "(%(first)s is in %(where)s); nothing was changed"
            ),
            elsewhere=len(elsewhere),
            expected=len(expected),
            first=first,
            where=where,
        )
    moved = [m for m in sorted(expected) if now.get(m, "") != to]
    for member in moved:
        former = {"territory": now.get(member, "")}
        work.publish(stream(Member(member)), CustomerTerritoryAssigned(territory=to), former=former)
        work.touch(stream(Member(member)))
    if moved:
        work.touch(live.EVERY, *(topic("territory", one) for one in {to, *(now.get(m, "") for m in moved)}))
    put = {"territory": to, "at": work.now}
    _put(work, [{"member": m, **put} for m in moved])
    if moved:
        by = {"move": move, "by": work.actor.id, **put}
        work.session.execute(moved_customer.insert(), [{"member": m, "former": now.get(m, ""), **by} for m in moved])
    return moved


def undo(work: Work, move: str, new: str) -> tuple[list[str], int]:
    """Put those who were moved together back where they were, as a move of its own with the id ``new``; gives them,
    and how many aren't touched because they were moved on or erased since.

    Raises ``Forbidden``; ``NotFound``; ``Conflict`` where there is nobody left to put back.
    """
    work.need(Action.TERRITORY_DEFINE)
    m, t = moved_customer.c, customer_territory.c
    rows = work.session.execute(
        select(m.member, m.former, m.territory, ((t.territory == m.territory) & (t.at == m.at)).label("there"))
        .outerjoin(customer_territory, t.member == m.member)
        .where(m.move == move)
        .order_by(m.former, m.member)
    ).all()
    if not rows:
        raise NotFound(N_("there is no such move of customers"))
    gone = keys.erased(work.session, {row.member for row in rows})
    still = [row for row in rows if row.there and row.member not in gone]
    if not still:
        raise Conflict(N_("all of these customers were moved on since; look where they are now"))
    back = []
    for former in sorted({row.former for row in still}):
        of_it = [Assign(row.member, row.territory) for row in still if row.former == former]
        back += assign_customers(work, former, of_it, new)
    return back, len(rows) - len(still)


def _hold(work: Work, members: Mapping[str, object]) -> None:
    """Keep everybody else from assigning these customers until the commit."""
    c = customer_record.c
    locked = select(c.member).where(c.member == any_of(sorted(members))).order_by(c.member).with_for_update()
    known = set(work.session.scalars(locked))
    if missing := sorted(members.keys() - known):
        raise NotFound(
            N_("%(missing)s of these customers don't exist here, %(first)s for one"),
            missing=len(missing),
            first=missing[0],
        )
    if gone := sorted(keys.erased(work.session, known)):
        raise Conflict(N_("%(gone)s of these customers were erased, %(first)s for one"), gone=len(gone), first=gone[0])


def need_territories(work: Work, wanted: set[str]) -> None:
    """Raises ``NotFound`` unless all of them exist."""
    known = set(work.session.scalars(select(territory.c.id).where(territory.c.id.in_(wanted))))
    if missing := sorted(wanted - known):
        raise NotFound(N_("there is no territory %(territory)s"), territory=", ".join(missing))


def take_in(work: Work, events: list[Event]) -> None:
    """What this service said of territories before its database was restored: called by ``recover`` only."""
    for event in events:
        match event.fact:
            case TerritoryDefined() as fact:
                _keep(work, [fact])
            case TerritoryRepAssigned(territory=of, rep=rep):
                work.session.execute(_ASSIGN, [{"territory": of, "rep": rep, "stands": True}])
            case TerritoryRepWithdrawn(territory=of, rep=rep):
                _withdraw(work, Rep(of, rep))
            case CustomerTerritoryAssigned(territory=to):
                _put(work, [{"member": member_of(event.stream), "territory": to, "at": event.occurred}])


def _keep(work: Work, facts: Sequence[TerritoryDefined]) -> None:
    newest = {fact.territory: {"id": fact.territory, "name": fact.name, "parent": fact.parent} for fact in facts}
    if newest:
        new = upsert(territory)
        set_ = {"name": new.excluded.name, "parent": new.excluded.parent}
        work.session.execute(new.on_conflict_do_update(index_elements=["id"], set_=set_), list(newest.values()))


def _put(work: Work, rows: Sequence[Mapping[str, object]]) -> None:
    if rows:
        new = upsert(customer_territory)
        set_ = {"territory": new.excluded.territory, "at": new.excluded.at}
        work.session.execute(new.on_conflict_do_update(index_elements=["member"], set_=set_), rows)
