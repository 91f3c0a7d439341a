"""Signing in, renewing and signing out, and what of it can't be forged, replayed or led astray."""

from __future__ import annotations

import base64
import json
import time as real_time
from collections.abc import Callable
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest

from deploy.local.issuer.ending import end_all_of
from deploy.local.issuer.granting import GRACE_SECONDS
from deploy.local.tokens import Issuer as LocalIssuer
from shared.edge.sign_in import own_path
from tests.integration.issuer.web import HTML, ISSUER, SERVICES, Browser, World, claims_of, field_of

CALLCENTER, MARKETING = SERVICES["callcenter"], SERVICES["marketing"]
EVIL = {"origin": "https://evil.example"}
HERE = {"origin": CALLCENTER}


def wait_until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = real_time.monotonic() + seconds
    while not condition():
        assert real_time.monotonic() < deadline
        real_time.sleep(0.01)


def renew(browser: Browser) -> httpx.Response:
    """As a page's script does."""
    return browser.post(f"{CALLCENTER}/session/renew", headers={**HERE, "accept": "application/json"})


def redirect(browser: Browser, url: str) -> httpx.Response:
    """The answer itself, without following it."""
    return browser.get(url, follow_redirects=False)


def to_the_form(world: World, browser: Browser) -> httpx.Response:
    return browser.get(f"{CALLCENTER}/me?x=1")


def code_for(world: World, browser: Browser) -> str:
    """Where the issuer sends a browser back to after the form, not followed."""
    page, way = to_the_form(world, browser), world.ways["anna"]
    typed = {"form": field_of(page, "form"), "name": "anna", "password": way.password, "code": ""}
    return browser.post(page.url, data=typed, follow_redirects=False).headers["location"]


def test_who_signs_in_comes_back_to_the_wanted_page_and_is_known_everywhere(world: World) -> None:
    browser = world.browser()
    page = to_the_form(world, browser)
    assert str(page.url).startswith(f"{ISSUER}/authorize?")
    answer = browser.fill(page, "anna", world.ways["anna"].password)

    assert str(answer.url) == f"{CALLCENTER}/me?x=1"
    assert answer.json()["roles"] == ["agent"]
    assert answer.json()["teams"] == ["care"]
    # One sign-in serves all: nothing more is typed.
    there = browser.get(f"{MARKETING}/me")
    assert there.json() == answer.json()


def test_what_a_browser_keeps_is_out_of_reach_of_scripts(world: World) -> None:
    browser = world.signed_in()
    paths = {cookie.name: cookie.path for cookie in browser.cookies.jar if cookie.domain.startswith("callcenter")}
    assert paths == {
        "crm_callcenter": "/",
        "crm_callcenter_renew": "/session/renew",
        "crm_callcenter_identity": "/session/end",
    }
    assert all(cookie.has_nonstandard_attr("HttpOnly") for cookie in browser.cookies.jar)


def test_an_access_token_lasts_ten_minutes_and_says_of_whom_it_is(world: World) -> None:
    token = claims_of(world.signed_in("sofia").kept("crm_callcenter") or "")
    assert token["exp"] - token["iat"] == 600
    assert {"iss": ISSUER, "aud": "crm", "sub": "sofia", "roles": ["supervisor"], "teams": ["care"]}.items() <= (
        token.items()
    )
    assert token["sid"]
    assert token["jti"]


def test_a_session_is_renewed_before_its_token_ends(world: World) -> None:
    browser = world.signed_in()
    before = browser.kept("crm_callcenter")
    world.time.now += 550
    assert renew(browser).json() == {"seconds": 600}
    world.time.now += 300
    assert browser.kept("crm_callcenter") != before
    assert redirect(browser, f"{CALLCENTER}/me").status_code == 200


def test_a_token_that_ended_is_refused_and_a_script_is_told_so(world: World) -> None:
    browser = world.signed_in()
    world.time.now += 601
    assert redirect(browser, f"{CALLCENTER}/me").headers["location"] == "/sign-in?return=%2Fme"
    script = browser.get(f"{CALLCENTER}/me", headers={"sec-fetch-mode": "cors"}, follow_redirects=False)
    assert script.status_code == 401


def test_the_issuers_session_ends_after_twelve_hours(world: World) -> None:
    browser = world.signed_in()
    world.time.now += 12 * 3600 - 1
    assert "password" not in browser.get(f"{CALLCENTER}/me").text
    world.time.now += 2
    assert renew(browser).status_code == 401
    world.time.now += 600
    assert 'name="password"' in browser.get(f"{CALLCENTER}/me").text


def test_signing_out_ends_it_everywhere_at_once(world: World) -> None:
    browser = world.signed_in()
    browser.get(f"{MARKETING}/me")
    stolen = {name: browser.kept(name) for name in ("crm_callcenter", "crm_marketing", "crm_marketing_renew")}
    answer = browser.post(f"{CALLCENTER}/session/end", headers=HERE)
    assert str(answer.url) == f"{CALLCENTER}/signed-out"

    wait_until(lambda: world.sites["marketing"].ended)
    for service, url in SERVICES.items():
        headers = {"authorization": f"Bearer {stolen[f'crm_{service}']}"}
        assert httpx.Client(transport=world.web).get(f"{url}/me", headers=headers).status_code == 401
    form = {"grant_type": "refresh_token", "refresh_token": str(stolen["crm_marketing_renew"])}
    assert world.token(form, "marketing").json()["error"] == "invalid_grant"
    assert 'name="password"' in browser.get(f"{MARKETING}/me").text


def test_all_sessions_of_somebody_can_be_ended_at_the_issuer(world: World) -> None:
    browsers = [world.signed_in(), world.signed_in()]
    for browser in browsers:
        assert browser.get(f"{CALLCENTER}/me").status_code == 200
    ended = end_all_of(world.place, ISSUER, SERVICES, "anna", world.time, world.web)
    assert ended == len(browsers)
    assert len(world.sites["callcenter"].ended) == len(browsers), "the service wasn't told"
    assert end_all_of(world.place, ISSUER, SERVICES, "anna", world.time, world.web) == 0


def test_a_refresh_token_that_comes_again_ends_the_session(world: World) -> None:
    browser = world.signed_in()
    old = {"grant_type": "refresh_token", "refresh_token": str(browser.kept("crm_callcenter_renew"))}
    assert renew(browser).status_code == 200
    # Two tabs at the same time, or an answer that got lost, are no theft.
    assert world.token(old).status_code == 200
    world.time.now += GRACE_SECONDS + 1
    assert world.token(old).json()["error"] == "invalid_grant"

    assert renew(browser).status_code == 401
    wait_until(lambda: world.sites["callcenter"].ended)
    assert redirect(browser, f"{CALLCENTER}/me").status_code == 303


def test_a_refresh_token_is_good_for_its_own_client_only(world: World) -> None:
    browser = world.signed_in()
    form = {"grant_type": "refresh_token", "refresh_token": str(browser.kept("crm_callcenter_renew"))}
    assert world.token(form, "marketing").status_code == 400


def test_a_revoked_refresh_token_ends_the_session(world: World) -> None:
    browser = world.signed_in()
    secret = json.loads((world.place.secrets / "clients.json").read_text())["callcenter"]
    form = {"token": str(browser.kept("crm_callcenter_renew"))}
    with httpx.Client(transport=world.web) as client:
        assert client.post(f"{ISSUER}/revoke", data=form, auth=("callcenter", secret)).status_code == 200
    wait_until(lambda: world.sites["callcenter"].ended)
    assert redirect(browser, f"{CALLCENTER}/me").status_code == 303


def test_a_code_is_good_once_and_a_second_use_ends_the_session(world: World) -> None:
    browser = world.browser()
    to = code_for(world, browser)
    flow = next(cookie for cookie in browser.cookies.jar if "_flow_" in cookie.name)
    assert redirect(browser, to).headers["location"] == "/me?x=1"
    assert redirect(browser, f"{CALLCENTER}/me").status_code == 200

    browser.cookies.jar.set_cookie(flow)
    assert redirect(browser, to).headers["location"] == "/signed-out?why=failed"
    wait_until(lambda: world.sites["callcenter"].ended)
    assert redirect(browser, f"{CALLCENTER}/me").status_code == 303


def test_a_code_ends_after_a_minute(world: World) -> None:
    browser = world.browser()
    to = code_for(world, browser)
    world.time.now += 61
    assert redirect(browser, to).headers["location"] == "/signed-out?why=failed"


@pytest.mark.parametrize("part", ["state", "nonce", "verifier"])
def test_an_answer_that_belongs_to_another_sign_in_is_refused(world: World, part: str) -> None:
    browser = world.browser()
    to = code_for(world, browser)
    flow = next(cookie for cookie in browser.cookies.jar if "_flow_" in cookie.name)
    held = json.loads(base64.urlsafe_b64decode(str(flow.value) + "=="))
    flow.value = base64.urlsafe_b64encode(json.dumps({**held, part: "x" * 43}).encode()).rstrip(b"=").decode()
    assert redirect(browser, to).headers["location"] == "/signed-out?why=failed"
    assert browser.kept("crm_callcenter") is None


def test_an_answer_in_a_browser_that_began_nothing_is_refused(world: World) -> None:
    to = code_for(world, world.browser())  # an attacker's own code, for somebody else to be signed in with
    victim = world.browser()
    assert redirect(victim, to).headers["location"] == "/signed-out?why=failed"
    assert victim.kept("crm_callcenter") is None


def test_the_issuer_gives_no_code_without_a_challenge_and_no_token_without_its_verifier(world: World) -> None:
    browser = world.signed_in()
    asked = dict(parse_qsl(urlsplit(redirect(browser, f"{CALLCENTER}/sign-in").headers["location"]).query))
    for missing in ("code_challenge", "code_challenge_method"):
        without = {name: value for name, value in asked.items() if name != missing}
        answer = browser.get(f"{ISSUER}/authorize", params=without, follow_redirects=False)
        assert "error=invalid_request" in answer.headers["location"]
    plain = browser.get(
        f"{ISSUER}/authorize", params={**asked, "code_challenge_method": "plain"}, follow_redirects=False
    )
    assert "error=invalid_request" in plain.headers["location"]

    back = browser.get(f"{ISSUER}/authorize", params=asked, follow_redirects=False).headers["location"]
    form = {"grant_type": "authorization_code", "code": parse_qs(urlsplit(back).query)["code"][0]}
    assert world.token({**form, "redirect_uri": asked["redirect_uri"]}).status_code == 400


def test_a_nonce_is_taken_once(world: World) -> None:
    browser = world.signed_in()
    to = redirect(browser, f"{CALLCENTER}/sign-in").headers["location"]
    assert "code=" in redirect(browser, to).headers["location"]
    assert "error=invalid_request" in redirect(browser, to).headers["location"]


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example/",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "evil.example",
        "\n//evil.example",
        "/sign-in",
        "/session/end",
        "/" + "x" * 3000,
        "",
    ],
)
def test_nobody_is_led_elsewhere_by_signing_in(world: World, wanted: str) -> None:
    browser = world.signed_in()
    to = browser.get(f"{CALLCENTER}/sign-in", params={"return": wanted}, follow_redirects=False).headers["location"]
    back = redirect(browser, to).headers["location"]
    assert redirect(browser, back).headers["location"] == "/" == own_path(wanted)


@pytest.mark.parametrize(
    "to", ["https://evil.example/signed-in", f"{CALLCENTER}/signed-in/x", f"{CALLCENTER}.evil.example/signed-in", ""]
)
def test_the_issuer_sends_codes_to_registered_addresses_only(world: World, to: str) -> None:
    browser = world.signed_in()
    asked = parse_qs(urlsplit(redirect(browser, f"{CALLCENTER}/sign-in").headers["location"]).query)
    answer = browser.get(f"{ISSUER}/authorize", params={**asked, "redirect_uri": to}, follow_redirects=False)
    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["/session/renew", "/session/end", "/change"])
def test_another_site_can_change_nothing(world: World, path: str) -> None:
    browser = world.signed_in()
    assert browser.post(f"{CALLCENTER}{path}", headers=EVIL).status_code == 403
    assert browser.post(f"{CALLCENTER}{path}").status_code == 403
    assert redirect(browser, f"{CALLCENTER}/me").status_code == 200


def test_the_issuers_forms_take_nothing_from_another_site(world: World) -> None:
    browser, way = world.browser(), world.ways["anna"]
    page = to_the_form(world, browser)
    typed = {"name": "anna", "password": way.password, "code": ""}
    assert browser.post(page.url, data=typed).status_code == 400
    assert browser.post(page.url, data={**typed, "form": "guessed"}).status_code == 400
    form = field_of(page, "form")
    assert browser.post(page.url, data={**typed, "form": form}, headers=EVIL).status_code == 400
    assert browser.kept("issuer_session") is None

    browser = world.signed_in()
    assert browser.post(f"{ISSUER}/end-session", data={"form": "guessed"}).status_code == 400
    assert browser.get(f"{ISSUER}/end-session").status_code == 200  # asks, and does nothing
    assert "Anna Berger" in browser.get(f"{ISSUER}/").text


def test_after_signing_out_the_issuer_leads_to_registered_addresses_only(world: World) -> None:
    browser = world.signed_in()
    hint = browser.kept("crm_callcenter_identity")
    asked = {"id_token_hint": hint, "post_logout_redirect_uri": "https://evil.example/"}
    answer = browser.get(f"{ISSUER}/end-session", params=asked)
    assert (answer.status_code, answer.url.host) == (200, "localhost")


def test_a_logout_token_must_be_one(world: World) -> None:
    session = claims_of(world.signed_in().kept("crm_callcenter") or "")["sid"]
    now = int(world.time())
    sound = {
        "iss": ISSUER,
        "aud": "callcenter",
        "iat": now,
        "exp": now + 120,
        "jti": "one",
        "sid": session,
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    }
    wrong: list[dict[str, object]] = [
        {"iss": "https://evil.example"},
        {"aud": "marketing"},
        {"aud": "crm"},
        {"events": {}},
        {"events": None},
        {"sid": None},
        {"jti": None},
        {"nonce": "n"},
        {"iat": now - 1000},
        {"exp": now - 1},
    ]

    def say(claims: dict[str, object]) -> int:
        token = world.keys.sign({name: value for name, value in claims.items() if value is not None})
        with httpx.Client(transport=world.web) as client:
            return client.post(f"{CALLCENTER}/session/ended", data={"logout_token": token}).status_code

    for change in wrong:
        assert say({**sound, **change}) in (400, 401), change
    assert not world.sites["callcenter"].ended
    assert say(sound) == 200
    assert say(sound) == 400  # once
    assert world.sites["callcenter"].ended == [("", session, float(now))]


def test_machines_have_tokens_for_themselves(world: World) -> None:
    token = world.token({"grant_type": "client_credentials"}, "telephony").json()
    assert "refresh_token" not in token
    headers = {"authorization": f"Bearer {token['access_token']}"}
    me = httpx.Client(transport=world.web).get(f"{CALLCENTER}/me", headers=headers).json()
    assert (me["id"], me["roles"]) == ("telephony", ["telephony"])
    assert world.token({"grant_type": "client_credentials"}, "callcenter").status_code == 400
    with httpx.Client(transport=world.web) as client:
        form = {"grant_type": "client_credentials"}
        assert client.post(f"{ISSUER}/token", data=form, auth=("telephony", "guessed")).status_code == 401


def test_sessions_survive_a_restart_of_the_issuer(world: World) -> None:
    from deploy.local.issuer.app import create_app

    browser = world.signed_in()
    world.web.add(ISSUER, create_app(world.place, ISSUER, SERVICES, world.time, world.web))
    assert renew(browser).status_code == 200
    assert browser.get(f"{MARKETING}/me").json()["id"] == "anna"


def test_while_the_issuer_is_away_who_is_in_stays_in_and_nobody_else_is_let_in(world: World) -> None:
    browser = world.signed_in()
    site = world.web.sites.pop(ISSUER)
    assert redirect(browser, f"{CALLCENTER}/me").status_code == 200
    assert renew(browser).status_code == 503
    assert browser.kept("crm_callcenter_renew")
    # A service that starts meanwhile can't tell who anybody is, and says so.
    token = {"authorization": f"Bearer {LocalIssuer(world.place, ISSUER).issue('anna', 'Anna', ('agent',))}"}
    with httpx.Client(transport=world.web) as client:
        answer = client.get(f"{MARKETING}/me", headers=token)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        away = client.get(f"{MARKETING}/sign-in", headers=HTML)
        assert away.headers["location"] == "/signed-out?why=away"
        world.web.sites[ISSUER] = site
        world.monotonic.now += 11
        world.sites["marketing"].issuer.look_again()
        world.time.now = real_time.time() + 1
        assert client.get(f"{MARKETING}/me", headers=token).status_code == 200
