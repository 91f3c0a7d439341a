"""Pages from templates, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_precision
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.routing import Match
from starlette.types import Scope

from shared.access.grants import NOTHING
from shared.edge.language import LANGUAGES, catalog, language_of
from shared.texts import N_
from shared.web import static

PROBLEMS = {
    403: N_("Your role doesn't allow this. Whoever gives out roles can change that."),
    404: N_("There is nothing here, or nothing that your role may see."),
    409: N_("Somebody else changed this meanwhile. Go back, look again, and decide anew."),
    429: N_("That was too much at once. Wait a minute, then go on."),
    503: N_("Something that is needed doesn't answer just now. Nothing was lost; try again in a moment."),
}
"""What a page says when it can't show what was asked for."""

TEMPLATES = Path(__file__).parent / "templates"

Words = Callable[[Callable[[str], str], str], dict[str, Any]]


class Page(APIRoute):
    """A route for people: taken only when the request asks for HTML, so an API may have the same path."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = super().matches(scope)
        if match is not Match.NONE and not asks_for_html(scope):
            return Match.NONE, {}
        return match, child


def asks_for_html(scope: Scope) -> bool:
    """Whether the request's Accept header names HTML."""
    return any(name == b"accept" and b"text/html" in value for name, value in scope.get("headers", ()))


class Pages:
    """The templates of a service.

    ``nav``: path -> label (marked with ``N_``) of its menu. ``words``: what else its templates can call, made for
    a language from gettext and the language's code. ``administration``: path -> label and the action without which
    the menu doesn't lead there; the part of the menu that few people need.
    """

    def __init__(
        self,
        title: str,
        nav: Mapping[str, str],
        folders: Sequence[Path],
        words: Words | None = None,
        administration: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        self.title, self.nav, self._administration = title, nav, administration or {}
        self._environments = {}
        for language in LANGUAGES:
            environment = _environment(language, [*folders, TEMPLATES])
            environment.globals |= words(catalog(language).gettext, language) if words else {}
            self._environments[language] = environment

    def answer(self, request: Request, template: str, **context: Any) -> HTMLResponse:
        """The page, for the language and the actor of the request."""
        text = self.text(request, template, request.state, **context)
        headers = {"vary": "accept, accept-language, cookie", "content-language": language_of(request)}
        return HTMLResponse(text, headers=headers)

    def text(self, request: Request, template: str, seen_by: object, **context: Any) -> str:
        """The HTML, for the language of the request and the ``actor`` and ``grants`` of ``seen_by``, if it has them."""
        language = language_of(request)
        may = getattr(seen_by, "grants", NOTHING).may
        return (
            self._environments[language]
            .get_template(template)
            .render(
                title=self.title,
                nav=self.nav,
                administration={to: label for to, (label, need) in self._administration.items() if may(need)},
                path=request.url.path,
                here=here(request),
                actor=getattr(seen_by, "actor", None),
                may=may,
                language=language,
                **context,
            )
        )

    def problem(self, request: Request, status: int, detail: str) -> HTMLResponse:
        """The page for a person who asked for something that isn't to be had, in words of what to do."""
        page = self.answer(request, "problem.html", code=status, said=PROBLEMS.get(status), detail=detail)
        page.status_code = status
        return page


def here(request: Request) -> str:
    """The address of the page that was asked for, within its service."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _environment(language: str, folders: Sequence[Path]) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(catalog(language), newstyle=True)  # type: ignore[attr-defined]
    environment.globals["static"] = static.address
    environment.globals["languages"] = LANGUAGES
    environment.filters |= {
        "instant": instant,
        "ago": ago,
        "number": lambda value: format_decimal(value, locale=language),
        "percent": lambda value: format_percent(value, locale=language),
        "day": lambda at: format_date(at, locale=language),
        "money": lambda amount, currency: money(amount, currency, language),
        "major": major,
        "places": get_currency_precision,
        "told": lambda text: text.told(catalog(language).gettext),
    }
    return environment


def major(amount: int, currency: str) -> str:
    """Minor units as a field of a form has them, with data-minor: 1234 USD is 12.34."""
    return str(Decimal(amount).scaleb(-get_currency_precision(currency)))


AGO = Markup(" data-ago")


def instant(at: datetime | None, form: str = "") -> Markup:
    """An instant in UTC; the browser writes it in the reader's zone (times.ts)."""
    if at is None:
        return Markup("")
    at = at.astimezone(UTC)
    return Markup('<time datetime="{}"{}>{} UTC</time>').format(at.isoformat(), form, at.strftime("%Y-%m-%d %H:%M"))


def ago(at: datetime | None) -> Markup:
    """An instant, which the browser writes as how long ago it was, kept up to date."""
    return instant(at, AGO)


def money(amount: int, currency: str, language: str) -> str:
    """Minor units as people of the language read them: 1234 USD is $12.34."""
    digits = get_currency_precision(currency)
    return format_currency(Decimal(amount).scaleb(-digits), currency, locale=language)
