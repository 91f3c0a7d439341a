"""A department changes its own fields and lists in the browser, and its people have them at once."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import PHONE, WIDE, People, check_page

SUE = ("sue", "supervisor")


def add(page: Page, kind: str, code: str, label: str, spanish: str, form: str = "", choices: str = "") -> None:
    """Fill in the form of a list and save it."""
    card = page.locator(f"#{kind}")
    card.get_by_text("Add one").click()
    new = card.locator(".card-footer")
    new.get_by_label("Code, for good").fill(code)
    new.get_by_label("In English").fill(label)
    new.get_by_label("In Spanish").fill(spanish)
    if form:
        new.get_by_label("What it holds").select_option(form)
    if choices:
        new.get_by_label("Choices, with commas").fill(choices)
    new.get_by_role("button", name="Preview").click()
    expect(new.locator("div[id^=preview]")).to_contain_text(label)
    new.get_by_role("button", name="Save").click()
    expect(card.locator("table")).to_contain_text(label)


@pytest.mark.parametrize(("width", "dark"), [(WIDE, False), (PHONE, True)])
def test_the_page_is_for_everybody(people: People, width: int, dark: bool) -> None:
    page = people.open("callcenter", "/definitions", *SUE, width=width, dark=dark)
    expect(page.locator("h1")).to_have_text("Fields and lists")
    for summary in page.get_by_text("Add one").all():
        summary.click()
    check_page(page, f"callcenter-definitions-{'phone-dark' if dark else 'wide'}")
    page.locator("#outcome").get_by_role("button", name="Change Wrong number").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    check_page(page, f"callcenter-definitions-change-{'phone-dark' if dark else 'wide'}")
    spanish = people.open("callcenter", "/definitions", *SUE, width=width, language="es")
    expect(spanish.locator("h1")).to_have_text("Campos y listas")


def test_what_a_supervisor_adds_an_agent_has_and_what_it_retires_is_gone(people: People) -> None:
    page = people.open("callcenter", "/definitions", *SUE)
    add(page, "reason", "moving", "Moving house", "Mudanza")
    add(page, "case_field", "housing", "Kind of housing", "Tipo de vivienda", "choice", "house, flat")
    member = str(
        people.platform["callcenter"].post("/customers", {"changes": {"given_name": "Ada"}}, "anna", "agent")[
            "customer"
        ]
    )
    desk = people.open("callcenter", f"/customers/{member}", "anna", "agent")
    housing = desk.locator("select[name='custom.housing']")
    assert housing.locator("option").all_text_contents() == ["Not said", "house", "flat"]
    row = page.locator("#case_field tr", has_text="Kind of housing")
    row.get_by_role("button", name="Change").click()
    row.get_by_role("button", name="Retire").click()
    expect(page.locator("#case_field tr", has_text="Kind of housing")).to_contain_text("retired")
    desk.reload()
    expect(desk.locator("select[name='custom.housing']")).to_have_count(0)
    row = page.locator("#case_field tr", has_text="Kind of housing")
    row.get_by_role("button", name="Change").click()
    row.get_by_role("button", name="Restore").click()
    expect(row).not_to_contain_text("retired")


def test_what_a_case_holds_is_put_right_on_its_page(people: People) -> None:
    center = people.platform["callcenter"]
    for code, form in (("gate", "text"), ("storey", "number")):
        field = {"kind": "case_field", "code": code, "label": code.title(), "form": form}
        center.post("/definitions", field, *SUE)
    member = center.post("/customers", {"changes": {"given_name": "Bea"}}, "anna", "agent")["customer"]
    opened = {"customer": member, "reason": "fault", "subject": "No line", "custom": {"gate": "B"}}
    case = center.post("/cases", opened, "anna", "agent")["case"]
    page = people.open("callcenter", f"/cases/{case}", "anna", "agent")
    check_page(page, "agent-case-described")
    page.get_by_label("Gate").fill("")
    page.get_by_label("Storey").fill("4")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#case dl.facts")).to_contain_text("Storey")
    expect(page.locator("#case dl.facts")).not_to_contain_text("Gate")
    assert center.get(f"/cases/{case}", "anna", "agent")["custom"] == {"storey": "4"}
    page.get_by_label("Storey").fill("high")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".problem")).to_contain_text("number")


def test_a_form_says_in_the_readers_language_why_it_was_refused(people: People) -> None:
    page = people.open("callcenter", "/definitions", *SUE, language="es")
    card = page.locator("#case_field")
    card.locator("summary").last.click()
    form = card.locator(".card-footer form")
    form.locator("[name=code]").fill("twice")
    form.locator("[name=label]").fill("Twice")
    form.locator("[name=form]").select_option("choice")
    form.locator("[name=choices]").fill("one, one")
    form.locator("button.btn-primary").click()
    expect(form.get_by_role("alert")).to_contain_text("las opciones deben ser distintas, no estar vacías")
    missing = people.open("callcenter", "/cases/0190a2c4-1111-7222-8333-444455556666", "anna", "agent", language="es")
    expect(missing.locator("main")).to_contain_text("no existe ese caso")
    check_page(missing, "callcenter-problem-es")
