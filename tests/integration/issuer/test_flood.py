"""The issuer as a process, with ten thousand wrong log-ins a minute upon it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import httpx
import psutil
import pytest

from deploy.local import layout
from deploy.local.issuer.accounts import ways_in
from deploy.local.layout import Layout
from tests.integration.issuer.web import HTML, field_of, wait_ready

A_MINUTE = 10_000
TRIES = 1_600
FLOODERS = 8
ASKED = {
    "response_type": "code",
    "client_id": "callcenter",
    "redirect_uri": "http://callcenter.test/signed-in",
    "scope": "openid",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
}


@dataclass
class Process:
    """A running issuer."""

    url: str
    password: str
    pid: int

    def seconds(self) -> float:
        """Of a processor that it used: what counts on a machine that has other things to do too."""
        used = psutil.Process(self.pid).cpu_times()
        return float(used.user + used.system)


@pytest.fixture
def issuer(tmp_path: Path, accounts: Path) -> Iterator[Process]:
    shutil.copytree(accounts, tmp_path / "state")
    port = layout.free_port()
    told = {
        "CRM_LOCAL_DIR": str(tmp_path / "state"),
        "CRM_LOCAL_ISSUER_PORT": str(port),
        "CRM_CALLCENTER_URL": "http://callcenter.test",
    }
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")} | told
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen([sys.executable, "-m", "deploy.local.issuer"], env=environ, cwd=layout.ROOT) as process:
        try:
            wait_ready(f"{url}/healthz")
            yield Process(url, ways_in(Layout(tmp_path / "state"))["anna"].password, process.pid)
        finally:
            process.terminate()


def test_10000_log_ins_a_minute_dont_keep_out_who_is_known(issuer: Process) -> None:
    honest = httpx.Client(base_url=issuer.url, headers=HTML, trust_env=False, timeout=30)
    assert "code=" in log_in(honest, issuer.password)
    honest.cookies.delete("issuer_session")

    statuses: list[int] = []
    in_full_flow = threading.Event()

    def flood(one: int) -> None:
        # Each from an address of its own, and one from the honest person's.
        place = urlsplit(issuer.url).netloc
        connection = HTTPConnection(place, timeout=30, source_address=(f"127.0.0.{one + 1}", 0))
        body = urlencode({"form": "f", "name": "anna", "password": "guessed", "code": ""})
        headers = {"content-type": "application/x-www-form-urlencoded", "cookie": "issuer_form=f"}
        for _ in range(TRIES // FLOODERS):
            connection.request("POST", f"/authorize?{urlencode({**ASKED, 'nonce': 'n'})}", body, headers)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
            if len(statuses) > 100:
                in_full_flow.set()

    began, used = time.monotonic(), issuer.seconds()
    with ThreadPoolExecutor(FLOODERS) as threads:
        running = [threads.submit(flood, one) for one in range(FLOODERS)]
        assert in_full_flow.wait(30)
        asked = time.monotonic()
        assert "code=" in log_in(honest, issuer.password)
        waited = time.monotonic() - asked
        for one in running:
            one.result()
    rate = len(statuses) / (time.monotonic() - began)
    share = (issuer.seconds() - used) / len(statuses) * A_MINUTE / 60

    assert set(statuses) == {401, 429}
    assert statuses.count(401) <= 5 * FLOODERS
    # What it takes is bounded by this: all others are refused before a password is hashed.
    print(f"{60 * rate:,.0f} log-ins a minute; 10,000 take {share:.0%} of a processor; the honest one {waited:.2f} s")


def log_in(browser: httpx.Client, password: str) -> str:
    """Sign in; gives where the issuer leads to."""
    asked = {**ASKED, "nonce": os.urandom(8).hex()}
    page = browser.get("/authorize", params=asked)
    typed = {"form": field_of(page, "form"), "name": "anna", "password": password, "code": ""}
    return browser.post("/authorize", params=asked, data=typed).headers["location"]
