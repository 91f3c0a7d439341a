"""What marketers see."""

from __future__ import annotations

import time
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from shared.events.customer import CustomerErased, CustomerRegistered
from tests.builders import claim, done, heard
from tests.integration.marketing.market import Market, ago, cancelled, members, placed


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
    page = fresh.get("/", html=True)
    assert page.status_code == 200
    assert "1 customer is in it." in page.text
    assert "Ada &lt;b&gt;" in page.text
    assert "an order was cancelled" in page.text
    assert "$500.00" in page.text
    assert "/segments/high_value/define" in page.text
    assert "/segments/high_value/define" not in fresh.get("/", "supervisor", html=True).text


def test_a_rule_can_be_tried_before_it_stands(fresh: Market) -> None:
    (ada,) = members(1)
    fresh.hear(placed(ada, 300_00, ago(days=40)))
    body = {"window_days": 50, "at_least": 300_00}
    assert "1 customers would be in it." in fresh.post("/segments/high_value/preview", body, html=True).text
    assert done(fresh.post("/segments/high_value/preview", body | {"window_days": 40})) == {"customers": 0}
    assert fresh.rows("SELECT * FROM segment") == []


def test_a_customers_page_says_why_it_is_in_the_segment(fresh: Market) -> None:
    (ada,) = members(1)
    fresh.hear(registered(ada, "Ada"), placed(ada, 600_00, ago(days=500), "o1"), placed(ada, 700_00, ago(days=9), "o2"))
    fresh.settle()
    page = fresh.get(f"/customers/{ada}", html=True).text
    for text in ("Ada", "$1,300.00", "Worth $700.00 now, by 1 order.", "is in the segment", "o2", "out of the window"):
        assert text in page, text
    fresh.hear(heard(ada, CustomerErased()))
    page = fresh.get(f"/customers/{ada}", html=True).text
    assert "Erased customer" in page
    assert "Ada" not in page
    assert fresh.get(f"/customers/{members(1)[0]}", html=True).status_code == 404


def test_only_employees_who_may_see_it(fresh: Market) -> None:
    (ada,) = members(1)
    for path in ("/segments/high_value", f"/customers/{ada}/profile"):
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
