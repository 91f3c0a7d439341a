"""Around every request: its trace, its measures, a line in the log, and the headers that protect its answer."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import cache

import structlog
from prometheus_client import Counter, Histogram
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.edge import tracing
from shared.edge.metrics import HTTP_OPEN_STREAMS, HTTP_REFUSED, HTTP_REQUESTS, HTTP_SECONDS
from shared.edge.problems import FAILED, problem

log = structlog.get_logger(__name__)

PROTECTIVE = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
"""Headers of every answer that doesn't say otherwise."""
POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
"""The content security policy, without where forms may lead."""
OVER_TLS = ((b"strict-transport-security", b"max-age=31536000"),)


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Anybody may invent others, and each would be counted by itself."""
REFUSED = frozenset({401, 403, 413, 429})
_STREAM = (b"content-type", b"text/event-stream; charset=utf-8")


@cache
def _measured(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """What counts such requests: to come by it by its labels takes longer than to count."""
    return HTTP_REQUESTS.labels(method, route, status), HTTP_SECONDS.labels(method, route)


def _count(scope: Scope, status: int, seconds: float) -> None:
    route, method = route_of(scope), scope["method"]
    method = method if method in METHODS else "other"
    requests, durations = _measured(method, route, status)
    requests.inc()
    durations.observe(seconds)
    if status in REFUSED:
        HTTP_REFUSED.labels(status).inc()
    log.info("http.request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))


class Guard:
    """Gives every answer its protective headers and a line in the log, and an answer to what nobody caught.

    A plain ASGI middleware: the framework's own form of one costs several times as much a request.
    """

    def __init__(self, app: ASGIApp, forms_to: str = "") -> None:
        """``forms_to``: an origin that forms may lead to besides this one, as signing out leads to the issuer."""
        self._app = app
        policy = f"{POLICY}; form-action 'self' {forms_to}".rstrip().encode()
        self._usual = (*PROTECTIVE, (b"content-security-policy", policy))

    def _protected(self, headers: Iterable[tuple[bytes, bytes]], scheme: str) -> list[tuple[bytes, bytes]]:
        given = list(headers)
        names = {name for name, _ in given}
        usual = (*self._usual, *OVER_TLS) if scheme == "https" else self._usual
        return given + [header for header in usual if header[0] not in names]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        trace = tracing.of_request(scope["headers"])
        with tracing.following(trace):
            await self._guarded(scope, receive, send, (tracing.ANSWERED, tracing.id_of(trace).encode()))

    async def _guarded(self, scope: Scope, receive: Receive, send: Send, named: tuple[bytes, bytes]) -> None:
        began = time.perf_counter()
        started = is_stream = False

        async def guarded(message: Message) -> None:
            nonlocal started, is_stream
            if message["type"] == "http.response.start":
                started = True
                headers = self._protected(message.get("headers", ()), scope.get("scheme", ""))
                message["headers"] = [*headers, named]
                # Now and not at the end, which an open page doesn't come to.
                _count(scope, message["status"], time.perf_counter() - began)
                if not is_stream and _STREAM in headers:
                    is_stream = True
                    HTTP_OPEN_STREAMS.inc()
            await send(message)

        try:
            await self._app(scope, receive, guarded)
        except Exception as error:
            # The message may quote what a person sent, so only the kind of error is logged, with where it was raised.
            log.error("http.failed", route=route_of(scope), error=type(error).__name__, where=_where(error))
            if started:
                raise
            await problem(HTTPConnection(scope), 500, FAILED)(scope, receive, guarded)
        finally:
            if is_stream:
                HTTP_OPEN_STREAMS.dec()


def route_of(scope: Scope) -> str:
    """The route of a request as it stands in the code."""
    # The template and not the path or query, which can hold a person's number or name.
    return getattr(scope.get("route"), "path", "unknown")


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
