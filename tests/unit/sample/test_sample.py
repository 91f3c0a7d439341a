"""The sample is the same each time, and of the size that it says."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from random import Random

import httpx
import pytest

from deploy.sample import day, market, people, playing, purchases
from deploy.sample.client import Client
from deploy.sample.day import Caller
from shared.customer.fields import BUILT_IN

TODAY = date(2026, 11, 22)
COUNTS = [(time(8, 0), 10), (time(8, 5), 30), (time(12, 0), 0)]
CALLERS = [
    Caller(people.phone(n), ("gulf", "pacific")[n % 2], ("internet.dsl", "internet.fiber", "")[n % 3])
    for n in range(90)
]


def a_day(seed: int = 1, calls: int = 300) -> list[day.Step]:
    random = Random(seed)
    return day.steps(day.moments(COUNTS, TODAY, calls, random, UTC), CALLERS, ("anna", "bruno"), random)


def test_all_customers_of_the_data_are_there_each_with_a_number_of_its_own() -> None:
    rows = list(people.rows(TODAY))
    assert len(rows) == 7043
    assert len({row["phone"] for row in rows}) == len({row["key"] for row in rows}) == 7043
    assert Counter(row["status"] for row in rows) == {"customer": 5174, "lapsed": 1869}


def test_the_same_people_come_each_time() -> None:
    assert list(people.rows(TODAY, 20)) == list(people.rows(TODAY, 20))


def test_every_mapped_column_is_in_the_file_and_goes_to_a_known_field() -> None:
    header = next(csv.reader(io.StringIO(people.as_csv(people.rows(TODAY, 1)).decode())))
    columns = people.mapping()["columns"]
    assert {column["column"] for column in columns} <= set(header)
    assert all(c["field"] in BUILT_IN or c["field"].startswith("custom.") for c in columns)


def test_a_day_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    assert a_day() == a_day()
    assert a_day() != a_day(seed=2)


def test_calls_come_as_they_were_counted() -> None:
    rings = [step.at.time() for step in a_day(calls=400) if step.kind == "ring" and "burst" not in step.call]
    assert len(rings) == 400
    early = sum(moment < time(8, 5) for moment in rings)
    assert 60 < early < 140
    assert all(time(8, 0) <= moment < time(8, 10) for moment in rings)


def test_every_call_goes_through_its_states_in_order() -> None:
    of_call: dict[str, list[str]] = {}
    for step in a_day():
        of_call.setdefault(step.call, []).append(step.kind)
    for kinds in of_call.values():
        talk = [kind for kind in kinds if kind not in ("case", "resolve")]
        assert talk in (["ring", "answer", "end", "wrap-up"], ["ring", "abandon"])
        assert kinds.count("resolve") <= kinds.count("case") <= 1


def test_a_burst_of_one_product_in_one_place_is_what_is_taken_for_an_outage() -> None:
    rules = pytest.importorskip("services.callcenter.streams.rules")
    rules = pytest.importorskip("services.callcenter.streams.rules")
    cases = [step for step in a_day() if step.kind == "case" and "burst" in step.call]
    assert len(cases) >= rules.BURST_CASES
    assert len({(step.body["product"], step.body["place"]) for step in cases}) == 1
    assert cases[-1].at - cases[0].at < rules.BURST_WITHIN
    numbers = {step.body["number"][-4:] for step in a_day() if step.kind == "ring" and "burst" in step.call}
    assert len(numbers) >= rules.BURST_CUSTOMERS


def test_cases_say_which_product_and_where() -> None:
    cases = [step.body for step in a_day(calls=900) if step.kind == "case"]
    assert {body["place"] for body in cases if "place" in body} == {"gulf", "pacific"}
    assert {body["product"] for body in cases if "product" in body} == {"internet.dsl", "internet.fiber"}
    assert all(body["reason"] == "fault" for body in cases if "product" in body)


@pytest.mark.parametrize("live", [True, False])
def test_a_day_is_played_as_it_was_or_as_if_it_were_now(live: bool) -> None:
    sent: list[tuple[str, dict[str, str], str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append((request.url.path, json.loads(request.content), request.headers["idempotency-key"]))
        return httpx.Response(200, json={"contact": "c1", "customer": "m1", "case": "k1"})

    client = Client("http://example", lambda subject: subject, httpx.MockTransport(answer))
    pauses: list[float] = []
    play = playing.Play(client, speed=1e9 if live else 0, live=live, sleep=pauses.append)
    play.run(a_day(calls=20))
    assert {path for path, _, _ in sent} >= {"/telephony/ring", "/contacts/c1/wrap-up", "/cases"}
    assert all(("at" in body) is not live for _, body, _ in sent)
    assert all("requested" not in body for _, body, _ in sent if live)
    assert bool(pauses) is live
    keys = [key for _, _, key in sent]
    play.run(a_day(calls=20))
    again = [key for _, _, key in sent][len(keys) :]
    assert (set(again) == set(keys)) is not live


def test_everybody_lives_in_a_territory_that_somebody_looks_after() -> None:
    known = {one.territory: one for one in market.territories()}
    reps = set()
    for row in people.rows(TODAY, 300):
        territory = known[market.territory_of(row["postal_code"])]
        reps.add(territory.rep or known[territory.parent].rep)
    assert reps == {"rosa", "ramon"}
    assert [one.territory for one in market.territories() if one.parent and not known[one.parent].rep] == []
    assert len({one.postal for one in known.values() if one.postal}) == 10


def test_prices_follow_from_what_customers_are_charged() -> None:
    prices = {one.product: one.unit_price for one in market.products()}
    for row in people.rows(TODAY, 200):
        has = {"phone"} if row["phone_service"] == "1" else set()
        has |= {people.INTERNET[row["internet_service"]]} if row["internet_service"] in people.INTERNET else set()
        has |= {extra.replace("_", "-") for extra in people.EXTRAS if row[extra] == "Yes"}
        assert sum(prices[product] for product in has) == pytest.approx(float(row["monthly_charges"]) * 100, abs=500)


def test_the_customers_products_and_those_ordered_are_on_sale() -> None:
    sold = {one.product for one in market.products()}
    columns = [column for column in people.mapping()["columns"] if column["field"] == "products"]
    assert {product for column in columns for product in column["values"].values()} <= sold
    assert {product for order in market.OPEN_ORDERS for product in order.products} <= sold


def test_the_purchases_of_the_data_end_a_few_days_ago_and_all_are_delivered() -> None:
    now = datetime.combine(TODAY, time(), UTC)
    bought = list(purchases.purchases(TODAY, 7043))
    assert len(bought) == len({one.key for one in bought}) == 21_898
    assert max(one.placed for one in bought).date() == TODAY - purchases.AGO
    assert all(one.placed < one.delivered < now for one in bought)
    assert all(one.pieces > 0 and one.cents >= 0 for one in bought)
    assert {one.number for one in bought} == set(range(7043))
    first = bought[0]
    assert (first.key, first.cents, first.pieces) == ("00001-1", 1177, 1)
    moved = list(purchases.purchases(TODAY + timedelta(days=1), 3))
    assert [one.key for one in moved] == [one.key for one in bought if one.number < 3]


def test_some_people_were_met_twice() -> None:
    rows = list(people.rows(TODAY))
    by_key = {row["key"]: row for row in rows}
    twice = list(people.met_twice(rows))
    assert len(twice) == 40
    assert list(people.met_twice(rows[:1000])) == twice[:6]
    kinds = Counter[str]()
    for again in twice:
        first = by_key[again["key"].removeprefix("web-")]
        same_name = again["given_name"] == first["given_name"]
        assert again["phone"] == first["phone"] or again["email"].lower() == first["email"]
        kinds["named otherwise" if not same_name else "phone" if again["phone"] else "email"] += 1
    assert kinds == {"phone": 28, "email": 8, "named otherwise": 4}
    columns = people.mapping(people.TWICE_ORIGIN)["columns"]
    assert {column["column"] for column in columns} | {"key"} == set(twice[0])
