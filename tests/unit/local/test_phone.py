"""The command that lets the phone ring."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from deploy.local import layout, phone
from deploy.local.layout import Layout
from deploy.local.problems import Problem
from deploy.local.tokens import Issuer
from deploy.sample import people


class CallCenter(BaseHTTPRequestHandler):
    """A stand-in that takes calls."""

    status: ClassVar[int] = 201
    calls: ClassVar[list[tuple[dict[str, Any], dict[str, str]]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.calls.append((body, {name.lower(): value for name, value in self.headers.items()}))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b'{"contact": "42"}' if self.status == 201 else b"no such queue")


@pytest.fixture
def call_center(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[CallCenter]]:
    monkeypatch.setattr(CallCenter, "calls", [])
    with HTTPServer(("127.0.0.1", 0), CallCenter) as server:
        monkeypatch.setenv("CRM_CALLCENTER_URL", f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield CallCenter
        server.shutdown()
        thread.join()


def test_the_call_comes_from_the_telephone_system(call_center: type[CallCenter], tmp_path: Path) -> None:
    issuer = Issuer(Layout(tmp_path))
    issuer.publish()
    said = phone.ring(issuer, "(212) 555-0199", "technical")
    [(body, headers)] = call_center.calls
    assert (body["number"], body["queue"]) == ("(212) 555-0199", "technical")
    keys = KeySet.import_key_set(json.loads((tmp_path / "jwks.json").read_text()))
    token = headers["authorization"].removeprefix("Bearer ")
    assert jwt.decode(token, keys, algorithms=["ES256"]).claims["roles"] == ["telephony"]
    assert said.endswith("/contacts/42")


def test_each_ring_is_a_call_of_its_own(call_center: type[CallCenter], tmp_path: Path) -> None:
    issuer = Issuer(Layout(tmp_path))
    phone.ring(issuer)
    phone.ring(issuer)
    assert len({body["call"] for body, _ in call_center.calls}) == 2
    assert len({headers["idempotency-key"] for _, headers in call_center.calls}) == 2


def test_a_refusal_is_passed_on(call_center: type[CallCenter], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CallCenter, "status", 422)
    with pytest.raises(Problem, match="refuses the call: no such queue"):
        phone.ring(Issuer(Layout(tmp_path)), queue="none")


def test_without_a_call_center_it_says_how_to_start_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_CALLCENTER_URL", f"http://127.0.0.1:{layout.free_port()}")
    with pytest.raises(Problem, match="make run"):
        phone.ring(Issuer(Layout(tmp_path)))


def test_by_default_the_samples_first_customer_calls() -> None:
    first = next(iter(people.rows(date(2026, 1, 1), 1)))
    assert first["phone"] == phone.SAMPLE_NUMBER
