"""Who may see what in marketing, field by field, and what the audit log says of it."""

from __future__ import annotations

from shared.access.actions import Action
from shared.access.grants import Grant
from shared.events.customer import CustomerRegistered
from tests.builders import claim, done, heard
from tests.integration.marketing.market import Market, ago, members, placed
from tests.roles import audited, have_role

SEGMENT = "/segments/high_value"


def known(market: Market) -> str:
    """A customer that is in the segment."""
    (ada,) = members(1)
    told = CustomerRegistered(claims=(claim("given_name", "Ada"), claim("family_name", "Quimby")))
    market.hear(heard(ada, told), placed(ada, 600_00, ago(days=40)))
    market.settle()
    return ada


def test_a_name_is_masked_in_the_profile_and_in_lists(fresh: Market) -> None:
    ada = known(fresh)
    fields = ("given_name", "company")
    have_role(fresh.service, "half", Grant(Action.CUSTOMER_READ, fields=fields), Grant(Action.SEGMENT_READ))
    profile = done(fresh.get(f"/customers/{ada}/profile", "half"))["profile"]
    assert (profile["name"], profile["masked"]) == ("Ada", ["name"])
    for path in (SEGMENT, f"{SEGMENT}/moves", f"{SEGMENT}/members", f"/customers/{ada}"):
        page = fresh.get(path, "half", html=True).text
        assert "Ada" in page, path
        assert "hidden from your role" in page, path
        assert "Quimby" not in page, path
        assert "hidden from your role" not in fresh.get(path, html=True).text
    assert done(fresh.get(f"/customers/{ada}/profile"))["profile"]["masked"] == []


def test_lists_name_nobody_to_who_may_not_see_customers(fresh: Market) -> None:
    ada = known(fresh)
    have_role(fresh.service, "counts", Grant(Action.SEGMENT_READ))
    page = fresh.get(SEGMENT, "counts", html=True)
    assert page.status_code == 200
    assert "hidden from your role" in page.text
    assert "Ada" not in page.text
    assert fresh.get(f"/customers/{ada}/profile", "counts").status_code == 403
    assert fresh.get(f"/customers/{ada}", "counts", html=True).status_code == 403


def test_counting_needs_the_segments_own_grant(fresh: Market) -> None:
    known(fresh)
    have_role(fresh.service, "faces", Grant(Action.CUSTOMER_READ))
    body = {"window_days": 50, "at_least": 300_00}
    assert fresh.get("/segments/high_value", "faces").status_code == 403
    assert fresh.get("/", "faces", html=True).status_code == 403
    for html in (False, True):
        assert fresh.post("/segments/high_value/preview", body, "faces", html=html).status_code == 403
    have_role(fresh.service, "reader", Grant(Action.SEGMENT_READ))
    assert fresh.post("/segments/high_value/preview", body, "reader").status_code == 200
    assert fresh.post("/segments/high_value/define", body, "reader").status_code == 403
    assert "/segments/high_value/define" not in fresh.get(SEGMENT, "reader", html=True).text


def test_the_audit_log_says_who_looked_what_was_refused_and_what_changed(fresh: Market) -> None:
    ada = known(fresh)
    for _ in range(3):
        done(fresh.get(f"/customers/{ada}/profile"))
    fresh.get(f"/customers/{ada}/profile", "telephony")
    done(fresh.post("/segments/high_value/define", {"window_days": 30, "at_least": 7_00}, "marketer"))
    looked, refused, changed = audited(fresh.service, "mara")
    assert (looked.outcome, looked.action, looked.subjects) == ("looked", "customer.read", [f"customer/{ada}"])
    assert (refused.outcome, refused.subjects) == ("refused", [f"customer/{ada}"])
    assert (changed.outcome, changed.action) == ("changed", "segment.define")
    (event,) = changed.detail["events"]
    rule = {"name": "High value", "currency": "USD", "window_days": 365, "at_least": 500_00, "conditions": []}
    assert event["former"] == rule
