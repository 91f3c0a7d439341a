"""The console asks the services in the reader's language, and says in it that one doesn't answer."""

from __future__ import annotations

import httpx
from starlette.requests import Request

from deploy.console.asking import Services

URLS = {"sync": "http://sync.test", "sfa": "http://sfa.test"}


def answered(request: httpx.Request) -> httpx.Response:
    if request.url.host == "sfa.test":
        raise httpx.ConnectError("away")
    return httpx.Response(403, json={"detail": f"in {request.headers['accept-language']}"})


def test_what_a_service_refuses_is_asked_for_in_the_readers_language() -> None:
    services = Services(URLS, "crm_console", httpx.MockTransport(answered))
    reader = Request({"type": "http", "headers": [(b"accept-language", b"es-AR,en;q=0.5")]})
    told = {one.service: one.why for one in services.each(reader, "/operations/gained")}
    assert told == {"sync": "in es", "sfa": "no responde (ConnectError)"}
