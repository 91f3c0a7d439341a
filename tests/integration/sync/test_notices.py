"""A notice is owed once, for what is live, and says nothing but ids."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from sqlalchemy import text

from services.sync.notices.handlers import EFFECT, heard_review_unnoticed, notifier
from services.sync.subscriptions import subscriptions
from services.sync.wiring import performers
from shared.events.callcenter import ContactWrappedUp
from shared.events.envelope import new_id
from shared.pipeline.intents import Intents
from shared.pipeline.service import Service
from tests.integration.sync.conftest import settings_of
from tests.integration.sync.told import Teller, hear, pass_all, pass_keys

Received = list[tuple[str, dict[str, str]]]


@pytest.fixture
def outside() -> Iterator[tuple[str, Received]]:
    """Somebody who takes notices: the address, and what came."""
    received: Received = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append((self.headers["Idempotency-Key"], json.loads(body)))
            self.send_response(503 if len(received) == 1 else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Taker)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/notices", received
    server.shutdown()
    thread.join()
    server.server_close()


def review(satisfaction: int | None) -> ContactWrappedUp:
    return ContactWrappedUp(
        contact="c7", agent="anna", reason="r", outcome="o", note="was furious", satisfaction=satisfaction
    )


def owed(sync: Service) -> list[tuple[str, dict[str, str]]]:
    with sync.engine.connect() as connection:
        rows = connection.execute(text("SELECT event_id, payload FROM intent WHERE outcome IS NULL ORDER BY event_id"))
        return [(str(row.event_id), row.payload) for row in rows]


def test_only_the_dissatisfied_of_now_are_told_of(sync: Service, callcenter: Teller) -> None:
    member = new_id()
    now = datetime.now(UTC)
    ids = callcenter.tell(*[(f"customer/{member}", review(score)) for score in (None, 1, 2, 3, 5)], at=now)
    pass_all(sync, callcenter)
    assert [event for event, _ in owed(sync)] == ids[1:3]
    assert "furious" not in str(owed(sync))
    callcenter.tell((f"customer/{member}", review(1)), at=now)
    pass_all(sync, callcenter, live=False)
    assert len(owed(sync)) == 2


def test_a_notice_is_sent_with_one_key_until_it_is_taken(
    sync: Service, callcenter: Teller, outside: tuple[str, Received]
) -> None:
    url, received = outside
    member = new_id()
    [event] = callcenter.tell((f"customer/{member}", review(1)), at=datetime.now(UTC))
    pass_all(sync, callcenter)
    intents = Intents(sync, {EFFECT: notifier(url)}, threading.Event())
    assert intents.turn()
    with sync.engine.begin() as connection:
        connection.execute(text("UPDATE intent SET next_attempt = now()"))
    assert intents.turn()
    assert not intents.turn()
    assert [key for key, _ in received] == [f"{event}/{EFFECT}"] * 2
    assert received[1][1] == {"effect": EFFECT, "event": event, "stream": f"customer/{member}", "contact": "c7"}
    assert owed(sync) == []


def test_without_an_address_no_notice_is_owed(sync: Service, tmp_path: Path) -> None:
    [unnoticed] = [s for s in subscriptions(notices_wanted=False).slices if s.name == "notices"]
    assert unnoticed.handlers == {"contact.wrapped_up": heard_review_unnoticed}
    assert performers(settings_of(sync, tmp_path)) == {}
    assert set(performers(settings_of(sync, tmp_path, "http://notices.example"))) == {EFFECT}


def test_an_event_that_comes_twice_owes_once(sync: Service, callcenter: Teller) -> None:
    callcenter.tell((f"customer/{new_id()}", review(1)), at=datetime.now(UTC))
    envelopes, records = callcenter.take()
    pass_keys(sync, callcenter, records)
    assert hear(sync, envelopes) == []
    with sync.engine.begin() as connection:
        connection.execute(text("TRUNCATE interaction"))
    assert hear(sync, envelopes) == []
    assert len(owed(sync)) == 1
