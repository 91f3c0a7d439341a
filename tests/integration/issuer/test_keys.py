"""Keys come and go: a new one is trusted when it is met, an old one until it is taken away, a made-up one never."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from deploy.local.issuer.keys import TRUSTED_SECONDS
from shared.edge.errors import Unavailable
from shared.edge.issuer import AGAIN_SECONDS, FRESH_SECONDS, STALE_SECONDS, Issuer, usable
from shared.edge.rates import Rates
from tests.integration.issuer.web import ISSUER, SERVICES, Time, World

ME = f"{SERVICES['callcenter']}/me"


def bearer(world: World, token: str) -> httpx.Response:
    with httpx.Client(transport=world.web) as client:
        return client.get(ME, headers={"authorization": f"Bearer {token}"})


def claims(world: World, **changes: Any) -> dict[str, Any]:
    now = int(world.time())
    return {"iss": ISSUER, "aud": "crm", "sub": "anna", "iat": now, "exp": now + 6000, "roles": ["agent"], **changes}


def look(world: World, after: float) -> None:
    """What the thread of each service does, that much later."""
    world.monotonic.now += after
    assert world.sites["callcenter"].issuer.look_again()


def test_a_token_of_a_new_key_is_good_at_once_and_those_of_the_old_one_stay_so(world: World) -> None:
    old = world.keys.sign(claims(world))
    assert bearer(world, old).status_code == 200
    world.keys.rotate()
    new = world.keys.sign(claims(world))
    world.monotonic.now += AGAIN_SECONDS
    assert bearer(world, new).status_code == 200
    assert bearer(world, old).status_code == 200


def test_a_key_that_was_taken_away_is_trusted_no_longer_than_five_minutes(world: World) -> None:
    old = world.keys.sign(claims(world))
    assert bearer(world, old).status_code == 200
    world.keys.rotate()
    world.keys.forget_old()
    look(world, FRESH_SECONDS)
    # Also though this very token was verified before.
    assert bearer(world, old).status_code == 401
    assert bearer(world, world.keys.sign(claims(world))).status_code == 200
    assert FRESH_SECONDS <= 300


def test_the_issuer_forgets_an_old_key_when_its_tokens_are_over(world: World) -> None:
    world.keys.rotate()
    assert len(world.keys.public()["keys"]) == 2
    world.time.now += TRUSTED_SECONDS
    assert len(world.keys.public()["keys"]) == 1


def test_keys_are_looked_up_in_the_background(world: World) -> None:
    issuer = Issuer(ISSUER, world.web)
    seen = threading.Event()
    look_up = issuer._look

    def noted() -> None:
        look_up()
        seen.set()

    issuer._look = noted  # type: ignore[method-assign]
    with issuer.running():
        assert seen.wait(10)
        assert issuer.current().keys


def test_made_up_keys_have_the_issuer_asked_once_in_ten_seconds(world: World) -> None:
    asked = 0
    site = world.web.sites[ISSUER]

    class Counting(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal asked
            asked += request.url.path == "/jwks"
            return site.handle_request(request)

    world.web.sites[ISSUER] = Counting()
    forged = [signed(claims(world), ECKey.generate_key("P-256", auto_kid=True)) for _ in range(20)]
    assert {bearer(world, token).status_code for token in forged} == {401}
    assert asked == 1
    world.monotonic.now += AGAIN_SECONDS
    assert bearer(world, forged[0]).status_code == 401
    assert asked == 2


def signed(said: dict[str, Any], key: Any, algorithm: str = "ES256", **header: Any) -> str:
    return jwt.encode({"alg": algorithm, "kid": key.kid, **header}, said, key, algorithms=[algorithm])


def test_a_public_key_is_no_shared_secret(world: World) -> None:
    [public] = world.keys.public()["keys"]
    as_text = ECKey.import_key(public).as_pem(private=False)
    for secret in (as_text, json.dumps(public).encode(), public["x"].encode()):
        head = part({"alg": "HS256", "kid": public["kid"]}) + b"." + part(claims(world))
        signature = hmac.new(secret, head, hashlib.sha256).digest()
        assert bearer(world, (head + b"." + encoded(signature)).decode()).status_code == 401


def encoded(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")


def part(value: dict[str, Any]) -> bytes:
    return encoded(json.dumps(value).encode())


def test_a_key_that_a_token_brings_along_is_not_used(world: World) -> None:
    key = ECKey.generate_key("P-256", auto_kid=True)
    own = key.as_dict(private=False)
    [public] = world.keys.public()["keys"]
    registry = {"jwk": own, "kid": public["kid"]}
    token = jwt.encode({"alg": "ES256", **registry}, claims(world), key, algorithms=["ES256"])
    assert bearer(world, token).status_code == 401


def test_only_public_keys_for_signatures_are_taken_from_a_set() -> None:
    signing, sealing = (RSAKey.generate_key(2048, {"use": use}, auto_kid=True) for use in ("sig", "enc"))
    shared = OctKey.generate_key(256)
    published = {"keys": [key.as_dict(private=False) for key in (signing, sealing)] + [shared.as_dict()]}
    assert [key.kid for key in usable(published).keys] == [signing.kid]


@pytest.mark.parametrize(
    "document", [{"issuer": "https://other.example"}, {"jwks_uri": "http://nowhere.test/"}, {"issuer": None}]
)
def test_a_document_of_another_issuer_is_not_believed(document: dict[str, Any]) -> None:
    keys = KeySet([ECKey.generate_key("P-256", auto_kid=True)]).as_dict(private=False)
    sound = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks"}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host != "localhost":
            raise httpx.ConnectError("nobody")
        return httpx.Response(200, json=keys if request.url.path == "/jwks" else {**sound, **document})

    issuer = Issuer(ISSUER, httpx.MockTransport(answer), Time())
    issuer.look_again()
    with pytest.raises(Unavailable):
        issuer.current()


def test_an_issuer_that_stays_away_is_trusted_for_an_hour(world: World) -> None:
    token = world.keys.sign(claims(world))
    assert bearer(world, token).status_code == 200
    del world.web.sites[ISSUER]
    look(world, STALE_SECONDS)
    assert bearer(world, token).status_code == 200
    look(world, AGAIN_SECONDS)
    assert bearer(world, token).status_code == 503


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "callcenter"},  # an ID token
        {"aud": ["other"]},
        {"iss": "https://other.example"},
        {"exp": 1_000},
        {"exp": None},
        {"sub": None},
        {"sub": ""},
    ],
)
def test_a_token_of_the_issuers_that_is_for_something_else_is_refused(world: World, change: dict[str, Any]) -> None:
    said = {name: value for name, value in claims(world, **change).items() if value is not None}
    assert bearer(world, world.keys.sign(said)).status_code == 401


def test_bad_tokens_from_one_address_are_slowed_down_and_good_ones_are_not(world: World) -> None:
    said = claims(world)
    forged = signed(said, ECKey.generate_key("P-256", auto_kid=True))
    answers = [bearer(world, forged) for _ in range(70)]
    assert [answer.status_code for answer in answers] == [401] * 60 + [429] * 10
    assert answers[-1].headers["content-type"] == "application/problem+json"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert bearer(world, world.keys.sign(said)).status_code == 200


def test_requests_of_one_actor_are_counted(world: World) -> None:
    world.sites["callcenter"].authenticator._rates = Rates(requests=5, failures=60)
    token, other = world.keys.sign(claims(world)), world.keys.sign(claims(world, sub="bruno"))
    assert [bearer(world, token).status_code for _ in range(7)] == [200] * 5 + [429] * 2
    assert bearer(world, other).status_code == 200
