"""No route of any service answers without a valid token, but for those that are marked as open to anybody."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey

from deploy.docs import services
from shared.edge.auth import Authenticator, Trust
from shared.edge.errors import Unauthenticated
from shared.edge.issuer import KeyFile

OPEN = {
    "/certificates/keys",
    "/handheld/manifest.webmanifest",
    "/handheld/worker.js",
    "/healthz",
    "/readyz",
    "/session/end",
    "/session/ended",
    "/session/renew",
    "/sign-in",
    "/signed-in",
    "/signed-out",
    "/static/{name}",
}
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = ECKey.generate_key("P-256", auto_kid=True)
AN_ID = "01a2024b-d352-7706-b631-cf6c3e7526e6"


def all_routes(routes: Iterable[Any]) -> Iterator[APIRoute]:
    """The routes of an application, those of its routers included."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif inner := getattr(route, "original_router", None):
            yield from all_routes(inner.routes)


def turned_away(client: TestClient, method: str, path: str) -> bool:
    """Whether a request without a token is refused, or, for a page, sent to sign in."""
    plain = client.request(method, path)
    if plain.status_code not in (404, 405):
        return bool(plain.status_code == 401)
    page = client.request(method, path, headers={"accept": "text/html"})
    return bool(page.status_code == 303 and page.headers["location"].startswith("/sign-in"))


@pytest.mark.parametrize("service", services.names())
def test_every_route_asks_for_a_token(service: str) -> None:
    app = services.app(service)
    client = TestClient(app, follow_redirects=False)
    asked = 0
    for route in all_routes(app.routes):
        if route.path in OPEN:
            continue
        for method in route.methods or ():
            path = re.sub(r"\{[^}]*\}", AN_ID, route.path)
            assert turned_away(client, method, path), f"{method} {route.path}"
            asked += 1
    assert asked > 5


def claims(**changes: Any) -> dict[str, Any]:
    usual = {"iss": "issuer", "aud": "crm", "sub": "anna", "roles": ["agent"]}
    times = {"iat": int(NOW.timestamp()), "exp": int((NOW + timedelta(minutes=5)).timestamp())}
    return {name: value for name, value in (usual | times | changes).items() if value is not None}


def signed(key: Any = KEY, algorithm: str = "ES256", **changes: Any) -> str:
    return jwt.encode({"alg": algorithm, "kid": KEY.kid}, claims(**changes), key, algorithms=[algorithm])


def unsigned() -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none', 'kid': KEY.kid})}.{part(claims())}."


@pytest.fixture
def authenticator(tmp_path: Path) -> Authenticator:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(KeySet([KEY]).as_dict(private=False)))
    return Authenticator(KeyFile(path), Trust("issuer", "crm"), lambda: NOW, longest=3600)


def test_a_valid_token_says_who_it_is(authenticator: Authenticator) -> None:
    actor = authenticator.verify(signed())
    assert (actor.id, actor.roles) == ("anna", frozenset({"agent"}))


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="empty"),
        pytest.param("a.b.c", id="nonsense"),
        pytest.param(unsigned(), id="algorithm none"),
        pytest.param(signed(exp=int(NOW.timestamp()) - 60), id="expired"),
        pytest.param(signed(exp=None), id="without an end"),
        pytest.param(signed(aud="other"), id="for another audience"),
        pytest.param(signed(iss="other"), id="of another issuer"),
        pytest.param(signed(sub=None), id="of nobody"),
        pytest.param(signed(sub="service:sync"), id="of a service itself"),
        pytest.param(signed(events={"logout": {}}), id="that says a session ended"),
        pytest.param(signed(exp=int(NOW.timestamp()) + 7200), id="good for too long"),
        pytest.param(
            signed(iat=None, exp=int(NOW.timestamp()) + 7200), id="good for too long, since nobody knows when"
        ),
        pytest.param(signed(ECKey.generate_key("P-256")), id="signed by another key"),
        pytest.param(signed(OctKey.generate_key(256), "HS256"), id="signed with a shared secret"),
        pytest.param(signed()[:-6] + "AAAAAA", id="signature changed"),
    ],
)
def test_any_other_token_is_refused(authenticator: Authenticator, token: str) -> None:
    with pytest.raises(Unauthenticated):
        authenticator.verify(token)
