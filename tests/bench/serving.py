"""APIs in processes of their own: a service's, as shipped, and any other one that is to be compared with it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from deploy.local.layout import ROOT, free_port
from shared.pipeline.service import Service
from tests.bench.clients import HOST
from tests.bench.machine import Machine
from tests.builders import KEKS, Issuer

START_SECONDS = 60.0
END_SECONDS = 15.0


@contextmanager
def api(machine: Machine, service: Service, issuer: Issuer, block: str, module: Sequence[str] = ()) -> Iterator[int]:
    """The API of a service, as shipped: ``python -m services.<block> api``, or another ``module`` that is told the
    same; gives its port."""
    port = free_port()
    environment = {
        f"CRM_{block.upper()}_DATABASE_URL": service.engine.url.render_as_string(hide_password=False),
        f"CRM_{block.upper()}_PORT": str(port),
        **machine.kafka.environment,
        "CRM_KEY_ENCRYPTION_KEYS": KEKS,
        "CRM_TOKEN_ISSUER": issuer.name,
        "CRM_JWKS_FILE": str(issuer.jwks_file),
    }
    with served(machine, port, module or [f"services.{block}", "api"], environment):
        yield port


@contextmanager
def served(machine: Machine, port: int, module: Sequence[str], environment: Mapping[str, str] = {}) -> Iterator[None]:
    """A Python module that listens on ``port``, ended at the end. Raises ``RuntimeError`` when it doesn't."""
    log = machine.folder / f"{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *module],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=ROOT,
            env={**os.environ, **environment},
        )
        try:
            deadline = time.monotonic() + START_SECONDS
            while not _listens(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{module[0]} doesn't listen:\n{log.read_text()[-2000:]}")
                time.sleep(0.05)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(END_SECONDS)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
