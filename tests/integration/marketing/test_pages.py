"""What marketers see."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from services.marketing.segments import moves, reads
from shared.events.customer import CustomerErased, CustomerRegistered
from tests.builders import claim, done, heard
from tests.integration.marketing.market import Market, ago, cancelled, members, placed

SEGMENT = "/segments/high_value"


def registered(member: str, name: str) -> Any:
    return heard(member, CustomerRegistered(claims=(claim("given_name", name),)), source="callcenter")


def test_the_segments_page_says_who_entered_and_left_and_how_many_are_in(fresh: Market) -> None:
    ada, bea = members(2)
    fresh.hear(registered(ada, "Ada <b>"), registered(bea, "Bea"), placed(ada, 600_00, ago(days=40)))
    fresh.hear(placed(bea, 600_00, ago(days=100), "b"), cancelled(bea, "b", ago(days=70)))
    fresh.settle()
    shown = done(fresh.get("/segments/high_value"))
    assert [(size["at"][:10], size["customers"]) for size in shown["sizes"]][-5:] == [
        ("2025-12-01", 1),
        ("2026-01-01", 0),
        ("2026-02-01", 1),
        ("2026-03-01", 1),
        ("2026-03-02", 1),
    ]
    assert [move["customer"] for move in shown["entered"]] == [ada, bea]
    assert [(move["customer"], move["at"][:10], move["because"]) for move in shown["left"]] == [
        (bea, "2025-12-22", "cancelled")
    ]
    page = fresh.get(SEGMENT, html=True)
    assert page.status_code == 200
    for words in ("1 customer is in it.", "Ada &lt;b&gt;", "an order was cancelled", "$500.00", f"{SEGMENT}/define"):
        assert words in page.text, words
    assert f"{SEGMENT}/define" not in fresh.get(SEGMENT, "supervisor", html=True).text


def test_the_size_is_known_of_each_day_and_counts_who_left_at_once(fresh: Market) -> None:
    ada, bea = members(2)
    fresh.hear(placed(ada, 600_00, ago(days=2, hours=1)), placed(bea, 600_00, ago(days=365 - 1, hours=1)))
    fresh.settle()
    with fresh.service.look(fresh.service.itself) as look:
        found = reads.daily(look.session, look.now, 3)
    assert [(size.at.isoformat()[5:13], size.customers) for size in found] == [
        ("02-28T00", 1),
        ("03-01T00", 2),
        ("03-02T00", 2),
        ("03-02T12", 2),
    ]
    fresh.clock.now += timedelta(days=2)
    fresh.settle()
    with fresh.service.look(fresh.service.itself) as look:
        assert [size.customers for size in reads.daily(look.session, look.now, 2)] == [2, 1, 1]
        assert reads.lately(look.session, look.now) == (1, 1)
    shown = fresh.get("/", html=True).text
    assert "1 entered" in shown
    assert "1 left" in shown


def test_who_entered_and_left_is_listed_with_the_orders_that_decided(fresh: Market) -> None:
    ada, bea = members(2)
    fresh.hear(registered(ada, "Ada"), placed(ada, 200_00, ago(days=50), "a"), placed(ada, 300_00, ago(days=40), "b"))
    fresh.hear(placed(bea, 300_00, ago(days=420), "c"), placed(bea, 300_00, ago(days=410), "d"))
    fresh.settle()
    found = done(fresh.get(f"{SEGMENT}/moves"))
    assert found["total"] == 3
    assert [(m["customer"], m["way"], [o["order"] for o in m["orders"]]) for m in found["moves"]] == [
        (ada, "entered", ["a", "b"]),
        (bea, "left", ["c"]),
        (bea, "entered", ["c", "d"]),
    ]
    day = ago(days=40).date()
    for query, words in ((f"?day={day}", "Ada"), ("?way=left&day=", "what counted fell out of the window")):
        assert words in fresh.get(f"{SEGMENT}/moves{query}", html=True).text, query
    assert done(fresh.get(f"{SEGMENT}/moves?day={ago(days=41).date()}"))["moves"] == []
    assert "Nobody entered or left." in fresh.get(f"{SEGMENT}/moves?day={ago(days=41).date()}", html=True).text


def test_who_was_in_it_on_a_day(fresh: Market) -> None:
    ada, bea, cora = members(3)
    fresh.hear(registered(ada, "Ada"), placed(ada, 600_00, ago(days=10, hours=-3)), placed(bea, 700_00, ago(days=370)))
    fresh.hear(placed(cora, 800_00, ago(days=9)))
    fresh.settle()
    day = ago(days=10).date()
    page = fresh.get(f"{SEGMENT}/members?day={day}", html=True).text
    assert "Ada" in page
    assert "$600.00" in page
    assert bea in page
    assert cora not in page
    assert "2 customers" in page
    before = done(fresh.get(f"{SEGMENT}/members", at=ago(days=366).isoformat()))
    assert [(one["customer"], one["amount"], one["until"][:10]) for one in before["members"]] == [
        (bea, 700_00, ago(days=5).date().isoformat())
    ]
    assert {one["customer"] for one in done(fresh.get(f"{SEGMENT}/members"))["members"]} == {ada, cora}
    assert fresh.get(f"{SEGMENT}/members", at=ago(days=-1).isoformat()).status_code == 422


def test_long_lists_come_page_by_page_and_name_each_once(fresh: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    some = members(7)
    fresh.hear(*(placed(member, 600_00, ago(days=1 + n // 3)) for n, member in enumerate(some)))
    fresh.settle()
    monkeypatch.setattr(moves, "PAGE", 2)
    for path, of in ((f"{SEGMENT}/moves", "moves"), (f"{SEGMENT}/members", "members")):
        after, seen = "", []
        while True:
            page = done(fresh.get(path, after=after))
            seen += [one["customer"] for one in page[of]]
            assert page["total"] == 7
            if not (after := page["next"]):
                break
        assert sorted(seen) == some, path
        assert fresh.get(path, after="nonsense").status_code == 422
        assert fresh.get(path, after=f"2026-01-01~{some[0]}").status_code == 422
        assert 'rel="next"' in fresh.get(path, html=True).text


def test_a_rule_can_be_tried_before_it_stands(fresh: Market) -> None:
    ada, bea = members(2)
    fresh.hear(placed(ada, 300_00, ago(days=40)), registered(ada, "Ada"), placed(bea, 600_00, ago(days=300)))
    fresh.settle()
    body = {"window_days": 50, "at_least": 300_00}
    page = fresh.post(f"{SEGMENT}/preview", body, html=True).text
    for words in ("1 customer would be in it.", "1 would enter, 1 would leave.", "Ada", "$300.00"):
        assert words in page, words
    assert done(fresh.post(f"{SEGMENT}/preview", body)) == {
        "customers": 1,
        "enter": 1,
        "leave": 1,
        "entering": [{"customer": ada, "amount": 300_00}],
        "leaving": [{"customer": bea, "amount": 0}],
    }
    assert done(fresh.post(f"{SEGMENT}/preview", body | {"window_days": 40}))["customers"] == 0
    assert fresh.rows("SELECT window_days FROM segment") == [(365,)]


def test_a_customers_page_says_why_it_is_in_the_segment(fresh: Market) -> None:
    (ada,) = members(1)
    fresh.hear(registered(ada, "Ada"), placed(ada, 600_00, ago(days=500), "o1"), placed(ada, 700_00, ago(days=9), "o2"))
    fresh.settle()
    page = fresh.get(f"/customers/{ada}", html=True).text
    for text in ("Ada", "$1,300.00", "$700.00", "by 1 order", "is in the segment", "$600.00", "out of the window"):
        assert text in page, text
    fresh.hear(heard(ada, CustomerErased()))
    page = fresh.get(f"/customers/{ada}", html=True).text
    assert "Erased customer" in page
    assert "Ada" not in page
    assert fresh.get(f"/customers/{members(1)[0]}", html=True).status_code == 404


def test_only_employees_who_may_see_it(fresh: Market) -> None:
    (ada,) = members(1)
    for path in (SEGMENT, f"{SEGMENT}/moves", f"{SEGMENT}/satisfaction", f"/customers/{ada}/profile"):
        assert fresh.get(path, "telephony").status_code == 403
        assert fresh.client.get(path).status_code == 401
    assert fresh.get("/", "rep", html=True).status_code == 403
    assert fresh.get("/segments/other").status_code == 404


SECONDS = 3


def test_no_request_makes_marketing_fail(fresh: Market) -> None:
    (ada,) = members(1)
    fresh.hear(placed(ada, 300_00, ago(days=40)))
    schema = schemathesis.openapi.from_dict(fresh.get("/openapi.json").json())
    operations: list[Any] = [result.ok() for result in schema.get_all_operations()]  # type: ignore[union-attr]
    assert {operation.label for operation in operations} >= {
        "GET /segments/{segment}",
        "POST /segments/{segment}/define",
        "POST /segments/{segment}/preview",
        "GET /customers/{member}/profile",
    }
    for operation in operations:
        assert ask(fresh, operation, ada, SECONDS / len(operations)) >= 3, operation.label
    fresh.settle()


def ask(market: Market, operation: Any, member: str, seconds: float) -> int:
    """Send what may be sent to one operation, half of it about what there is; gives how many were answered."""
    headers = {"authorization": f"Bearer {market.issuer.token('mara', 'marketer')}"}
    until = time.monotonic() + seconds
    answered = 0

    @settings(
        max_examples=20, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy())
    def no_failure(case: Any) -> None:
        nonlocal answered
        if answered >= 3 and time.monotonic() > until:
            return
        if answered % 2:
            known = {"member": member, "segment": "high_value"}
            case.path_parameters.update({name: known[name] for name in case.path_parameters if name in known})
        arguments = case.as_transport_kwargs(base_url="http://testserver", headers=headers)
        arguments.pop("cookies", None)
        answer = market.client.request(**arguments)
        assert answer.status_code < 500, answer.text
        answered += 1

    no_failure()
    return answered
