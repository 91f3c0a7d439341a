"""The console: the start page, and operations with what waits for a person."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from babel.dates import format_date
from playwright.sync_api import expect

from deploy.console.app import app
from deploy.console.readings import Readings
from deploy.console.rules import Sample
from deploy.console.settings import ConsoleSettings
from deploy.local.layout import free_port
from services.sfa.subscriptions import SUBSCRIPTIONS
from shared.events.envelope import new_id
from tests.browser.people import PHONE, People, check_page
from tests.browser.platform import HOST, Platform, served
from tests.builders import parked

OPERATOR = ("operator",)


class Figures:
    """Of processes that work: each reading has more events than the one before."""

    def __init__(self) -> None:
        self.taken_in = 0.0

    def read(self) -> list[Sample]:
        self.taken_in += 500
        return [sample for service in ("callcenter", "marketing", "sfa", "sync") for sample in self._of(service)]

    def _of(self, service: str) -> list[Sample]:
        target = f"http://{service}"
        of_process = {"service": service, "process": "worker", "version": "1"}
        counted = {"subscription": "main", "verdict": "next"}
        return [
            Sample(target, "crm_build_info", of_process, 1.0),
            Sample(target, "process_start_time_seconds", {}, time.time() - 3600),
            Sample(target, "process_resident_memory_bytes", {}, 180 * 2**20),
            Sample(target, "crm_events_received_total", counted, self.taken_in),
            Sample(target, "crm_heard_timestamp_seconds", {"source": "sync"}, time.time() - 20),
            Sample(target, "crm_relay_leads", {}, 1.0),
            Sample(target, "crm_outbox_oldest_seconds", {}, 90.0 if service == "sfa" else 0.0),
            Sample(target, "crm_outbox_unsent", {}, 12.0 if service == "sfa" else 0.0),
        ]


@pytest.fixture(scope="module")
def console(platform: Platform) -> Iterator[Platform]:
    """The console beside the four services."""
    port = free_port()
    settings = ConsoleSettings(port, platform.issuer.name, dict(platform.urls), jwks_file=platform.issuer.jwks_file)
    ticks = iter(range(10**6))
    readings = Readings(Figures(), lambda: time.time() + 5 * next(ticks))
    for _ in range(20):
        readings.look()
    with served(app(settings, readings), port):
        platform.urls["console"] = f"http://{HOST}:{port}"
        yield platform
        del platform.urls["console"]


def test_the_start_page_says_what_runs_and_what_each_block_gained(console: Platform, people: People) -> None:
    console["callcenter"].post(
        "/customers", {"changes": {"given_name": "Eva", "phone": "+1 212 555 0199"}}, "anna", "agent"
    )
    console["callcenter"].report()
    console.settle()
    page = people.open("console", "/", "omar", *OPERATOR)
    expect(page.get_by_role("heading", name="The platform")).to_be_visible()
    expect(page.get_by_text("runs", exact=True)).to_have_count(4)
    timeline = page.get_by_role("region", name="Customer timeline")
    expect(timeline.get_by_text("Gained since the others joined")).to_be_visible()
    expect(timeline.get_by_text("of the timeline")).to_be_visible()
    today = re.escape(format_date(datetime.now(UTC), locale="en"))
    known = re.compile(rf"Since {today}: (1 customer|(?!1 )[\d,]+ customers) known from elsewhere · ")
    expect(page.get_by_role("region", name="Sales force automation").get_by_text(known)).to_be_visible()
    check_page(page, "start")


def test_what_a_role_may_not_see_is_hidden_and_not_an_error(console: Platform, people: People) -> None:
    page = people.open("console", "/", "rosa", "rep", width=PHONE)
    expect(page.get_by_text("What it gained is hidden from your role.")).to_have_count(4)
    check_page(page)


def test_operations_names_what_needs_somebody_and_draws_the_rest(console: Platform, people: People) -> None:
    page = people.open("console", "/operations", "omar", *OPERATOR)
    expect(page.get_by_text("Its oldest unsent event waits for 90 s: is Kafka away?")).to_be_visible()
    row = page.get_by_role("row", name="Sales force automation", exact=False).first
    expect(row).to_contain_text("12")
    expect(page.locator("figure .plot canvas").first).to_be_visible()
    check_page(page, "operations")


@pytest.mark.parametrize("path", ["/", "/operations"])
def test_the_console_is_spanish_for_who_reads_spanish(console: Platform, people: People, path: str) -> None:
    page = people.open("console", path, "omar", *OPERATOR, language="es")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    check_page(page)


def test_a_parked_stream_is_handed_in_again_and_left_out_from_the_page(console: Platform, people: People) -> None:
    place = parked(console["sfa"].service, SUBSCRIPTIONS, f"customer/{new_id()}")
    page = people.open("console", "/operations", "omar", *OPERATOR, language="es")
    stream = page.get_by_role("article").filter(has_text=place["stream"])
    expect(stream).to_contain_text("no se puede leer")
    stream.get_by_role("button", name="Entregar otra vez").click()
    expect(page.get_by_text("Entregado otra vez.")).to_be_visible()
    expect(stream).to_be_visible()
    stream.get_by_label("Por qué se puede descartar").fill("lo hizo una prueba")
    stream.get_by_role("button", name="Descartar").click()
    expect(stream).to_have_count(0)


def test_who_may_only_look_is_told_so_where_it_acts(console: Platform, people: People) -> None:
    place = parked(console["sfa"].service, SUBSCRIPTIONS, f"customer/{new_id()}")
    page = people.open("console", "/operations", "samuel", "sales_manager")
    stream = page.get_by_role("article").filter(has_text=place["stream"])
    stream.get_by_role("button", name="Hand in again").click()
    expect(stream.get_by_role("alert")).to_contain_text("operations.act")
