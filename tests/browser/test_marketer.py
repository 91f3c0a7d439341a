"""The marketer: sees a segment and why it is as it is, tries another rule, and asks who was in it on a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from shared.events.envelope import new_id
from tests.browser.people import PHONE, People, check_page
from tests.browser.platform import Platform

MONA = ("mona", "sales_manager")
ANNA = ("anna", "agent")
SEGMENT = "/segments/high_value"


def ago(days: int) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def customer(platform: Platform, name: str, *orders: tuple[int, int]) -> str:
    """A customer with orders: (days ago, cents)."""
    sales = platform["sfa"]
    changes = {"given_name": name, "family_name": "Moreno"}
    member = str(sales.post("/customers", {"changes": changes}, *MONA)["customer"])
    line = {"product": "line", "quantity": 1}
    past = [
        {"key": new_id(), "customer": member, "lines": [line], "at": ago(days).isoformat(), "total": cents}
        for days, cents in orders
    ]
    if past:
        sales.post("/orders/import", {"origin": "old", "orders": past}, "loader", "importer")
    return member


def reviewed(platform: Platform, member: str, *scores: int) -> None:
    """The customer says of contacts how satisfied it is."""
    center = platform["callcenter"]
    for score in scores:
        ring = {"call": new_id(), "number": "", "queue": "general", "customer": member}
        contact = center.post("/telephony/ring", ring, "pbx", "telephony")["contact"]
        center.post(f"/contacts/{contact}/answer", {}, *ANNA)
        review = {"reason": "billing", "outcome": "solved", "satisfaction": score}
        center.post(f"/contacts/{contact}/wrap-up", review, *ANNA)


@pytest.fixture(scope="module")
def market(platform: Platform) -> dict[str, str]:
    """Ada and Bea are worth much, Cora was, Dan never."""
    platform["sfa"].post("/products", {"product": "line", "name": "Line", "unit_price": 2_000}, *MONA)
    made = {
        "ada": customer(platform, "Ada", (40, 300_00), (10, 400_00)),
        "bea": customer(platform, "Bea", (200, 900_00)),
        "cora": customer(platform, "Cora", (370, 700_00)),
        "dan": customer(platform, "Dan", (3, 100_00)),
    }
    platform.settle()
    for who, scores in (("ada", (5, 4)), ("bea", (5,)), ("dan", (2, 1, 2))):
        reviewed(platform, made[who], *scores)
    platform["callcenter"].report()
    platform["sfa"].report()
    platform.settle()
    return made


def mara(people: People, path: str, **how: object) -> Page:
    return people.open("marketing", path, "mara", "marketer", **how)  # type: ignore[arg-type]


@pytest.mark.usefixtures("market")
def test_the_start_shows_segments_with_their_size_and_how_old_that_is(people: People) -> None:
    page = mara(people, "/")
    expect(page.get_by_role("row", name="High value")).to_contain_text("2")
    expect(page.get_by_text("1 left")).to_be_visible()
    expect(page.get_by_text("Call center:")).to_be_visible()
    check_page(page, "marketer-start")
    page.keyboard.press("1")
    expect(page.get_by_role("heading", name="High value", level=1)).to_be_visible()


@pytest.mark.usefixtures("market")
def test_a_segment_at_a_glance_leads_to_who_entered_and_why(people: People) -> None:
    page = mara(people, SEGMENT)
    expect(page.get_by_text("Who ordered for $500.00 at least in the last 365 days.")).to_be_visible()
    expect(page.locator("figure canvas")).to_be_visible()
    check_page(page, "marketer-segment")
    page.get_by_role("link", name="30 days").click()
    expect(page.locator("figure tbody tr")).to_have_count(31)
    page.keyboard.press("m")
    row = page.get_by_role("row", name="Ada Moreno")
    expect(row).to_contain_text("$300.00")
    expect(row).to_contain_text("$400.00")
    expect(page.get_by_role("row", name="what counted fell out of the window")).to_contain_text("Cora Moreno")
    check_page(page, "marketer-moves")
    page.get_by_label("Day").fill(ago(10).date().isoformat())
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("row", name="Moreno")).to_have_count(1)
    page.get_by_role("link", name="Ada Moreno").click()
    expect(page.get_by_text("is in the segment").first).to_be_visible()
    expect(page.get_by_role("table")).to_contain_text("$400.00")
    check_page(page, "marketer-customer")


@pytest.mark.usefixtures("market")
def test_who_was_in_it_on_a_day_has_an_answer(people: People) -> None:
    page = mara(people, f"{SEGMENT}/members")
    expect(page.get_by_role("row", name="Moreno")).to_have_count(2)
    page.keyboard.press("d")
    page.get_by_label("At the end of the day").fill(ago(100).date().isoformat())
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name="Cora Moreno")).to_contain_text("$700.00")
    expect(page.get_by_role("row", name="Ada Moreno")).to_have_count(0)
    check_page(page, "marketer-members")


@pytest.mark.usefixtures("market")
def test_satisfaction_in_the_segment_is_shown_beside_that_outside(people: People) -> None:
    page = mara(people, SEGMENT)
    page.keyboard.press("s")
    expect(page.get_by_text("3 reviews")).to_have_count(2)
    expect(page.get_by_text("That is hardly chance.")).to_be_visible()
    expect(page.locator("figure canvas")).to_have_count(2)
    check_page(page, "marketer-satisfaction")


@pytest.mark.usefixtures("market")
def test_a_rule_is_tried_before_it_stands(people: People, platform: Platform) -> None:
    page = mara(people, SEGMENT)
    page.keyboard.press("r")
    rule = page.get_by_role("dialog", name="Another rule")
    rule.get_by_label("Orders of at least, in USD").fill("99.50")
    rule.get_by_role("button", name="Who would enter, who would leave?").click()
    expect(rule.get_by_text("3 customers would be in it.")).to_be_visible()
    expect(rule.get_by_role("link", name="Dan Moreno")).to_be_visible()
    check_page(page, "marketer-rule")
    rule.get_by_label("Days that count").fill("0")
    rule.get_by_role("button", name="Who would enter, who would leave?").click()
    expect(rule.get_by_text("3 customers would be in it.")).to_be_visible()  # nothing was asked
    assert platform["marketing"].get(SEGMENT, "mara", "marketer")["at_least"] == 500_00
    rule.get_by_label("Days that count").fill("365")
    rule.get_by_label("Orders of at least, in USD").fill("600")
    rule.get_by_role("button", name="Let this rule stand").click()
    expect(page.get_by_text("Who ordered for $600.00 at least in the last 365 days.")).to_be_visible()
    platform["marketing"].post(f"{SEGMENT}/define", {"window_days": 365, "at_least": 500_00}, "mara", "marketer")


def test_a_rule_asks_what_departments_defined(people: People, platform: Platform, market: dict[str, str]) -> None:
    field = {"kind": "customer_field", "code": "floors", "label": "Floors", "label_es": "Pisos", "form": "number"}
    platform["sfa"].post("/definitions", field, *MONA)
    platform.settle()
    platform["sfa"].post(f"/customers/{market['bea']}/edit", {"changes": {"custom.floors": "4"}}, *MONA)
    platform.settle()
    page = mara(people, SEGMENT)
    page.keyboard.press("r")
    rule = page.get_by_role("dialog", name="Another rule")
    rule.get_by_text("What departments ask in fields of their own").click()
    rule.get_by_label("The customer: Floors at least").fill("3")
    rule.get_by_role("button", name="Who would enter, who would leave?").click()
    expect(rule.get_by_text("1 customer would be in it.")).to_be_visible()
    expect(rule.get_by_text("The customer: Floors at least 3")).to_be_visible()
    check_page(page, "marketer-conditions")
    rule.get_by_role("button", name="Let this rule stand").click()
    expect(page.get_by_text("The customer: Floors at least 3").first).to_be_visible()
    platform.settle()
    expect(page.get_by_text("1 customer is in it.")).to_be_visible()
    spanish = mara(people, SEGMENT, language="es", width=PHONE)
    expect(spanish.get_by_text("El cliente: Pisos como mínimo 3").first).to_be_visible()
    platform["marketing"].post(f"{SEGMENT}/define", {"window_days": 365, "at_least": 500_00}, "mara", "marketer")
    platform.settle()


@pytest.mark.usefixtures("market")
@pytest.mark.parametrize("path", ["/", SEGMENT, f"{SEGMENT}/moves", f"{SEGMENT}/members", f"{SEGMENT}/satisfaction"])
def test_pages_fit_a_phone_in_the_dark_and_in_spanish(people: People, path: str) -> None:
    page = mara(people, path, width=PHONE, dark=True, language="es")
    expect(page.locator("html")).to_have_attribute("lang", "es")
    check_page(page)


@pytest.mark.usefixtures("market")
def test_who_enters_while_somebody_looks_is_seen_and_what_is_typed_stays(people: People, platform: Platform) -> None:
    page, moves = mara(people, SEGMENT), mara(people, f"{SEGMENT}/moves")
    late = customer(platform, "Eva")
    platform.settle()
    profile = mara(people, f"/customers/{late}")
    expect(profile.get_by_text("Never was in the segment.")).to_be_visible()
    for one in (page, moves, profile):
        one.evaluate("window.stays = true")
    page.keyboard.press("r")
    name = page.get_by_role("dialog", name="Another rule").get_by_label("Name")
    name.fill("Best of")
    size = page.locator(".card", has_text="Customers now").locator(".stat")
    before = int(size.inner_text())
    line = {"product": "line", "quantity": 40}
    platform["sfa"].post("/orders", {"customer": late, "lines": [line]}, *MONA)
    expect(size).to_have_text(str(before + 1))
    expect(page.get_by_role("link", name="Eva Moreno", include_hidden=True)).to_have_count(1)
    expect(moves.get_by_role("row", name="Eva Moreno")).to_have_count(1)
    expect(profile.get_by_text("is in the segment").first).to_be_visible()
    expect(name).to_be_focused()
    expect(name).to_have_value("Best of")
    for one in (page, moves, profile):
        assert one.evaluate("window.stays")


def test_who_may_only_read_is_offered_no_other_rule(people: People) -> None:
    page = people.open("marketing", SEGMENT, "sue", "supervisor")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("button", name="Change the rule")).to_have_count(0)
