"""The rep's app in a real browser: it keeps to the device protocol as the Python device does, and loses nothing."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from deploy.local.layout import free_port
from shared.events.customer import CustomerEdited, CustomerErased
from shared.events.sfa import OrderDelivered, OrderLine, OrderPlaced, OrderRefused, ProductDefined
from tests.browser.people import PHONE, TIMEOUT_MS, check_page
from tests.browser.platform import HOST, served
from tests.builders import claim
from tests.integration.sync.field import Field, field_of, met, walking
from tests.servers import PostgresServer

SMALL: Any = {"width": PHONE, "height": 844}
DSL = ProductDefined(product="dsl", name="Fast internet", unit_price=2_900, currency="EUR")
KEPT = """async () => {
  const open = indexedDB.open("crm-handheld");
  const db = await new Promise((done) => { open.onsuccess = () => done(open.result); });
  const kept = {};
  for (const name of db.objectStoreNames) {
    const all = db.transaction(name).objectStore(name).getAll();
    kept[name] = await new Promise((done) => { all.onsuccess = () => done(all.result); });
  }
  db.close();
  return kept;
}"""
"""All that is in the browser's database; of keys only that they are there."""
QUIET = """() => new Promise((done) => {
  navigator.locks.request("crm-handheld", () => { done(); return new Promise(() => {}); });
})"""
"""From when on the app asks the server for nothing."""


@dataclass
class Phone:
    """A browser on a small screen, in a rep's hand."""

    page: Page
    field: Field
    rep: str

    def enrol(self) -> None:
        """Make it a device, and wait for what it is to know."""
        self.page.goto("/handheld")
        self.page.get_by_role("button", name="Make this my handheld").click()
        self.synchronized()
        self.field.settle()
        self.synchronize()

    def synchronize(self) -> None:
        self.page.evaluate("dispatchEvent(new Event('online'))")
        self.synchronized()

    def synchronized(self) -> None:
        """Wait until it has done what it does."""
        expect(self.page.locator("#line")).to_have_text(re.compile("^(?!.*Synchronizing).*last synchronized"))

    def open(self, hash: str) -> None:
        self.page.evaluate("hash => { location.hash = hash }", hash)

    def kept(self) -> dict[str, list[Any]]:
        kept: dict[str, list[Any]] = self.page.evaluate(KEPT)
        return kept

    @property
    def device(self) -> str:
        return str(self.kept()["me"][0]["device"])

    def digests(self) -> dict[str, tuple[int, str]]:
        """How many items of each scope are here, and their digest, as the browser has worked it out."""
        found = {one["scope"]: one["checked"].split() for one in self.kept()["scopes"]}
        return {scope: (int(count), digest) for scope, (count, digest) in found.items()}

    def note(self, customer: str, text: str) -> None:
        self.open(f"#/customers/{customer}/note")
        self.page.get_by_label("What is worth knowing").fill(text)
        self.page.get_by_role("button", name="Keep").click()
        expect(self.page.get_by_role("heading", name="Timeline")).to_be_visible()

    def order(self, customer: str) -> None:
        self.open(f"#/customers/{customer}/order")
        self.page.get_by_label("Product", exact=True).fill("dsl")
        expect(self.page.get_by_label("Price of one")).to_have_value("29.00")
        self.page.get_by_role("button", name="Keep").dblclick()  # once is meant
        expect(self.page.get_by_role("heading", name="Timeline")).to_be_visible()

    def edit(self, customer: str, field: str, value: str) -> None:
        self.open(f"#/customers/{customer}/edit/{field}")
        self.page.get_by_label("New value").fill(value)
        self.page.get_by_role("button", name="Keep").click()
        expect(self.page.get_by_role("heading", name="Timeline")).to_be_visible()


@dataclass
class Shop:
    """Sync on a port, where browsers find it."""

    field: Field
    url: str
    browser: Browser

    @contextmanager
    def phone(
        self, rep: str = "rita", role: str = "rep", language: str = "en", *, dark: bool = False
    ) -> Iterator[Phone]:
        colours: Any = {"color_scheme": "dark" if dark else "light"}
        context = self.browser.new_context(
            base_url=self.url, viewport=SMALL, locale=language, timezone_id="UTC", has_touch=True, **colours
        )
        context.set_default_timeout(TIMEOUT_MS)
        context.add_cookies([{"name": "crm_sync", "value": self.field.token(rep, role), "url": self.url}])
        yield Phone(context.new_page(), self.field, rep)
        for page in context.pages:
            page.evaluate(QUIET)
            page.close()  # the next page can have the lock then
        context.close()


@pytest.fixture(scope="module")
def _shop(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Shop]:
    expect.set_options(timeout=TIMEOUT_MS)
    with field_of(postgres, tmp_path_factory.mktemp("issuer")) as field:
        port = free_port()
        with served(field.app.app, port):  # type: ignore[arg-type]
            yield Shop(field, f"http://{HOST}:{port}", chromium)


@pytest.fixture
def shop(_shop: Shop) -> Shop:
    """Rita looks after the north, and nothing has happened."""
    _shop.field.empty()
    _shop.field.territory("north", "rita")
    _shop.field.told(_shop.field.sfa, ("product/dsl", DSL))
    return _shop


@pytest.fixture
def phone(shop: Shop) -> Iterator[Phone]:
    with shop.phone() as phone:
        yield phone


def lose_answers(page: Page, what: str, times: int = 1) -> list[str]:
    """Let the next requests arrive, and their answers get lost; gives the names of those requests."""
    lost: list[str] = []

    def handle(route: Route) -> None:
        if len(lost) == times:
            route.fallback()
            return
        lost.append(said(route.request)["request"])
        route.fetch()
        route.abort()

    page.route(f"**/{what}", handle)
    return lost


def recorded(field: Field, member: str, name: str) -> dict[str, Any]:
    """A field of a customer, as the server has it."""
    record = field.operate("GET", f"/customers/{member}")
    return next(dict(one) for one in record["fields"] if one["name"] == name)


def said(request: Request | httpx.Request) -> dict[str, Any]:
    """What a device has signed."""
    _, payload = parts(request)
    return payload


def parts(request: Request | httpx.Request) -> tuple[dict[str, Any], dict[str, Any]]:
    token = request.headers["authorization"].split()[1].split(".")
    header, payload = (json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in token[:2])
    return header, payload


# The same as the Python device.


def test_a_browser_has_what_a_python_device_has_and_the_server(shop: Shop, phone: Phone) -> None:
    field = shop.field
    members = [met(field, family_name=name, city="Köln ✓ 𝄞") for name in ("Ørsted", "O'Hara", "<b>Bold</b>")]
    carried = field.carried("rita")
    phone.enrol()
    territory = "territory/north"
    for step in range(3):
        carried.device.synchronize()
        phone.synchronize()
        here = phone.digests()
        assert here[territory] == carried.device.digest(territory) == field.checkpoint(territory), step
        assert here[territory][0] == 3 - (step == 2)
        assert here[f"device/{phone.device}"] == field.checkpoint(f"device/{phone.device}")
        if step == 0:
            field.operate("POST", f"/customers/{members[0]}/edit", {"changes": {"city": "Åbo"}})
            phone.note(members[1], "ünïcode ☎")
            phone.synchronized()
            field.settle()
        else:
            field.told(field.callcenter, (f"customer/{members[2]}", CustomerErased(reason="request")))
    bodies = {row["key"]: row["body"] for row in phone.kept()["items"]}
    assert [bodies[one] for one in members[:2]] == [
        body
        for (body,) in carried.device._db.execute("SELECT body FROM item WHERE key IN (?, ?) ORDER BY key", members[:2])
    ]


def test_a_browser_signs_as_a_python_device_does(shop: Shop, phone: Phone) -> None:
    met(shop.field)
    carried = shop.field.carried("rita")
    carried.device.synchronize()
    asked: list[Request] = []
    phone.page.on("request", lambda request: asked.append(request) if "/pull" in request.url else None)
    phone.enrol()
    assert carried.way.last is not None
    theirs, ours = parts(carried.way.last), parts(asked[-1])
    assert ours[0] == theirs[0]
    assert list(ours[1]) == sorted(ours[1], key=list(ours[1]).index)
    assert set(ours[1]) == set(theirs[1])
    assert ours[1]["body"] == theirs[1]["body"]  # of nothing
    assert all("cookie" not in request.headers for request in asked)
    assert [said(one)["turn"] for one in asked] == sorted({said(one)["turn"] for one in asked})


def test_its_key_can_be_used_and_not_read(phone: Phone) -> None:
    phone.enrol()
    script = """async () => {
      const open = indexedDB.open("crm-handheld");
      const db = await new Promise((done) => { open.onsuccess = () => done(open.result); });
      const ask = db.transaction("me").objectStore("me").get(1);
      const me = await new Promise((done) => { ask.onsuccess = () => done(ask.result); });
      db.close();
      const key = me.keys.privateKey;
      const read = (format) => crypto.subtle.exportKey(format, key).then(() => "read", () => "no");
      const tries = ["jwk", "pkcs8", "raw"].map(read);
      return [key.extractable, ...await Promise.all(tries)];
    }"""
    assert phone.page.evaluate(script) == [False, "no", "no", "no"]


# What is written.


def test_what_is_written_without_a_network_is_handed_in_once_whatever_gets_lost(shop: Shop, phone: Phone) -> None:
    field, page = shop.field, phone.page
    member = met(field, family_name="Rossi", phone="+390612345678")
    phone.enrol()
    page.reload()  # so that the app's own files are at hand
    phone.synchronized()
    page.context.set_offline(True)
    page.reload()
    expect(page.get_by_role("link", name="Rossi")).to_be_visible()
    phone.note(member, "wants a second line")
    phone.order(member)
    phone.edit(member, "city", "Milan")
    expect(page.locator("#line")).to_contain_text("3 waiting")
    expect(page.locator("dl")).to_contain_text("Milan")
    expect(page.get_by_text("wants a second line")).to_be_visible()
    page.reload()
    expect(page.locator("#line")).to_contain_text("3 waiting")
    lost = lose_answers(page, "push", 2)
    page.context.set_offline(False)
    phone.synchronize()
    expect(page.locator("#line")).to_contain_text("No connection")
    phone.synchronize()
    phone.synchronize()
    assert len(lost) == 2
    assert len(set(lost)) == 1  # one request, sent again
    field.settle()
    phone.synchronize()
    expect(page.locator("#line")).not_to_contain_text("waiting")
    assert [note["text"] is not None for note in field.published("note.added")] == [True]
    assert len(field.published("order.requested")) == 1
    assert field.column("SELECT number FROM mutation ORDER BY number") == [1, 2, 3]
    assert recorded(field, member, "city")["value"] == "Milan"


def test_an_order_is_told_of_to_its_end(shop: Shop, phone: Phone) -> None:
    field, page = shop.field, phone.page
    member = met(field)
    phone.enrol()
    phone.order(member)
    phone.open("#/state")
    expect(page.locator("#content")).to_contain_text("handed in, not decided yet")
    [order] = [one["content"]["order"] for one in phone.kept()["written"]]
    lines = (OrderLine(product="dsl", name="Fast internet", quantity=1, unit_price=2_900),)
    placed = OrderPlaced(order=order, lines=lines, total=2_900, currency="EUR", channel="device")
    field.told(field.sfa, (f"customer/{member}", placed))
    phone.synchronize()
    expect(page.locator("#content")).to_contain_text("Everything that you wrote is handed in and decided.")
    field.told(field.sfa, (f"customer/{member}", OrderDelivered(order=order, how="remote")))
    phone.synchronize()
    phone.open(f"#/customers/{member}")
    expect(page.locator("ol")).to_contain_text("Fast internet")
    expect(page.locator("ol")).to_contain_text("€29.00")
    expect(page.locator("ol")).to_contain_text("delivered")


def test_what_is_refused_is_shown_with_the_reason_until_the_rep_has_seen_it(shop: Shop, phone: Phone) -> None:
    field, page = shop.field, phone.page
    member = met(field)
    phone.enrol()
    phone.order(member)
    phone.synchronized()
    [order] = [one["content"]["order"] for one in phone.kept()["written"]]
    field.told(field.sfa, (f"customer/{member}", OrderRefused(order=order, reason="not_on_sale")))
    phone.synchronize()
    phone.open("#/")
    page.get_by_role("link", name="Look").click()
    expect(page.locator("#content")).to_contain_text("A product isn't on sale.")
    page.get_by_role("button", name="Understood").click()
    expect(page.locator("#content")).not_to_contain_text("A product isn't on sale.")
    assert phone.kept()["written"] == []


def test_a_value_that_came_meanwhile_is_not_overwritten_unseen(shop: Shop, phone: Phone) -> None:
    field, page = shop.field, phone.page
    member = met(field, birth_date="1980-01-01")
    phone.enrol()
    phone.open(f"#/customers/{member}/edit/birth_date")
    page.get_by_label("New value").fill("1980-02-02")
    field.told(field.callcenter, (f"customer/{member}", CustomerEdited(claims=(claim("birth_date", "1990-03-03"),))))
    phone.synchronize()
    expect(page.get_by_label("New value")).to_have_value("1980-02-02")  # nothing typed is lost
    page.get_by_role("button", name="Keep").click()
    phone.synchronized()
    field.settle()
    phone.synchronize()
    expect(page.locator("dl")).to_contain_text("a person has to choose")
    assert len(recorded(field, member, "birth_date")["rivals"]) == 2
    # He has seen both now, and decides.
    phone.edit(member, "birth_date", "1980-02-02")
    phone.synchronized()
    field.settle()
    phone.synchronize()
    expect(page.locator("dl")).not_to_contain_text("a person has to choose")
    expect(page.locator("dl")).to_contain_text("Feb 2, 1980")


# One device, and the end of it.


def test_two_pages_of_one_browser_are_one_device(shop: Shop, phone: Phone) -> None:
    field = shop.field
    member = met(field)
    phone.enrol()
    other = phone.page.context.new_page()
    asked: list[Request] = []
    for page in (phone.page, other):
        page.on("requestfinished", lambda request: asked.append(request) if "/devices/" in request.url else None)
    other.goto("/handheld")
    for _ in range(8):
        for page in (phone.page, other):
            page.evaluate("dispatchEvent(new Event('online'))")
    phone.note(member, "from one page")
    phone.synchronized()
    expect(other.locator(f"#c-{member}")).to_be_visible()
    field.settle()
    phone.synchronize()
    assert field.column("SELECT revoked FROM device") == [None]
    assert field.column("SELECT count(*) FROM mutation") == [1]
    turns = [said(request)["turn"] for request in asked]
    assert len(turns) > 10
    assert len(turns) == len(set(turns))  # one at a time


def test_customers_that_the_rep_looks_after_no_longer_leave(shop: Shop, phone: Phone) -> None:
    field, page = shop.field, phone.page
    field.territory("south", "rita")
    stays, goes = met(field, family_name="Stays"), met(field, "south", family_name="Goes")
    phone.enrol()
    phone.open(f"#/customers/{goes}")
    page.get_by_role("button", name="Fetch the whole timeline").click()
    expect(page.locator("ol")).to_contain_text("Customer registered")
    field.withdraw("south", "rita")
    phone.synchronize()
    expect(page.get_by_role("alert")).to_contain_text("isn't on this device any more")
    phone.open("#/")
    expect(page.locator("#content")).to_contain_text("1 customer left this device")
    expect(page.locator(f"#c-{stays}")).to_be_visible()
    expect(page.locator(f"#c-{goes}")).to_have_count(0)
    assert "Goes" not in json.dumps(phone.kept())


def test_a_revoked_device_forgets_and_may_be_let_in_again(shop: Shop, phone: Phone) -> None:
    field, page = shop.field, phone.page
    member = met(field, family_name="Secret")
    phone.enrol()
    page.context.set_offline(True)
    phone.note(member, "about Secret, not handed in")
    field.operate("POST", f"/devices/{phone.device}/revoke", {"reason": "lost"})
    page.context.set_offline(False)
    phone.synchronize()
    phone.open("#/")
    expect(page.get_by_role("alert")).to_contain_text("this device was revoked (lost)")
    assert "Secret" not in json.dumps(phone.kept())
    aside = field.operate("GET", "/quarantine")
    assert [one["reason"] for one in aside] == ["revoked"]
    phone.open("#/state")
    expect(page.locator("#content")).to_contain_text("set aside for a person")
    field.operate("POST", f"/devices/{phone.device}/readmit")
    page.get_by_role("button", name="Sign in and renew this device").click()
    phone.synchronized()
    field.operate("POST", f"/quarantine/{aside[0]['device']}/1/accept")
    field.settle()
    phone.synchronize()
    phone.open(f"#/customers/{member}")
    expect(page.locator("ol")).to_contain_text("about Secret")
    assert phone.kept()["written"] == []


def test_a_server_that_knows_its_turn_no_more_has_it_renewed_and_loses_nothing(shop: Shop, phone: Phone) -> None:
    field, page = shop.field, phone.page
    member = met(field)
    phone.enrol()
    phone.note(member, "handed in before")
    phone.synchronized()
    key = field.column("SELECT key FROM device")
    with field.service.engine.begin() as connection:
        # As a restored backup has it.
        connection.exec_driver_sql("UPDATE device SET turn = turn - 4, number = 0")
        connection.exec_driver_sql("DELETE FROM mutation")
    phone.note(member, "not handed in")
    expect(page.locator("#line")).to_contain_text("Sign in again")
    page.locator("#state").click()
    expect(page.locator("#content")).to_contain_text("waits on this device")
    page.get_by_role("button", name="Sign in and renew this device").click()
    expect(page.locator("#line")).not_to_contain_text("Sign in again")
    phone.synchronized()
    assert field.column("SELECT number FROM mutation") == [2]
    assert field.column("SELECT key FROM device") != key
    assert field.column("SELECT revoked FROM device") == [None]


def test_who_is_signed_out_is_sent_to_sign_in_and_comes_back_here(shop: Shop, phone: Phone) -> None:
    phone.page.goto("/handheld")
    phone.page.context.clear_cookies()
    with phone.page.expect_request("**/sign-in?return=%2Fhandheld"):
        phone.page.get_by_role("button", name="Make this my handheld").click()
    phone.page.wait_for_url("**/signed-out**")  # as nobody is there to sign in with


def test_removing_it_leaves_nothing(shop: Shop, phone: Phone) -> None:
    page = phone.page
    member = met(shop.field, family_name="Rossi")
    phone.enrol()
    page.context.set_offline(True)
    phone.note(member, "lost with it")
    phone.open("#/state")
    page.get_by_role("button", name="Remove from this browser").click()
    expect(page.get_by_role("dialog")).to_contain_text("1 thing wasn't handed in and will be lost.")
    page.context.set_offline(False)
    page.get_by_role("dialog").get_by_role("button", name="Remove from this browser").click()
    page.wait_for_url("**/signed-out**")
    assert page.evaluate("indexedDB.databases()") == []
    assert page.evaluate("caches.keys()") == []
    assert page.evaluate("navigator.serviceWorker.getRegistrations().then((found) => found.length)") == 0
    assert [cookie["name"] for cookie in page.context.cookies()] == []


# For whoever holds it.


def test_what_a_role_may_not_see_is_not_there(shop: Shop) -> None:
    field = shop.field
    field.define_role("visitor", *walking("family_name"))
    member = met(field, family_name="Rossi", phone="+390612345678")
    with shop.phone(role="visitor") as phone:
        phone.enrol()
        phone.open(f"#/customers/{member}")
        expect(phone.page.locator("dl")).to_contain_text("•••")
        assert "390612345678" not in json.dumps(phone.kept())


def test_what_somebody_wrote_is_shown_as_text(shop: Shop, phone: Phone) -> None:
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    member = met(shop.field, family_name=evil)
    alerts: list[str] = []
    phone.page.on("dialog", lambda dialog: alerts.append(dialog.message))
    phone.enrol()
    expect(phone.page.get_by_role("link", name=evil)).to_be_visible()
    phone.note(member, evil)
    expect(phone.page.locator("ol")).to_contain_text(evil)
    assert alerts == []


def test_search_finds_by_parts_without_accents(shop: Shop, phone: Phone) -> None:
    met(shop.field, given_name="José", family_name="Núñez", city="Málaga")
    met(shop.field, company="Other")
    phone.enrol()
    phone.page.get_by_role("searchbox").fill("nunez mala")
    expect(phone.page.locator("#content .list-group-item")).to_have_count(1)
    expect(phone.page.locator("#content")).to_contain_text("José Núñez")


def test_a_note_is_written_by_keys_alone(shop: Shop, phone: Phone) -> None:
    met(shop.field, family_name="Rossi")
    phone.enrol()
    keys = phone.page.keyboard
    phone.page.get_by_role("searchbox").focus()
    keys.press("Tab")
    keys.press("Enter")
    expect(phone.page.get_by_role("heading", name="Rossi")).to_be_focused()
    keys.press("Tab")
    keys.press("Enter")
    expect(phone.page.get_by_role("heading", name="Note", level=1)).to_be_focused()
    keys.press("Tab")
    keys.type("by keys")
    keys.press("Tab")
    keys.press("Enter")
    expect(phone.page.locator("ol")).to_contain_text("by keys")


def test_it_speaks_spanish(shop: Shop) -> None:
    met(shop.field, birth_date="1980-02-01", family_name="Rossi")
    with shop.phone(language="es") as phone:
        phone.page.goto("/handheld")
        phone.page.get_by_role("button", name="Hacer de este mi dispositivo").click()
        expect(phone.page.locator("#line")).to_contain_text("última sincronización")
        shop.field.settle()
        phone.page.evaluate("dispatchEvent(new Event('online'))")
        phone.page.get_by_role("link", name="Rossi").click()
        expect(phone.page.locator("dl")).to_contain_text("1 feb 1980")


def test_who_may_have_no_device_gets_no_page(shop: Shop) -> None:
    headers = {**shop.field.headers("ann", "agent"), "accept": "text/html"}
    assert httpx.get(f"{shop.url}/handheld", headers=headers).status_code == 403


def test_another_rep_does_not_take_the_device_over(shop: Shop, phone: Phone) -> None:
    field, page = shop.field, phone.page
    met(field, family_name="Rossi")
    phone.enrol()
    field.operate("POST", f"/devices/{phone.device}/revoke", {"reason": "left"})
    field.operate("POST", f"/devices/{phone.device}/readmit")
    phone.synchronize()
    page.context.add_cookies([{"name": "crm_sync", "value": field.token("bert"), "url": shop.url}])
    phone.open("#/state")
    page.get_by_role("button", name="Sign in and renew this device").click()
    expect(page.locator("#content")).to_contain_text("another rep's device")
    assert "Rossi" not in json.dumps(phone.kept())


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_each_of_its_pages_is_fit_for_everybody(shop: Shop, dark: bool) -> None:
    field = shop.field
    member = met(field, given_name="Ada", family_name="Rossi", phone="+390612345678", birth_date="1980-01-01")
    field.told(field.callcenter, (f"customer/{member}", CustomerEdited(claims=(claim("birth_date", "1990-03-03"),))))
    with shop.phone(dark=dark) as phone:
        page, name = phone.page, "handheld-dark" if dark else "handheld"
        page.goto("/handheld")
        expect(page.get_by_role("button", name="Make this my handheld")).to_be_visible()
        check_page(page)
        phone.enrol()
        check_page(page, f"{name}-customers")
        for form in ("note", "order", "edit/city", "edit/products"):
            phone.open(f"#/customers/{member}/{form}")
            expect(page.get_by_role("button", name="Keep")).to_be_visible()
            check_page(page)
        page.context.set_offline(True)
        phone.note(member, "wants a second line")
        check_page(page)
        phone.order(member)
        page.context.set_offline(False)
        phone.synchronize()
        page.get_by_role("button", name="Fetch the whole timeline").click()
        expect(page.locator("ol")).to_contain_text("Customer registered")
        check_page(page, f"{name}-customer")
        phone.open("#/state")
        expect(page.locator("#content")).to_contain_text("handed in, not decided yet")
        check_page(page, f"{name}-state")
