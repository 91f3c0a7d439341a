"""Administration in a browser: who did what, who may do what, whose sessions ended, what left, who is forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.alone import Alone, alone, people_of
from tests.browser.people import PHONE, People, check_page
from tests.integration.sync.field import Field
from tests.servers import PostgresServer


@pytest.fixture(scope="module")
def _server(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alone]:
    with alone(postgres, tmp_path_factory.mktemp("issuer")) as made:
        yield made


@pytest.fixture
def field(_server: Alone) -> Field:
    _server.field.empty()
    return _server.field


@pytest.fixture
def people(chromium: Browser, _server: Alone) -> Iterator[People]:
    made = people_of(chromium, _server)
    yield made
    made.close()
    assert made.wrong == []


def test_a_role_is_begun_from_another_and_what_differs_is_counted(people: People, field: Field) -> None:
    page = people.open("sync", "/roles", "adam", "administrator")
    expect(page.get_by_text("None of its own yet.")).to_be_visible()
    check_page(page, "administrator-roles")
    page.keyboard.press("n")
    page.get_by_label("Begin like").select_option("operator")
    page.get_by_role("button", name="Show").click()
    status = page.get_by_role("status").filter(has_text="than operator")
    expect(status).to_have_text("0 more and 0 less than operator")
    page.get_by_label("Manage devices: all").uncheck()
    page.get_by_label("Read the audit log: all").uncheck()
    page.get_by_label("See roles: all").check()
    expect(status).to_have_text("1 more and 2 less than operator")
    row = page.get_by_role("row").filter(has=page.get_by_label("See roles: all"))
    expect(row.get_by_text("more", exact=True)).to_be_visible()
    check_page(page, "administrator-role")
    page.get_by_label("Name").fill("looker")
    page.get_by_label("Label").fill("Looks only")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. It is in force everywhere within two seconds.")).to_be_visible()
    own = page.locator("section", has=page.get_by_role("heading", name="Roles of this department"))
    expect(own).to_contain_text("Looks only")
    assert field.ask("GET", "/devices", "lola", "looker").status_code == 403
    assert field.ask("GET", "/roles", "lola", "looker").status_code == 200
    own.get_by_role("link", name="Change").click()
    page.get_by_label("Compare with").select_option("operator")
    page.get_by_role("button", name="Show").click()
    expect(status).to_have_text("1 more and 2 less than operator")
    own.get_by_role("button", name="Withdraw").click()
    page.get_by_role("dialog").get_by_role("button", name="Withdraw this role").click()
    expect(page.get_by_text("None of its own yet.")).to_be_visible()
    assert field.ask("GET", "/roles", "lola", "looker").status_code == 403


def test_two_people_erase_a_person_and_the_first_alone_cannot(people: People, field: Field) -> None:
    member = field.customer(given_name="Ana", family_name="Bianchi")
    page = people.open("sync", f"/customers/{member}", "olga", "operator")
    page.get_by_text("Erase this person").click()
    page.get_by_role("button", name="Propose the erasure").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Erasure")
    expect(page.get_by_text("You proposed it, so another person has to consent.")).to_be_visible()
    expect(page.get_by_role("button", name="Consent …")).to_have_count(0)
    check_page(page, "operator-erasure-proposed")
    other = people.open("sync", "/erasures", "oscar", "operator")
    check_page(other, "operator-erasures")
    other.get_by_role("link", name="Look and decide").click()
    other.get_by_role("button", name="Consent …").click()
    dialog = other.get_by_role("dialog")
    check_page(other)
    dialog.get_by_role("button", name="Consent: erase for good").click()
    # How far it has come when the page is shown is up to the services.
    expect(other.get_by_role("heading", name=re.compile("orgotten everywhere"))).to_be_visible()
    check_page(other, "operator-erasure")
    page.goto(page.url.partition("/erasures")[0] + f"/customers/{member}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Erased customer")


def test_what_people_did_is_searched_for_and_read(people: People, field: Field) -> None:
    member = field.customer(given_name="Ana", city="Rome")
    field.operate("POST", f"/customers/{member}/edit", {"changes": {"city": "Milan"}})
    page = people.open("sync", "/audit", "olga", "operator")
    page.get_by_label("About what").fill(f"customer/{member}")
    page.get_by_label("Outcome").select_option("changed")
    page.get_by_role("button", name="Search").click()
    entries = page.locator("main li")
    expect(entries).to_have_count(1)
    expect(entries).to_contain_text("City: Rome → Milan")
    check_page(page, "operator-audit")
    page.get_by_label("Who").fill("nobody")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("Nobody did or saw anything like that.")).to_be_visible()


def test_sessions_end_and_files_are_listed_also_on_a_phone(people: People, field: Field) -> None:
    field.customer(given_name="Ana")
    page = people.open("sync", "/sessions", "adam", "administrator", width=PHONE, dark=True)
    expect(page.get_by_text("Sessions that were ended before their time are listed here.")).to_be_visible()
    page.get_by_label("Person").fill("rita")
    page.get_by_role("button", name="End the sessions").click()
    expect(page.get_by_role("row").filter(has_text="rita")).to_contain_text("all sessions")
    check_page(page, "administrator-sessions")
    exports = people.open("sync", "/exports", "olga", "operator", language="es")
    expect(exports.get_by_text("Nadie ha sacado todavía un archivo de clientes.")).to_be_visible()
    taken(exports)
    exports.reload()
    expect(exports.get_by_role("row").filter(has_text="olga")).to_contain_text("completa")
    check_page(exports, "operator-exports")


def taken(page: Page) -> None:
    """Take the file, as the link does."""
    with page.expect_download() as download:
        page.get_by_role("link", name="Como tabla (CSV)").click()
    assert "Ana" in download.value.path().read_text(encoding="utf-8")
