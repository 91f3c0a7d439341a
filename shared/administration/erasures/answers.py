"""What was forgotten of erased members: noted here place by place, told to others, and heard from them.

A service has a fixed set of places, named by its wiring. Whoever forgets a member says in the same transaction, under
the member's lock, where; the transaction that completes the set publishes ``customer.forgotten``. What is noted isn't
derived from events, so neither a rebuild nor an erasure that is heard twice answers again; a restored backup, in which
the person was there once more, does, and the newer answer holds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.orm import Session

from shared.administration.erasures import recovered
from shared.administration.exports.reads import exports_of
from shared.customer.member import Member, member_of, stream
from shared.edge.db import as_json, text_array
from shared.events.customer import CustomerForgotten
from shared.events.envelope import Event
from shared.events.facts import Fact
from shared.pipeline import claims, keys
from shared.pipeline.subscriptions import Slice
from shared.pipeline.tasks import Item, Task
from shared.pipeline.work import Work

FORGOTTEN, OPEN, EXPORT = "forgotten", "open", "export"
"""States of a place in another service's answer."""

Counts = Mapping[str, Mapping[str, int]]
"""Place -> member -> rows that were deleted or emptied."""

Exports = Callable[[Session, Collection[str]], Mapping[str, Collection[str]]]
"""Member -> ids of the files into which it was exported."""


@dataclass(frozen=True)
class Forgetting:
    """How one service forgets. Said by its wiring."""

    places: frozenset[str]
    """Codes of all places that have to be noted before the service has answered."""
    forget: Callable[[Work, Sequence[str], bool], Counts]
    """Deletes or empties all that can be at once, for sorted members that may be unknown here, and gives what was
    there. The flag: whether only history leads to it."""
    exports: Exports = exports_of


def forget(work: Work, of: Forgetting, members: Iterable[str], *, history: bool = False) -> None:
    """Forget members here, whose erasure somebody has published, and note it. Once more is harmless."""
    if wanted := sorted(set(members)):
        note(work, of, wanted, of.forget(work, wanted, history), history=history)


def heard_by(of: Forgetting) -> Callable[[Work, list[Event]], None]:
    """The handler of ``customer.erased``: of other services' erasures, and harmless for those of the own."""

    def heard_erased(work: Work, events: list[Event]) -> None:
        good = claims.named(work, events)
        live = {member_of(event.stream) for event in good if event.live}
        past = {member_of(event.stream) for event in good} - live
        # All locks at once, in their order.
        claims.lock(work.session, live | past)
        recovered.decided(work, good)
        forget(work, of, past, history=True)
        forget(work, of, live)

    return heard_erased


def note(work: Work, of: Forgetting, members: Sequence[str], counts: Counts, *, history: bool = False) -> None:
    """Note places, each of these members', and answer for the members for whom these were the last.

    To be called with the members locked, in the transaction that forgot.
    """
    complete = _complete(work.session, of, keep(work, members, counts))
    exports = of.exports(work.session, complete) if complete else {}
    for member in sorted(complete):
        told = CustomerForgotten(places=complete[member], exports=tuple(sorted(exports.get(member, ()))))
        answer(work, member, told, history=history)


def answer(work: Work, member: str, told: CustomerForgotten, *, history: bool = False) -> None:
    """Publish what was forgotten, and take it in here: few services hear themselves."""
    work.publish(stream(Member(member)), told, history=history)
    _take_in(work, [(member, work.source, work.now, told)])


def keep(work: Work, members: Sequence[str], counts: Counts) -> set[str]:
    """Keep that places have forgotten these members; gives those of which a place wasn't noted before."""
    rows = [{"member": m, "place": p, "rows": each.get(m, 0)} for p, each in counts.items() for m in members]
    new = work.session.scalars(_NOTE, {"rows": as_json(rows), "at": work.now}).all()
    return {member for member in new if member}


def _complete(session: Session, of: Forgetting, members: Collection[str]) -> dict[str, dict[str, int]]:
    """Those of the members of which every place is noted, with their places."""
    found: dict[str, dict[str, int]] = {member: {} for member in members}
    if found:
        for member, place, rows in session.execute(_NOTED, {"members": text_array(found)}):
            found[member][place] = rows
    return {member: places for member, places in found.items() if of.places <= places.keys()}


def heard(work: Work, events: list[Event]) -> None:
    """Other services forgot members. In any order: of each place the newest word holds."""
    good = claims.named(work, events)
    _take_in(work, [(member_of(e.stream), e.source, e.occurred, e.fact) for e in good if e.fact is not None])


def _take_in(work: Work, tellings: Iterable[tuple[str, str, datetime, Fact]]) -> None:
    rows: dict[tuple[str, str, str], tuple[datetime, str, int]] = {}
    for member, source, at, fact in tellings:
        if isinstance(fact, CustomerForgotten):
            for place, (state, count) in _said(fact).items():
                before = rows.get((member, source, place))
                if before is None or before[0] <= at:
                    rows[member, source, place] = (at, state, count)
    if rows:
        told = [
            {"member": m, "source": s, "place": p, "at": at, "state": state, "rows": count}
            for (m, s, p), (at, state, count) in sorted(rows.items())
        ]
        work.session.execute(_HEARD, {"rows": as_json(told)})


def _said(fact: CustomerForgotten) -> dict[str, tuple[str, int]]:
    """State and count of each place; the empty one stands for the service as a whole."""
    said = {place: (FORGOTTEN, count) for place, count in fact.places.items()}
    said |= dict.fromkeys(fact.open, (OPEN, 0))
    said |= {f"export/{one}": (EXPORT, 0) for one in fact.exports}
    if any("/" not in place for place in fact.places):
        said[""] = (FORGOTTEN, sum(fact.places.values()))
    return said


SLICE = Slice("erasures", {"customer.forgotten": heard}, sealed=True)
"""What every service hears of erasures, so that each can say what became of those that it began.

Not derived: a report of what is long done shouldn't go back to "open" while a rebuild plays the log again.
"""


def task(of: Forgetting) -> Task:
    """Forgets members of which only a topic of keys said that they are erased: the event may be parked or far behind,
    and a restored database has to forget before it is shown to anybody. So it doesn't wait for the past to be read."""

    def run(work: Work, items: Sequence[Item]) -> Mapping[str, object]:
        members = sorted(item.key for item in items)
        claims.lock(work.session, members)
        forget(work, of, keys.erased(work.session, members))
        return {}

    return Task(keys.FORGET, run, waits=False)  # type: ignore[arg-type]


def _statement(sql: str, *names: str) -> TextClause:
    return text(sql).bindparams(*map(bindparam, names))


# Gives the member of each place that wasn't noted before.
_NOTE = _statement(
    """
INSERT INTO forgotten AS f (member, place, rows, at)
SELECT member, place, rows, CAST(:at AS timestamptz)
FROM json_to_recordset(CAST(:rows AS json)) AS n (member uuid, place text, rows bigint) ORDER BY member, place
ON CONFLICT (member, place) DO UPDATE SET rows = f.rows + excluded.rows
RETURNING CASE WHEN f.xmax = 0 THEN f.member::text END
""",
    "rows",
    "at",
)
_NOTED = _statement(
    "SELECT member::text, place, rows FROM forgotten WHERE member = ANY (CAST(:members AS uuid[]))", "members"
)
_HEARD = _statement(
    """
INSERT INTO erasure_answer AS a (member, source, place, state, rows, at)
SELECT member, source, place, state, rows, at
FROM json_to_recordset(CAST(:rows AS json))
  AS n (member uuid, source text, place text, state text, rows bigint, at timestamptz)
ORDER BY member, source, place
ON CONFLICT (member, source, place) DO UPDATE SET state = excluded.state, rows = excluded.rows, at = excluded.at
WHERE a.at <= excluded.at
""",
    "rows",
)
