"""Parked streams handed in again or left out over HTTP, and what a block says that it gained."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text

from services.sfa.subscriptions import SUBSCRIPTIONS
from shared.administration.operations.counting import SHARE, Counting
from shared.administration.operations.gains import Gain
from shared.events.envelope import new_id
from shared.pipeline import offsets
from shared.pipeline.worker import MAIN
from tests.builders import actor, done, parked
from tests.integration.sfa.force import Force

ADMIN, OPERATOR = ("administrator",), ("operator",)


def test_a_parked_stream_is_listed_stays_when_nothing_was_mended_and_goes_when_it_is_left_out(force: Force) -> None:
    place = parked(force.service, SUBSCRIPTIONS, f"customer/{new_id()}")
    (listed,) = done_list(force)
    assert {name: listed[name] for name in place} == place
    assert (listed["kind"], listed["events"]) == ("malformed", 1)
    assert done(force.post("/operations/redrive", place, "omar", OPERATOR)) == {"handled": 0, "stay": 1}
    assert len(done_list(force)) == 1
    left_out = {**place, "reason": "made by a test"}
    assert done(force.post("/operations/skip", left_out, "omar", OPERATOR)) == {"handled": 0, "stay": 0}
    assert done_list(force) == []
    assert force.rows("SELECT reason, author FROM skipped_event") == [("made by a test", "omar")]
    changed = force.rows("SELECT actor, action, subjects FROM audit_entry WHERE outcome = 'changed' ORDER BY n")
    assert changed == [
        ("omar", "operator.redrive", [place["stream"]]),
        ("omar", "operator.skip", [place["stream"]]),
    ]


def test_what_isnt_parked_cant_be_handed_in_again(force: Force) -> None:
    place = parked(force.service, SUBSCRIPTIONS, f"customer/{new_id()}")
    assert force.post("/operations/redrive", {**place, "stream": "customer/x"}, "omar", OPERATOR).status_code == 404
    unknown = force.post("/operations/redrive", {**place, "subscription": "late"}, "omar", OPERATOR)
    assert unknown.status_code == 404
    assert "there are main" in unknown.json()["detail"]
    assert force.post("/operations/skip", {**place, "reason": ""}, "omar", OPERATOR).status_code == 422
    assert len(done_list(force)) == 1


def test_only_who_may_act_does(force: Force) -> None:
    place = parked(force.service, SUBSCRIPTIONS, f"customer/{new_id()}")
    assert force.post("/operations/redrive", place, "mona", ("sales_manager",)).status_code == 403
    assert force.get("/operations/parked", "mona", ("sales_manager",)).status_code == 200
    assert force.get("/operations/parked", "rita", ("rep",)).status_code == 403


def test_gains_are_counted_for_each_other_block(force: Force) -> None:
    told = done(force.get("/operations/gained", "omar", OPERATOR))
    assert told["service"] == "sfa"
    assert {gain["source"] for gain in told["gains"]} == {"callcenter", "sync"}
    assert all(gain["have"] == 0 for gain in told["gains"])


def done_list(force: Force) -> list[dict[str, object]]:
    answer = force.get("/operations/parked", "omar", OPERATOR)
    assert answer.status_code == 200, answer.text
    listed: list[dict[str, object]] = answer.json()
    return listed


def test_since_when_another_block_is_heard_is_kept_and_told(force: Force) -> None:
    began = force.rows("SELECT now()")[0][0]
    topic = ("callcenter.events", 0)
    meets(force, topic)
    execute(force, "INSERT INTO heard_from (source, at) VALUES ('callcenter', now()), ('sync', now())")
    force.service.transact(force.service.itself, lambda work: offsets.move(work.session, {(MAIN, *topic): 12}))
    # Met again, as after a rebuild: it joined when it joined.
    execute(force, "DELETE FROM consumer_offset")
    meets(force, topic)
    told = {each["source"]: each for each in done(force.get("/operations/gained", "omar", OPERATOR))["others"]}
    assert began <= datetime.fromisoformat(told["callcenter"]["since"]) < force.rows("SELECT now()")[0][0]
    assert told["callcenter"]["events"] == 0
    assert (told["sync"]["since"], told["sync"]["events"]) == (None, 0)
    force.service.transact(force.service.itself, lambda work: offsets.move(work.session, {(MAIN, *topic): 12}))
    again = done(force.get("/operations/gained", "omar", OPERATOR))["others"][0]
    assert (again["since"], again["events"]) == (told["callcenter"]["since"], 12)


def execute(force: Force, sql: str) -> None:
    with force.service.engine.begin() as connection:
        connection.execute(text(sql))


def meets(force: Force, *places: offsets.Partition) -> None:
    ends = dict.fromkeys(places, 5)
    force.service.transact(force.service.itself, lambda work: offsets.start(work.session, MAIN, ends, history=True))


class Watch:
    """Each look at it takes a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def test_gains_are_counted_again_only_when_something_came_and_seldom(force: Force) -> None:
    watch = Watch()
    how_many = "SELECT count(*) FROM heard_from"
    counting = Counting([Gain("sync", "", "", "", how_many, how_many)], watch)

    def have() -> int:
        with force.service.look(actor("omar", *OPERATOR)) as look:
            return counting.of(look)[0].have

    def comes(number: int) -> None:
        execute(force, f"INSERT INTO heard_from (source, at) VALUES ('{number}', now())")
        meets(force, ("callcenter.events", number))
        execute(force, "UPDATE consumer_offset SET next_offset = next_offset + 1")

    assert have() == 0
    comes(1)
    assert have() == 0, "counting took a second of the last three"
    watch.now += SHARE
    assert have() == 1
    watch.now += 2 * SHARE
    execute(force, "INSERT INTO heard_from (source, at) VALUES ('2', now())")
    assert have() == 1, "nothing was taken in"
    comes(3)
    assert have() == 3
