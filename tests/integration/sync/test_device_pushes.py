"""Devices: what they push, and what becomes of it whatever goes wrong on the way."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from services.sync.devices.client import OutOfStep
from shared.events.envelope import new_id
from shared.events.heads import ServiceLeft
from shared.events.sfa import (
    OrderLine,
    OrderPlaced,
    OrderRefused,
    ProductDefined,
)
from tests.builders import NOON, SetClock
from tests.integration.sync.field import Carried, Field, met, same, state, unknown

LINES = [{"product": "phone", "quantity": 2, "unit_price": 4_900}]


# What a device pushes.


def test_a_note_an_edit_and_an_order_arrive(field: Field, rita: Carried) -> None:
    member = met(field)
    rita.device.synchronize()
    note = rita.device.note(member, "wants a line")
    rita.device.edit(member, {"city": "Milan", "products": "+dsl"})
    order = rita.device.order(member, LINES, "EUR")
    seen = rita.device.customer(member)
    assert seen is not None
    assert (seen["fields"]["city"]["value"], seen["fields"]["products"]["value"]) == ("Milan", ["dsl"])
    assert (seen["notes"][0]["note"], seen["orders"][0]["state"]) == (note, "written")
    rita.device.push()
    assert len(rita.device.pending()) == 3
    field.settle()
    rita.device.pull()
    # The order waits for its owner's decision; until then it is the device's own.
    assert [one["kind"] for one in rita.device.pending()] == ["order"]
    assert rita.device.state(3) == "stored"
    item = rita.device.customer(member)
    assert item is not None
    assert item["fields"]["city"]["value"] == "Milan"
    assert [one["text"] for one in item["notes"]] == ["wants a line"]
    [asked] = field.published("order.requested")
    assert (asked["order"], asked["territory"], asked["rep"], asked["number"]) == (order, "north", "rita", 3)
    line = OrderLine(product="phone", quantity=2, unit_price=5_000)
    placed = OrderPlaced(order=order, lines=(line,), total=10_000, currency="EUR", channel="device")
    field.told(field.sfa, (f"customer/{member}", placed))
    rita.device.pull()
    assert rita.device.pending() == []
    assert rita.device.customer(member)["orders"][0]["total"] == 10_000  # type: ignore[index]
    same(field, rita)


def test_a_refused_order_says_why(field: Field, rita: Carried) -> None:
    member = met(field)
    order = rita.device.order(member, [{"product": "no-such-thing", "unit_price": 1}], "EUR")
    rita.device.push()
    field.told(field.sfa, (f"customer/{member}", OrderRefused(order=order, reason="unknown_product")))
    rita.device.pull()
    assert rita.device.refused() == {1: "unknown_product"}
    assert rita.device.pending() == []
    assert rita.device.customer(member)["orders"][0]["state"] == "refused"  # type: ignore[index]


def test_an_order_has_no_owner_until_there_is_a_sales_force(field: Field) -> None:
    member = field.customer()
    carried = field.carried("rita")
    carried.device.order(member, LINES, "EUR")
    carried.device.push()
    field.settle()
    carried.device.pull()
    assert carried.device.state(1) == "no_owner_yet"
    field.told(
        field.sfa, ("product/phone", ProductDefined(product="phone", name="Phone", unit_price=1, currency="EUR"))
    )
    carried.device.pull()
    assert carried.device.state(1) == "stored"
    field.told(field.sfa, ("service/sfa", ServiceLeft()))
    carried.device.pull()
    assert carried.device.state(1) == "no_owner_yet"


@pytest.mark.parametrize("lost", ["request", "answer"])
def test_an_answer_that_was_lost_is_given_again_and_nothing_is_done_twice(
    field: Field, rita: Carried, lost: str
) -> None:
    member = met(field)
    rita.device.note(member, "once")
    rita.device.order(member, LINES, "EUR")
    rita.device.edit(member, {"city": "Milan"})
    rita.way.lose = [lost]
    with pytest.raises(httpx.TransportError):
        rita.device.push()
    rita.device.note(member, "later")
    rita.device.push()
    field.settle()
    rita.device.pull()
    assert [len(field.published(kind)) for kind in ("note.added", "order.requested", "customer.edited")] == [2, 1, 1]
    assert field.column("SELECT number FROM mutation ORDER BY number") == [1, 2, 3, 4]
    same(field, rita)


def test_a_repetition_gets_the_first_answer_whatever_happened_since(field: Field, rita: Carried) -> None:
    member = met(field)
    one, order = field.note(1, member), new_id()
    two = {**field.note(2, member), "kind": "order", "order": order, "lines": LINES, "currency": "EUR"}
    del two["note"], two["text"]
    bad = field.note(3, member, words="")
    first = field.push(rita, one, two, bad)
    assert [answer["state"] for answer in first] == ["accepted", "stored", "refused"]
    field.told(field.sfa, (f"customer/{member}", OrderRefused(order=order, reason="person")))
    field.assign(member, "")
    again = field.push(rita, one, two, bad, sent=NOON + timedelta(days=3))
    assert again == first


def test_one_number_with_other_content_is_a_conflict_and_nothing_of_the_rest_is_lost(
    field: Field, rita: Carried
) -> None:
    member = met(field)
    field.push(rita, field.note(1, member))
    answers = field.push(rita, field.note(1, member, "another"), field.note(2, member), field.note(4, member))
    assert [(one["number"], one["state"]) for one in answers] == [(1, "conflict"), (2, "accepted"), (4, "gap")]
    assert "number 1 was used" in answers[0]["detail"]
    assert answers[2]["detail"] == "number 3 is expected"
    field.settle()
    assert len(field.published("note.added")) == 2
    # The order in which they stand in the request is nothing; a number that is there twice is.
    answers = field.push(rita, field.note(4, member), field.note(3, member), field.note(3, member, "two"))
    assert [(one["number"], one["state"]) for one in answers] == [(3, "accepted"), (3, "conflict"), (4, "accepted")]


def test_a_client_whose_numbers_are_used_up_says_so(field: Field, rita: Carried) -> None:
    member = met(field)
    field.push(rita, field.note(1, member))
    rita.device.note(member, "mine")
    with pytest.raises(OutOfStep, match="number 1"):
        rita.device.push()
    assert len(rita.device.pending()) == 1


def bad_ones(field: Field, member: str) -> list[tuple[dict[str, Any], str]]:
    """Mutations that can't be done, and why."""
    edit = {"number": 1, "kind": "edit", "made": NOON.isoformat(), "customer": member}
    order = {**edit, "kind": "order", "order": new_id(), "currency": "EUR"}

    def claim(**more: Any) -> dict[str, Any]:
        return {**edit, "claims": [{"id": new_id(), "field": "city", "value": "x", **more}]}

    return [
        (field.note(1, unknown()), "unknown_customer"),
        (field.note(1, "nobody"), "invalid"),
        (field.note(1, member, words="\ud800"), "invalid"),
        (field.note(1, member, words="\x00"), "invalid"),
        (field.note(1, member, kind="call"), "invalid"),
        (field.note(1, member, made="yesterday"), "invalid"),
        (field.note(1, member, more=1), "invalid"),
        (field.note(1, member, note=unknown()), "invalid"),
        ({"number": 1}, "invalid"),
        (claim(field="no_such_field"), "invalid"),
        (claim(field="birth_date", value="soon"), "invalid"),
        (claim(field="phone", value="none"), "invalid"),
        (claim(field="products", value="dsl"), "invalid"),
        (claim(id=unknown()), "invalid"),
        ({**edit, "claims": []}, "invalid"),
        ({**order, "lines": [{"product": "phone", "quantity": 0, "unit_price": 1}]}, "invalid"),
        ({**order, "lines": [{"product": "phone", "quantity": 1, "unit_price": -1}]}, "invalid"),
        ({**order, "lines": []}, "invalid"),
        ({**order, "lines": LINES, "currency": "euro"}, "invalid"),
    ]


def test_what_cannot_be_done_is_refused_and_keeps_nothing_back(field: Field) -> None:
    member = field.customer()
    for one, reason in bad_ones(field, member):
        carried = field.carried("rita")
        answers = field.push(carried, one, field.note(2, member))
        assert [(a["number"], a["state"]) for a in answers] == [(1, "refused"), (2, "accepted")], one
        assert answers[0]["reason"] == reason, one
        assert field.push(carried, one)[0] == answers[0]
    assert field.published("order.requested") == []


def test_one_id_is_used_once(field: Field, rita: Carried) -> None:
    member = met(field)
    one = field.note(1, member)
    claim = {"id": new_id(), "field": "city", "value": "Milan"}
    edit = {"number": 3, "kind": "edit", "made": NOON.isoformat(), "customer": member, "claims": [claim]}
    other = {**edit, "number": 4, "claims": [{**claim, "id": new_id()}, {**claim, "value": ""}]}
    answers = field.push(rita, one, {**one, "number": 2}, edit, other)
    assert [answer["state"] for answer in answers] == ["accepted", "refused", "accepted", "refused"]
    assert answers[3]["reason"] == "known_id"


def test_numbers_that_are_none_are_not_taken(field: Field, rita: Carried) -> None:
    for number in (0, -1, 2**31, "one", None, 1.5):
        with pytest.raises(httpx.HTTPStatusError, match="422") as refused:
            field.push(rita, {**field.note(1, unknown()), "number": number})
        assert "hello" not in refused.value.response.text


@pytest.mark.parametrize("years", [-1, 1])
def test_a_clock_that_is_a_year_off_is_set_right(field: Field, years: int) -> None:
    member = field.customer()
    wrong = SetClock(NOON + timedelta(days=365 * years))
    carried = field.carried("rita", wrong)
    field.clock.forward(hours=5)
    wrong.forward(hours=5)
    carried.device.note(member, "at five")
    # Its battery went: it is off in the other way, and what was written before still comes in order.
    wrong.now -= timedelta(days=3000)
    carried.device.note(member, "after that")
    wrong.now += timedelta(days=3000)
    field.clock.forward(hours=2)
    wrong.forward(hours=2)
    carried.device.note(member, "at seven")
    carried.device.push()
    made = field.column("SELECT made FROM mutation ORDER BY number")
    assert [at - NOON for at in made] == [timedelta(hours=5), timedelta(hours=5), timedelta(hours=7)]


def test_at_the_end_of_the_calendar(field: Field, rita: Carried) -> None:
    member = met(field)
    far, near = "9999-12-31T23:59:59Z", "1970-01-01T00:00:00Z"
    field.push(rita, field.note(1, member, made=far), sent=datetime.fromisoformat(near))
    field.push(rita, field.note(2, member, made=near), sent=datetime.fromisoformat(far))
    assert field.column("SELECT made FROM mutation") == [NOON, NOON]


# What is taken away.


def test_a_withdrawn_territory_leaves_the_device_and_late_writes_are_set_aside(field: Field, rita: Carried) -> None:
    member = met(field)
    rita.device.synchronize()
    rita.device.note(member, "before I knew")
    field.withdraw("north", "rita")
    rita.device.synchronize()
    assert rita.device.customers() == []
    assert rita.device.state(1) == "quarantined"
    assert field.published("note.added") == []
    [aside] = field.operate("GET", "/quarantine")
    assert (aside["reason"], aside["content"]["text"]) == ("territory", "before I knew")
    assert field.operate("POST", f"/quarantine/{rita.device.id}/1/accept")["state"] == "accepted"
    field.settle()
    rita.device.pull()
    assert rita.device.pending() == []
    assert len(field.published("note.added")) == 1
    assert field.operate("GET", "/quarantine") == []
    assert field.ask("POST", f"/quarantine/{rita.device.id}/1/accept", "olga", "operator").status_code == 409


def test_a_customer_that_moved_is_judged_by_where_it_is_at_the_push(field: Field, rita: Carried) -> None:
    member = met(field)
    field.territory("south", "sara")
    rita.device.synchronize()
    rita.device.order(member, LINES, "EUR")
    rita.device.edit(member, {"city": "Milan"})
    field.assign(member, "south")
    rita.device.push()
    assert field.column("SELECT state FROM mutation") == ["quarantined", "quarantined"]
    assert field.published("order.requested") == []
    rita.device.pull()
    assert rita.device.customers() == []


def test_a_revoked_device_pulls_nothing_and_what_it_pushes_is_set_aside(field: Field, rita: Carried) -> None:
    member = met(field)
    rita.device.synchronize()
    rita.device.order(member, LINES, "EUR")
    rita.device.note(member, "of a thief?")
    field.operate("POST", f"/devices/{rita.device.id}/revoke", {"reason": "lost"})
    field.operate("POST", f"/devices/{rita.device.id}/revoke", {"reason": "misuse"})
    rita.device.push()
    assert [rita.device.state(number) for number in (1, 2)] == ["quarantined", "quarantined"]
    with pytest.raises(httpx.HTTPStatusError, match="403"):
        rita.device.pull()
    field.settle()
    assert (field.published("order.requested"), field.published("note.added")) == ([], [])
    assert [one["reason"] for one in field.published("device.revoked")] == ["lost"]
    field.operate("POST", f"/quarantine/{rita.device.id}/1/accept")
    field.operate("POST", f"/quarantine/{rita.device.id}/2/discard", {"reason": "not hers"})
    field.settle()
    assert len(field.published("order.requested")) == 1
    assert field.column("SELECT content FROM mutation") == [None, None]
    assert [state(field, number) for number in (1, 2)] == ["stored", "refused"]
    page = field.app.get("/devices", headers={**field.headers("olga", "operator"), "accept": "text/html"})
    assert page.status_code == 200
    assert "tablet" in page.text


def test_the_page_shows_what_was_set_aside(field: Field, rita: Carried) -> None:
    member = met(field)
    field.withdraw("north", "rita")
    rita.device.note(member, "a <b> note")
    rita.device.edit(member, {"city": "Milan"})
    rita.device.order(member, LINES, "EUR")
    rita.device.push()
    headers = {**field.headers("olga", "operator"), "accept": "text/html"}
    page = field.app.get("/devices", headers=headers).text
    for words in (
        "a &lt;b&gt; note",
        "Milan</dd>",
        "phone</li>",
        "The customer isn't in a territory of this rep.",
    ):
        assert words in page
    spanish = field.app.get("/devices", headers={**headers, "accept-language": "es"}).text
    assert "El cliente no está en un territorio de este representante." in spanish
