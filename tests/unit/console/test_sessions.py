"""Who is signed in at the console keeps that in the browser: the console's process forgets nothing that matters."""

from __future__ import annotations

from pathlib import Path

from fastapi.testclient import TestClient

from deploy.console.app import app
from deploy.console.settings import ConsoleSettings
from tests.builders import Issuer


def test_who_is_signed_in_stays_so_when_the_console_starts_anew(tmp_path: Path) -> None:
    issuer = Issuer(tmp_path)
    given = ConsoleSettings(1, issuer.name, {"sfa": "http://127.0.0.1:1"}, jwks_file=issuer.jwks_file)
    token = issuer.token("omar", "operator")
    for _ in range(2):
        with TestClient(app(given)) as browser:
            stranger = browser.get("/", headers={"accept": "text/html"}, follow_redirects=False)
            browser.cookies.set("crm_console", token)
            known = browser.get("/", headers={"accept": "text/html"})
            assert browser.get("/healthz").status_code == 200
        assert (known.status_code, "Omar" in known.text) == (200, True)
        assert (stranger.status_code, stranger.headers.get("location", "")[:8]) == (303, "/sign-in")
