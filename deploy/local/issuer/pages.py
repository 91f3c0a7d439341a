"""The issuer's pages: forms that need no script, and take nothing that another site sent."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from deploy.local.issuer.store import new_secret
from deploy.local.issuer.texts import language_of, translate

TEMPLATES = Path(__file__).parent / "templates"
FORM_COOKIE = "issuer_form"
STYLE = (TEMPLATES / "style.css").read_text(encoding="utf-8")


class Pages:
    """Renders pages. ``goes_to``: where its forms may lead, besides here: browsers hold redirects to that too."""

    def __init__(self, goes_to: list[str]) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        policy = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
        leads_to = " ".join(["'self'", *goes_to])
        self._headers = {
            "content-security-policy": f"{policy}; form-action {leads_to}",
            "cache-control": "no-store",
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
        }

    def answer(
        self, request: Request, template: str, heading: str, status: int = 200, error: str = "", **context: Any
    ) -> Response:
        """A page in the reader's language, with what proves that a form came from it."""
        language = language_of(request)
        form = request.cookies.get(FORM_COOKIE) or new_secret()
        text = self._environment.get_template(template).render(
            _=lambda text: translate(text, language),
            language=language,
            heading=heading,
            error=error,
            form=form,
            **context,
        )
        answer = HTMLResponse(text, status, {**self._headers, "content-language": language})
        keep(answer, FORM_COOKIE, form, request, None)
        return answer

    def said(
        self,
        request: Request,
        heading: str,
        text: str,
        actions: Sequence[tuple[str, str]] = (),
        links: Sequence[tuple[str, str]] = (),
        status: int = 200,
        detail: str = "",
    ) -> Response:
        """A page with a sentence, and what can be done next. ``detail``: in English, for who runs the service."""
        said = translate(text, language_of(request))
        return self.answer(
            request, "said.html", heading, status, said=said, detail=detail, actions=actions, links=links
        )


def came_from_here(request: Request, form: Any) -> bool:
    """Whether a form was sent from one of our own pages: it holds what the browser keeps from them."""
    kept, sent = request.cookies.get(FORM_COOKIE, ""), str(form.get("form", ""))
    origin = request.headers.get("origin")
    is_ours = origin is None or origin == "null" or origin.partition("://")[2] == request.headers.get("host")
    return bool(kept) and hmac.compare_digest(kept.encode(), sent.encode()) and is_ours


def keep(answer: Response, name: str, value: str, request: Request, seconds: int | None) -> None:
    """Have the browser keep something that only we read."""
    secure = request.url.scheme == "https"
    answer.set_cookie(name, value, max_age=seconds, httponly=True, samesite="lax", secure=secure)
