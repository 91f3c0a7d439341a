"""The operator of the CRM server: finds everything from one box, sees why, and takes back what was wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from shared.events.callcenter import CaseOpened, ContactOffered, ContactWrappedUp
from shared.events.customer import CustomerEdited
from shared.events.envelope import new_id
from shared.events.sfa import OrderLine, OrderPlaced
from tests.browser.alone import Alone, alone, people_of
from tests.browser.people import PHONE, People, check_page
from tests.builders import claim
from tests.integration.sync.field import Carried, Field
from tests.servers import PostgresServer

SHARED = "+390612345678"


@pytest.fixture(scope="module")
def _server(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alone]:
    with alone(postgres, tmp_path_factory.mktemp("issuer")) as made:
        yield made


@pytest.fixture
def field(_server: Alone) -> Field:
    """Sync, before anything has happened but that Rita looks after the north."""
    _server.field.empty()
    _server.field.territory("north", "rita")
    return _server.field


@pytest.fixture
def people(chromium: Browser, _server: Alone) -> Iterator[People]:
    made = people_of(chromium, _server)
    yield made
    made.close()
    assert made.wrong == []


def olga(people: People, path: str, **how: object) -> Page:
    return people.open("sync", path, "olga", "operator", **how)  # type: ignore[arg-type]


def busy(field: Field) -> tuple[str, str, str]:
    """A customer of whom much was told; with ids of a case and an order."""
    member = field.customer(given_name="Ana", family_name="Bianchi", phone=SHARED, email="ana@example.org")
    field.assign(member, "north")
    stream, case, order = f"customer/{member}", new_id(), new_id()
    contact, line = new_id(), OrderLine(product="dsl", name="Fast internet", quantity=1, unit_price=2_900)
    field.told(
        field.callcenter,
        (stream, ContactOffered(contact=contact, channel="phone", queue="service", address=SHARED)),
        (
            stream,
            ContactWrappedUp(contact=contact, agent="anna", reason="no_signal", outcome="later", note="no dial"),
        ),
        (stream, CaseOpened(case=case, reason="fault", subject="The line is dead", requested=field.clock())),
    )
    placed = OrderPlaced(order=order, lines=(line,), total=2_900, currency="EUR", channel="desk")
    field.told(field.sfa, (stream, placed))
    return member, case, order


def test_one_box_finds_people_things_devices_and_territories(people: People, field: Field) -> None:
    member, case, order = busy(field)
    field.carried("rita")
    page = olga(people, "/")
    check_page(page, "operator-search")
    page.locator("h1").click()
    page.keyboard.press("/")
    box = page.get_by_role("searchbox")
    expect(box).to_be_focused()
    found = page.locator("#found")
    for words, heading, text in (
        ("bian", "Customers", "Ana Bianchi"),
        ("06 1234 5678", "Customers", "Ana Bianchi"),
        ("ana@ex", "Customers", "Ana Bianchi"),
        (member, "Customers", "Ana Bianchi"),
        (case, "Contacts, cases, orders, notes", case),
        (order[:18], "Contacts, cases, orders, notes", order),
        ("rita", "Devices", "rita"),
        ("nor", "Territories", "North"),
    ):
        box.fill(words)
        section = found.locator("section", has=page.get_by_role("heading", name=heading))
        expect(section).to_contain_text(text)
    box.fill(order)
    expect(found.locator("tbody tr")).to_have_count(1)
    check_page(page, "operator-found")
    page.get_by_role("link", name="Ana Bianchi").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ana Bianchi")
    box_again = olga(people, "/", language="es", width=PHONE, dark=True)
    box_again.get_by_role("searchbox").fill("nadie que se llame")
    expect(box_again.get_by_text("No se encontró nada.")).to_be_visible()
    check_page(box_again, "operator-nothing-found")


def test_a_timeline_is_narrowed_down_and_grows_while_it_is_read(people: People, field: Field) -> None:
    member, *_ = busy(field)
    page = olga(people, f"/customers/{member}")
    entries = page.locator("#timeline li")
    expect(page.locator("#timeline")).to_contain_text("The line is dead")
    check_page(page, "operator-customer")
    page.get_by_label("Kind").select_option("case")
    page.get_by_role("button", name="Filter").click()
    expect(entries).to_have_count(1)
    expect(entries).to_contain_text("Case opened")
    again = CaseOpened(case=new_id(), reason="fault", subject="Dead once more", requested=field.clock())
    field.told(field.callcenter, (f"customer/{member}", again))
    expect(entries).to_have_count(2)
    page.get_by_role("link", name="Everything", exact=True).click()
    page.get_by_label("Channel").select_option("desk")
    page.get_by_role("button", name="Filter").click()
    expect(entries).to_have_count(1)
    expect(entries).to_contain_text("Fast internet")
    page.get_by_label("Channel").select_option("")
    page.get_by_label("From (day, UTC)").fill("2027-01-01")
    page.evaluate("document.querySelector('#from').removeAttribute('max')")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("Nothing like that happened.")).to_be_visible()
    phone = olga(people, f"/customers/{member}", width=PHONE, dark=True)
    check_page(phone, "operator-customer-phone")


def test_who_were_joined_are_parted_for_a_reason_and_joined_again(people: People, field: Field) -> None:
    first = field.customer(given_name="Ana", family_name="Bianchi", phone=SHARED)
    second = field.customer(given_name="Ana", family_name="Bianchi", phone=SHARED, email="b@example.org")
    page = olga(people, f"/customers/{first}")
    same = page.locator("#same")
    expect(same).to_contain_text("the same phone number")
    same.get_by_role("link", name="Compare").click()
    expect(page.get_by_text("Now they are one customer.")).to_be_visible()
    parted = page.locator("section", has=page.get_by_role("heading", name="Not the same"))
    expect(parted.get_by_role("listitem")).to_have_count(2)
    check_page(page, "operator-compare")
    parted.get_by_label("Reason").select_option("household")
    parted.get_by_role("button", name="Not the same").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ana Bianchi")
    field.settle()
    expect(page.locator("#same")).to_contain_text("Nobody else.")
    page.goto(page.url.rpartition("/customers")[0] + "/suggestions")
    lately = page.locator("section", has=page.get_by_role("heading", name="Decided lately"))
    expect(lately).to_contain_text("They live in one household")
    expect(lately).to_contain_text("olga")
    check_page(page, "operator-suggestions")
    lately.get_by_role("button", name="Undo").click()
    expect(lately).to_contain_text("Same customer")
    field.settle()
    identity = field.operate("GET", f"/customers/{first}/same")
    assert [one["customer"] for one in identity["others"]] == [second]


def test_what_gave_way_stands_again_and_that_is_undone(people: People, field: Field) -> None:
    member = field.customer(given_name="Ana", city="Rome")
    at = field.clock()
    known = field.operate("GET", f"/customers/{member}")["fields"]
    saw = next(tuple(one["heads"]) for one in known if one["name"] == "city")
    rivals = [claim("city", v, made=at + timedelta(minutes=n), saw=saw) for n, v in enumerate(("Milan", "Turin"), 1)]
    for teller, one in zip((field.callcenter, field.sfa), rivals, strict=True):
        field.told(teller, (f"customer/{member}", CustomerEdited(claims=(one,))))
    page = olga(people, "/ledger")
    entry = page.get_by_role("listitem").filter(has=page.locator("del", has_text="Milan"))
    expect(entry).to_contain_text("Turin")
    expect(entry).to_contain_text("not looked at since")
    check_page(page, "operator-lost-values")
    entry.get_by_role("button", name="Let it stand again").click()
    expect(entry).to_contain_text("stands again")
    field.settle()
    assert city(field, member) == "Milan"
    entry.get_by_role("button", name="Undo: back to Turin").click()
    expect(entry).to_contain_text("settled since")
    assert city(field, member) == "Turin"
    page.get_by_label("State").select_option("open")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("listitem").filter(has=page.locator("del", has_text="Milan"))).to_have_count(0)


def city(field: Field, member: str) -> str:
    record = field.operate("GET", f"/customers/{member}")
    return next(str(one["value"]) for one in record["fields"] if one["name"] == "city")


@pytest.fixture
def carried(field: Field) -> Carried:
    return field.carried("rita")


def test_a_device_behind_is_seen_revoked_and_what_it_still_says_decided(
    people: People, field: Field, carried: Carried
) -> None:
    members = [busy(field)[0] for _ in range(3)]
    carried.device.synchronize()
    late = field.customer(given_name="New", family_name="Comer")
    field.assign(late, "north")
    page = olga(people, "/devices")
    row = page.get_by_role("row").filter(has_text="rita")
    expect(row.get_by_role("cell").nth(2)).to_have_text(re.compile("[1-9]"))
    row.get_by_role("button", name="Revoke").click()
    dialog = page.get_by_role("dialog")
    check_page(page, "operator-revoke")
    dialog.get_by_label("Reason").select_option("left")
    dialog.get_by_role("button", name="Revoke").click()
    expect(row).to_contain_text("the rep has left")
    field.push(carried, field.note(1, members[0], "written too late"), field.note(2, members[1], "and this"))
    page.reload()
    aside = page.locator("#aside")
    expect(aside).to_contain_text("written too late")
    check_page(page, "operator-devices")
    first, second = (aside.get_by_role("listitem").filter(has_text=text) for text in ("written too late", "and this"))
    first.get_by_label("Reason").fill("nobody knows why")
    first.get_by_role("button", name="Discard").click()
    expect(first).to_have_count(0)
    second.get_by_role("button", name="Let it happen").click()
    expect(page.locator("#aside")).to_have_count(0)
    row.get_by_role("button", name="Let the rep renew it").click()
    expect(row).to_contain_text("The rep may renew it.")
    assert field.column("SELECT text FROM member_note") == ["and this"]
    narrow = olga(people, "/devices", width=PHONE)
    check_page(narrow, "operator-devices-phone")
