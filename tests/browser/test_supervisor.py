"""The supervisor's wall in a real browser: live figures, who is there, and outages to decide on."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from playwright.sync_api import Page, expect

from services.callcenter.outages import handlers as outages
from services.callcenter.outages.rules import Burst
from services.callcenter.streams import handlers as streams
from services.callcenter.streams.messages import WindowsSeen
from services.callcenter.streams.rules import Minute, Queue, Window
from tests.browser.people import PHONE, People, check_page

BIG_SCREEN = 1920


def counted(people: People, waiting: int, longest: int = 95) -> None:
    """What the streams say of the last hour."""
    service = people.platform["callcenter"].service
    now: datetime = service.clock()
    windows = tuple(
        Window(
            minutes=minutes,
            offered=minutes,
            answered=minutes - 2,
            abandoned=2,
            satisfaction=4.3,
            satisfactions=17,
            solved=20,
            immediate=0.85,
            seconds_to_solution=140.0,
        )
        for minutes in (15, 60)
    )
    queues = (
        Queue("billing", waiting, now - timedelta(seconds=longest), 31, 28, 2, 4.1, 9, 12, 9, 10),
        Queue("technical", 0, None, 29, 27, 0, 4.5, 8, 10, 8, 10),
    )
    minute = now.replace(second=0, microsecond=0)
    minutes = tuple(Minute(minute - timedelta(minutes=n), n % 5, n % 4, n % 2, n % 3) for n in range(59, -1, -1))
    seen = WindowsSeen(at=now, windows=windows, queues=queues, minutes=minutes)
    service.transact(service.itself, lambda work: streams.take(work, [seen]))


def suspected(people: People, place: str) -> str:
    """An outage that many cases look like."""
    callcenter = people.platform["callcenter"]
    cases = []
    for number in range(5):
        changes = {"given_name": "Ada", "family_name": f"Number {number}"}
        member = callcenter.post("/customers", {"changes": changes}, "anna", "agent")["customer"]
        body: dict[str, Any] = {"customer": member, "reason": "fault", "subject": f"No internet, floor {number}"}
        cases.append(callcenter.post("/cases", body | {"product": "fibre", "place": place}, "anna", "agent")["case"])
    service = callcenter.service
    burst = Burst("fibre", place, service.clock(), tuple(cases))
    return service.transact(service.itself, lambda work: outages.propose(work, [burst]))[0]


def stat(page: Page, label: str) -> Any:
    return page.locator(".card", has=page.get_by_text(label, exact=True)).locator(".stat").first


def test_the_wall_shows_the_present_and_fills_the_screen(people: People) -> None:
    counted(people, waiting=4)
    page = people.open("callcenter", "/supervisor", "sara", "supervisor", width=BIG_SCREEN)
    expect(stat(page, "Waiting now")).to_have_text("4")
    expect(stat(page, "Longest wait")).to_contain_text("1:3")
    expect(stat(page, "Solved within three minutes")).to_have_text("85%")
    expect(stat(page, "Satisfaction")).to_have_text("4.3/5")
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Billing"))
    expect(row).to_contain_text("waits too long")
    expect(row).to_contain_text("90% of 10 cases")
    expect(page.get_by_text("who waits now, and the last 60 minutes")).to_be_visible()
    expect(page.locator("figure .plot canvas")).to_be_visible()
    check_page(page, "supervisor-wall")
    page.locator("figure .plot").evaluate("plot => { plot.dataset.mine = 'the same' }")
    counted(people, waiting=0)
    expect(stat(page, "Waiting now")).to_have_text("0")
    expect(page.locator("figure .plot[data-mine]")).to_have_count(1)
    page.keyboard.press("w")
    expect(page.locator("#wall:fullscreen")).to_have_count(1)
    page.keyboard.press("w")
    expect(page.locator("#wall:fullscreen")).to_have_count(0)


def test_who_is_there_is_seen_as_it_changes(people: People) -> None:
    wall = people.open("callcenter", "/supervisor", "sara", "supervisor")
    expect(wall.get_by_role("row").filter(has=wall.get_by_role("rowheader", name="Lena"))).to_have_count(0)
    people.open("callcenter", "/", "lena", "agent")
    row = wall.get_by_role("row").filter(has=wall.get_by_role("rowheader", name="Lena"))
    expect(row).to_contain_text("Available", timeout=10_000)
    body = {"call": str(uuid.uuid4()), "number": "+1 555 010 0901", "queue": "billing", "agent": "lena"}
    callcenter = people.platform["callcenter"]
    rung = callcenter.post("/telephony/ring", body, "pbx", "telephony")
    callcenter.post(f"/contacts/{rung['contact']}/answer", {}, "lena", "agent")
    counted(people, waiting=0)
    expect(row).to_contain_text("In conversation", timeout=10_000)


def test_an_outage_is_decided_on_with_what_it_was_seen_from_and_taken_back(people: People) -> None:
    page = people.open("callcenter", "/supervisor", "sara", "supervisor")
    expect(page.get_by_text("No outage is suspected.")).to_be_visible()
    outage = suspected(people, "us-305")
    card = page.locator(f"#outage-{outage}")
    expect(card.get_by_role("heading", name="fibre · us-305")).to_be_visible()
    expect(card.get_by_text("5 customers")).to_be_visible()
    expect(card.get_by_role("link", name="No internet, floor 3")).to_be_visible()
    check_page(page, "supervisor-outage")
    card.get_by_role("button", name="It is none").click()
    expect(page.get_by_text("No outage is suspected.")).to_be_visible()
    page.get_by_text("Past outages (1)").click()
    page.get_by_role("button", name="Take back").click()
    expect(card.get_by_role("button", name="It is an outage")).to_be_visible()
    card.get_by_role("button", name="It is an outage").click()
    expect(card.get_by_role("button", name="It is over")).to_be_visible()
    card.get_by_role("button", name="It is over").click()
    expect(card).to_have_count(0)


def test_the_wall_fits_a_phone_in_the_dark_and_in_spanish(people: People) -> None:
    counted(people, waiting=2)
    page = people.open("callcenter", "/supervisor", "sara", "supervisor", width=PHONE, dark=True, language="es")
    expect(page.get_by_text("Esperan ahora")).to_be_visible()
    check_page(page, "supervisor-wall-phone")
