"""The one form of errors over HTTP, RFC 9457, and how the OpenAPI document tells of it."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from shared.edge import tracing

TITLES = {
    400: "Refused",
    401: "Sign in first",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    422: "Not valid",
    429: "Too many",
    500: "Internal error",
    503: "Try again later",
}
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


def problem(status: int, detail: str, *, retry_after: int = RETRY_AFTER_SECONDS, **more: Any) -> JSONResponse:
    """An error as RFC 9457 has it."""
    headers = {"retry-after": str(retry_after)} if status in (429, 503) else None
    return JSONResponse(
        {
            "type": "about:blank",
            "title": TITLES.get(status, "Error"),
            "status": status,
            "detail": detail,
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
