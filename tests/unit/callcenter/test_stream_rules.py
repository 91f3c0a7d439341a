"""Live windows, bursts of cases, and which of them are new outages."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.callcenter.outages.rules import (
    QUIET,
    Burst,
    NotPossible,
    Outage,
    belongs_to,
    confirm,
    dismiss,
    id_of,
    undo,
)
from services.callcenter.streams import hearing, rules
from services.callcenter.streams.rules import BURST_WITHIN, Case, Counts, State
from shared.events.callcenter import (
    CaseOpened,
    CaseResolved,
    ContactAbandoned,
    ContactAnswered,
    ContactOffered,
    ContactWrappedUp,
)
from shared.events.envelope import body, message, new_id
from shared.events.facts import Fact, to_data, type_of
from tests.builders import NOON

MEMBERS = [new_id() for _ in range(4)]
minutes = st.integers(-90, 5)


@given(st.lists(st.tuples(minutes, st.integers(0, 59)), max_size=30))
def test_a_window_counts_what_happened_in_its_minutes(times: list[tuple[int, int]]) -> None:
    state = State()
    happened = [NOON + timedelta(minutes=minute, seconds=second) for minute, second in times]
    for at in happened:
        rules.count(state, at, Counts(offered=1), NOON)
    rules.prune(state, NOON)
    for length in rules.WINDOWS:
        first = NOON - timedelta(minutes=length - 1)
        expected = sum(first <= at <= NOON + timedelta(minutes=1) for at in happened)
        assert rules.window(state.buckets, length, NOON).offered == expected


def test_means_and_shares_are_of_what_there_is() -> None:
    state = State()
    empty = rules.window(state.buckets, 15, NOON)
    assert (empty.satisfaction, empty.immediate, empty.seconds_to_solution) == (None, None, None)
    for counts in (Counts(satisfactions=1, satisfaction=5), Counts(satisfactions=1, satisfaction=2)):
        rules.count(state, NOON, counts, NOON)
    rules.count(state, NOON, Counts(solved=1, immediate=1, seconds=100), NOON)
    rules.count(state, NOON - timedelta(minutes=20), Counts(solved=1, seconds=500), NOON)
    short, long = (rules.window(state.buckets, length, NOON) for length in rules.WINDOWS)
    assert (short.satisfaction, short.immediate, short.seconds_to_solution) == (3.5, 1.0, 100.0)
    assert (long.satisfaction, long.immediate, long.seconds_to_solution) == (3.5, 0.5, 300.0)


def test_nothing_is_kept_that_no_window_reaches() -> None:
    state = State()
    rules.count(state, NOON, Counts(offered=1), NOON)
    rules.open_case(state, "fibre", "es-28", Case(NOON, "c", "m"), NOON)
    rules.is_repeat(state, "customer/m", 1, NOON)
    rules.prune(state, NOON + timedelta(minutes=62))
    assert state == State()


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from("abcd")), max_size=9), st.randoms(use_true_random=False))
def test_a_burst_is_found_whatever_the_order_and_only_where_there_is_one(
    opened: list[tuple[int, str]], random: object
) -> None:
    cases = [Case(NOON + timedelta(minutes=minute), f"c{n}", who) for n, (minute, who) in enumerate(opened)]
    random.shuffle(cases)  # type: ignore[attr-defined]
    now, state = NOON + timedelta(minutes=30), State()
    seen = [found for case in cases if (found := rules.open_case(state, "fibre", "es-28", case, now))]
    for found in seen:
        assert found[-1].opened - found[0].opened <= BURST_WITHIN
        assert len(found) >= rules.BURST_CASES
        assert len({case.customer for case in found}) >= rules.BURST_CUSTOMERS
    assert bool(seen) == any(_is_burst(five) for five in combinations(cases, rules.BURST_CASES + 1)) or any(
        _is_burst(five) for five in combinations(cases, rules.BURST_CASES)
    )


def _is_burst(cases: tuple[Case, ...]) -> bool:
    times = [case.opened for case in cases]
    return max(times) - min(times) <= BURST_WITHIN and len({case.customer for case in cases}) >= rules.BURST_CUSTOMERS


def event(fact: Fact, sequence: int, member: str = MEMBERS[0], at: datetime = NOON, *, history: bool = False) -> bytes:
    kind = type_of(fact)
    written = body(
        kind,
        to_data(fact),
        id=new_id(),
        source="callcenter",
        stream=f"customer/{member}",
        occurred=at,
        recorded=at,
        author="anna",
        history=history,
    )
    return message(written, sequence)


def hear(state: State, fact: Fact, sequence: int, member: str = MEMBERS[0], *, history: bool = False) -> object:
    value = event(fact, sequence, member, history=history)
    return hearing.hear(state, f"customer/{member}".encode(), value, NOON)


def opened(case: str) -> CaseOpened:
    return CaseOpened(case=case, reason="fault", subject="", requested=NOON, product="fibre", place="es-28")


def test_an_event_counts_once_and_history_and_nonsense_dont() -> None:
    state = State()
    offered = ContactOffered(contact="c", channel="phone", queue="general")
    for _ in range(2):
        hear(state, offered, 1)
    hear(state, offered, 2, history=True)
    hear(state, ContactWrappedUp(contact="c", agent="a", reason="r", outcome="o", satisfaction=4), 3)
    hear(state, ContactWrappedUp(contact="c", agent="a", reason="r", outcome="o"), 4)
    assert hearing.hear(state, b"customer/x", b"nonsense", NOON) is None
    assert hearing.hear(state, None, None, NOON) is None
    seen = hearing.windows(state, NOON).windows[0]
    assert (seen.offered, seen.satisfaction, seen.satisfactions) == (1, 4.0, 1)


def test_cases_of_enough_customers_are_a_burst_and_history_isnt() -> None:
    for history in (False, True):
        state = State()
        found = [hear(state, opened(f"c{n}"), n + 1, MEMBERS[n % 4], history=history) for n in range(5)]
        assert [bool(each) for each in found] == [False] * 4 + [not history]
    state = State()
    assert not any(hear(state, opened(f"c{n}"), n + 1, MEMBERS[n % 2]) for n in range(9))


BURST = Burst("fibre", "es-28", NOON, ("a", "b", "c", "d", "e"))


def test_the_id_of_an_outage_is_that_of_its_first_case() -> None:
    assert id_of(BURST) == id_of(Burst("fibre", "es-28", NOON, ("a", "x")))
    assert id_of(BURST) != id_of(Burst("fibre", "es-08", NOON, ("a", "x")))


def test_a_burst_belongs_to_an_open_or_a_recent_outage_or_to_that_with_its_cases() -> None:
    assert belongs_to(BURST, [], NOON) is None
    later = NOON + QUIET
    for state in ("proposed", "confirmed"):
        assert belongs_to(BURST, [Outage("1", state, NOON)], later) == "1"
    dismissed = Outage("1", "dismissed", NOON - QUIET, NOON)
    assert belongs_to(BURST, [dismissed], later - timedelta(seconds=1)) == "1"
    assert belongs_to(BURST, [dismissed], later) is None
    known = Outage("1", "dismissed", NOON - QUIET, NOON, frozenset({"e", "f"}))
    assert belongs_to(BURST, [known], later) == "1"
    assert belongs_to(BURST, [known, Outage("2", "proposed", NOON)], later) == "1"


def test_what_can_be_decided() -> None:
    def possible(state: str) -> list[str]:
        outage, found = Outage("1", state, NOON), []
        for name, decide in (
            ("confirm", lambda: confirm(outage)),
            ("no_outage", lambda: dismiss(outage, "no_outage")),
            ("over", lambda: dismiss(outage, "over")),
        ):
            try:
                decide()
                found.append(name)
            except NotPossible:
                pass
        return found

    assert possible("proposed") == ["confirm", "no_outage"]
    assert possible("confirmed") == ["over"]
    assert possible("dismissed") == []


def test_a_queue_shows_who_waits_and_what_became_of_its_contacts_and_cases() -> None:
    state, member = State(), MEMBERS[0]
    ids = [new_id() for _ in range(4)]
    facts: list[tuple[int, Fact]] = [
        *(
            (n, ContactOffered(contact=id, channel="phone", queue="billing", address=""))
            for n, id in enumerate(ids[:3])
        ),
        (3, ContactAnswered(contact=ids[0], agent="anna", waited_seconds=180.0)),
        (4, ContactAbandoned(contact=ids[1], waited_seconds=180.0)),
        (4, CaseOpened(case=ids[3], reason="fault", subject="", contact=ids[0], requested=NOON)),
        (5, CaseResolved(case=ids[3], solution="", seconds_to_solution=60.0, immediate=True)),
        (6, ContactWrappedUp(contact=ids[0], agent="anna", reason="fault", outcome="solved", satisfaction=4)),
    ]
    for number, (minute, fact) in enumerate(facts, start=1):
        at = NOON + timedelta(minutes=minute)
        hearing.hear(state, f"customer/{member}".encode(), event(fact, number, at=at), at)
    (queue,) = rules.queues(state, NOON + timedelta(minutes=7))
    assert (queue.queue, queue.waiting, queue.longest) == ("billing", 1, NOON + timedelta(minutes=2))
    assert (queue.offered, queue.answered, queue.abandoned) == (3, 1, 1)
    assert (queue.satisfaction, queue.opened, queue.immediate) == (4.0, 1, 1)
    assert queue.solved == 1
    every = rules.minutes(state.buckets, NOON + timedelta(minutes=7))
    assert len(every) == 60
    names = ("offered", "answered", "abandoned", "solved")
    assert [sum(getattr(one, name) for one in every) for name in names] == [3, 1, 1, 1]
    rules.prune(state, NOON + timedelta(minutes=80))
    assert rules.queues(state, NOON + timedelta(minutes=80)) == ()


def test_a_decision_is_taken_back_for_an_hour_to_what_was_before() -> None:
    for state, reason, before in (
        ("confirmed", None, "proposed"),
        ("dismissed", "no_outage", "proposed"),
        ("dismissed", "over", "confirmed"),
    ):
        decided = Outage("o", state, NOON, NOON, reason=reason)
        assert undo(decided, NOON + QUIET - timedelta(seconds=1)) == before
        with pytest.raises(NotPossible):
            undo(decided, NOON + QUIET)
    with pytest.raises(NotPossible):
        undo(Outage("o", "proposed", NOON), NOON)


def test_queues_and_the_whole_count_the_same_cases_in_the_same_hour() -> None:
    state, seconds = State(), 7_000.0
    solved = [("billing", True), ("billing", False), ("technical", True)]
    for number, (queue, immediate) in enumerate(solved, start=1):
        # Opened hours ago, of which nothing is known here any more.
        fact = CaseResolved(case=new_id(), seconds_to_solution=seconds, immediate=immediate, queue=queue)
        at = NOON + timedelta(minutes=number)
        hearing.hear(state, f"customer/{MEMBERS[0]}".encode(), event(fact, number, at=at), at)
    now = NOON + timedelta(minutes=10)
    queues = {one.queue: (one.solved, one.immediate) for one in rules.queues(state, now)}
    whole = rules.window(state.buckets, max(rules.WINDOWS), now)
    assert queues == {"billing": (2, 1), "technical": (1, 1)}
    assert whole.solved == sum(solved for solved, _ in queues.values())
    assert whole.immediate == round(sum(immediate for _, immediate in queues.values()) / whole.solved, 3)
