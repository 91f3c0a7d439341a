"""How ``make run`` starts, watches and stops its programs, with stand-ins for the services."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.e2e.local_checkout import Checkout, wait_until
from tests.servers import KafkaServer, PostgresServer

UP = "Ctrl-C stops everything."


@pytest.fixture
def checkout(tmp_path: Path, kafka: KafkaServer, postgres: PostgresServer) -> Iterator[Checkout]:
    """A checkout that is told which servers to use, so that it starts at once."""
    made = Checkout(
        tmp_path,
        **kafka.environment,
        CRM_CALLCENTER_DATABASE_URL=postgres.admin_url,
        CRM_SYNC_DATABASE_URL=postgres.admin_url,
    )
    yield made
    made.call("stop")


def url(checkout: Checkout, service: str) -> str:
    return f"http://127.0.0.1:{checkout.environment[f'CRM_{service.upper()}_PORT']}"


def test_a_run_starts_everything_and_says_what_to_open(checkout: Checkout) -> None:
    started = checkout.start("run")
    started.wait_for(UP)

    assert httpx.get(f"{url(checkout, 'callcenter')}/readyz").status_code == 200
    assert httpx.get(f"{url(checkout, 'sync')}/readyz").status_code == 200
    ways = json.loads((checkout.state / "secrets" / "accounts.json").read_text())
    assert f"password: {ways['anna']['password']}\n" in started.output
    assert f"password: {ways['omar']['password']}  one-time code now: " in started.output
    assert httpx.get(f"http://localhost:{checkout.environment['CRM_LOCAL_ISSUER_PORT']}/jwks").status_code == 200
    assert checkout.starts("callcenter-worker") == checkout.starts("sync-worker") == 1
    assert (checkout.starts("callcenter-streams"), checkout.starts("sync-streams")) == (1, 0)
    assert "omar (operator)" in started.output
    assert "marta" not in started.output  # marketing isn't in this checkout
    assert checkout.starts("sample-load") == checkout.starts("sample-play") == 1
    assert started.signal(signal.SIGINT) == 0


def test_the_sample_is_loaded_once_and_only_if_wanted(checkout: Checkout) -> None:
    for arguments, loaded in ((("run", "--no-sample"), 0), (("run",), 1), (("run",), 1)):
        started = checkout.start(*arguments)
        started.wait_for(UP)
        started.signal(signal.SIGINT)
        assert checkout.starts("sample-load") == checkout.starts("sample-play") == loaded


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything(checkout: Checkout, number: signal.Signals) -> None:
    started = checkout.start("run")
    started.wait_for(UP)
    assert len(checkout.processes()) >= 7  # the run, supervisord, the processes of each service

    assert started.signal(number) == 0
    assert checkout.processes() == []


@pytest.mark.parametrize("stage", ["callcenter-migrate", "sync-api", "sample-load"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_while_starting_ends_everything(checkout: Checkout, stage: str, number: signal.Signals) -> None:
    hanging = "FAKE_SAMPLE" if stage == "sample-load" else "FAKE_" + stage.upper().replace("-", "_")
    started = checkout.start("run", **{hanging: "hang"})
    wait_until(lambda: checkout.starts(stage) == 1, f"{stage} starts", lambda: started.output)

    assert started.signal(number) == 128 + number
    assert checkout.processes() == []


def test_impatience_changes_nothing(checkout: Checkout) -> None:
    started = checkout.start("run")
    started.wait_for(UP)
    for _ in range(5):
        started.process.send_signal(signal.SIGINT)
    assert started.wait() == 0
    assert checkout.processes() == []


def test_a_closed_terminal_ends_everything(checkout: Checkout) -> None:
    ours, theirs = pty.openpty()
    in_terminal = "import os, sys; os.login_tty(0); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    process = subprocess.Popen(
        [sys.executable, "-c", in_terminal, "-m", "deploy.local", "run"],
        cwd=checkout.folder,
        env={**checkout.environment, "COLUMNS": "300"},
        stdin=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    while UP.encode() not in seen:
        seen += os.read(ours, 4096)
    os.close(ours)

    assert process.wait(60) == 0
    assert checkout.processes() == []


def test_a_reader_that_went_away_keeps_nobody_from_stopping(checkout: Checkout) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "deploy.local", "run"],
        cwd=checkout.folder,
        env=checkout.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    wait_until(lambda: checkout.starts("sample-load") == 1, "the sample is loaded")
    process.send_signal(signal.SIGINT)

    process.wait(60)
    assert checkout.processes() == []


def test_what_a_killed_run_left_is_ended_by_the_next(checkout: Checkout) -> None:
    killed = checkout.start("run")
    killed.wait_for(UP)
    killed.signal(signal.SIGKILL)
    left = checkout.processes()
    assert left

    following = checkout.start("run")
    following.wait_for(UP)
    assert "Ended what an earlier run left" in following.output
    assert not set(left) & set(checkout.processes())
    following.signal(signal.SIGINT)
    assert checkout.processes() == []


def test_a_second_run_says_who_runs_already(checkout: Checkout) -> None:
    first = checkout.start("run")
    first.wait_for(UP)

    code, said = checkout.call("run")
    assert code == 1
    assert f"It runs already, as process {first.process.pid}." in said
    assert httpx.get(f"{url(checkout, 'sync')}/readyz").status_code == 200
    assert first.signal(signal.SIGINT) == 0


def test_stop_ends_it_from_elsewhere(checkout: Checkout) -> None:
    started = checkout.start("run")
    started.wait_for(UP)

    assert checkout.call("stop") == (0, f"Ended process {started.process.pid}.\n")
    assert started.wait() == 0
    assert checkout.processes() == []
    assert checkout.call("stop") == (0, "Nothing was running.\n")


def test_a_taken_port_is_named_with_its_owner(checkout: Checkout) -> None:
    port = int(checkout.environment["CRM_SYNC_PORT"])
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        code, said = checkout.call("run")
    assert code == 1
    assert f"Port {port} on 127.0.0.1 is taken by process {os.getpid()}" in said
    assert f"CRM_SYNC_PORT={port + 1000} make run" in said
    assert checkout.processes() == []


def test_a_service_that_refuses_its_configuration_is_not_started_again(checkout: Checkout) -> None:
    code, said = checkout.call("run", FAKE_SYNC_WORKER="78", FAKE_SYNC_API="hang")
    assert code == 1
    assert "sync-worker ended and isn't started again" in said
    assert "gives up with 78" in said
    assert checkout.starts("sync-worker") == 1
    assert checkout.processes() == []


def test_a_service_that_crashes_is_started_again(checkout: Checkout) -> None:
    started = checkout.start("run")
    started.wait_for(UP)
    [worker] = [line for line in checkout.processes() if line.endswith("services.callcenter worker")]
    os.kill(int(worker.split()[0]), signal.SIGKILL)

    wait_until(lambda: checkout.starts("callcenter-worker") == 2, "it is started again")
    started.wait_for("callcenter-worker: ")
    started.signal(signal.SIGINT)
    assert checkout.processes() == []


def test_a_failed_migration_ends_the_start(checkout: Checkout) -> None:
    code, said = checkout.call("run", FAKE_CALLCENTER_MIGRATE="1")
    assert code == 1
    assert "The database of callcenter couldn't be migrated" in said
    assert "gives up with 1" in said
    assert checkout.starts("callcenter-api") == 0
    assert checkout.processes() == []


def test_a_token_of_a_run_is_good_for_its_services(checkout: Checkout) -> None:
    started = checkout.start("run")
    started.wait_for(UP)
    started.signal(signal.SIGINT)

    code, token = checkout.call("token", "omar")
    assert code == 0
    keys = KeySet.import_key_set(json.loads((checkout.state / "jwks.json").read_text()))
    claims = jwt.decode(token.strip(), keys, algorithms=["ES256"]).claims
    issuer = f"http://localhost:{checkout.environment['CRM_LOCAL_ISSUER_PORT']}"
    assert (claims["iss"], claims["aud"], claims["sub"]) == (issuer, "crm", "omar")
    assert claims["roles"] == ["operator"]
