"""Devices: what they are given, and that it stays right whatever happens at the server."""

from __future__ import annotations

import threading
from datetime import timedelta

import httpx
import pytest

from services.sync.devices import feed
from shared.events.customer import ClaimMade, CustomerEdited, CustomerErased
from shared.events.envelope import new_id
from shared.events.heads import ServiceLeft
from shared.events.marketing import CustomerValued, SegmentEntered, SegmentLeft
from shared.events.sfa import (
    OrderDelayed,
    OrderLine,
    OrderPlaced,
    TerritoryDefined,
)
from shared.pipeline import claims
from shared.pipeline.work import Work
from tests.builders import NOON
from tests.integration.sync.field import Carried, Field, met, same, unknown

KEY = {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}


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
    member, answers, body_of_it = new_id(), [], {"name": "tablet", "key": KEY}
    device = threading.Thread(
        target=lambda: answers.append(field.ask("POST", "/devices", "rita", "rep", body_of_it).status_code)
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
    # Who was once assigned to territories sees what he looks after, also when nobody assigns any more.
    field.told(field.sfa, ("service/sfa", ServiceLeft()))
    carried.device.synchronize()
    assert carried.device.customers() == []


def test_a_territory_of_which_something_waits_for_a_person_is_nobody_s(field: Field, rita: Carried) -> None:
    field.territory("harbour", parent="north")
    members = sorted([met(field), met(field, "harbour")])
    rita.device.synchronize()
    assert rita.device.customers() == members
    with field.service.engine.begin() as connection:
        parked = "'main', 'sfa', 'territory/north', 'sfa.events', 0, 'poison', 'it may be a withdrawal'"
        connection.exec_driver_sql(f"INSERT INTO parked_stream VALUES ({parked})")
    rita.device.synchronize()
    assert rita.device.customers() == []
    with field.service.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM parked_stream")
    rita.device.synchronize()
    assert rita.device.customers() == members
    same(field, rita)


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
        answer = rita.device._ask("GET", f"pull?{query}")
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


def test_only_operators_look_after_devices_and_only_a_rep_has_one(field: Field, rita: Carried) -> None:
    field.territory("south", "sara")
    url = f"/devices/{rita.device.id}"
    for method, path in (("GET", "/devices"), ("GET", "/quarantine"), ("POST", f"{url}/revoke")):
        assert field.ask(method, path, "rita", "rep", {}).status_code == 403
    assert field.ask("POST", f"{url}/readmit", "rita", "rep").status_code == 403
    assert field.ask("POST", "/devices", "olga", "operator", {"name": "x", "key": KEY}).status_code == 403
    assert field.ask("POST", f"{url}/renew", "sara", "rep", {"key": KEY}).status_code == 403
    assert field.ask("POST", f"/devices/{unknown()}/renew", "sara", "rep", {"key": KEY}).status_code == 404
    with pytest.raises(httpx.HTTPStatusError, match="403"):
        rita.device._ask("GET", "pull?scope=territory/south")


def test_operators_see_how_far_a_device_is_behind(field: Field, rita: Carried) -> None:
    met(field)
    assert field.operate("GET", "/devices")[0]["lag"] == 1
    rita.device.synchronize()
    rita.device.synchronize()
    [one] = field.operate("GET", "/devices")
    assert (one["lag"], one["rep"], one["name"]) == (0, "rita", "tablet")


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
