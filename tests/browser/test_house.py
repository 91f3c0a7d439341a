"""What every page has: a language and colours that its reader chooses, keys, words for what went wrong."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.people import PHONE, People, check_page


def test_a_reader_chooses_language_and_colours_and_they_stay(people: People) -> None:
    page = people.open("callcenter", "/", "anna", "agent")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_label("Language, colours, keys").click()
    page.get_by_role("button", name="Español").click()
    expect(page.locator("html")).to_have_attribute("lang", "es")
    page.get_by_label("Idioma, colores, teclas").click()
    page.get_by_role("button", name="Oscuro").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    expect(page.locator("html")).to_have_attribute("lang", "es")
    check_page(page)


def test_colours_are_the_systems_unless_chosen(people: People) -> None:
    page = people.open("sync", "/", "olga", "operator", dark=True)
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    check_page(page)


def test_what_isnt_there_or_allowed_is_said_in_a_page(people: People) -> None:
    page = people.open("callcenter", "/contacts/00000000-0000-7000-8000-000000000000", "anna", "agent", width=PHONE)
    expect(page.get_by_text("There is nothing here, or nothing that your role may see.")).to_be_visible()
    page.goto(people.platform.urls["callcenter"] + "/roles")
    expect(page.get_by_text("Your role doesn't allow this.")).to_be_visible()


def test_keys_are_listed_and_the_dialog_is_left_with_escape(people: People) -> None:
    page = people.open("callcenter", "/", "anna", "agent")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    check_page(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
