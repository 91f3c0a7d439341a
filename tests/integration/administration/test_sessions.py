"""Sessions that somebody ended: no process takes their tokens, within the bound, until they couldn't live any more."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from sqlalchemy.orm import Session

from deploy.local.layout import HOST, ROOT, free_port
from services.sfa import wiring
from shared.pipeline import migrate
from shared.pipeline.standing import BOUND_SECONDS, LEEWAY, end, forget_ended
from tests.builders import KEKS, NOON, Issuer, done
from tests.integration.sfa.force import Force
from tests.probe import until
from tests.servers import KafkaServer, PostgresServer

ADMIN = ("administrator",)


def test_tokens_of_before_are_refused_and_later_ones_taken(force: Force) -> None:
    assert force.get("/products", "rita", ("rep",)).status_code == 200
    assert force.post("/sessions/end", {"subject": "rita"}, "mona").status_code == 403
    assert done(force.post("/sessions/end", {"subject": "rita"}, "adam", ADMIN)) == {"subject": "rita"}
    refused = force.get("/products", "rita", ("rep",))
    assert refused.status_code == 401
    assert "ended" in refused.json()["detail"]
    assert force.get("/products", "ivo", ("rep",)).status_code == 200
    ((actor, action, subjects),) = force.rows(
        "SELECT actor, action, subjects FROM audit_entry WHERE outcome = 'changed'"
    )
    assert (actor, action, subjects) == ("adam", "session.end", ["person/rita"])
    assert [one["subject"] for one in force.get("/sessions", "adam", ADMIN).json()] == ["rita"]
    assert "rita" in force.page("/sessions", ADMIN)
    assert force.get("/sessions", "rita", ("rep",)).status_code in (401, 403)


def test_what_no_token_can_be_of_any_more_is_forgotten(force: Force) -> None:
    life = timedelta(minutes=10)
    with Session(force.service.engine) as session:
        end(session, subject="", session_id="old", at=NOON - life - LEEWAY - timedelta(seconds=1))
        end(session, subject="", session_id="still", at=NOON - life - LEEWAY)
        session.commit()
    assert force.service.transact(force.service.itself, lambda work: forget_ended(work, life)) == 1
    assert force.rows("SELECT session FROM ended_session") == [("still",)]


def test_when_all_of_a_person_s_sessions_ended_last_stays_known_for_devices(force: Force) -> None:
    with Session(force.service.engine) as session:
        for days in (90, 60):
            end(session, subject="rita", session_id="", at=NOON - timedelta(days=days))
        session.commit()
    assert force.service.transact(force.service.itself, lambda work: forget_ended(work, timedelta(minutes=10))) == 1
    assert force.rows("SELECT at FROM ended_session") == [(NOON - timedelta(days=60),)]


@contextmanager
def processes(url: str, issuer: Issuer, kafka: KafkaServer, log: Path, count: int) -> Iterator[list[str]]:
    """So many processes of sales' API on one database; gives their addresses."""
    ports = [free_port() for _ in range(count)]
    common = {
        **os.environ,
        **kafka.environment,
        "CRM_SFA_DATABASE_URL": url,
        "CRM_KEY_ENCRYPTION_KEYS": KEKS,
        "CRM_JWKS_FILE": str(issuer.jwks_file),
        "CRM_TOKEN_ISSUER": issuer.name,
    }
    with log.open("wb") as out:
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "services.sfa", "api"],
                env={**common, "CRM_SFA_PORT": str(port)},
                cwd=ROOT,
                stdout=out,
                stderr=out,
            )
            for port in ports
        ]
        try:
            urls = [f"http://{HOST}:{port}" for port in ports]
            for each in urls:
                wait_for(each, log)
            yield urls
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait(30)


def wait_for(url: str, log: Path) -> None:
    end = time.monotonic() + 120
    while not is_ready(url):
        assert time.monotonic() < end, log.read_text()[-2_000:]
        time.sleep(0.05)


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def test_what_one_process_is_told_holds_in_the_other_within_the_bound(
    kafka: KafkaServer, postgres: PostgresServer, tmp_path: Path
) -> None:
    url, issuer = postgres.database("sfa"), Issuer(tmp_path)
    migrate.upgrade(url, wiring.VERSIONS)
    later = datetime.now(UTC) + timedelta(minutes=10)

    def headers(actor: str, *roles: str) -> dict[str, str]:
        return {"authorization": f"Bearer {issuer.token(actor, *roles, expires=later)}"}

    rita, tom, adam = headers("rita", "rep"), headers("tom", "looker"), headers("adam", "administrator")
    with processes(url, issuer, kafka, tmp_path / "log", 2) as (one, other):

        def asked(who: dict[str, str]) -> int:
            return httpx.get(f"{other}/products", headers=who, trust_env=False).status_code

        def told(path: str, body: object) -> None:
            """Say it to the one; the time of the answer is when it was committed at the latest."""
            assert httpx.post(one + path, json=body, headers=adam, trust_env=False).status_code == 200

        def within_the_bound(who: dict[str, str], status: int) -> None:
            began = time.monotonic()
            until(lambda: asked(who) == status, 10)
            assert time.monotonic() - began < BOUND_SECONDS

        assert (asked(rita), asked(tom)) == (200, 403)
        told("/roles", {"role": "looker", "grants": ["product.read/all"]})
        within_the_bound(tom, 200)
        told("/roles/looker/withdraw", {})
        within_the_bound(tom, 403)
        told("/sessions/end", {"subject": "rita"})
        within_the_bound(rita, 401)
        assert httpx.get(f"{one}/products", headers=rita, trust_env=False).status_code == 401
