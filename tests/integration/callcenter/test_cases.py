"""Cases, and the time to their solution."""

from __future__ import annotations

from datetime import timedelta

from shared.events.callcenter import CaseResolved
from tests.builders import done
from tests.integration.callcenter.center import CallCenter


def open_case(center: CallCenter, customer: str, **more: object) -> str:
    body = {"customer": customer, "reason": "fault", "subject": "No dial tone", **more}
    return str(done(center.post("/cases", body), 201)["case"])


def test_a_case_is_opened_listed_and_resolved_at_once(center: CallCenter) -> None:
    customer = center.register()
    case = open_case(center, customer)
    assert [c["case"] for c in listed(center, customer, "open")] == [case]
    center.clock.forward(seconds=180)
    answer = done(center.post(f"/cases/{case}/resolve", {"solution": "Line reset"}))
    assert (answer["seconds_to_solution"], answer["immediate"]) == (180, True)
    assert listed(center, customer, "open") == []
    assert done(center.get(f"/cases/{case}"))["solution"] == "Line reset"
    assert center.post(f"/cases/{case}/resolve").status_code == 409


def test_the_time_counts_from_the_request(center: CallCenter) -> None:
    customer = center.register()
    asked = center.clock.now - timedelta(minutes=10)
    case = open_case(center, customer, requested=asked.isoformat())
    done(center.post(f"/cases/{case}/resolve"))
    fact = next(f for f in center.facts("case.resolved") if f.case == case)
    assert fact == CaseResolved(case=case, seconds_to_solution=600, immediate=False)


def test_a_case_of_a_contact_counts_from_its_offer(center: CallCenter) -> None:
    rung = center.ring(number="+15550100123")
    center.clock.forward(seconds=40)
    case = open_case(center, rung["customer"], contact=rung["contact"])
    assert done(center.get(f"/cases/{case}"))["requested"] == rung["offered"]


def test_a_solution_says_the_queue_of_the_contact(center: CallCenter) -> None:
    rung = center.ring(number="+15550100125", queue="technical")
    case = open_case(center, rung["customer"], contact=rung["contact"])
    center.clock.forward(hours=5)
    done(center.post(f"/cases/{case}/resolve"))
    assert next(f for f in center.facts("case.resolved") if f.case == case).queue == "technical"


def test_a_case_needs_a_customer_and_that_customers_contact(center: CallCenter) -> None:
    body = {"customer": "00000000-0000-7000-8000-000000000000", "reason": "fault", "subject": "x"}
    assert center.post("/cases", body).status_code == 404
    other = center.ring(number="+15550100124")["contact"]
    assert center.post("/cases", {**body, "customer": center.register(), "contact": other}).status_code == 404


def test_a_request_after_the_opening_is_refused(center: CallCenter) -> None:
    body = {"customer": center.register(), "reason": "fault", "subject": "x"}
    later = (center.clock.now + timedelta(hours=1)).isoformat()
    assert center.post("/cases", {**body, "requested": later}).status_code == 422


def test_a_case_says_what_it_is_about_and_where(center: CallCenter) -> None:
    customer = center.register()
    case = open_case(center, customer, product="fibre", place="es-28")
    shown = done(center.get(f"/cases/{case}"))
    assert (shown["product"], shown["place"]) == ("fibre", "es-28")
    fact = next(f for f in center.facts("case.opened") if f.case == case)
    assert (fact.product, fact.place) == ("fibre", "es-28")
    assert "es-28" in center.get(f"/cases/{case}", headers={"accept": "text/html"}).text
    address = {"customer": customer, "reason": "fault", "subject": "x", "place": "12 High Street, flat 3"}
    assert center.post("/cases", address).status_code == 422


def listed(center: CallCenter, customer: str, state: str) -> list[dict[str, object]]:
    response = center.get("/cases", params={"customer": customer, "state": state})
    assert response.status_code == 200
    found: list[dict[str, object]] = response.json()
    return found
