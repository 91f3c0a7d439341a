"""Requests are counted by what the code calls them, never by what somebody sent; each has a trace that is answered."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from joserfc.jwk import ECKey, KeySet
from prometheus_client import REGISTRY

from deploy.docs.services import ROOT
from shared.access.grants import NOTHING
from shared.edge import tracing
from shared.edge.auth import Authenticator, Trust
from shared.edge.clock import system_clock
from shared.edge.errors import TooMany
from shared.edge.health import Health
from shared.edge.http import Standings, create_app, public
from shared.edge.issuer import KeyFile
from shared.edge.limits import LARGEST_BODY

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
NUMBER = "+12125550101"
seen: list[str] = []
routes = APIRouter()


@routes.get("/people/{number}")
@public
def person(number: str) -> str:
    return tracing.trace_id()


@routes.post("/many")
@public
async def many(body: list[int]) -> None:
    raise TooMany("too many", 7)


@routes.get("/broken")
@public
def broken() -> None:
    raise ZeroDivisionError


@routes.get("/closed")
def closed() -> None:
    """Nobody comes in here without a token."""


@routes.get("/stream")
@public
async def stream() -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        seen.append(str(sample("crm_http_open_streams")))
        yield b"data:\n\n"

    return StreamingResponse(parts(), media_type="text/event-stream")


def sample(name: str, **labels: object) -> float:
    return REGISTRY.get_sample_value(name, {key: str(value) for key, value in labels.items()}) or 0.0


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    keys = tmp_path / "jwks.json"
    keys.write_text(json.dumps(KeySet([ECKey.generate_key("P-256")]).as_dict(private=False)))
    authenticator = Authenticator(KeyFile(keys), Trust("issuer", "crm"), system_clock)
    app = create_app("Test", authenticator, [routes], Health(), Standings(lambda _: NOTHING))
    return TestClient(app, raise_server_exceptions=False, follow_redirects=False)


def requests(method: str, route: str, status: int) -> float:
    return sample("crm_http_requests_total", method=method, route=route, status=status)


def test_requests_are_counted_by_their_route(client: TestClient) -> None:
    route = "/people/{number}"
    before = requests("GET", route, 200), sample("crm_http_request_duration_seconds_count", method="GET", route=route)
    client.get(f"/people/{NUMBER}?name=Ana")
    after = requests("GET", route, 200), sample("crm_http_request_duration_seconds_count", method="GET", route=route)
    assert after == (before[0] + 1, before[1] + 1)


def test_nothing_that_was_sent_becomes_a_label(client: TestClient) -> None:
    before = requests("other", "unknown", 404)
    client.request("ANA-DIAZ", f"/nowhere/{NUMBER}", headers={"traceparent": NUMBER})
    assert requests("other", "unknown", 404) == before + 1
    for metric in REGISTRY.collect():
        for each in metric.samples:
            assert not {"ANA-DIAZ", NUMBER} & set(each.labels.values())


@pytest.mark.parametrize(
    ("method", "path", "status", "more"),
    [
        ("GET", "/closed", 401, {}),
        ("POST", "/many", 429, {"json": [1]}),
        ("POST", "/many", 413, {"content": b"x" * (LARGEST_BODY + 1)}),
    ],
)
def test_refusals_are_counted(client: TestClient, method: str, path: str, status: int, more: dict[str, Any]) -> None:
    before = sample("crm_http_refused_total", status=status)
    answer = client.request(method, path, **more)
    assert answer.status_code == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert sample("crm_http_refused_total", status=status) == before + 1


def test_who_is_sent_to_sign_in_was_refused(client: TestClient) -> None:
    before = sample("crm_http_refused_total", status=401)
    assert client.get("/closed", headers={"accept": "text/html"}).status_code == 303
    assert sample("crm_http_refused_total", status=401) == before + 1


def test_open_streams_are_counted_while_they_are_open(client: TestClient) -> None:
    before = sample("crm_http_open_streams")
    assert client.get("/stream").text == "data:\n\n"
    assert seen.pop() == str(before + 1)
    assert sample("crm_http_open_streams") == before


def test_an_answer_names_the_trace_of_its_request(client: TestClient) -> None:
    sent = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    answer = client.get("/people/1", headers=sent)
    # Known where the request is handled, too: that is another thread.
    assert (answer.headers["trace-id"], answer.json()) == (TRACE, TRACE)
    first, second = client.get("/people/1"), client.get("/people/1")
    assert re.fullmatch("[0-9a-f]{32}", first.headers["trace-id"])
    assert first.headers["trace-id"] != second.headers["trace-id"]
    assert tracing.current() is None


@pytest.mark.parametrize("path", ["/closed", "/nowhere", "/broken"])
def test_a_problem_can_be_quoted(client: TestClient, path: str) -> None:
    with structlog.testing.capture_logs([tracing.add_to_log]) as lines:
        answer = client.get(path, headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    assert (answer.json()["trace_id"], answer.headers["trace-id"]) == (TRACE, TRACE)
    assert lines
    assert {line["trace_id"] for line in lines} == {TRACE}


def test_metrics_are_made_in_the_list_alone() -> None:
    makes = re.compile(r"\b(Counter|Gauge|Histogram|Summary|Info)\(")
    files = [path for folder in ("shared", "services") for path in (ROOT / folder).rglob("*.py")]
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in files}
    found = [name for name, text in texts.items() if "prometheus_client" in text and makes.search(text)]
    assert found == ["shared/edge/metrics.py"]


def test_metrics_are_named_as_prometheus_asks() -> None:
    own = [metric for metric in REGISTRY.collect() if metric.name.startswith("crm_")]
    assert len(own) > 20
    for metric in own:
        assert metric.documentation
        if "seconds" in metric.name:
            assert metric.name.endswith("_seconds"), metric.name
        assert not {label for each in metric.samples for label in each.labels} & {"actor", "stream", "member", "path"}
