"""Contacts from the ring to the review, over HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from shared.events.callcenter import ContactEnded, ContactWrappedUp
from tests.builders import NOON, done
from tests.integration.callcenter.center import CallCenter

REVIEW = {"reason": "billing", "outcome": "solved", "satisfaction": 4, "note": "Explained the bill"}


def test_a_contact_goes_from_ring_to_review(center: CallCenter) -> None:
    center.clock.now = NOON
    rung = center.ring(number="+1 555 010 0101", queue="billing")
    contact, stream = rung["contact"], f"customer/{rung['customer']}"
    center.clock.forward(seconds=12)
    assert done(center.post(f"/contacts/{contact}/answer"))["state"] == "answered"
    center.clock.forward(minutes=2)
    assert done(center.post(f"/contacts/{contact}/end"))["state"] == "ended"
    assert done(center.post(f"/contacts/{contact}/wrap-up", REVIEW))["state"] == "wrapped_up"
    shown = done(center.get(f"/contacts/{contact}"))
    assert (shown["agent"], shown["reason"], shown["satisfaction"]) == ("anna", "billing", 4)
    events = [event for event in center.events() if event.stream == stream]
    assert [event.type for event in events] == [
        "customer.registered",
        "contact.offered",
        "contact.answered",
        "contact.ended",
        "contact.wrapped_up",
    ]
    assert [event.sequence for event in events] == [1, 2, 3, 4, 5]
    ended, wrapped = events[3].fact, events[4].fact
    assert isinstance(ended, ContactEnded)
    assert ended.talked_seconds == 120
    assert isinstance(wrapped, ContactWrappedUp)
    assert wrapped.note == "Explained the bill"


def test_a_review_of_an_answered_contact_ends_it_too(center: CallCenter) -> None:
    contact = center.ring()["contact"]
    done(center.post(f"/contacts/{contact}/answer"))
    done(center.post(f"/contacts/{contact}/wrap-up", REVIEW))
    assert done(center.get(f"/contacts/{contact}"))["ended"] is not None


def test_what_the_state_forbids_is_a_conflict_and_changes_nothing(center: CallCenter) -> None:
    contact = center.ring()["contact"]
    assert center.post(f"/contacts/{contact}/wrap-up", REVIEW).status_code == 409
    done(center.post(f"/contacts/{contact}/answer"))
    refused = center.post(f"/contacts/{contact}/answer", actor="bert")
    assert refused.status_code == 409
    assert "anna" in refused.json()["detail"]
    assert center.post(f"/contacts/{contact}/abandon").status_code == 409
    assert done(center.get(f"/contacts/{contact}"))["agent"] == "anna"


@pytest.mark.parametrize("number", ["+1 (555) 010-0142", "0015550100142", "555.010.0142", "tel:+1-555-010-0142"])
def test_a_caller_is_found_by_number_in_any_writing(center: CallCenter, number: str) -> None:
    first = center.ring(number="+15550100142")
    assert center.ring(number=number)["customer"] == first["customer"]


def test_a_withheld_number_is_a_customer_without_a_number(center: CallCenter) -> None:
    one, two = center.ring(number=""), center.ring(number="anonymous")
    assert one["customer"] != two["customer"]
    assert center.customer(one["customer"])["values"] == {}


def test_the_same_call_rung_again_is_the_same_contact(center: CallCenter) -> None:
    first = center.ring(call="pbx-1", number="+15550100111")
    before = len(center.events())
    assert center.ring(call="pbx-1", number="+15550100111") == first
    assert len(center.events()) == before


def test_calls_from_one_new_number_at_once_make_one_customer(center: CallCenter) -> None:
    with ThreadPoolExecutor(4) as pool:
        rung = list(pool.map(lambda n: center.ring(number="+1 555 010 0177", call=f"at-once-{n}"), range(8)))
    assert len({r["customer"] for r in rung}) == 1
    assert len({r["contact"] for r in rung}) == 8


def test_a_repeat_with_the_same_key_changes_nothing(center: CallCenter) -> None:
    contact = center.ring()["contact"]
    first = done(center.post(f"/contacts/{contact}/answer", key="answer-once"))
    before = len(center.events())
    center.clock.forward(seconds=30)
    assert done(center.post(f"/contacts/{contact}/answer", key="answer-once")) == first
    assert len(center.events()) == before
    assert center.post(f"/contacts/{contact}/end", key="answer-once").status_code == 409


def test_machines_say_when_it_was_and_who_did_it(center: CallCenter) -> None:
    past = center.clock.now - timedelta(days=90)
    contact = center.ring(at=past.isoformat(), number="+15550100155")["contact"]
    body = {"agent": "bert", "at": (past + timedelta(seconds=20)).isoformat()}
    done(center.post(f"/contacts/{contact}/answer", body, "loader", ("importer",)))
    future = {"at": (center.clock.now + timedelta(days=1)).isoformat()}
    done(center.post(f"/contacts/{contact}/end", future, "loader", ("importer",)))
    shown = done(center.get(f"/contacts/{contact}"))
    assert shown["agent"] == "bert"
    assert shown["ended"] == center.clock.now.isoformat().replace("+00:00", "Z")


def test_people_can_do_neither(center: CallCenter) -> None:
    contact = center.ring()["contact"]
    assert center.post(f"/contacts/{contact}/answer", {"agent": "bert"}).status_code == 403
    assert center.post(f"/contacts/{contact}/answer", {"at": NOON.isoformat()}).status_code == 403


def test_an_instant_before_the_step_it_follows_is_refused(center: CallCenter) -> None:
    contact = center.ring()["contact"]
    body = {"agent": "bert", "at": "2020-01-01T00:00:00Z"}
    assert center.post(f"/contacts/{contact}/answer", body, "pbx", ("telephony",)).status_code == 422


def test_only_telephone_systems_and_imports_ring(center: CallCenter) -> None:
    body = {"call": "x", "number": "+15550100101", "queue": "general"}
    assert center.post("/telephony/ring", body).status_code == 403
    assert center.client.post("/telephony/ring", json=body).status_code == 401


def test_a_review_takes_only_known_reasons_and_outcomes(center: CallCenter) -> None:
    contact = center.ring()["contact"]
    done(center.post(f"/contacts/{contact}/answer"))
    assert center.post(f"/contacts/{contact}/wrap-up", {**REVIEW, "reason": "nonsense"}).status_code == 422
    assert center.post(f"/contacts/{contact}/wrap-up", {**REVIEW, "satisfaction": 6}).status_code == 422
