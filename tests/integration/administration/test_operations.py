"""Parked streams handed in again or left out over HTTP, and what a block says that it gained."""

from __future__ import annotations

from services.sfa.subscriptions import SUBSCRIPTIONS
from shared.events.envelope import new_id
from tests.builders import done, parked
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
