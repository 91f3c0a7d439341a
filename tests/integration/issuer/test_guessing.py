"""Guessing passwords and codes: it is slow, and nobody can be locked out by it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import httpx
import pyotp
import pytest
from fastapi.testclient import TestClient

from deploy.local.issuer.accounts import step_of
from deploy.local.issuer.guesses import WAITING, Browser, Guesses, TooMany
from deploy.local.issuer.signing_in import mark_cookie
from deploy.local.tokens import ACTORS, needs_second_factor
from shared.access.actions import Action
from shared.access.roles import ROLES
from tests.integration.issuer import web
from tests.integration.issuer.test_sign_in import wait_until
from tests.integration.issuer.web import ISSUER, SERVICES, World, field_of

CALLCENTER = SERVICES["callcenter"]


def at(world: World, address: str) -> web.Browser:
    """A browser at another address."""
    elsewhere = web.Web()
    elsewhere.sites = {**world.web.sites}
    elsewhere.sites[ISSUER] = TestClient(world.issuer, base_url=ISSUER, client=(address, 1))._transport
    return web.Browser(elsewhere)


def guess(browser: web.Browser, page: httpx.Response, name: str, password: str = "guessed") -> httpx.Response:
    return browser.fill(page, name, password)


def form(browser: web.Browser) -> httpx.Response:
    return browser.get(f"{CALLCENTER}/me")


def test_a_wrong_guess_doesnt_tell_what_of_it_was_wrong(world: World) -> None:
    browser = world.browser()
    sofia = world.ways["sofia"]
    answers = [
        browser.fill(form(browser), "nobody", "guessed"),
        browser.fill(form(browser), "sofia", "guessed", sofia.code(world.time())),
        browser.fill(form(browser), "sofia", sofia.password, "000000"),
        browser.fill(form(browser), "sofia", sofia.password, ""),
    ]
    assert {answer.status_code for answer in answers} == {401}
    errors = {answer.text.partition('role="alert">')[2].partition("<")[0] for answer in answers}
    assert len(errors) == 1


def test_an_account_is_closed_to_a_guessing_address_and_to_nobody_else(world: World) -> None:
    attacker, honest = at(world, "203.0.113.9"), at(world, "198.51.100.7")
    page = form(attacker)
    statuses = [guess(attacker, page, "anna").status_code for _ in range(8)]
    assert statuses == [401] * 5 + [429] * 3
    refused = guess(attacker, page, "anna", world.ways["anna"].password)
    assert refused.status_code == 429  # also with the right one: it must not be told from a wrong one
    assert 1 <= int(refused.headers["retry-after"]) <= 300
    assert honest.fill(form(honest), "anna", world.ways["anna"].password).json()["id"] == "anna"


def test_an_address_can_guess_at_many_accounts_only_so_often() -> None:
    guesses = Guesses()

    def is_heard(number: int) -> bool:
        try:
            with guesses.guess(f"name{number}", "203.0.113.9", None) as made:
                made.was_wrong = True
        except TooMany:
            return False
        return True

    # Without the hashing, as the count is by the minute and forty of these may take longer.
    assert [is_heard(number) for number in range(40)] == [True] * 30 + [False] * 10


def test_a_known_browser_has_a_count_of_its_own(world: World) -> None:
    at_home = at(world, "198.51.100.7")
    at_home.fill(form(at_home), "anna", world.ways["anna"].password)
    at_home.post(f"{CALLCENTER}/session/end", headers={"origin": CALLCENTER})
    attacker = at(world, "198.51.100.7")  # the same address even
    page = form(attacker)
    while guess(attacker, page, "anna").status_code != 429:
        pass
    assert at_home.fill(form(at_home), "anna", world.ways["anna"].password).json()["id"] == "anna"


def test_a_copied_mark_is_counted_too_and_of_no_use_for_others(world: World) -> None:
    browser = world.signed_in()
    mark = str(browser.kept(mark_cookie("anna")))
    attacker = at(world, "203.0.113.9")
    attacker.cookies.set(mark_cookie("anna"), mark, domain="localhost.local")
    page = form(attacker)
    statuses = [guess(attacker, page, "anna").status_code for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    made = Browser("a secret")
    assert made.known(made.mark("anna"), "anna")
    assert made.known(made.mark("anna"), "bruno") is None
    assert made.known(Browser("another").mark("anna"), "anna") is None
    for nonsense in (None, "", "anna", "anna..", "anna.x.y"):
        assert made.known(nonsense, "anna") is None


def test_only_so_many_passwords_are_hashed_at_once() -> None:
    guesses, holding, release = Guesses(), threading.Event(), threading.Event()

    def hold() -> None:
        with guesses.guess("anna", "203.0.113.1", None):
            holding.set()
            release.wait(10)

    def wait(number: int) -> bool:
        try:
            with guesses.guess(f"name{number}", f"203.0.113.{number + 2}", None):
                return True
        except TooMany:
            return False

    with ThreadPoolExecutor(20) as threads:
        held = threads.submit(hold)
        assert holding.wait(10)
        others = [threads.submit(wait, number) for number in range(12)]
        # Who was known before has a place of its own.
        with guesses.guess("bruno", "203.0.113.1", "a known browser"):
            pass
        wait_until(lambda: sum(other.done() for other in others) >= len(others) - WAITING)
        release.set()
        held.result()
        assert sum(other.result() for other in others) <= WAITING


class TestSecondFactor:
    """One-time codes."""

    def test_who_may_erase_or_administer_has_one(self, world: World) -> None:
        weighty = {Action.CUSTOMER_ERASE, Action.CUSTOMER_ERASE_CONSENT, Action.ROLE_DEFINE, Action.SESSION_END}
        roles = {
            role for known in ROLES.values() for role, grants in known.items() if weighty & {g.action for g in grants}
        }
        assert {role for role in roles if not needs_second_factor([role])} == set()
        people = [one for one in ACTORS if not one.is_machine]
        assert [bool(world.ways[one.subject].second_secret) for one in people] == [
            needs_second_factor(one.roles) for one in people
        ]

    def test_a_code_is_good_once(self, world: World) -> None:
        world.signed_in("sofia")
        again = world.browser()
        sofia = world.ways["sofia"]
        assert again.fill(form(again), "sofia", sofia.password, sofia.code(world.time())).status_code == 401
        world.time.now += 30
        assert again.fill(form(again), "sofia", sofia.password, sofia.code(world.time())).json()["id"] == "sofia"

    def test_a_code_of_a_clock_that_is_a_little_off_is_good(self) -> None:
        secret, now = pyotp.random_base32(), 1_790_000_015.0
        code = pyotp.TOTP(secret)
        assert [step_of(secret, code.at(int(now + off)), now) is not None for off in (-60, -30, 0, 30, 60)] == [
            False,
            True,
            True,
            True,
            False,
        ]

    def test_who_must_have_one_and_has_none_is_let_in_only_after_taking_one(self, world: World) -> None:
        world.issuer_store().run("UPDATE account SET second_secret = NULL WHERE subject = 'sofia'")
        browser = world.browser()
        page = browser.fill(form(browser), "sofia", world.ways["sofia"].password)
        assert page.url.path == "/enrol"
        assert browser.kept("issuer_session") is None
        secret = page.text.partition('<code class="text-break">')[2].partition("<")[0]
        assert f"otpauth://totp/CRM:sofia?secret={secret}" in page.text.replace("&amp;", "&")

        wrong = browser.post(page.url, data={"form": field_of(page, "form"), "code": "000000"})
        assert wrong.status_code == 401
        typed = {"form": field_of(page, "form"), "code": pyotp.TOTP(secret).at(int(world.time()))}
        assert browser.post(page.url, data=typed, headers={"origin": "https://evil.example"}).status_code == 400
        assert browser.post(page.url, data=typed).json()["id"] == "sofia"
        assert "amr" in str(web.claims_of(browser.kept("crm_callcenter_identity") or ""))

    def test_others_may_take_one(self, world: World) -> None:
        browser = world.signed_in("anna")
        page = browser.get(f"{ISSUER}/enrol")
        secret = page.text.partition('<code class="text-break">')[2].partition("<")[0]
        code = pyotp.TOTP(secret)
        typed = {"form": field_of(page, "form"), "code": code.at(int(world.time()))}
        browser.post(page.url, data=typed)
        world.time.now += 60
        other = world.browser()
        assert other.fill(form(other), "anna", world.ways["anna"].password).status_code == 401
        password = world.ways["anna"].password
        assert other.fill(form(other), "anna", password, code.at(int(world.time()))).json()["id"] == "anna"


def test_passwords_are_kept_as_hashes_only_and_refresh_tokens_too(world: World) -> None:
    browser = world.signed_in()
    folder = world.place.secrets
    kept = b"".join(path.read_bytes() for path in folder.glob("issuer.sqlite*"))
    assert world.ways["anna"].password.encode() not in kept
    assert b"$argon2id$" in kept
    for cookie in ("crm_callcenter_renew", "issuer_session"):
        assert str(browser.kept(cookie)).encode() not in kept
    assert {path.stat().st_mode & 0o077 for path in folder.iterdir()} == {0}


@pytest.mark.parametrize(("language", "text"), [("es-MX,es;q=0.9", "Contraseña"), ("de", "Password")])
def test_the_form_is_in_the_readers_language(world: World, language: str, text: str) -> None:
    page = world.browser().get(f"{CALLCENTER}/me", headers={"accept-language": language})
    assert text in page.text
    assert "<script" not in page.text


def test_what_somebody_typed_is_shown_as_text(world: World) -> None:
    browser = world.browser()
    name = '"><script>alert(1)</script>'
    assert "<script>" not in browser.fill(form(browser), name, "guessed").text
    hostile = browser.get(f"{ISSUER}/authorize?client_id={quote(name)}&response_type=code")
    assert hostile.status_code == 400
    assert "<script>" not in hostile.text
