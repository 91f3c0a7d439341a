"""The one form of errors over HTTP, RFC 9457, and how the OpenAPI document tells of it."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.requests import HTTPConnection

from shared.edge import tracing
from shared.edge.language import VARY, catalog, language_of
from shared.texts import N_, Text

TITLES = {
    400: N_("Refused"),
    401: N_("Sign in first"),
    403: N_("Not allowed"),
    404: N_("Not found"),
    405: N_("Method not allowed"),
    409: N_("Conflict"),
    413: N_("Too large"),
    422: N_("Not valid"),
    429: N_("Too many"),
    500: N_("Internal error"),
    503: N_("Try again later"),
}
OTHER = N_("Error")
FAILED = Text(N_("something went wrong here; it has been logged"))
"""What is said where the reason is for the log only."""
RETRY_AFTER_SECONDS = 2
PROBLEM = "application/problem+json"
PROBLEM_SCHEMA = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "trace_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    },
    "required": ["type", "title", "status", "detail"],
}


def problem(
    asked: HTTPConnection, status: int, detail: Text | str, *, retry_after: int = RETRY_AFTER_SECONDS, **more: Any
) -> JSONResponse:
    """An error as RFC 9457 has it, in the language of who asked."""
    language = language_of(asked)
    translate = catalog(language).gettext
    headers = {"content-language": language, "vary": VARY}
    if status in (429, 503):
        headers["retry-after"] = str(retry_after)
    return JSONResponse(
        {
            "type": "about:blank",
            "title": translate(TITLES.get(status, OTHER)),
            "status": status,
            "detail": detail.told(translate) if isinstance(detail, Text) else detail,
            **({"trace_id": trace} if (trace := tracing.trace_id()) else {}),
            **more,
        },
        status_code=status,
        media_type=PROBLEM,
        headers=headers,
    )


def describe_errors(app: FastAPI) -> None:
    """Make the OpenAPI document say what is so: the token that every route asks for, the form of errors."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        document = made()
        parts = document.setdefault("components", {})
        parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
        document["security"] = [{"token": []}]
        problem_answer = {"description": "Problem (RFC 9457)", "content": {PROBLEM: {"schema": PROBLEM_SCHEMA}}}
        for path in document["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
                operation["responses"]["4XX"] = problem_answer
        for name in ("HTTPValidationError", "ValidationError"):
            parts.get("schemas", {}).pop(name, None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
