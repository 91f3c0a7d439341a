"""The card: what other services say of a customer, over all members, and how old it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.callcenter.insights.tables import TABLES
from services.callcenter.subscriptions import SUBSCRIPTIONS
from shared.edge.live import topic
from shared.events.customer import CustomerErased, CustomerRegistered
from shared.events.envelope import Event, new_id
from shared.events.facts import Fact
from shared.events.heads import HeadsReported, ServiceLeft
from shared.events.marketing import CustomerValued, SegmentDefined, SegmentEntered, SegmentLeft
from shared.events.sfa import (
    OrderCancelled,
    OrderDelayed,
    OrderDelivered,
    OrderLine,
    OrderPlaced,
    OrderProvisioned,
    OrderRefused,
)
from shared.events.sync import CustomerAssigned, NoteAdded, OrderRequested, RequestedLine
from shared.pipeline.attempt import attempt
from shared.pipeline.work import Work
from tests.builders import NOON, claim, done, heard
from tests.integration.callcenter.center import CallCenter

DAY = timedelta(days=1)
HTML = {"accept": "text/html"}
PAGES = ("", "/insights")
KEPT = (*(table.name for table in TABLES), "customer_cluster")


def hear(center: CallCenter, *events: Event) -> set[str]:
    """One batch comes through all slices, as the consumer hands it over; gives the live topics that it touched."""

    def body(work: Work) -> set[str]:
        assert attempt(work, SUBSCRIPTIONS.slices, events) == {}
        return set(work.touched)

    return center.service.transact(center.service.itself, body)


def sfa(member: str, fact: Fact, at: datetime = NOON) -> Event:
    return heard(member, fact, source="sfa", time=at)


def marketing(member: str, fact: Fact, at: datetime = NOON) -> Event:
    return heard(member, fact, source="marketing", time=at)


def sync(member: str, fact: Fact, at: datetime = NOON) -> Event:
    return heard(member, fact, source="sync", time=at)


def placed(order: str, total: int = 1500, **more: Any) -> OrderPlaced:
    lines = (OrderLine(product="fibre", name="Fibre 600", unit_price=total),)
    return OrderPlaced(order=order, lines=lines, total=total, currency="USD", channel="desk", **more)


def requested(order: str) -> OrderRequested:
    lines = (RequestedLine(product="fibre", quantity=2, unit_price=100),)
    more = {"rep": "rita", "territory": "", "device": "d", "number": 1}
    return OrderRequested(order=order, lines=lines, currency="USD", **more)  # type: ignore[arg-type]


def valued(amount: int, orders: int = 1) -> CustomerValued:
    return CustomerValued(cluster="c", amount=amount, currency="USD", window_days=365, orders=orders)


def card(center: CallCenter, member: str) -> dict[str, Any]:
    return done(center.get(f"/customers/{member}/card"))


def link(member: str, cluster: str) -> Event:
    return sync(member, CustomerAssigned(cluster=cluster, because="phone"))


def test_a_customer_of_whom_nobody_says_anything(center: CallCenter) -> None:
    shown = card(center, center.register())
    assert (shown["relation"], shown["value"], shown["segments"], shown["orders"]) == ("prospect", None, [], [])
    assert shown["timeline"] == []


def test_value_and_segment_are_shown_and_go_when_nothing_is_left(center: CallCenter) -> None:
    member = center.register()
    rule = {"currency": "USD", "measure": "orders.amount", "window_days": 365, "at_least": 100}
    defined = SegmentDefined(segment="high_value", name="High value", **rule)  # type: ignore[arg-type]
    hear(
        center, marketing(member, valued(123_456)), marketing(member, SegmentEntered(segment="high_value"), NOON - DAY)
    )
    assert card(center, member)["segments"][0]["name"] == "high_value"
    hear(center, heard("high_value", defined, source="marketing"))
    shown = card(center, member)
    assert shown["value"]["amount"] == 123_456
    assert [segment["name"] for segment in shown["segments"]] == ["High value"]
    page = center.get(f"/customers/{member}", headers=HTML).text
    assert "$1,234.56" in page
    assert "High value" in page
    hear(center, marketing(member, valued(0, 0)), marketing(member, SegmentLeft(segment="high_value", because="time")))
    shown = card(center, member)
    assert (shown["value"], shown["segments"]) == (None, [])
    assert center.scalar("SELECT count(*) FROM insight_value WHERE member = :m", m=member) == 0


def test_orders_are_followed_and_what_is_wrong_is_said(center: CallCenter) -> None:
    member = center.register()
    hear(center, sfa(member, placed("1", promised=NOON + DAY), NOON - 10 * DAY))
    assert orders(center, member) == [("1", "placed", [])]
    hear(center, sfa(member, OrderDelayed(order="1", problem="no_stock"), NOON + timedelta(hours=1)))
    assert orders(center, member) == [("1", "placed", ["no_stock"])]
    center.clock.forward(days=2)
    assert orders(center, member) == [("1", "placed", ["overdue", "no_stock"])]
    page = center.get(f"/customers/{member}", headers={**HTML, "accept-language": "es"}).text
    assert "promesa vencida" in page
    assert "sin existencias" in page
    hear(center, sfa(member, OrderDelivered(order="1", how="on_site"), NOON + 2 * DAY))
    hear(center, sfa(member, placed("2"), NOON + DAY), sfa(member, OrderCancelled(order="2"), NOON + 2 * DAY))
    hear(center, sync(member, requested("3"), NOON + 2 * DAY))
    assert orders(center, member)[0] == ("3", "requested", [])
    hear(center, sfa(member, OrderRefused(order="3", reason="unknown_product"), NOON + 2 * DAY))
    assert orders(center, member) == [
        ("3", "refused", ["refused"]),
        ("2", "cancelled", ["cancelled"]),
        ("1", "delivered", []),
    ]
    assert card(center, member)["relation"] == "customer"
    center.clock.forward(days=360)
    assert card(center, member)["relation"] == "lapsed"
    done(center.post(f"/customers/{member}/edit", {"changes": {"status": "prospect"}}))
    assert card(center, member)["relation"] == "prospect"
    center.clock.now = NOON


def orders(center: CallCenter, member: str) -> list[tuple[str, str, list[str]]]:
    return [(order["order"], order["state"], order["wrong"]) for order in card(center, member)["orders"]]


def test_a_customer_of_two_members_is_shown_as_one_and_apart_again(center: CallCenter) -> None:
    first, second = sorted((center.register(), center.register(phone="+1 555 010 0311")))
    contact = center.ring(customer=first, number="+1 555 010 0310")["contact"]
    case = {"customer": second, "reason": "fault", "subject": "No line"}
    opened = done(center.post("/cases", case), 201)["case"]
    hear(center, sfa(first, placed("1"), NOON - DAY), sfa(second, placed("2"), NOON))
    hear(center, marketing(first, valued(100)), marketing(second, valued(300), NOON + DAY))
    alone = [card(center, member) for member in (first, second)]
    hear(center, link(second, first))
    for member in (first, second):
        shown = card(center, member)
        assert shown["members"] == [first, second]
        assert shown["value"]["amount"] == 300
        assert [order["order"] for order in shown["orders"]] == ["2", "1"]
        assert [one["contact"] for one in shown["contacts"]] == [contact]
        assert [one["case"] for one in shown["cases"]] == [opened]
        assert {line["kind"] for line in shown["timeline"]} == {"contact", "case", "order"}
        page = center.get(f"/customers/{member}", headers=HTML).text
        assert f"/contacts/{contact}" in page
        assert f"/cases/{opened}" in page
    hear(center, link(second, second))
    assert [card(center, member) for member in (first, second)] == alone


def test_the_card_says_how_old_it_is_and_who_is_gone(fresh: CallCenter) -> None:
    member = fresh.register()
    assert card(fresh, member)["ages"]["marketing"] == {"as_of": None, "left": None}
    assert "Marketing isn't there" in fresh.get(f"/customers/{member}/insights").text
    said = heard("marketing", HeadsReported(heads={}), source="marketing")
    hear(fresh, said, marketing(member, valued(500)))
    assert card(fresh, member)["ages"]["marketing"]["as_of"] == NOON.isoformat().replace("+00:00", "Z")
    before = card(fresh, member)
    fresh.clock.forward(days=3)
    assert card(fresh, member) == before
    assert "as of <time" in fresh.get(f"/customers/{member}/insights").text
    hear(fresh, heard("marketing", ServiceLeft(), source="marketing", time=NOON + DAY))
    after = card(fresh, member)
    assert after["ages"].pop("marketing")["left"] == (NOON + DAY).isoformat().replace("+00:00", "Z")
    assert before["ages"].pop("marketing")["left"] is None
    assert after == before
    assert "Marketing left on" in fresh.get(f"/customers/{member}/insights").text
    assert "se fue el" in fresh.get(f"/customers/{member}/insights", headers={"accept-language": "es"}).text


def test_a_note_is_shown_and_forgotten_with_the_person(center: CallCenter) -> None:
    member = center.register()
    hear(center, sync(member, NoteAdded(note=new_id(), text="<b>Likes fishing</b>")))
    assert card(center, member)["timeline"][0]["text"] == "<b>Likes fishing</b>"
    assert "&lt;b&gt;Likes fishing" in center.get(f"/customers/{member}", headers=HTML).text
    hear(center, sync(member, CustomerErased()))
    hear(center, sync(member, NoteAdded(note=new_id(), text="Late")))
    assert center.scalar("SELECT max(text) FROM insight_note WHERE member = :m", m=member) == ""
    assert [line["text"] for line in card(center, member)["timeline"]] == ["", ""]


def test_pages_of_the_customer_are_told_of_news_and_not_of_history(center: CallCenter) -> None:
    first, second = center.register(), center.register()
    news = [sfa(first, placed("1")), marketing(second, valued(1)), sync(second, NoteAdded(note=new_id(), text="x"))]
    assert hear(center, *news) == {topic("customer", first), topic("customer", second)}
    assert hear(center, link(second, first)) == {topic("customer", first), topic("customer", second)}
    past = [Event(event.envelope, event.fact, live=False) for event in (*news, link(second, second))]
    assert hear(center, *past) == set()


@pytest.mark.parametrize("page", ["card", "insights", "live"])
def test_cards_are_for_the_desk(center: CallCenter, page: str) -> None:
    assert center.get(f"/customers/{center.register()}/{page}", roles=("telephony",)).status_code == 403


def test_a_customer_that_isnt_there_has_no_card(center: CallCenter) -> None:
    assert center.get(f"/customers/{new_id()}/card").status_code == 404


def history() -> list[list[Event]]:
    """The events of each (source, stream) of two members, in their order."""
    first, second = sorted((new_id(), new_id()))
    mine = [placed("1"), OrderProvisioned(order="1"), OrderDelayed(order="1", problem="technical", promised=NOON)]
    facts: list[list[tuple[str, Fact]]] = [
        [(first, CustomerRegistered(claims=(claim("status", "prospect"),)))],
        [(second, CustomerRegistered()), (second, requested("3")), (second, NoteAdded(note="n", text="Hello"))],
        [(first, requested("1")), (first, NoteAdded(note="m", text="Gone")), (first, CustomerErased())],
        [(first, fact) for fact in (*mine, OrderDelivered(order="1", how="remote"))],
        [
            (second, placed("2")),
            (second, OrderCancelled(order="2")),
            (second, OrderRefused(order="3", reason="person")),
        ],
        [
            (first, valued(5)),
            (first, SegmentEntered(segment="s")),
            (first, valued(7)),
            (first, SegmentEntered(segment="t")),
        ],
        [
            (second, SegmentEntered(segment="s")),
            (second, valued(7)),
            (second, SegmentLeft(segment="s", because="time")),
        ],
        [(second, CustomerAssigned(cluster=first, because="phone"))],
    ]
    sources = ("callcenter2", "sync", "sync", "sfa", "sfa", "marketing", "marketing", "sync2")
    return [
        [heard(m, f, source=source, sequence=n, time=NOON + n * DAY) for n, (m, f) in enumerate(stream)]
        for source, stream in zip(sources, facts, strict=True)
    ]


def play(center: CallCenter, batches: list[list[Event]]) -> dict[str, list[str]]:
    center.empty()
    for batch in batches:
        hear(center, *batch)
    with Session(center.service.engine) as session:
        return {name: sorted(map(str, session.execute(text(f"SELECT * FROM {name}")))) for name in KEPT}


STREAMS = history()
SECOND = STREAMS[1][0].stream.removeprefix("customer/")
Told = tuple[dict[str, list[str]], dict[str, Any]]


@pytest.fixture(scope="module")
def straight(center: CallCenter) -> Told:
    """The rows and the card when one stream is heard after the other."""
    return play(center, [[event for stream in STREAMS for event in stream]]), card(center, SECOND)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_interleaving_gives_the_same_rows_and_card(center: CallCenter, straight: Told, data: st.DataObject) -> None:
    turns = data.draw(st.permutations([n for n, stream in enumerate(STREAMS) for _ in stream]))
    waiting = [iter(stream) for stream in STREAMS]
    order = [next(waiting[n]) for n in turns]
    edges = [0, *sorted(set(data.draw(st.lists(st.integers(1, len(order) - 1), max_size=4)))), len(order)]
    expected, shown = straight
    assert play(center, [order[begin:end] for begin, end in pairwise(edges)]) == expected
    assert card(center, SECOND) == shown
    assert len(shown["orders"]) == 3
