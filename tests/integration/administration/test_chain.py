"""The audit log's chain: what is taken out or changed is noticed, and after a restore it goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.edge.statements import run
from shared.pipeline import anchors, audit, chain, heads
from shared.pipeline.chain import Behind, Chainer
from shared.pipeline.recovery import recover
from shared.pipeline.relay import Relay
from shared.pipeline.service import Service
from shared.pipeline.verifying import verify
from shared.texts import Text
from tests.builders import NOON
from tests.integration.pipeline.test_admin import command
from tests.integration.pipeline.test_recovery import sent
from tests.probe import ANNA, Pair, new_member, publish, until


def note(service: Service, count: int = 1) -> None:
    """So many changes by Anna."""
    for _ in range(count):
        publish(service, (new_member(), "x"))


def chained(service: Service) -> Chainer:
    """All that is there is linked."""
    chainer = Chainer(service, threading.Event())
    while chainer.round():
        pass
    return chainer


def anchored(pair: Pair) -> None:
    """The head is in the log of events."""
    pair.publisher.transact(pair.publisher.itself, lambda work: heads.report(work, set()))
    with sent(pair):
        pass


def execute(service: Service, sql: str) -> None:
    with service.engine.begin() as connection:
        connection.execute(text(sql))


def forged(service: Service, first: int) -> None:
    """Make all hashes anew from a position on, as the owner of the database could."""
    with Session(service.engine) as session:
        (before,) = run(session, "SELECT hash FROM audit_link WHERE pos = %(pos)s", {"pos": first - 1})[0]
        rows = run(
            session,
            f"SELECT {chain.COLUMNS} FROM audit_entry e JOIN audit_link l USING (n) WHERE pos >= %(p)s ORDER BY pos",
            {"p": first},
        )
        run(session, "DELETE FROM audit_link WHERE pos >= %(p)s", {"p": first})
        chain.append(session, chain.Head(first - 1, bytes(before)), map(chain.Entry._make, rows))
        session.commit()


@pytest.fixture
def kept(pair: Pair) -> Pair:
    """Six entries, linked and anchored."""
    note(pair.publisher, 6)
    chained(pair.publisher)
    anchored(pair)
    return pair


def problems(pair: Pair) -> list[str]:
    return verify(pair.publisher).problems


def test_entries_are_linked_anchored_and_found_right(kept: Pair) -> None:
    found = verify(kept.publisher)
    assert (found.entries, found.anchors, found.head, found.problems, found.notes) == (6, 1, 6, [], [])
    note(kept.publisher)
    assert verify(kept.publisher).notes == ["1 new entries wait to be linked"]
    last = anchors.last(kept.publisher)
    assert last is not None
    assert last.pos == 6


def test_the_head_is_anchored_only_when_it_went_on(kept: Pair) -> None:
    anchored(kept)
    assert [a.pos for a in anchors.every(kept.publisher)] == [6]
    note(kept.publisher)
    chained(kept.publisher)
    anchored(kept)
    assert sorted(a.pos for a in anchors.every(kept.publisher)) == [6, 7]


@pytest.mark.parametrize(
    ("done", "said"),
    [
        ("UPDATE audit_entry SET actor = 'bert' WHERE n = 3", "position 3: entry 3 or its link was changed"),
        ("UPDATE audit_entry SET at = at + interval '1 microsecond' WHERE n = 6", "position 6: entry 6 or its"),
        ("UPDATE audit_entry SET detail = detail || '{\"a\": 1}' WHERE n = 1", "position 1: entry 1 or its link"),
        ("DELETE FROM audit_entry WHERE n = 2", "position 2: entry 2 is missing"),
        ("DELETE FROM audit_link WHERE pos IN (3, 4)", "positions 3 to 4 are missing"),
        ("DELETE FROM audit_link WHERE pos > 4", "positions 5 to 6 are missing; the last was anchored on"),
        ("TRUNCATE audit_entry, audit_link", "positions 1 to 6 are missing; the last was anchored on"),
        ("UPDATE audit_link SET n = 100 + n WHERE pos = 6", "position 6: entry 106 is missing"),
    ],
)
def test_what_is_changed_or_removed_is_named(kept: Pair, done: str, said: str) -> None:
    execute(kept.publisher, done)
    assert [p for p in problems(kept) if said in p], problems(kept)


def test_a_chain_that_was_made_anew_contradicts_the_anchors(kept: Pair) -> None:
    execute(kept.publisher, "UPDATE audit_entry SET actor = 'bert' WHERE n = 3")
    forged(kept.publisher, 3)
    (problem,) = problems(kept)
    assert problem.startswith("position 6: another hash was anchored")


def test_an_entry_that_nobody_links_is_named_after_a_while(kept: Pair) -> None:
    note(kept.publisher, 2)
    execute(kept.publisher, "UPDATE audit_entry SET at = at - interval '11 minutes' WHERE n > 6")
    assert problems(kept) == ["2 entries aren't linked, 7 to 8: does a worker run?"]


def test_what_commits_late_is_linked_though_its_number_is_lower(pair: Pair) -> None:
    service = pair.publisher
    with Session(service.engine) as late:
        run(late, audit.INSERT, audit.refused(ANNA, NOON, "/late", "", Text("no")))
        note(service, 3)
        chainer = chained(service)
        late.commit()
    assert chainer.round() == 1
    assert verify(service).entries == 4
    with Session(service.engine) as session:
        assert [n for (n,) in run(session, "SELECT n FROM audit_link ORDER BY pos", {})] == [2, 3, 4, 1]


def test_what_commits_very_late_is_found_by_the_next_full_look(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "WINDOW", 2)
    monkeypatch.setattr(chain, "FULL_ROUNDS", 3)
    service = pair.publisher
    with Session(service.engine) as late:
        run(late, audit.INSERT, audit.refused(ANNA, NOON, "/late", "", Text("no")))
        note(service, 5)
        chainer = Chainer(service, threading.Event())
        assert chainer.round() == 5
        late.commit()
    assert [chainer.round() for _ in range(3)] == [0, 0, 1]


def test_two_workers_link_one_chain(pair: Pair) -> None:
    note(pair.publisher, 3)
    with Session(pair.publisher.engine) as one, Session(pair.publisher.engine) as other:
        assert chain.link(one) == 3
        assert chain.link(other) == 0
        one.commit()
    assert verify(pair.publisher).entries == 3


def test_a_chain_that_was_cut_off_isn_t_gone_on_with(kept: Pair) -> None:
    chainer = chained(kept.publisher)
    execute(kept.publisher, "DELETE FROM audit_link WHERE pos > 4")
    for each in (chainer, Chainer(kept.publisher, threading.Event())):
        with pytest.raises(Behind):
            each.round()
    # Nor is the shorter one anchored.
    anchored(kept)
    assert [a.pos for a in anchors.every(kept.publisher)] == [6]


def test_after_a_restore_the_chain_goes_on_from_what_was_anchored(kept: Pair, backed_up: Callable[[], Pair]) -> None:
    restored = backed_up()
    note(kept.publisher, 3)
    chained(kept.publisher)
    anchored(kept)
    service = restored.publisher
    note(service)  # after the restore, before anybody looked
    with pytest.raises(Behind):
        Chainer(service, threading.Event()).round()
    found = recover(service, (), apply=False)
    assert found.audit_lost is not None
    assert (found.audit_lost.first, found.audit_lost.anchored.pos) == (7, 9)

    recover(service, (), apply=True, by=ANNA)
    chained(service)
    verdict = verify(service)
    assert verdict.problems == []
    (lost,) = [n for n in verdict.notes if "restored" in n]
    assert lost.startswith("positions 7 to 9 were lost with a restored backup")
    assert verdict.head == 12  # that they were lost; what was noted before; what else recover did
    assert recover(service, (), apply=False).audit_lost is None
    anchored(restored)
    assert verify(service).problems == []
    # A range that nobody anchored isn't believed to be lost.
    execute(service, "DELETE FROM audit_link WHERE pos IN (4, 5)")
    assert verify(service).problems == ["positions 4 to 5 are missing"]


def test_what_operators_do_is_in_the_log_with_their_names(pair: Pair) -> None:
    own = Pair(pair.publisher, pair.publisher)
    assert command(own, (heads.SLICE,), "leave", "--yes") == 0
    with Session(pair.publisher.engine) as session:
        ((actor, action, subjects),) = run(session, "SELECT actor, action, subjects FROM audit_entry", {})
    assert actor.startswith("operator:")
    assert (action, subjects) == ("operator.leave", [f"service/{pair.publisher.name}"])


def test_the_command_says_what_is_wrong(kept: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    own = Pair(kept.publisher, kept.publisher)
    assert command(own, (), "audit") == 0
    assert "6 entries in the chain, 1 anchors" in capsys.readouterr().out
    execute(kept.publisher, "DELETE FROM audit_entry WHERE n = 2")
    assert command(own, (), "audit") == 1
    assert "position 2: entry 2 is missing\nsomething is wrong" in capsys.readouterr().out


def test_a_worker_links_within_seconds_and_the_relay_anchors(pair: Pair) -> None:
    service = pair.publisher
    note(service, 2)
    relay = pair.running(lambda stop: Relay(service, stop, heads_seconds=0.2).run())
    with relay, pair.running(lambda stop: Chainer(service, stop).run()):
        until(lambda: verify(service).head == 2 and verify(service).anchors == 1)
