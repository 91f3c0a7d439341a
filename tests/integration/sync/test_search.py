"""One box finds everything that its reader may see, and nothing else; the ledger of all customers; why they are one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shared.access.actions import Action, Reach
from shared.access.grants import Grant
from shared.events.callcenter import CaseOpened
from shared.events.customer import CustomerEdited, CustomerErased
from shared.events.envelope import new_id
from shared.events.sfa import OrderLine, OrderPlaced
from shared.events.sync import OrderRequested
from tests.builders import claim
from tests.integration.sync.field import Field, met

A = Action
LINE = OrderLine(product="dsl", name="Internet", quantity=1, unit_price=100)


def found(field: Field, words: str, role: str = "operator", actor: str = "olga") -> Mapping[str, Any]:
    answer = field.ask("POST", "/search", actor, role, {"words": words})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def ids(of: Mapping[str, Any], kind: str) -> list[str]:
    name = {"customers": "customer", "things": "id", "devices": "device", "territories": "territory"}[kind]
    return [one[name] for one in of[kind]]


def case_of(field: Field, member: str) -> str:
    case = new_id()
    field.told(
        field.callcenter,
        (f"customer/{member}", CaseOpened(case=case, reason="fault", subject="x", requested=field.clock())),
    )
    return case


def test_a_thing_is_found_by_its_id_and_by_its_beginning(field: Field) -> None:
    member = met(field, given_name="Ana")
    case = case_of(field, member)
    for words in (case, case.upper(), f" {case[:20]} "):
        (thing,) = found(field, words)["things"]
        assert (thing["id"], thing["kind"], thing["source"]) == (case, "case", "callcenter")
        assert thing["customer"] == {"customer": member, "name": "Ana"}
    assert found(field, "x" + case)["things"] == []


def test_a_customer_is_found_by_the_id_and_once_whatever_fits(field: Field) -> None:
    member = met(field, company="0612345678 Ltd", phone="+390612345678")
    assert ids(found(field, member), "customers") == [member]
    assert ids(found(field, "0612345678"), "customers") == [member]
    field.told(field.callcenter, (f"customer/{member}", CustomerErased(reason="request")))
    assert ids(found(field, member), "customers") == []


def test_who_sees_less_finds_less(field: Field) -> None:
    field.territory("north", "rita")
    field.territory("south", "bert")
    near, far = met(field, given_name="Zoe"), met(field, "south", given_name="Zoe")
    case = case_of(field, far)
    field.carried("bert")
    assert set(ids(found(field, "zoe"), "customers")) == {near, far}
    assert ids(found(field, "zoe", "rep", "rita"), "customers") == [near]
    assert found(field, case, "rep", "rita")["things"] == []
    assert ids(found(field, case, "rep", "bert"), "things") == [case]
    assert len(found(field, "bert")["devices"]) == 1
    assert found(field, "bert", "rep", "rita")["devices"] == []
    assert ids(found(field, "h"), "territories") == ["north", "south"]
    assert ids(found(field, "h", "rep", "rita"), "territories") == ["north"]
    phones = field.define_role("phones", Grant(A.CUSTOMER_READ, Reach.ALL, ("phone",)))
    assert found(field, "zoe", phones)["customers"] == []
    assert field.ask("POST", "/search", "nobody", "none", {"words": "zoe"}).status_code == 403


def test_the_first_word_on_a_thing_holds_in_any_order(field: Field) -> None:
    member, order = met(field), new_id()
    at = field.clock()
    placed = OrderPlaced(order=order, lines=(LINE,), total=100, currency="EUR", channel="device")
    field.told(field.sfa, (f"customer/{member}", placed))
    field.clock.now = at - timedelta(hours=1)
    asked = OrderRequested(
        order=order, lines=(), currency="EUR", rep="rita", territory="north", device=new_id(), number=1
    )
    field.told(field.marketing, (f"customer/{member}", asked))
    field.clock.now = at
    (thing,) = found(field, order)["things"]
    assert (thing["source"], thing["occurred"]) == (
        "marketing",
        (at - timedelta(hours=1)).isoformat().replace("+00:00", "Z"),
    )
    field.rebuild()
    assert found(field, order)["things"] == [thing]


def lost(field: Field, member: str, name: str, *values: str) -> None:
    """Values that were said at the same time, so that all but one give way."""
    for n, (teller, value) in enumerate(zip((field.callcenter, field.sfa, field.marketing), values, strict=False)):
        one = claim(name, value, made=field.clock() + timedelta(minutes=n))
        field.told(teller, (f"customer/{member}", CustomerEdited(claims=(one,))))


def ledger(field: Field, query: str = "", role: str = "operator", actor: str = "olga") -> list[tuple[str, str, str]]:
    answer = field.ask("GET", f"/ledger{query}", actor, role)
    assert answer.status_code == 200, answer.text
    return [
        (one["customer"]["customer"], one["entry"]["field"], one["entry"]["value"]) for one in answer.json()["lost"]
    ]


def test_what_gave_way_is_listed_over_all_customers_as_far_as_it_is_seen(field: Field) -> None:
    field.territory("north", "rita")
    one, other = field.customer(given_name="A"), field.customer(given_name="B")
    field.assign(one, "north")
    lost(field, one, "city", "Milan", "Turin")
    lost(field, other, "street", "Long", "Short")
    everything = ledger(field)
    assert set(everything) == {(one, "city", "Milan"), (other, "street", "Long")}
    assert ledger(field, "?field=city") == [(one, "city", "Milan")]
    assert ledger(field, "?source=sfa") == []
    assert ledger(field, "?state=settled") == []
    assert ledger(field, "", "rep", "rita") == [(one, "city", "Milan")]
    names = field.define_role("streets", Grant(A.CUSTOMER_READ, Reach.ALL, ("street",)))
    assert ledger(field, "", names) == [(other, "street", "Long")]
    first = field.ask("GET", "/ledger?limit=1", "olga", "operator").json()
    following = field.ask("GET", f"/ledger?limit=1&after={first['next']}", "olga", "operator").json()
    assert following["next"] is None
    assert {first["lost"][0]["entry"]["value"], following["lost"][0]["entry"]["value"]} == {"Milan", "Long"}
    assert field.ask("GET", "/ledger?after=x", "olga", "operator").status_code == 422


def test_the_list_follows_what_is_settled_and_forgets_who_is_erased(field: Field) -> None:
    member = field.customer(given_name="A")
    lost(field, member, "city", "Milan", "Turin")
    (entry,) = field.operate("GET", f"/customers/{member}/ledger")
    field.operate("POST", f"/customers/{member}/settle", {"field": "city", "claim": entry["claim"]})
    assert ledger(field, "?state=open") == []
    assert ledger(field, "?state=settled") == [(member, "city", "Milan")]
    (again,) = field.operate("GET", f"/customers/{member}/ledger")
    assert (again["restorable"], again["before_value"]) == (False, "Turin")
    field.operate("POST", f"/customers/{member}/settle", {"field": "city", "claim": again["before"]})
    (back,) = field.operate("GET", f"/customers/{member}/ledger")
    assert (back["standing"], back["restorable"]) == ("Turin", True)
    field.settle()
    rows = field.column("SELECT count(*) FROM lost_value")
    field.rebuild()
    assert field.column("SELECT count(*) FROM lost_value") == rows == [1]
    field.told(field.callcenter, (f"customer/{member}", CustomerErased(reason="request")))
    assert ledger(field) == []
    assert field.column("SELECT count(*) FROM lost_value") == [0]


def test_parting_says_before_what_it_leads_to_and_keeps_its_reason(field: Field) -> None:
    one, other = (field.customer(given_name="Ana", family_name="B", phone="+390612345678") for _ in range(2))
    page = field.app.get(
        f"/customers/{one}/beside/{other}", headers={"accept": "text/html", **field.headers("olga", "operator")}
    ).text
    assert "Now they are one customer." in page
    assert page.count(f"<code>{other[-6:]}</code></li>") == 1
    body = {"other": other, "reason": "household"}
    assert field.operate("POST", f"/customers/{one}/part", body)["news"]
    field.settle()
    assert field.operate("GET", f"/customers/{one}/same")["others"] == []
    suggestions = field.app.get(
        "/suggestions", headers={"accept": "text/html", **field.headers("olga", "operator")}
    ).text
    assert "They live in one household" in suggestions
    refused = field.ask("POST", f"/customers/{one}/part", "olga", "operator", {"other": other, "reason": "free text"})
    assert refused.status_code == 422


def test_a_timeline_can_be_narrowed_down(field: Field) -> None:
    member = met(field, given_name="Ana")
    case_of(field, member)
    placed = OrderPlaced(order=new_id(), lines=(LINE,), total=100, currency="EUR", channel="web")
    field.clock.now += timedelta(days=2)
    field.told(field.sfa, (f"customer/{member}", placed))

    def types(query: str) -> list[str]:
        answer = field.operate("GET", f"/customers/{member}/timeline{query}")
        return [one["type"] for one in answer["entries"]]

    assert types("?channel=web") == ["order.placed"]
    assert types("?channel=phone") == []
    assert types("?source=callcenter&group=case") == ["case.opened"]
    since = (field.clock() - timedelta(days=1)).isoformat().replace("+00:00", "Z")
    assert types(f"?from={since}") == ["order.placed"]
    assert "order.placed" not in types(f"?until={since}")
    assert len(types("")) == len(types(f"?from={since}")) + len(types(f"?until={since}"))


def test_how_many_orders_of_a_device_wait_is_counted_until_they_are_decided(field: Field) -> None:
    field.territory("north", "rita")
    member, rita = met(field), field.carried("rita")
    order = rita.device.order(member, [{"product": "dsl", "quantity": 1, "unit_price": 100}], "EUR")
    rita.device.synchronize()

    def waiting() -> int:
        (device,) = field.operate("GET", "/devices")
        return int(device["waiting"])

    assert waiting() == 1
    placed = OrderPlaced(order=order, lines=(LINE,), total=100, currency="EUR", channel="device")
    field.told(field.sfa, (f"customer/{member}", placed))
    assert waiting() == 0
