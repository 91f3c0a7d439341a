"""Pages from templates, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.routing import Match
from starlette.types import Scope

from shared.access.grants import NOTHING
from shared.web.i18n import LANGUAGES, catalog, language_of

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
    a language from gettext and the language's code. ``needs``: path -> action without which the menu doesn't lead
    there.
    """

    def __init__(
        self,
        title: str,
        nav: Mapping[str, str],
        folders: Sequence[Path],
        words: Words | None = None,
        needs: Mapping[str, str] | None = None,
    ) -> None:
        self.title, self.nav, self._needs = title, nav, needs or {}
        self._environments = {}
        for language in LANGUAGES:
            environment = _environment(language, [*folders, TEMPLATES])
            environment.globals |= words(catalog(language).gettext, language) if words else {}
            self._environments[language] = environment

    def answer(self, request: Request, template: str, **context: Any) -> HTMLResponse:
        """The page, for the language and the actor of the request."""
        language = language_of(request)
        may = getattr(request.state, "grants", NOTHING).may
        text = (
            self._environments[language]
            .get_template(template)
            .render(
                title=self.title,
                nav={to: label for to, label in self.nav.items() if to not in self._needs or may(self._needs[to])},
                path=request.url.path,
                actor=getattr(request.state, "actor", None),
                may=may,
                language=language,
                **context,
            )
        )
        return HTMLResponse(text, headers={"vary": "accept, accept-language", "content-language": language})


def _environment(language: str, folders: Sequence[Path]) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(catalog(language), newstyle=True)  # type: ignore[attr-defined]
    environment.filters["instant"] = instant
    return environment


def instant(at: datetime | None) -> Markup:
    """An instant in UTC; the browser writes it in the reader's zone (live.js)."""
    if at is None:
        return Markup("")
    at = at.astimezone(UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(at.isoformat(), at.strftime("%Y-%m-%d %H:%M"))
