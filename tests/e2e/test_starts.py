"""Every service that is in the checkout starts, whether or not any other one is there."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from joserfc.jwk import KeySet, OKPKey

from deploy.docs import services
from deploy.local.layout import HOST, ROOT, free_port
from tests.builders import KEKS
from tests.servers import KafkaServer, PostgresServer

SECONDS = 180


def until(what: Callable[[], bool], why: str, log: Path) -> None:
    end = time.monotonic() + SECONDS
    while not what():
        assert time.monotonic() < end, f"{why}:\n{log.read_text()}"
        time.sleep(0.05)


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.parametrize("service", services.names())
def test_a_service_starts_works_and_stops(
    service: str, kafka: KafkaServer, postgres: PostgresServer, tmp_path: Path
) -> None:
    kafka.forget([service])
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps(KeySet([OKPKey.generate_key("Ed25519", private=False)]).as_dict()))
    port, metrics, api_metrics = free_port(), free_port(), free_port()
    environment = {
        **os.environ,
        f"CRM_{service.upper()}_DATABASE_URL": postgres.database(service),
        f"CRM_{service.upper()}_PORT": str(port),
        f"CRM_{service.upper()}_METRICS_PORT": str(metrics),
        f"CRM_{service.upper()}_API_METRICS_PORT": str(api_metrics),
        "CRM_RELEASE": "1.2.3",
        **kafka.environment,
        "CRM_KEY_ENCRYPTION_KEYS": KEKS,
        "CRM_JWKS_FILE": str(jwks),
        "CRM_TOKEN_ISSUER": "nobody",
    }
    command = [sys.executable, "-m", f"services.{service}"]
    subprocess.run([*command, "migrate"], check=True, env=environment, cwd=ROOT, timeout=SECONDS)
    log = (tmp_path / "log").open("wb")
    processes = [
        subprocess.Popen([*command, part], env=environment, cwd=ROOT, stdout=log, stderr=log)
        for part in ("api", "worker")
    ]

    def leads() -> bool:
        assert all(process.poll() is None for process in processes), (tmp_path / "log").read_text()
        try:
            return "crm_relay_leads 1.0" in httpx.get(f"http://{HOST}:{metrics}", trust_env=False).text
        except httpx.HTTPError:
            return False

    try:
        until(lambda: is_ready(f"http://{HOST}:{port}"), f"{service} isn't ready", tmp_path / "log")
        shown = httpx.get(f"http://{HOST}:{api_metrics}/metrics", timeout=SECONDS, trust_env=False).text
        assert f'process="api",python="{platform.python_version()}",service="{service}",version="1.2.3"' in shown
        assert 'crm_http_requests_total{method="GET",route="/readyz",status="200"}' in shown
        until(leads, f"the worker of {service} doesn't send", tmp_path / "log")
    finally:
        for process in processes:
            process.terminate()
        exits = [process.wait(SECONDS) for process in processes]
        log.close()
    assert exits == [0, 0], (tmp_path / "log").read_text()
