"""Every answer carries its protective headers, whatever it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from fastapi.testclient import TestClient
from joserfc.jwk import ECKey, KeySet

from shared.access.grants import NOTHING
from shared.edge.auth import Authenticator, Trust
from shared.edge.clock import system_clock
from shared.edge.errors import Invalid
from shared.edge.guard import OVER_TLS, PROTECTIVE
from shared.edge.health import Health
from shared.edge.http import Standings, create_app, public
from shared.edge.issuer import KeyFile

routes = APIRouter()


@routes.get("/page")
@public
def page() -> HTMLResponse:
    return HTMLResponse("<p>here</p>")


@routes.get("/wrong")
@public
def wrong() -> None:
    raise Invalid("no")


@routes.get("/broken")
@public
def broken() -> None:
    raise ZeroDivisionError


def client(tmp_path: Path, scheme: str = "http") -> TestClient:
    keys = tmp_path / "jwks.json"
    keys.write_text(json.dumps(KeySet([ECKey.generate_key("P-256")]).as_dict(private=False)))
    authenticator = Authenticator(KeyFile(keys), Trust("issuer", "crm"), system_clock)
    app = create_app("Test", authenticator, [routes], Health(), Standings(lambda _: NOTHING), "https://id.example")
    return TestClient(app, base_url=f"{scheme}://test", raise_server_exceptions=False)


@pytest.mark.parametrize("path", ["/page", "/wrong", "/broken", "/healthz", "/not-there"])
def test_every_answer_has_them(path: str, tmp_path: Path) -> None:
    headers = client(tmp_path).get(path).headers
    assert {name.decode(): value.decode() for name, value in PROTECTIVE}.items() <= dict(headers).items()
    assert not any(name.decode() in headers for name, _ in OVER_TLS)


def test_no_script_or_style_may_come_from_elsewhere_or_stand_in_a_page(tmp_path: Path) -> None:
    policy = client(tmp_path).get("/page").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_forms_lead_here_or_to_the_issuer_and_nowhere_else(tmp_path: Path) -> None:
    policy = client(tmp_path).get("/page").headers["content-security-policy"]
    assert policy.endswith("form-action 'self' https://id.example")


def test_over_tls_browsers_are_told_to_stay_there(tmp_path: Path) -> None:
    assert client(tmp_path, "https").get("/page").headers["strict-transport-security"].startswith("max-age=")
