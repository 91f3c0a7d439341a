"""``python -m tests.bench.bare URL PORT BODY``: the limit of ``pipeline.command``.

The same framework, the same form of request, the same two rows by plain psycopg; no look-up, no check, no token.
"""

from __future__ import annotations

import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from psycopg_pool import ConnectionPool

from services.callcenter.contacts.api import RingBody

CONNECTIONS = 10
_CONTACT = """
INSERT INTO contact (id, member, call, channel, queue, address, state, offered_to, offered, note)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_OUTBOX = "INSERT INTO outbox (stream, sequence, event_id, body) VALUES (%s, %s, %s, %s)"


def app(url: str, event: bytes) -> FastAPI:
    """``event``: the body of the event that each request writes."""
    pool = ConnectionPool(url, min_size=CONNECTIONS, kwargs={"prepare_threshold": 0}, open=True)
    bare = FastAPI()

    @bare.post("/telephony/ring", status_code=201)
    def ring(body: RingBody) -> dict[str, str]:
        id, now, member = str(uuid.uuid4()), datetime.now(UTC), str(body.customer)
        with pool.connection() as connection:
            connection.execute(
                _CONTACT,
                (id, member, body.call, body.channel, body.queue, body.number, "offered", body.agent, now, ""),
            )
            connection.execute(_OUTBOX, (f"customer/{member}", 1, id, event))
        return {"contact": id, "customer": member, "state": "offered", "offered": now.isoformat()}

    return bare


if __name__ == "__main__":
    url, port, event = sys.argv[1:]
    uvicorn.run(app(url, Path(event).read_bytes()), port=int(port), access_log=False, log_level="warning")
