"""The issuer's pages, as people meet them on the way to a service: signing in, a second factor, refused, signed out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pyotp
import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from playwright.sync_api import Browser, BrowserContext, Page, expect

from deploy.local.issuer.accounts import WayIn, ways_in
from deploy.local.issuer.app import create_app
from deploy.local.layout import Layout, free_port
from shared.edge.clock import system_clock
from tests.browser.people import check_page
from tests.browser.platform import HOST, served

ASKED = {
    "response_type": "code",
    "client_id": "callcenter",
    "scope": "openid profile",
    "state": "s",
    "nonce": "n",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
}
LANGUAGES = pytest.mark.parametrize("language", ["en", "es"])


@dataclass
class Visits:
    """Opens the issuer's pages in browsers of their own, each as if a service had sent it there."""

    browser: Browser
    url: str
    service: str
    ways: dict[str, WayIn]
    contexts: list[BrowserContext] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def open(self, path: str, language: str) -> Page:
        context = self.browser.new_context(locale="es-ES" if language == "es" else "en-US")
        self.contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.wrong.append(f"{path}: {error}"))
        page.goto(self.url + path)
        expect(page.locator("html")).to_have_attribute("lang", language)
        return page

    def begin(self, language: str, **asked: str) -> Page:
        """The page to which a service sends somebody who isn't signed in."""
        parameters = {**ASKED, "redirect_uri": f"{self.service}/signed-in", **asked}
        return self.open(f"/authorize?{urlencode(parameters)}", language)

    def sign_in(self, page: Page, name: str, password: str) -> None:
        fields = page.locator("form input:not([type=hidden])")
        for place, text in enumerate((name, password, self.ways[name].code(system_clock().timestamp()))):
            fields.nth(place).fill(text)
        page.get_by_role("button").click()


@pytest.fixture
def visits(chromium: Browser, tmp_path: Path) -> Iterator[Visits]:
    place, port, other = Layout(tmp_path), free_port(), free_port()
    url, service = f"http://{HOST}:{port}", f"http://{HOST}:{other}"
    with served(_service(), other), served(create_app(place, url, {"callcenter": service}), port):
        made = Visits(chromium, url, service, ways_in(place))
        yield made
        for context in made.contexts:
            context.close()
    assert made.wrong == []


def _service() -> FastAPI:
    """Where people come back to."""
    app = FastAPI()
    app.add_api_route("/signed-in", lambda: HTMLResponse("<h1>The service</h1>"), response_model=None)
    return app


@LANGUAGES
def test_signing_in_is_refused_with_words_and_then_leads_to_the_service(visits: Visits, language: str) -> None:
    page = visits.begin(language)
    expect(page.get_by_role("heading", level=1)).to_have_text({"en": "Sign in", "es": "Iniciar sesión"}[language])
    check_page(page, "issuer-sign-in" if language == "en" else "")
    visits.sign_in(page, "sofia", "not it")
    words = {"en": "don't belong together", "es": "no se corresponden"}[language]
    expect(page.get_by_role("alert")).to_contain_text(words)
    check_page(page)
    visits.sign_in(page, "sofia", visits.ways["sofia"].password)
    expect(page.get_by_role("heading", name="The service")).to_be_visible()


@LANGUAGES
def test_a_second_factor_is_taken_and_its_owner_signs_out(visits: Visits, language: str) -> None:
    page = visits.begin(language)
    visits.sign_in(page, "anna", visits.ways["anna"].password)
    expect(page.get_by_role("heading", name="The service")).to_be_visible()
    page.goto(visits.url)
    expect(page.get_by_text("Anna Berger")).to_be_visible()
    check_page(page)
    page.get_by_role("link").click()
    code = page.get_by_label({"en": "One-time code", "es": "Código de un solo uso"}[language])
    expect(code).to_be_focused()
    check_page(page, "issuer-second-factor" if language == "en" else "")
    code.fill("000000")
    page.get_by_role("button").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check_page(page)
    code.fill(pyotp.TOTP(page.locator("code").inner_text()).at(int(system_clock().timestamp())))
    page.get_by_role("button").click()
    expect(
        page.get_by_text({"en": "You have a second factor.", "es": "Tiene un segundo factor."}[language])
    ).to_be_visible()
    page.get_by_role("button").click()
    expect(page.get_by_text({"en": "You are signed out.", "es": "Ha cerrado sesión."}[language])).to_be_visible()
    check_page(page)


@LANGUAGES
def test_what_a_service_may_not_ask_for_is_refused_on_a_page(visits: Visits, language: str) -> None:
    page = visits.begin(language, redirect_uri="http://elsewhere.test/")
    heading = {"en": "This can't be done", "es": "Esto no se puede hacer"}[language]
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    expect(page.locator("[lang=en]:not(html)")).to_have_count(1)
    check_page(page)
    page.goto(f"{visits.url}/end-session")
    expect(page.get_by_role("button")).to_have_text(
        {"en": "Sign out everywhere?", "es": "¿Cerrar sesión en todas partes?"}[language]
    )
    check_page(page)
