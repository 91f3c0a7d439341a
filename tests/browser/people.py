"""People at their browsers, and what is looked at on every page."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, BrowserContext, Page, Response, expect, sync_playwright

from deploy.assets.__main__ import ROOT
from tests.browser.chromium import ARGUMENTS, installed
from tests.browser.platform import Platform
from tests.spanish import Words, english_in

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
PICTURES = os.environ.get("CRM_PICTURES", "")
"""The folder into which pictures of pages are put; none are taken if empty."""
WIDE, PHONE = 1280, 390
HEIGHTS = {WIDE: 900, PHONE: 844}
TIMEOUT_MS = 30_000
SERIOUS = ("serious", "critical")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SCHEME = 'matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"'
SETTLED = """async () => {
  const drawn = new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const late = new Promise((done) => setTimeout(done, 1000));
  await Promise.race([drawn, late]);
  for (const one of document.getAnimations()) {
    if (Number.isFinite(one.effect?.getComputedTiming().endTime)) one.finish();
  }
}"""
"""Colours fade over into others; what is looked at is how they are then. A page that isn't in front draws nothing."""
AXE_RUN = "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"
WIDER = """() => {
  const screen = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= screen) return [];
  const scrolls = (e) => e && (getComputedStyle(e).overflowX !== "visible" || scrolls(e.parentElement));
  const isWide = (e) => e.getBoundingClientRect().right > screen + 1 && !scrolls(e.parentElement);
  const wide = [...document.body.querySelectorAll("*")].filter(isWide);
  return ["the page", ...wide.map((e) => `${e.tagName}#${e.id}.${e.className}`).slice(0, 8)];
}"""
"""What makes a page wider than the screen."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, for as long as the context is open."""
    program, environment = installed()
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS, env={**environment})
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class People:
    """Opens browsers for people, each with a profile of its own."""

    browser: Browser
    platform: Platform
    contexts: list[BrowserContext] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """What browsers complained of: scripts that failed, what the content policy refused, answers with 5xx."""

    def open(
        self,
        service: str,
        path: str,
        actor: str,
        *roles: str,
        width: int = WIDE,
        language: str = "en",
        dark: bool = False,
        teams: tuple[str, ...] = (),
    ) -> Page:
        """A page of a service, as somebody signed in with these roles. Links between services work too."""
        context = self.browser.new_context(
            viewport={"width": width, "height": HEIGHTS.get(width, 900)},
            locale="es-ES" if language == "es" else "en-US",
            color_scheme="dark" if dark else "light",
            timezone_id="UTC",
        )
        context.set_default_timeout(TIMEOUT_MS)
        self.contexts.append(context)
        cookies: Any = [self.platform.cookie(name, actor, *roles, teams=teams) for name in self.platform.urls]
        context.add_cookies(cookies)
        page = context.new_page()
        page.on("pageerror", lambda error: self.wrong.append(f"{path}: {error}"))
        page.on("console", self._heard(path))
        page.on("response", self._answered)
        page.goto(f"{self.platform.urls[service]}{path}")
        return page

    def _heard(self, path: str) -> Callable[[Any], None]:
        def heard(message: Any) -> None:
            # That an answer was a refusal is told twice, by the browser and by htmx; tests look at what the page says.
            is_refusal = message.text.startswith(("Failed to load resource", "Response Status Error Code 4"))
            if message.type == "error" and not is_refusal:
                self.wrong.append(f"{path}: {message.text}")

        return heard

    def _answered(self, response: Response) -> None:
        if response.status >= 500:
            self.wrong.append(f"{response.request.method} {response.url}: {response.status}")

    def close(self) -> None:
        """Close all browsers' profiles."""
        for context in self.contexts:
            context.close()
        self.contexts.clear()


def check_page(page: Page, picture: str = "") -> None:
    """Nothing serious for who can't see or use a mouse (axe-core), nothing wider than the screen, one heading: on a
    phone and a wide screen, in light and dark, and then as it was before. No English for who reads Spanish. Keeps a
    picture called ``picture`` where ``CRM_PICTURES`` says to."""
    if PICTURES and picture:
        page.screenshot(path=Path(PICTURES) / f"{picture}.png", full_page=True)
    assert page.locator("h1").count() == 1, page.url
    # Added as the debugger adds it: the page's own content policy lets in no foreign script.
    page.evaluate(AXE.read_text(encoding="utf-8") + "; undefined")
    if page.locator("html").get_attribute("lang") == "es":
        assert english_in(Words(page.content())) == set(), page.url
    size, scheme = page.viewport_size, page.evaluate(SCHEME)
    assert size is not None
    for width in (PHONE, WIDE):
        page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        for colours in SCHEMES:
            page.emulate_media(color_scheme=colours)
            page.evaluate(SETTLED)
            _check_look(page, f"{page.url}, {width} wide, {colours}")
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme)


def _check_look(page: Page, look: str) -> None:
    found = [
        f"{violation['id']}: {violation['help']} at {[node['target'] for node in violation['nodes']][:5]}"
        for violation in page.evaluate(AXE_RUN)
        if violation["impact"] in SERIOUS
    ]
    assert not found, f"{look}: {found}"
    wider = page.evaluate(WIDER)
    assert wider == [], f"{look} is wider than the screen: {wider}"
