"""A profile is what everybody told of a customer, whichever of its members it was told of."""

from __future__ import annotations

from shared.events.callcenter import CaseOpened, CaseResolved, ContactAbandoned, ContactOffered, ContactWrappedUp
from shared.events.customer import CustomerErased, CustomerRegistered
from shared.events.envelope import Event
from shared.events.facts import Fact
from tests.builders import NOON, claim, done, heard
from tests.integration.marketing.market import Market, ago, assigned, cancelled, members, placed


def offered() -> Fact:
    return ContactOffered(contact="c", channel="phone", queue="general")


def reviewed(satisfaction: int | None) -> Fact:
    return ContactWrappedUp(contact="c", agent="a", reason="r", outcome="o", satisfaction=satisfaction)


def opened() -> Fact:
    return CaseOpened(case="1", reason="fault", subject="no signal", requested=NOON)


def told(member: str, *facts: Fact) -> list[Event]:
    return [heard(member, fact, source="callcenter", sequence=n) for n, fact in enumerate(facts, 1)]


RESOLVED = CaseResolved(case="1", seconds_to_solution=5.0, immediate=True)


def test_it_counts_what_everybody_tells(fresh: Market) -> None:
    (ada,) = members(1)
    registered = CustomerRegistered(claims=(claim("given_name", "Ada"), claim("family_name", "King")))
    fresh.hear(heard(ada, registered, time=ago(days=3)), heard(ada, CustomerRegistered(), time=ago(days=2)))
    fresh.hear(*told(ada, offered(), ContactAbandoned(contact="c"), offered(), reviewed(5), opened(), opened()))
    fresh.hear(*told(ada, RESOLVED, reviewed(None), reviewed(2)))
    fresh.hear(placed(ada, 300, ago(days=9)), placed(ada, 500, ago(days=4), "x"), cancelled(ada, "x"))
    profile = done(fresh.get(f"/customers/{ada}/profile"))["profile"]
    spent = profile.pop("spent")
    assert profile == {
        "customer": ada,
        "members": [ada],
        "name": "Ada King",
        "erased": False,
        "registered": "2026-02-27T12:00:00Z",
        "contacts": 2,
        "last_contact": "2026-03-02T12:00:00Z",
        "abandoned": 1,
        "satisfaction": 3.5,
        "reviews": 2,
        "cases_opened": 2,
        "cases_resolved": 1,
        "masked": [],
    }
    assert spent == [
        {
            "currency": "USD",
            "orders": 2,
            "amount": 800,
            "first_order": "2026-02-21T12:00:00Z",
            "last_order": "2026-02-26T12:00:00Z",
            "cancelled": 1,
            "cancelled_amount": 500,
        }
    ]


def test_it_is_added_up_over_the_members_of_a_customer_and_can_be_taken_apart(fresh: Market) -> None:
    ada, bea = members(2)
    fresh.hear(*told(ada, offered(), reviewed(5)), *told(bea, offered(), reviewed(2), opened()))
    fresh.hear(placed(ada, 300), placed(bea, 400, currency="EUR"), placed(bea, 200))
    for cluster, contacts, amounts in ((ada, 2, [("EUR", 400), ("USD", 500)]), (bea, 1, [("EUR", 400), ("USD", 200)])):
        fresh.hear(assigned(bea, cluster))
        profile = done(fresh.get(f"/customers/{bea}/profile"))["profile"]
        assert (profile["customer"], profile["contacts"]) == (cluster, contacts)
        assert [(spent["currency"], spent["amount"]) for spent in profile["spent"]] == amounts
        assert done(fresh.get(f"/customers/{ada}/profile"))["profile"]["contacts"] == contacts


def test_an_order_counts_once_and_its_first_cancellation_stands(fresh: Market) -> None:
    (ada,) = members(1)
    fresh.hear(placed(ada, 300, ago(days=2), "x"), placed(ada, 900, order="x"), cancelled(ada, "unknown"))
    fresh.hear(placed(ada, 300, order="x"), cancelled(ada, "x", ago(days=1)), cancelled(ada, "x"))
    fresh.hear(cancelled(ada, "x"))
    assert fresh.rows("SELECT orders, amount, cancelled, cancelled_amount FROM spending") == [(1, 300, 1, 300)]
    assert fresh.rows("SELECT occurred, amount, cancelled FROM purchase") == [(ago(days=2), 300, ago(days=1))]


def test_an_erased_customer_is_a_number_among_numbers(fresh: Market) -> None:
    (ada,) = members(1)
    fresh.hear(heard(ada, CustomerRegistered(claims=(claim("given_name", "Ada"),))), placed(ada, 600_00))
    fresh.settle()
    fresh.hear(heard(ada, CustomerErased()))
    fresh.settle()
    found = done(fresh.get(f"/customers/{ada}/profile"))
    assert (found["profile"]["name"], found["profile"]["erased"]) == ("", True)
    assert found["standing"]["amount"] == 600_00
    for (table,) in fresh.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        assert "Ada" not in str(fresh.rows(f'SELECT * FROM "{table}"')), table
