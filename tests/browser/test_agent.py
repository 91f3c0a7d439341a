"""The agent's desk in a real browser: calls over whatever is being done, and a review by few keys."""

from __future__ import annotations

import uuid
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.people import PHONE, People, check_page

AGENT = ("agent",)


def ring(people: People, agent: str, number: str, **more: Any) -> dict[str, Any]:
    body = {"call": str(uuid.uuid4()), "number": number, "queue": "billing", "agent": agent, **more}
    answer: dict[str, Any] = people.platform["callcenter"].post("/telephony/ring", body, "pbx", "telephony")
    return answer


def register(people: People, **changes: Any) -> str:
    body = {"changes": {"given_name": "Ada", "family_name": "Lovelace", **changes}}
    return str(people.platform["callcenter"].post("/customers", body, "anna", "agent")["customer"])


def calls(page: Page) -> Any:
    return page.get_by_role("region", name="Calls")


def ringing(page: Page, words: str) -> Any:
    return calls(page).locator("article.call").filter(has_text=words)


def answer(page: Page) -> None:
    """Take the call that pops up."""
    expect(calls(page).get_by_role("button", name="Answer").first).to_be_visible()
    page.keyboard.press("a")


def test_a_call_pops_up_over_what_is_typed_and_takes_nothing_away(people: People) -> None:
    register(people, phone="+1 555 010 0801")
    other = register(people, given_name="Grace", family_name="Hopper")
    page = people.open("callcenter", f"/customers/{other}", "agnes", *AGENT)
    page.get_by_text("Open a case").click()
    subject = page.get_by_label("What is asked for")
    subject.fill("The line crackles since Monday")
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
    ring(people, "agnes", "+1 555 010 0801")
    expect(calls(page).get_by_role("heading", name="Ada Lovelace")).to_be_visible()
    expect(page.locator("#announced")).to_contain_text("Ada Lovelace")
    expect(page).to_have_title("☎ Ada Lovelace")
    expect(subject).to_be_focused()
    page.keyboard.type("of ")
    expect(subject).to_have_value("The line crackles since of Monday")
    check_page(page, "agent-call")
    page.keyboard.press("Alt+a")
    expect(calls(page).get_by_text("in conversation")).to_be_visible()
    expect(subject).to_have_value("The line crackles since of Monday")
    assert page.evaluate("document.querySelector('[name=subject]').selectionStart") == 27


def test_the_common_review_takes_no_more_than_six_keys(people: People) -> None:
    strokes = 0

    def press(key: str) -> None:
        nonlocal strokes
        strokes += 1
        page.keyboard.press(key)

    rung = ring(people, "brenda", "+1 555 010 0802")
    page = people.open("callcenter", "/", "brenda", *AGENT)
    answer(page)
    expect(page.get_by_role("heading", name="Review")).to_be_visible()
    check_page(page, "agent-desk")
    expect(page.locator("#presence summary")).to_contain_text("In conversation")
    press("w")
    press("3")
    press("1")
    press("5")
    press("Enter")
    expect(page.get_by_text("You are in no contact.")).to_be_visible()
    assert strokes <= 6
    contact = people.platform["callcenter"].get(f"/contacts/{rung['contact']}", "brenda", "agent")
    assert (contact["state"], contact["reason"], contact["outcome"], contact["satisfaction"]) == (
        "wrapped_up",
        "fault",
        "solved",
        5,
    )


def test_what_a_queue_usually_says_is_one_key(people: People) -> None:
    for number in range(2):
        rung = ring(people, "carol", f"+1 555 010 081{number}", queue="technical")
        callcenter = people.platform["callcenter"]
        callcenter.post(f"/contacts/{rung['contact']}/answer", {}, "carol", "agent")
        review = {"reason": "complaint", "outcome": "call_back"}
        callcenter.post(f"/contacts/{rung['contact']}/wrap-up", review, "carol", "agent")
    ring(people, "carol", "+1 555 010 0812", queue="technical")
    page = people.open("callcenter", "/", "carol", *AGENT)
    answer(page)
    expect(page.get_by_role("heading", name="Review")).to_be_visible()
    for key in ("w", "1"):
        page.keyboard.press(key)
    expect(page.get_by_role("radio", name="Complaint")).to_be_checked()
    expect(page.get_by_role("radio", name="To be called back")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.get_by_text("You are in no contact.")).to_be_visible()


def test_what_stands_in_a_review_stays_while_others_call(people: People) -> None:
    ring(people, "dora", "+1 555 010 0803")
    page = people.open("callcenter", "/", "dora", *AGENT)
    answer(page)
    note = page.get_by_role("textbox", name="Note", exact=True)
    note.fill("Wants to be called in the morning")
    page.keyboard.press("Alt+w")
    page.keyboard.press("4")
    ring(people, "dora", "+1 555 010 0804")
    expect(ringing(page, "+1 555 010 0804")).to_be_visible()
    expect(note).to_have_value("Wants to be called in the morning")
    expect(page.get_by_role("radio", name="Bill or payment")).to_be_checked()


def test_a_browser_that_was_away_shows_the_present(people: People) -> None:
    page = people.open("callcenter", "/", "erin", *AGENT)
    expect(page.get_by_text("You are in no contact.")).to_be_visible()
    page.context.set_offline(True)
    ring(people, "erin", "+1 555 010 0805")
    page.context.set_offline(False)
    expect(ringing(page, "+1 555 010 0805")).to_be_visible()
    answer(page)
    expect(page.get_by_role("heading", name="Review")).to_be_visible()
    # What couldn't be asked meanwhile was said aloud, as it should be.
    people.wrong[:] = [each for each in people.wrong if "htmx:" not in each]


def test_two_pages_of_one_agent_show_the_same(people: People) -> None:
    first = people.open("callcenter", "/", "fay", *AGENT)
    second = first.context.new_page()
    second.goto(people.platform.urls["callcenter"] + "/cases")
    ring(people, "fay", "+1 555 010 0806")
    for page in (first, second):
        expect(ringing(page, "+1 555 010 0806")).to_be_visible()
    answer(second)
    expect(calls(second).get_by_text("in conversation")).to_be_visible()
    expect(first.get_by_role("heading", name="Review")).to_be_visible()
    expect(calls(first).get_by_role("button", name="Answer")).to_have_count(0)


def test_an_agent_says_that_he_has_a_break_and_everybody_sees_it(people: People) -> None:
    page = people.open("callcenter", "/", "gina", *AGENT)
    expect(page.locator("#presence summary")).to_contain_text("Available")
    page.keyboard.press("p")
    page.get_by_role("button", name="Break: meal").click()
    expect(page.locator("#presence summary")).to_contain_text("Break: meal")
    page.locator("#queue-billing").check()
    wall = people.open("callcenter", "/supervisor", "sara", "supervisor")
    row = wall.get_by_role("row").filter(has=wall.get_by_role("rowheader", name="Gina"))
    expect(row).to_contain_text("Break: meal")
    expect(row).to_contain_text("Billing")


def test_who_leaves_something_unsent_or_a_customer_is_asked_first(people: People) -> None:
    page = people.open("callcenter", "/", "hana", *AGENT)
    asked: list[str] = []

    def dismiss(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", dismiss)
    ring(people, "hana", "+1 555 010 0807")
    answer(page)
    expect(page.get_by_role("heading", name="Review")).to_be_visible()
    # To another page in here no call is lost.
    page.get_by_role("link", name="Open cases").click()
    expect(page.get_by_role("heading", name="Open cases")).to_be_visible()
    expect(calls(page).get_by_text("in conversation")).to_be_visible()
    assert asked == []
    page.get_by_role("heading", name="Open cases").click()
    page.evaluate("location.href = 'about:blank'")
    expect(page.get_by_role("heading", name="Open cases")).to_be_visible()
    assert asked == ["beforeunload"]


def test_the_customer_is_known_at_a_glance_with_the_age_of_all_of_it(people: People) -> None:
    member = register(people, given_name="Katherine", family_name="Johnson", phone="+1 555 010 0808")
    order = {"customer": member, "lines": [{"product": "line", "quantity": 2}]}
    sfa = people.platform["sfa"]
    sfa.post("/products", {"product": "line", "name": "Line", "unit_price": 4_200}, "ivo", "sales_manager")
    people.platform.settle()
    placed = sfa.post("/orders", order, "ivo", "sales_manager")
    assert placed
    for name in ("sfa", "marketing"):
        people.platform[name].report()
    people.platform.settle()
    ring(people, "iris", "+1 555 010 0808")
    page = people.open("callcenter", "/", "iris", *AGENT)
    pop = calls(page)
    expect(pop.get_by_role("heading", name="Katherine Johnson")).to_be_visible()
    expect(pop.get_by_text("customer", exact=True)).to_be_visible()
    expect(pop.get_by_text("$84.00")).to_be_visible()
    answer(page)
    desk = page.locator("#current")
    expect(desk.get_by_text("$84.00").first).to_be_visible()
    expect(desk.get_by_text("2 Line").first).to_be_visible()
    expect(desk.get_by_text("as of").first).to_be_visible()
    check_page(page, "agent-glance")
    page.goto(people.platform.urls["callcenter"] + f"/customers/{member}")
    timeline = page.locator("#timeline")
    expect(timeline.get_by_text("Order: ordered")).to_be_visible()
    timeline.get_by_role("button", name="Contacts").click()
    expect(timeline.get_by_text("Order: ordered")).to_have_count(0)
    body = {"customer": member, "reason": "fault", "subject": "No dial tone"}
    timeline.get_by_role("button", name="Cases").click()
    people.platform["callcenter"].post("/cases", body, "iris", "agent")
    expect(timeline.get_by_text("No dial tone")).to_be_visible()
    check_page(page, "agent-customer")


def test_a_case_shows_its_clock_and_is_solved_on_its_page(people: People) -> None:
    member = register(people)
    body = {"customer": member, "reason": "fault", "subject": "No dial tone in the kitchen"}
    case = people.platform["callcenter"].post("/cases", body, "jane", "agent")["case"]
    page = people.open("callcenter", f"/cases/{case}", "jane", *AGENT)
    clock = page.locator(".clock[data-limits]")
    expect(clock).to_have_text("0:02 immediate")
    check_page(page, "agent-case")
    page.get_by_label("Solution").fill("A new cable")
    page.get_by_role("button", name="The customer has the solution").click()
    expect(page.get_by_text("A new cable")).to_be_visible()
    expect(page.get_by_text("immediate").first).to_be_visible()


def test_an_agents_pages_are_used_on_a_phone_in_the_dark_and_in_spanish(people: People) -> None:
    rung = ring(people, "kay", "+1 555 010 0809")
    page = people.open("callcenter", "/", "kay", *AGENT, width=PHONE, dark=True, language="es")
    page.get_by_role("button", name="Atender").click()
    expect(page.get_by_role("heading", name="Valoración")).to_be_visible()
    check_page(page, "agent-desk-phone")
    for path in (f"/customers/{rung['customer']}", f"/contacts/{rung['contact']}", "/cases"):
        page.goto(people.platform.urls["callcenter"] + path)
        check_page(page)
