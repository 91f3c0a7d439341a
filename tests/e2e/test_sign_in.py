"""The issuer and two processes of a service, as they run: one sign-in, and its end everywhere at once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from deploy.local.issuer.accounts import ways_in
from deploy.local.layout import HOST, ROOT, Layout, free_port
from deploy.local.tokens import client_secrets
from shared.pipeline.standing import BOUND_SECONDS
from tests.builders import KEKS
from tests.integration.issuer.web import HTML, field_of, wait_ready
from tests.servers import KafkaServer, PostgresServer


@dataclass
class Running:
    """Where everything is."""

    issuer: str
    apis: list[str]
    password: str


@pytest.fixture
def running(kafka: KafkaServer, postgres: PostgresServer, tmp_path: Path) -> Iterator[Running]:
    kafka.forget(["sfa"])
    place, issuer_port, ports = Layout(tmp_path), free_port(), [free_port(), free_port()]
    apis = [f"http://{HOST}:{port}" for port in ports]
    common = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")} | {
        **kafka.environment,
        "CRM_LOCAL_DIR": str(tmp_path),
        "CRM_LOCAL_ISSUER_PORT": str(issuer_port),
        "CRM_SFA_DATABASE_URL": postgres.database("sfa"),
        "CRM_SFA_URL": apis[0],
        "CRM_SFA_PORT": str(ports[0]),
        "CRM_SFA_CLIENT_SECRET": client_secrets(place)["sfa"],
        "CRM_KEY_ENCRYPTION_KEYS": KEKS,
    }
    # The issuer itself is told of none: then it would be another one.
    services = {**common, "CRM_TOKEN_ISSUER": f"http://localhost:{issuer_port}"}
    sfa = [sys.executable, "-m", "services.sfa"]
    subprocess.run([*sfa, "migrate"], check=True, env=services, cwd=ROOT, timeout=120)
    with ExitStack() as stack:
        # The services first: they wait for nobody.
        for port in ports:
            stack.enter_context(process([*sfa, "api"], {**services, "CRM_SFA_PORT": str(port)}))
        stack.enter_context(process([sys.executable, "-m", "deploy.local.issuer"], common))
        issuer = f"http://localhost:{issuer_port}"
        for url in (f"{issuer}/healthz", *(f"{api}/readyz" for api in apis)):
            wait_ready(url)
        yield Running(issuer, apis, ways_in(place)["rosa"].password)


@contextmanager
def process(command: list[str], environ: dict[str, str]) -> Iterator[None]:
    with subprocess.Popen(command, env=environ, cwd=ROOT) as started:
        try:
            yield
        finally:
            started.terminate()


def signed_in(running: Running) -> httpx.Client:
    browser = httpx.Client(headers=HTML, follow_redirects=True, trust_env=False, timeout=30)
    deadline = time.monotonic() + 120
    while (page := browser.get(f"{running.apis[0]}/sign-in?return=/products")).url.path != "/authorize":
        assert time.monotonic() < deadline, page.text  # it started before its issuer, and asks again in ten seconds
    typed = {"form": field_of(page, "form"), "name": "rosa", "password": running.password, "code": ""}
    answer = browser.post(page.url, data=typed)
    assert (answer.status_code, str(answer.url)) == (200, f"{running.apis[0]}/products"), answer.text
    return browser


def wait_let_in(client: httpx.Client, url: str) -> None:
    deadline = time.monotonic() + 120
    while (answer := client.get(url)).status_code == 503:
        assert time.monotonic() < deadline, answer.text  # it started before its issuer too
        time.sleep(0.05)
    assert answer.status_code == 200


def test_a_session_that_ends_at_the_issuer_ends_in_every_process_within_the_bound(running: Running) -> None:
    browser = signed_in(running)
    token = next(cookie.value for cookie in browser.cookies.jar if cookie.name == "crm_sfa")
    thief = httpx.Client(headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=60)
    for api in running.apis:
        wait_let_in(thief, f"{api}/products")

    page = browser.get(running.issuer)
    ended = time.monotonic()
    assert browser.post(f"{running.issuer}/end-session", data={"form": field_of(page, "form")}).status_code == 200
    open_at = list(running.apis)
    while open_at and time.monotonic() - ended < 20:
        open_at = [api for api in open_at if thief.get(f"{api}/products").status_code != 401]
    took = time.monotonic() - ended
    assert not open_at
    # Its way from the issuer to the service comes on top, and the answers' on a machine that has much else to do.
    assert took < BOUND_SECONDS + 8
    print(f"ended everywhere after {took:.2f} s")
    assert browser.post(f"{running.apis[0]}/session/renew", headers={"origin": running.apis[0]}).url.path != (
        "/session/renew"
    )
