"""Who is the same customer: worked out, decided by people, undone, and told once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.sync import wiring
from services.sync.identity import consent, handlers, reads, rules, tables
from services.sync.identity.rules import MOST_SHARED
from services.sync.subscriptions import SUBSCRIPTIONS
from shared.edge.actor import Actor
from shared.edge.clock import system_clock
from shared.edge.db import connect
from shared.edge.errors import Conflict, Forbidden, Invalid, NotFound
from shared.edge.wakeup import Wakeup
from shared.events.customer import ClaimMade, CustomerEdited, CustomerErased, CustomerRegistered
from shared.events.envelope import Envelope, new_id
from shared.events.facts import Fact
from shared.events.sync import CustomerJoined, CustomerParted
from shared.pipeline import claims, clusters, due, migrate, rebuild
from shared.pipeline.attempt import attempt
from shared.pipeline.service import Service
from shared.pipeline.tasks import Tasks
from shared.pipeline.work import Work
from tests.integration.sync.told import KEKS, OLGA, Teller, event_of, hear, own, pass_all, pass_keys
from tests.servers import PostgresServer

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
ALLOWED = "contact_allowed.phone"
THROUGH = {each.name: "main" for each in SUBSCRIPTIONS.slices}


def claim(field: str, value: str, *saw: str, minute: int = 0) -> ClaimMade:
    return ClaimMade(id=new_id(), field=field, value=value, saw=saw, made=AT + timedelta(minutes=minute))


class World:
    """A sync and a publisher, whose customers no two tests share."""

    def __init__(self, postgres: PostgresServer) -> None:
        url = postgres.database("sync")
        migrate.upgrade(url, wiring.VERSIONS)
        self.sync = Service("sync", connect(url, name="sync"), {}, KEKS, system_clock, Wakeup(url))
        self.teller = Teller.at("callcenter", postgres.database("callcenter"))
        self.mine: list[Envelope] = []
        self.log: list[Envelope] = []
        """All that was ever heard."""

    def members(self, *each: list[ClaimMade], live: bool = True) -> list[str]:
        """Register members with these claims; their ids rise."""
        ids = [new_id() for _ in each]
        self.tell(*[(m, CustomerRegistered(claims=tuple(of))) for m, of in zip(ids, each, strict=True)], live=live)
        return ids

    def tell(self, *facts: tuple[str, Fact], live: bool = True) -> None:
        """The publisher tells of members, and what follows is worked out."""
        self.teller.tell(*[(f"customer/{member}", fact) for member, fact in facts], at=AT)
        self.log += pass_all(self.sync, self.teller, live=live)
        self.settle()

    def decide(self, member: str, other: str, *, joined: bool, actor: Actor = OLGA) -> bool:
        return self.sync.transact(actor, lambda w: handlers.decide(w, member, other, joined=joined))

    def settle(self) -> list[Envelope]:
        """Work out what is due until nothing is, hearing what sync says itself; gives what it said."""
        tasks = Tasks(self.sync, wiring.BLOCK.tasks(None), THROUGH, threading.Event())  # type: ignore[arg-type]
        said: list[Envelope] = []
        while True:
            while tasks.round():
                pass
            mine, records = own(self.sync).take()
            if not mine:
                return said
            pass_keys(self.sync, own(self.sync), records)
            assert hear(self.sync, mine) == []
            said += mine
            self.log += mine
            self.mine += mine

    def together(self, *members: str) -> bool:
        """Whether these are one customer, and nobody else is."""
        with Session(self.sync.engine) as session:
            return clusters.mates_of(session, members[:1])[members[0]] == set(members)

    def alone(self, *members: str) -> bool:
        return all(self.together(member) for member in members)

    def recomputed(self) -> dict[str, str]:
        """The clusters worked out from all that is kept, at once."""
        with Session(self.sync.engine) as session:
            everybody = set(session.scalars(text("SELECT member::text FROM customer_record")))
            known = tables.claims_of(session, everybody)
            gone = set(session.scalars(text("SELECT member::text FROM erased_member")))
            decisions = [d for d in tables.decisions_of(session, everybody) if not {d.a, d.b} & gone]
            found = rules.same(everybody, known, decisions, rules.crowded(known)).clusters
        return {member: cluster for member, cluster in found.items() if member != cluster}

    def assigned(self) -> dict[str, str]:
        with Session(self.sync.engine) as session:
            rows = session.execute(text("SELECT member::text, cluster::text FROM customer_cluster"))
            return dict(map(tuple, rows))

    def allowed(self, *members: str) -> list[object]:
        with Session(self.sync.engine) as session:
            held = claims.lock(session, members)
            return [held[m].states[ALLOWED].value if ALLOWED in held[m].states else None for m in members]

    def suggested(self, why: str) -> set[tuple[str, ...]]:
        with self.sync.look(OLGA) as look:
            found, _ = reads.suggestions(look, why, None, 100)
        return {(one.customer, *(other.customer for other in one.others)) for one in found}

    def rows(self, *names: str) -> dict[str, list[str]]:
        with Session(self.sync.engine) as session:
            return {name: sorted(map(str, session.execute(text(f"SELECT * FROM {name}")))) for name in names}


@pytest.fixture(scope="module")
def world(postgres: PostgresServer) -> Iterator[World]:
    made = World(postgres)
    yield made
    for service in (made.sync, made.teller.service):
        service.wakeup.close()
        service.engine.dispose()


numbers = (f"+3906{n:08d}" for n in range(10**6))


@pytest.fixture
def phone() -> str:
    """A number that no other test has."""
    return next(numbers)


def test_linked_unlinked_and_linked_again_is_as_worked_out_at_once(world: World, phone: str) -> None:
    a, b, c = world.members([claim("phone", phone)], [claim("phone", phone)], [claim("email", f"{phone}@Example.org")])
    assert world.together(a, b)
    assert world.alone(c)
    world.tell((b, CustomerEdited(claims=(claim("email", f"{phone}@example.ORG"),))))
    assert world.together(a, b, c)
    world.decide(c, a, joined=False)
    world.settle()
    assert world.together(a, b)
    world.decide(a, b, joined=False)
    world.settle()
    assert world.together(b, c)
    world.decide(a, c, joined=True)
    said = world.settle()
    assert world.together(a, c)
    assert world.assigned() == world.recomputed()
    # Each change is told in the streams of those whose cluster changed, once.
    told = [e.subject for e in said if e.type == "customer.assigned"]
    assert sorted(told) == [f"customer/{c}"]


def test_different_names_are_for_a_person_to_decide(world: World, phone: str) -> None:
    ana = [claim("phone", phone), claim("given_name", "Ána"), claim("family_name", "Ortiz")]
    luis = [claim("phone", phone), claim("given_name", "Luis"), claim("family_name", "Ortiz")]
    a, b = world.members(ana, luis)
    assert world.alone(a, b)
    assert world.suggested("names") == {(a, b)}
    # The name was mistaken.
    world.tell((b, CustomerEdited(claims=(claim("given_name", "ANA", luis[1].id, minute=1),))))
    assert world.together(a, b)
    assert world.suggested("names") == set()


def test_a_number_of_too_many_matches_nobody_until_enough_are_erased(world: World, phone: str) -> None:
    five = world.members(*[[claim("phone", phone)] for _ in range(MOST_SHARED)])
    assert world.together(*five)
    more = world.members(*[[claim("phone", phone)] for _ in range(2)])
    assert world.alone(*five, *more)
    assert world.suggested("crowded") == {(member,) for member in [*five, *more]}
    world.tell((more[0], CustomerErased()))
    assert world.alone(*five, *more)
    world.tell((five[0], CustomerErased()))
    assert world.together(*five[1:], more[1])
    assert world.alone(five[0], more[0])
    assert world.assigned() == world.recomputed()
    assert world.suggested("crowded") == set()
    assert five[0] not in str(world.rows("identity_suggestion", "identifier"))


def test_an_erased_member_leaves_and_what_it_held_together_falls_apart(world: World, phone: str) -> None:
    address = f"{phone}@example.org"
    a, b, c = world.members(
        [claim("phone", phone)], [claim("phone", phone), claim("email", address)], [claim("email", address)]
    )
    world.decide(a, b, joined=True)
    world.settle()
    assert world.together(a, b, c)
    world.tell((b, CustomerErased()))
    assert world.alone(a, b, c)
    with pytest.raises(Conflict):
        world.decide(a, b, joined=True)


def test_history_tells_of_clusters_as_history(world: World, phone: str) -> None:
    began = len(world.mine)
    a, b = world.members([claim("phone", phone)], [claim("phone", phone)], live=False)
    assert world.together(a, b)
    assert [e.history for e in world.mine[began:]] == [True]


def test_an_opt_out_reaches_all_members_when_linked_before_or_after(world: World, phone: str) -> None:
    a, b = world.members([claim("phone", phone)], [claim("phone", phone)])
    world.tell((b, CustomerEdited(claims=(claim(ALLOWED, "false"),))))
    assert world.allowed(a, b) == ["false", "false"]
    [c] = world.members([claim("phone", phone), claim(ALLOWED, "true")])
    assert world.together(a, b, c)
    assert world.allowed(a, b, c) == ["false"] * 3
    # Nothing is said again.
    said = len(world.mine)
    world.sync.transact(OLGA, lambda w: due.mark(w, handlers.CONSENT, [a, b, c]))
    assert world.settle() == []
    assert len(world.mine) == said


def test_what_was_allowed_again_stays_allowed_and_what_was_parted_stays_forbidden(world: World, phone: str) -> None:
    forbidden = claim(ALLOWED, "false")
    a, b, c = world.members([claim("phone", phone), forbidden], [claim("phone", phone)], [claim("phone", phone)])
    assert world.allowed(a, b, c) == ["false"] * 3
    world.decide(a, c, joined=False)
    world.decide(b, c, joined=False)
    world.settle()
    assert world.alone(c)
    assert world.allowed(c) == ["false"]
    world.tell((a, CustomerEdited(claims=(claim(ALLOWED, "true", forbidden.id, minute=3),))))
    with Session(world.sync.engine) as session:
        [echo] = claims.claims_of(session, b, [ALLOWED])
    world.tell((b, CustomerEdited(claims=(claim(ALLOWED, "true", echo, minute=4),))))
    world.decide(a, c, joined=True)
    world.settle()
    assert world.allowed(a, b, c) == ["true", "true", "false"]


def test_two_who_each_forbade_it_both_pass_it_on_when_they_are_parted(world: World, phone: str) -> None:
    a, b = world.members(
        [claim("phone", phone), claim(ALLOWED, "false")], [claim("phone", phone), claim(ALLOWED, "false")]
    )
    world.decide(a, b, joined=False)
    world.settle()
    c, d = world.members([], [])
    world.decide(a, c, joined=True)
    world.decide(b, d, joined=True)
    world.settle()
    assert world.allowed(c, d) == ["false", "false"]


def test_a_repetition_is_the_same_claim_here_and_where_it_is_heard(world: World, phone: str) -> None:
    a, b = world.members([claim("phone", phone), claim(ALLOWED, "false")], [claim("phone", phone)])
    with Session(world.sync.engine) as session:
        [echo] = claims.claims_of(session, b, [ALLOWED]).values()
    assert (echo.source, echo.author, echo.value) == ("sync", "service:sync", "false")
    assert world.allowed(a) == ["false"]


def test_two_people_at_once_decide_one_after_the_other(world: World) -> None:
    a, b = world.members([claim("city", "Rome")], [claim("city", "Rome")])
    began = len(world.mine)
    both = at_once(lambda: world.decide(a, b, joined=True), lambda: world.decide(b, a, joined=True))
    assert sorted(both) == [False, True]
    at_once(*[lambda joined=joined: world.decide(a, b, joined=joined) for joined in (True, False)] * 3)
    with Session(world.sync.engine) as session:
        [kept] = tables.decisions_of(session, [a, b])
    world.settle()
    assert world.together(a, b) == kept.joined
    told = [e for e in world.mine[began:] if e.type in ("customer.joined", "customer.parted")]
    newest = max(told, key=lambda e: (e.time, e.id))
    assert newest is told[-1]
    assert (newest.type == "customer.joined") == kept.joined
    # Each is news: no decision repeats the one before it.
    assert all(one.type != two.type for one, two in pairwise(told))


def test_a_member_that_two_turns_would_assign_at_once_is_assigned_once(world: World, phone: str) -> None:
    world.teller.tell(
        *[(f"customer/{new_id()}", CustomerRegistered(claims=(claim("phone", phone),))) for _ in range(3)], at=AT
    )
    world.log += pass_all(world.sync, world.teller)
    turn = lambda: Tasks(world.sync, (handlers.TASK,), THROUGH, threading.Event()).round()  # noqa: E731
    assert sorted(at_once(turn, turn))[0] >= 0
    said = world.settle()
    assert len([e for e in said if e.type == "customer.assigned"]) == 2


def test_who_may_decide_of_whom(world: World) -> None:
    a, b, gone = world.members([], [], [])
    world.tell((gone, CustomerErased()))
    for other, error in ((new_id(), NotFound), (gone, Conflict), (a, Invalid)):
        for joined in (True, False):
            with pytest.raises(error):
                world.decide(a, other, joined=joined)
    with pytest.raises(Forbidden):
        world.decide(a, b, joined=True, actor=Actor("anna", roles=frozenset({"agent"})))
    assert world.settle() == []


def test_an_older_decision_that_comes_late_changes_nothing(world: World) -> None:
    a, b = world.members([], [])
    for fact, hour in ((CustomerJoined(other=b), 2), (CustomerParted(other=b), 1)):
        world.teller.tell((f"customer/{a}", fact), at=AT + timedelta(hours=hour))
    world.log += pass_all(world.sync, world.teller)
    world.settle()
    assert world.together(a, b)


def test_a_decision_of_no_member_waits_for_a_person(world: World) -> None:
    [a] = world.members([])
    for other in (a, "nobody"):
        world.teller.tell((f"customer/{a}", CustomerJoined(other=other)))
        [bad] = hear(world.sync, world.teller.take()[0])
        assert bad.event.type == "customer.joined"


def test_a_rebuild_finds_the_same_and_tells_nobody_again(world: World, phone: str) -> None:
    a, b = world.members([claim("phone", phone)], [claim("phone", phone), claim(ALLOWED, "false")])
    world.decide(a, b, joined=False)
    world.settle()
    names = ("identifier", "identity_decision", "identity_suggestion", "customer_cluster", "claim")
    before = world.rows(*names)
    world.sync.transact(world.sync.itself, lambda w: rebuild.rebuild(w, "main", SUBSCRIPTIONS.slices))
    assert hear(world.sync, world.log) == []
    assert world.settle() == []
    assert world.rows(*names) == before
    assert world.assigned() == world.recomputed()


def at_once(*each: Any) -> list[Any]:
    """Do all at the same time; gives what they gave."""
    results: list[Any] = []
    start = threading.Barrier(len(each))

    def run(one: Any) -> None:
        start.wait()
        results.append(one())

    threads = [threading.Thread(target=run, args=(one,)) for one in each]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == len(each)
    return results


assert consent.TASK.name == handlers.CONSENT


def test_a_long_past_is_looked_at_as_a_whole_and_comes_out_the_same(world: World) -> None:
    shared, crowd = [next(numbers) for _ in range(5)], next(numbers)
    people = [[claim("given_name", "Ada"), claim("phone", next(numbers))] for _ in range(handlers.MANY)]
    for number in shared:
        people += [[claim("given_name", "Ada"), claim("phone", number)] for _ in range(2)]
    people += [[claim("given_name", "Bea"), claim("phone", crowd)] for _ in range(MOST_SHARED + 1)]
    one_before = world.members([claim("given_name", "Ada"), claim("phone", shared[0])])
    members = world.members(*people, live=False)
    with Session(world.sync.engine) as session:
        assert session.scalar(text("SELECT count(*) FROM due")) == 0
    assert world.assigned() == world.recomputed()
    assert world.together(*one_before, *members[handlers.MANY : handlers.MANY + 2])
    assert all(world.together(*members[n : n + 2]) for n in range(handlers.MANY + 2, handlers.MANY + 10, 2))
    assert world.alone(*members[: handlers.MANY], *members[-MOST_SHARED - 1 :])
    assert {(member,) for member in members[-MOST_SHARED - 1 :]} <= {(one[0],) for one in world.suggested("crowded")}


def test_a_long_past_that_is_heard_again_changes_nothing(world: World) -> None:
    people = [[claim("given_name", "Ada"), claim("email", f"a{n}@example.org")] for n in range(handlers.MANY)]
    world.members(*people, live=False)
    before = world.rows("identifier", "customer_cluster")
    said = len(world.mine)
    customers = [one for one in world.log if one.type == "customer.registered"]

    def again(work: Work) -> None:
        events = [event_of(work, one, live=False) for one in customers]
        assert attempt(work, SUBSCRIPTIONS.named(["customers", handlers.IDENTITY]), events) == {}

    world.sync.transact(world.sync.itself, again)
    world.settle()
    assert world.rows("identifier", "customer_cluster") == before
    assert len(world.mine) == said
