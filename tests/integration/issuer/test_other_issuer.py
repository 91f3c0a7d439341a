"""The whole code flow with an issuer that isn't ours, in a process of its own: nothing here is told of it but settings.

This one's access tokens can only be read by itself, so pages carry its ID token. For one whose access tokens are
readable and keep roles within another claim, as Keycloak's, see the last test.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from deploy.local import layout
from shared.edge.auth import claim
from tests.integration.issuer.web import SERVICES, Browser, Site, Time, Web, World, claims_of, service, wait_ready

CLIENT = "callcenter"
ME = f"{SERVICES[CLIENT]}/me"
HERE = {"origin": SERVICES[CLIENT], "accept": "application/json"}
OLGA = {"sub": "olga", "name": "Olga", "realm_access": {"roles": ["agent"]}, "groups": ["/care"]}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    port = layout.free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true"]
    with subprocess.Popen([*command, "--user-claims", json.dumps(OLGA)], stderr=subprocess.DEVNULL) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_ready(f"{url}/.well-known/openid-configuration")
            yield url
        finally:
            process.terminate()


@pytest.fixture
def site(world: World, url: str) -> Site:
    trust = {"roles": "realm_access.roles", "teams": "groups", "cookie_audience": CLIENT}
    made = service(world.web, world.place, CLIENT, Time(time.time()), Time(1000.0), url=url, **trust)
    world.web.sites[url] = httpx.HTTPTransport()
    world.web.add(SERVICES[CLIENT], made.app)
    return made


def signed_in(web: Web) -> Browser:
    browser = Browser(web)
    page = browser.get(ME)
    answer = browser.post(page.url, data={"sub": "olga"})
    assert str(answer.url) == ME
    return browser


def test_somebody_signs_in_with_roles_and_teams(world: World, site: Site) -> None:
    me = signed_in(world.web).get(ME).json()
    assert (me["id"], me["roles"], me["teams"]) == ("olga", ["agent"], ["/care"])


def test_what_it_gives_is_good_for_pages_only(world: World, site: Site) -> None:
    token = str(signed_in(world.web).kept("crm_callcenter"))
    assert claims_of(token)["aud"] in (CLIENT, [CLIENT])
    with httpx.Client(transport=world.web) as client:
        assert client.get(ME, headers={"authorization": f"Bearer {token}"}).status_code == 401


def test_an_issuer_that_renews_no_id_tokens_has_people_sign_in_anew(world: World, site: Site) -> None:
    browser = signed_in(world.web)
    assert browser.post(f"{SERVICES[CLIENT]}/session/renew", headers=HERE).status_code == 401
    assert browser.get(ME).status_code == 200


def test_signing_out_leads_to_its_own_page(world: World, site: Site) -> None:
    browser = signed_in(world.web)
    answer = browser.post(f"{SERVICES[CLIENT]}/session/end", headers={"origin": SERVICES[CLIENT]})
    assert answer.url.path == "/oauth2/end_session"
    assert answer.url.params["post_logout_redirect_uri"] == f"{SERVICES[CLIENT]}/signed-out"
    assert browser.kept("crm_callcenter") is None


def test_tokens_of_our_own_issuer_are_nothing_to_who_trusts_another(world: World, site: Site) -> None:
    now = int(time.time())
    token = world.keys.sign({"iss": "http://localhost:8100", "aud": "crm", "sub": "anna", "exp": now + 60})
    with httpx.Client(transport=world.web) as client:
        assert client.get(ME, headers={"authorization": f"Bearer {token}"}).status_code == 401


def test_a_claim_is_found_by_its_name_or_its_path() -> None:
    said = {"realm_access": {"roles": ["a"]}, "https://crm.example/roles": ["b"], "roles": "c"}
    assert claim(said, "realm_access.roles") == ["a"]
    assert claim(said, "https://crm.example/roles") == ["b"]
    assert claim(said, "roles") == "c"
    assert claim(said, "roles.x") is None
    assert claim(said, "nothing.at.all") is None
