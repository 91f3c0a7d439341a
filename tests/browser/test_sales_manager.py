"""The sales manager: territories, reps, orders by state, each to its history; a rep sees his own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import PHONE, People, check_page
from tests.browser.platform import Platform

MONA = ("mona", "sales_manager")


def post(platform: Platform, path: str, body: object) -> dict[str, str]:
    answer: dict[str, str] = platform["sfa"].post(path, body, *MONA)
    return answer


def customer(platform: Platform, name: str, territory: str = "") -> str:
    changes = {"given_name": name, "family_name": "Sol"}
    member = post(platform, "/customers", {"changes": changes})["customer"]
    if territory:
        post(platform, f"/customers/{member}/territory", {"territory": territory})
    return member


def ordered(platform: Platform, member: str) -> str:
    promised = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    return post(platform, f"/customers/{member}/orders", {"product": "fiber", "promised": promised})["order"]


@pytest.fixture(scope="module")
def force(platform: Platform) -> dict[str, str]:
    """A region with two territories, their reps and customers, and an order."""
    post(platform, "/products", {"product": "fiber", "name": "Fiber", "unit_price": 4_500})
    for id, parent in (("north", ""), ("milan", "north"), ("turin", "north")):
        post(platform, "/territories", {"territory": id, "name": id.title(), "parent": parent})
    for id, rep in (("milan", "rita"), ("turin", "nino")):
        post(platform, f"/territories/{id}/reps", {"rep": rep})
    made = {name: customer(platform, name, "milan") for name in ("Alba", "Brio", "Caro")}
    return made | {"order": ordered(platform, made["Alba"])}


def mona(people: People, path: str, **how: object) -> Page:
    return people.open("sfa", path, *MONA, **how)  # type: ignore[arg-type]


@pytest.mark.usefixtures("force")
def test_from_the_tree_over_a_territorys_orders_to_an_orders_history(people: People, force: dict[str, str]) -> None:
    page = mona(people, "/territories")
    expect(page.get_by_role("row", name="Milan")).to_contain_text("rita")
    check_page(page, "sales-territories")
    page.get_by_role("row", name="North").get_by_role("link", name="1", exact=True).click()
    expect(page.locator("figure canvas")).to_be_visible()
    expect(page.get_by_role("row", name="Alba Sol")).to_contain_text("placed")
    check_page(page, "sales-orders")
    page.locator(f'a[href="/orders/{force["order"]}"]').click()
    expect(page.get_by_role("heading", name="History")).to_be_visible()
    check_page(page, "sales-order")


def test_an_order_goes_from_step_to_step_by_keys(people: People, platform: Platform, force: dict[str, str]) -> None:
    page = mona(people, f"/orders/{ordered(platform, force['Brio'])}")
    page.keyboard.press("y")
    wrong = page.get_by_role("dialog", name="Something is wrong")
    wrong.get_by_label("What is wrong").select_option("technical")
    check_page(page)
    wrong.get_by_role("button", name="Delay").click()
    expect(page.locator(".timeline li").first).to_contain_text("delayed: technical problem")
    page.keyboard.press("p")
    expect(page.locator(".timeline li").first).to_contain_text("provisioned")
    page.keyboard.press("d")
    expect(page.locator(".timeline li").first).to_contain_text("delivered: remote")
    expect(page.locator(".timeline li")).to_have_count(4)
    expect(page.get_by_text("Next step")).to_have_count(0)


def test_customers_are_moved_together_with_a_look_before_and_an_undo(
    people: People, platform: Platform, force: dict[str, str]
) -> None:
    page = mona(people, "/territories/milan")
    ask = page.get_by_role("button", name="See what that changes")
    expect(ask).to_be_disabled()
    page.get_by_label("Brio Sol").check()
    page.get_by_label("Caro Sol").check()
    page.get_by_label("Move those who are chosen to").select_option("turin")
    ask.click()
    changes = page.locator("#what-changes")
    expect(changes).to_contain_text("2 customers: Milan → Turin.")
    expect(changes).to_contain_text("Look after them from then on: nino")
    expect(changes).to_contain_text("their devices forget them: rita")
    check_page(page, "sales-territory")
    page.keyboard.press("g")
    expect(page.get_by_text("Moved. It can be undone on this page.")).to_be_visible()
    expect(page.get_by_role("link", name="Caro Sol")).to_have_count(0)
    page.goto(people.platform.urls["sfa"] + "/territories/turin")
    expect(page.get_by_role("link", name="Caro Sol")).to_be_visible()
    page.keyboard.press("z")
    expect(page.get_by_text("They are back where they were.")).to_be_visible()
    expect(page.get_by_role("link", name="Caro Sol")).to_have_count(0)
    shown = platform["sfa"].get("/territories/milan/customers", *MONA)
    assert {force["Brio"], force["Caro"]} <= set(shown)


@pytest.mark.usefixtures("force")
def test_one_box_chooses_all_customers_of_a_page(people: People) -> None:
    page = mona(people, "/territories/milan")
    boxes = page.locator('tbody input[type="checkbox"]')
    page.get_by_label("Choose all of this page").check()
    expect(page.locator("[data-chosen]")).to_have_text(str(boxes.count()))
    boxes.first.uncheck()
    expect(page.locator("[data-chosen]")).to_have_text(str(boxes.count() - 1))
    expect(page.get_by_label("Choose all of this page")).not_to_be_checked()


@pytest.mark.usefixtures("force")
def test_a_rep_is_seen_with_territories_orders_and_requests(people: People) -> None:
    page = mona(people, "/reps")
    check_page(page, "sales-reps")
    page.get_by_role("link", name="rita").click()
    expect(page.get_by_role("link", name="Milan")).to_be_visible()
    check_page(page, "sales-rep")


@pytest.mark.usefixtures("force")
def test_a_price_is_written_as_people_know_it(people: People) -> None:
    page = mona(people, "/products")
    page.keyboard.press("a")
    new = page.get_by_role("dialog", name="New product")
    new.get_by_label("Code").fill("caller-id")
    new.get_by_label("Name").fill("Caller ID")
    new.get_by_label("Price in USD").fill("19.99")
    check_page(page)
    new.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row", name="Caller ID")).to_contain_text("$19.99")
    check_page(page, "sales-products")


def test_a_customer_is_found_and_orders(people: People, force: dict[str, str]) -> None:
    page = mona(people, "/")
    page.get_by_label("Number, e-mail or name").fill("alba sol")
    page.keyboard.press("Enter")
    check_page(page, "sales-customers")
    page.get_by_role("link", name="Alba Sol").click()
    check_page(page, "sales-customer")
    page.keyboard.press("o")
    new = page.get_by_role("dialog", name="New order")
    new.get_by_label("Product").select_option("fiber")
    new.get_by_role("button", name="Take the order").click()
    expect(page.get_by_role("heading", name="Order", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="Alba Sol")).to_be_visible()


@pytest.mark.usefixtures("force")
def test_a_rep_sees_his_own_orders_and_no_figures_of_all(people: People, platform: Platform) -> None:
    customer(platform, "Zeno", "turin")
    page = people.open("sfa", "/orders", "rita", "rep", width=PHONE)
    expect(page.get_by_role("row", name="Alba Sol").first).to_be_visible()
    expect(page.get_by_text("of the last half-year")).to_have_count(0)
    check_page(page)
    page.goto(people.platform.urls["sfa"] + "/territories/turin")
    expect(page.get_by_role("link", name="Zeno Sol")).to_have_count(0)


def test_an_order_appears_on_the_board_while_somebody_looks_and_what_is_typed_stays(
    people: People, platform: Platform, force: dict[str, str]
) -> None:
    board = mona(people, "/orders?state=placed&territory=milan")
    of_customer = mona(people, f"/customers/{force['Caro']}")
    of_rep = people.open("sfa", "/orders", "rita", "rep", width=PHONE)
    page = mona(people, "/territories/milan")
    for one in (board, of_customer, of_rep, page):
        expect(one.get_by_role("heading", level=1)).to_be_visible()
        one.evaluate("window.stays = true")
    board.get_by_label("State").select_option("late")
    of_customer.keyboard.press("e")
    city = of_customer.get_by_label("City")
    city.fill("Lec")
    page.get_by_label("Brio Sol").check()
    order = ordered(platform, force["Caro"])
    for one in (board, of_customer, of_rep):
        expect(one.locator(f'a[href="/orders/{order}"]')).to_have_count(1)
    row = page.get_by_role("row", name="Caro Sol")
    expect(row.get_by_role("cell").last).to_have_text("1")
    expect(board.get_by_label("State")).to_have_value("late")
    expect(city).to_be_focused()
    expect(city).to_have_value("Lec")
    expect(page.get_by_label("Brio Sol")).to_be_checked()
    expect(page.locator("[data-chosen]")).to_have_text("1")
    post(platform, f"/orders/{order}/provision", {})
    expect(of_customer.get_by_role("row", name="provisioned")).to_have_count(1)
    expect(board.locator(f'a[href="/orders/{order}"]')).to_have_count(0)
    for one in (board, of_customer, of_rep, page):
        assert one.evaluate("window.stays")


def test_an_order_of_another_territory_is_told_to_nobody_who_may_not_see_it(
    people: People, platform: Platform, force: dict[str, str]
) -> None:
    told = customer(platform, "Dora", "milan")
    hidden = customer(platform, "Zora", "turin")
    everything, page = mona(people, "/orders"), people.open("sfa", "/orders", "rita", "rep")
    asked: list[str] = []
    expect(page.get_by_role("row", name="Alba Sol").first).to_be_visible()
    with page.expect_response(lambda response: response.url.endswith("/orders")):
        ordered(platform, told)
    expect(page.get_by_role("row", name="Dora Sol")).to_be_visible()
    page.on("request", lambda request: asked.append(request.url))
    ordered(platform, hidden)
    expect(everything.get_by_role("row", name="Zora Sol")).to_be_visible()
    with page.expect_response(lambda response: response.url.endswith("/orders")):
        ordered(platform, told)
    expect(page.get_by_role("row", name="Dora Sol")).to_have_count(2)
    assert len(asked) == 1
    expect(page.get_by_role("row", name="Zora Sol")).to_have_count(0)


@pytest.mark.parametrize(
    "path", ["/", "/orders", "/territories", "/territories/milan", "/reps", "/reps/rita", "/requests", "/products"]
)
@pytest.mark.usefixtures("force")
def test_pages_fit_a_phone_in_the_dark_and_in_spanish(people: People, path: str) -> None:
    page = mona(people, path, width=PHONE, dark=True, language="es")
    expect(page.locator("html")).to_have_attribute("lang", "es")
    check_page(page)
