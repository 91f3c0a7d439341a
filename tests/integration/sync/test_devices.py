"""Devices: what they are given, what they push, and what becomes of both whatever goes wrong on the way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.sync.devices import feed
from services.sync.devices.client import OutOfStep
from shared.events.customer import ClaimMade, CustomerEdited, CustomerErased
from shared.events.envelope import new_id
from shared.events.heads import HeadsReported, ServiceLeft
from shared.events.marketing import CustomerValued, SegmentEntered, SegmentLeft
from shared.events.sfa import (
    OrderDelayed,
    OrderLine,
    OrderPlaced,
    OrderRefused,
    ProductDefined,
    TerritoryDefined,
)
from shared.pipeline import claims
from shared.pipeline.work import Work
from tests.builders import NOON, SetClock
from tests.integration.sync.field import Carried, Field, field_of, unknown
from tests.servers import PostgresServer

LINES = [{"product": "phone", "quantity": 2, "unit_price": 4_900}]


@pytest.fixture(scope="module")
def _field(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with field_of(postgres, tmp_path_factory.mktemp("issuer")) as made:
        yield made


@pytest.fixture
def field(_field: Field) -> Field:
    """Sync before anything has happened."""
    _field.empty()
    return _field


@pytest.fixture
def rita(field: Field) -> Carried:
    """Rita looks after the north, and has a device."""
    field.territory("north", "rita")
    return field.carried("rita")


def met(field: Field, territory: str = "north", **fields: str) -> str:
    """A customer in a territory."""
    member = field.customer(**({"city": "Rome"} | fields))
    field.assign(member, territory)
    return member


def same(field: Field, carried: Carried) -> None:
    """The device has what it is to have, and the server's own figures are right."""
    device = carried.device
    for scope in field.scopes(device.id):
        assert device.digest(scope) == field.checkpoint(scope), scope


def state(field: Field, number: int = 1) -> str:
    return str(field.column("SELECT state FROM mutation WHERE number = :number", number=number)[0])


# What a device is given.


def test_nothing_is_worked_out_for_devices_before_there_is_one(field: Field) -> None:
    field.territory("north", "rita")
    members = [field.customer(city="Rome") for _ in range(3)]
    field.assign(members[0], "north")
    assert field.column("SELECT key FROM feed_item") == []
    rita = field.carried("rita")
    rita.device.synchronize()
    same(field, rita)
    assert rita.device.customers() == [members[0]]
    field.assign(members[1], "north")
    rita.device.synchronize()
    assert rita.device.customers() == sorted(members[:2])


def test_the_first_device_misses_nothing_that_is_being_written(field: Field) -> None:
    """Whoever found no device, and marked nothing, has committed before the first one's enrolment looks around."""
    member, answers = new_id(), []
    device = threading.Thread(
        target=lambda: answers.append(field.ask("POST", "/devices", "rita", "rep", {"name": "tablet"}).status_code)
    )

    def body(work: Work) -> None:
        assert not feed.awaited(work.session)
        device.start()
        device.join(0.5)
        assert not answers
        claims.store_claims(work, [claims.Told(member, field.clock())])

    field.service.transact(field.service.itself, body)
    device.join()
    field.settle()
    assert answers == [201]
    assert field.column("SELECT key FROM feed_item") == [member]


def test_without_territories_every_device_has_everybody(field: Field) -> None:
    member = field.customer(city="Rome")
    carried = field.carried("rita")
    carried.device.synchronize()
    assert carried.device.customers() == [member]
    assert carried.device.customer(member)["fields"]["city"]["value"] == "Rome"  # type: ignore[index]
    field.territory("north", "nora")
    carried.device.synchronize()
    assert carried.device.customers() == []
    field.told(field.sfa, ("service/sfa", ServiceLeft()))
    carried.device.synchronize()
    assert carried.device.customers() == [member]
    field.told(field.sfa, ("service/sfa", HeadsReported(heads={})))
    carried.device.synchronize()
    assert carried.device.customers() == []


def test_a_region_has_what_is_below_it_and_a_circle_ends(field: Field) -> None:
    field.territory("italy", "rita")
    field.territory("rome", parent="italy")
    field.territory("trastevere", parent="rome")
    field.territory("france", "franca")
    there, elsewhere = met(field, "trastevere"), met(field, "france")
    carried = field.carried("rita")
    carried.device.synchronize()
    assert carried.device.customers() == [there]
    # A listener may see a circle for a moment, in whatever order territories are told.
    circle = TerritoryDefined(territory="italy", name="Italy", parent="trastevere")
    field.told(field.sfa, ("territory/italy", circle))
    carried.device.synchronize()
    assert carried.device.customers() == [there]
    assert elsewhere not in carried.device.customers()


def test_an_item_is_all_that_is_known_of_a_customer(field: Field, rita: Carried) -> None:
    member, order = met(field), new_id()
    stream = f"customer/{member}"
    line = OrderLine(product="phone", name="Phone", quantity=1, unit_price=900)
    placed = OrderPlaced(order=order, lines=(line,), total=900, currency="EUR", channel="desk", promised=NOON)
    later = NOON + timedelta(days=9)
    delayed = OrderDelayed(order=order, problem="no_stock", promised=later)
    field.told(field.sfa, (stream, placed), (stream, delayed))
    value = CustomerValued(cluster=member, amount=900, currency="EUR", window_days=90, orders=1)
    field.told(field.marketing, (stream, value), (stream, SegmentEntered(segment="high")))
    rita.device.synchronize()
    item = rita.device.customer(member)
    assert item is not None
    assert item["orders"][0]["problem"] == "no_stock"
    assert item["orders"][0]["promised"].startswith(later.date().isoformat())
    assert item["value"]["amount"] == 900
    assert [one["segment"] for one in item["segments"]] == ["high"]
    nothing = CustomerValued(cluster=member, amount=0, currency="EUR", window_days=90, orders=0)
    field.told(field.marketing, (stream, nothing), (stream, SegmentLeft(segment="high", because="time")))
    rita.device.synchronize()
    item = rita.device.customer(member)
    assert item is not None
    assert (item["value"], item["segments"]) == (None, [])
    same(field, rita)


def test_a_member_without_a_territory_goes_with_its_mate(field: Field, rita: Carried) -> None:
    own = met(field, email="ada@example.org")
    mate = field.customer(email="ada@example.org")
    rita.device.synchronize()
    assert rita.device.customers() == sorted([own, mate])
    assert rita.device.customer(mate)["mates"] == [own]  # type: ignore[index]
    # Parted by a person: both items say so, and the mate has no territory any more.
    parted = field.ask("POST", f"/customers/{mate}/part", "olga", "operator", {"other": own})
    assert parted.status_code == 200, parted.text
    field.settle()
    rita.device.synchronize()
    assert rita.device.customers() == [own]
    assert rita.device.customer(own)["mates"] == []  # type: ignore[index]


def test_a_changed_phone_at_the_desk_reaches_the_device(field: Field, rita: Carried) -> None:
    member = met(field, phone="+390612345678")
    rita.device.synchronize()
    changed = ClaimMade(id=new_id(), field="phone", value="+390699999999", made=field.clock.forward(hours=1))
    heads = rita.device.customer(member)["fields"]["phone"]["heads"]  # type: ignore[index]
    claim = ClaimMade(id=changed.id, field="phone", value=changed.value, saw=tuple(heads), made=changed.made)
    field.told(field.callcenter, (f"customer/{member}", CustomerEdited(claims=(claim,))))
    rita.device.synchronize()
    assert rita.device.customer(member)["fields"]["phone"]["value"] == "+390699999999"  # type: ignore[index]
    same(field, rita)


def test_what_changes_between_two_pages_is_not_missed(field: Field, rita: Carried) -> None:
    members = [met(field) for _ in range(5)]
    pages, after, epoch = [], 0, ""
    for turn in range(20):
        query = f"scope=territory/north&after={after}&epoch={epoch}&limit=2"
        answer = field.ask("GET", f"/devices/{rita.device.id}/pull?{query}", "rita", "rep").json()
        pages += answer["rows"]
        if answer["checkpoint"]:
            break
        after, epoch = answer["rows"][-1]["pos"], answer["epoch"]
        if turn < 2:
            field.assign(members[turn], "")
    present = {row["key"]: row["body"] for row in pages}
    assert answer["checkpoint"]["count"] == 3 == sum(body is not None for body in present.values())


def test_a_device_that_differs_starts_over(field: Field, rita: Carried) -> None:
    member = met(field)
    rita.device.synchronize()
    rita.device._db.execute("UPDATE item SET body = '{}' WHERE key = ?", (member,))
    rita.device.synchronize()
    same(field, rita)
    # As after a restored database: another epoch, or positions that the server hasn't given yet.
    rita.device._db.execute("UPDATE scope SET pos = 1000000, epoch = ?", (unknown(),))
    rita.device.synchronize()
    same(field, rita)


def test_only_a_rep_has_his_own_device_and_only_his_scopes(field: Field, rita: Carried) -> None:
    field.territory("south", "sara")
    url = f"/devices/{rita.device.id}"
    assert field.ask("GET", f"{url}/pull", "sara", "rep").status_code == 403
    assert (
        field.ask(
            "POST", f"{url}/push", "sara", "rep", {"sent": NOON.isoformat(), "mutations": [{"number": 1}]}
        ).status_code
        == 403
    )
    assert field.ask("GET", f"{url}/pull?scope=territory/south", "rita", "rep").status_code == 403
    assert field.ask("GET", f"/devices/{unknown()}/pull", "rita", "rep").status_code == 404
    for method, path in (("GET", "/devices"), ("GET", "/quarantine"), ("POST", f"{url}/revoke")):
        assert field.ask(method, path, "rita", "rep", {}).status_code == 403
    assert field.ask("POST", "/devices", "olga", "operator", {"name": "x"}).status_code == 403


def test_operators_see_how_far_a_device_is_behind(field: Field, rita: Carried) -> None:
    met(field)
    assert field.operate("GET", "/devices")[0]["lag"] == 1
    rita.device.synchronize()
    rita.device.synchronize()
    [one] = field.operate("GET", "/devices")
    assert (one["lag"], one["rep"], one["name"]) == (0, "rita", "tablet")


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
    first = field.push(rita.device.id, "rita", one, two, bad)
    assert [answer["state"] for answer in first] == ["accepted", "stored", "refused"]
    field.told(field.sfa, (f"customer/{member}", OrderRefused(order=order, reason="person")))
    field.assign(member, "")
    again = field.push(rita.device.id, "rita", one, two, bad, sent=NOON + timedelta(days=3))
    assert again == first


def test_one_number_with_other_content_is_a_conflict_and_nothing_of_the_rest_is_lost(
    field: Field, rita: Carried
) -> None:
    member = met(field)
    device = rita.device.id
    field.push(device, "rita", field.note(1, member))
    answers = field.push(device, "rita", field.note(1, member, "another"), field.note(2, member), field.note(4, member))
    assert [(one["number"], one["state"]) for one in answers] == [(1, "conflict"), (2, "accepted"), (4, "gap")]
    assert "number 1 was used" in answers[0]["detail"]
    assert answers[2]["detail"] == "number 3 is expected"
    field.settle()
    assert len(field.published("note.added")) == 2
    # The order in which they stand in the request is nothing; a number that is there twice is.
    answers = field.push(device, "rita", field.note(4, member), field.note(3, member), field.note(3, member, "two"))
    assert [(one["number"], one["state"]) for one in answers] == [(3, "accepted"), (3, "conflict"), (4, "accepted")]


def test_a_client_whose_numbers_are_used_up_says_so(field: Field, rita: Carried) -> None:
    member = met(field)
    field.push(rita.device.id, "rita", field.note(1, member))
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
        answers = field.push(carried.device.id, "rita", one, field.note(2, member))
        assert [(a["number"], a["state"]) for a in answers] == [(1, "refused"), (2, "accepted")], one
        assert answers[0]["reason"] == reason, one
        assert field.push(carried.device.id, "rita", one)[0] == answers[0]
    assert field.published("order.requested") == []


def test_one_id_is_used_once(field: Field, rita: Carried) -> None:
    member = met(field)
    one = field.note(1, member)
    claim = {"id": new_id(), "field": "city", "value": "Milan"}
    edit = {"number": 3, "kind": "edit", "made": NOON.isoformat(), "customer": member, "claims": [claim]}
    other = {**edit, "number": 4, "claims": [{**claim, "id": new_id()}, {**claim, "value": ""}]}
    answers = field.push(rita.device.id, "rita", one, {**one, "number": 2}, edit, other)
    assert [answer["state"] for answer in answers] == ["accepted", "refused", "accepted", "refused"]
    assert answers[3]["reason"] == "known_id"


def test_numbers_that_are_none_are_not_taken(field: Field, rita: Carried) -> None:
    for number in (0, -1, 2**31, "one", None, 1.5):
        body = {"sent": NOON.isoformat(), "mutations": [{**field.note(1, unknown()), "number": number}]}
        answer = field.ask("POST", f"/devices/{rita.device.id}/push", "rita", "rep", body)
        assert answer.status_code == 422
        assert "hello" not in answer.text


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
    body = {"sent": near, "mutations": [field.note(1, member, made=far)]}
    assert field.ask("POST", f"/devices/{rita.device.id}/push", "rita", "rep", body).status_code == 200
    body = {"sent": far, "mutations": [field.note(2, member, made=near)]}
    assert field.ask("POST", f"/devices/{rita.device.id}/push", "rita", "rep", body).status_code == 200
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
        "city: Milan",
        "phone</li>",
        "The customer isn't in a territory of this rep.",
    ):
        assert words in page
    spanish = field.app.get("/devices", headers={**headers, "accept-language": "es"}).text
    assert "El cliente no está en un territorio de este representante." in spanish


# Erasure, rebuild, conflicts.


def test_erasure_takes_the_person_out_of_everything(field: Field, rita: Carried) -> None:
    member, other = met(field, city="Canary"), met(field)
    rita.device.synchronize()
    rita.device.note(member, "Canary note")
    rita.device.push()
    field.settle()
    field.withdraw("north", "rita")
    rita.device.note(member, "Canary aside")
    rita.device.push()
    field.told(field.callcenter, (f"customer/{member}", CustomerErased()))
    for table in ("feed_item", "member_note", "mutation", "claim", "customer_record"):
        assert "Canary" not in str(field.column(f"SELECT t::text FROM {table} t"))
    field.territory("north", "rita")
    rita.device.note(member, "too late")
    rita.device.synchronize()
    assert rita.device.customers() == [other]
    assert rita.device.refused() == {2: "erased", 3: "erased"}
    same(field, rita)


def test_the_erasure_itself_empties_the_feed(field: Field, rita: Carried) -> None:
    member = met(field, city="Canary")
    assert "Canary" in str(field.column("SELECT body FROM feed_item"))
    field.callcenter.tell((f"customer/{member}", CustomerErased()))
    field.hear(field.callcenter)
    assert field.column("SELECT body FROM feed_item WHERE key = :member", member=member) == [None]


def test_a_rebuild_changes_nothing_for_devices(field: Field, rita: Carried) -> None:
    member = met(field)
    rita.device.note(member, "kept")
    rita.device.push()
    field.settle()
    before = field.column("SELECT t::text FROM feed_item t ORDER BY scope, key")
    field.rebuild()
    assert field.column("SELECT note FROM member_note") == []
    field.replay()
    field.settle()
    assert field.column("SELECT t::text FROM feed_item t ORDER BY scope, key") == before
    rita.device.pull()
    same(field, rita)


def test_desk_and_device_at_once_end_in_the_ledger(field: Field, rita: Carried) -> None:
    member = met(field)
    rita.device.synchronize()
    heads = tuple(rita.device.customer(member)["fields"]["city"]["heads"])  # type: ignore[index]
    rita.device.edit(member, {"city": "Milan"})
    desk = ClaimMade(id=new_id(), field="city", value="Turin", saw=heads, made=field.clock.forward(hours=1))
    field.told(field.callcenter, (f"customer/{member}", CustomerEdited(claims=(desk,))))
    rita.device.push()
    field.settle()
    rita.device.pull()
    item = rita.device.customer(member)
    assert item is not None
    assert item["fields"]["city"]["value"] == "Turin"
    ledger = field.ask("GET", f"/customers/{member}/ledger", "anna", "agent").json()
    assert [(one["value"], one["author"], one["reason"]) for one in ledger] == [("Milan", "rita", "later")]
    [edited] = [one for one in field.published("customer.edited") if one["device"]]
    assert (edited["device"], edited["number"]) == (rita.device.id, 1)


def test_an_opt_out_on_a_device_is_said_for_every_mate(field: Field, rita: Carried) -> None:
    member = met(field, email="ada@example.org")
    mate = field.customer(email="ada@example.org")
    rita.device.synchronize()
    rita.device.edit(member, {"contact_allowed.phone": "false"})
    rita.device.synchronize()
    field.settle()
    rita.device.pull()
    assert rita.device.customer(mate)["fields"]["contact_allowed.phone"]["value"] == "false"  # type: ignore[index]
