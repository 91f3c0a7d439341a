"""Markup and formulas in every text that people write: shown as text, and never run."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.people import People
from tests.browser.platform import Platform

EVIL = """<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'"=1+1"""
MARK = "=1+1"
"""The end of it; stands in the text of each page that shows it."""
REP, MANAGER, AGENT = ("rep",), ("sales_manager",), ("agent",)


@pytest.fixture(scope="module")
def written(platform: Platform) -> dict[str, str]:
    """A customer about whom everybody wrote the same; where it is shown."""
    center, sfa = platform["callcenter"], platform["sfa"]
    fields = {"given_name": EVIL, "family_name": EVIL, "city": EVIL, "notes": EVIL}
    member = str(center.post("/customers", {"changes": fields}, "anna", *AGENT)["customer"])
    case = center.post("/cases", {"customer": member, "subject": EVIL, "reason": "billing"}, "anna", *AGENT)["case"]
    sfa.post("/products", {"product": "evil", "name": EVIL, "unit_price": 100}, "samuel", *MANAGER)
    sfa.post("/territories", {"territory": "evil", "name": EVIL}, "samuel", *MANAGER)
    platform.settle()
    lines = [{"product": "evil", "quantity": 1}]
    order = sfa.post("/orders", {"customer": member, "lines": lines}, "samuel", *MANAGER)["order"]
    platform.settle()
    return {"member": member, "case": str(case), "order": str(order)}


PAGES = (
    ("callcenter", "/customers/{member}", "anna", AGENT),
    ("callcenter", "/cases/{case}", "anna", AGENT),
    ("callcenter", "/cases", "anna", AGENT),
    ("sfa", "/customers/{member}", "samuel", MANAGER),
    ("sfa", "/orders/{order}", "samuel", MANAGER),
    ("sfa", "/products", "samuel", MANAGER),
    ("sfa", "/territories", "samuel", MANAGER),
    ("sync", "/customers/{member}", "omar", ("operator",)),
    ("sync", "/customers/{member}/record", "omar", ("operator",)),
)


@pytest.mark.parametrize(("service", "path", "actor", "roles"), PAGES, ids=lambda value: str(value))
def test_markup_is_shown_as_text(
    people: People, written: dict[str, str], service: str, path: str, actor: str, roles: tuple[str, ...]
) -> None:
    page = people.open(service, path.format(**written), actor, *roles)
    expect(page.get_by_text(MARK).first).to_be_attached()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src='x']").count() == 0
