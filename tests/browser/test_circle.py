"""The whole circle as people would do it, each in a browser of his own: a rep sells, marketing sees, an agent
recognises, and the rep reads what the agent wrote. Between them only events."""

from __future__ import annotations

import re
import uuid

from playwright.sync_api import expect

from tests.browser.people import PHONE, People, check_page
from tests.browser.platform import Platform

NUMBER = "+1 212 555 0142"
ROUNDS = 20
SYNCHRONIZED = re.compile("^(?!.*Synchronizing).*last synchronized")


def prepared(platform: Platform) -> str:
    """A product, a territory with its rep, and a customer there whom the call center met; gives the customer."""
    sfa, center = platform["sfa"], platform["callcenter"]
    sfa.post("/products", {"product": "fiber", "name": "Fiber", "unit_price": 600_00}, "samuel", "sales_manager")
    sfa.post("/territories", {"territory": "north", "name": "North"}, "samuel", "sales_manager")
    sfa.post("/territories/north/reps", {"rep": "rosa"}, "samuel", "sales_manager")
    fields = {"given_name": "Ana", "family_name": "Diaz", "phone": NUMBER}
    customer = str(center.post("/customers", {"changes": fields}, "anna", "agent")["customer"])
    platform.settle()
    sfa.post(f"/customers/{customer}/territory", {"territory": "north"}, "samuel", "sales_manager")
    platform.settle()
    return customer


def test_a_rep_sells_marketing_sees_an_agent_recognises(platform: Platform, people: People) -> None:
    prepared(platform)

    rep = people.open("sync", "/handheld", "rosa", "rep", width=PHONE)
    rep.get_by_role("button", name="Make this my handheld").click()
    known = rep.get_by_role("link", name="Diaz").first
    for _ in range(ROUNDS):
        # What a new device is to know is worked out once the server has heard of it.
        platform.settle()
        rep.evaluate("dispatchEvent(new Event('online'))")
        expect(rep.locator("#line")).to_have_text(SYNCHRONIZED)
        if known.is_visible():
            break
    known.click()
    check_page(rep, "rep-customer")
    rep.locator("#do-order").click()
    rep.get_by_label("Product", exact=True).fill("fiber")
    rep.get_by_role("button", name="Keep").click()
    expect(rep.get_by_role("heading", name="Timeline")).to_be_visible()

    expect(rep.locator("#line")).not_to_contain_text("waiting", timeout=30_000)
    platform.settle()

    marketer = people.open("marketing", "/segments/high_value/members", "marta", "marketer")
    expect(marketer.get_by_role("link", name="Ana Diaz")).to_be_visible()
    check_page(marketer, "marketer-members")
    marketer.get_by_role("link", name="Ana Diaz").click()
    expect(marketer.get_by_text("600").first).to_be_visible()
    check_page(marketer, "marketer-profile")

    agent = people.open("callcenter", "/", "anna", "agent")
    body = {"call": str(uuid.uuid4()), "number": "(212) 555-0142", "queue": "billing", "agent": "anna"}
    platform["callcenter"].post("/telephony/ring", body, "pbx", "telephony")
    expect(agent.get_by_role("heading", name="Ana Diaz").first).to_be_visible()
    agent.keyboard.press("a")
    expect(agent.get_by_text("High value").first).to_be_visible()
    expect(agent.get_by_text("Fiber").first).to_be_visible()
    check_page(agent, "agent-circle")
    agent.keyboard.press("w")
    for key in ("1", "1", "Enter"):
        agent.keyboard.press(key)
    expect(agent.get_by_text("You are in no contact.")).to_be_visible()
    platform.settle()

    operator = people.open("sync", "/", "omar", "operator")
    operator.get_by_role("searchbox").fill("Diaz")
    operator.keyboard.press("Enter")
    operator.get_by_role("link", name="Ana Diaz").first.click()
    expect(operator.get_by_text("Fiber").first).to_be_visible()
    check_page(operator, "operator-timeline")
