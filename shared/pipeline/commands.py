"""A command over HTTP, carried out once however often it is sent (with the same ``Idempotency-Key``)."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Header, Request, Response
from sqlalchemy import text

from shared.edge import faults
from shared.edge.actor import Actor
from shared.edge.errors import Conflict
from shared.edge.http import current_actor
from shared.edge.statements import run
from shared.pipeline.service import Service
from shared.pipeline.work import Work

KEEP_DAYS = 7


@dataclass(frozen=True)
class Command:
    """One request to change something: who asks, and the key under which it may be repeated."""

    service: Service
    actor: Actor
    key: str | None
    fingerprint: bytes

    def run(self, body: Callable[[Work], Any], *, status: int = 200) -> Response:
        """Run ``body`` in one transaction and answer with what it gives (ids and times, no personal data).

        Sent again with the same key, the first answer comes back and nothing is done. Raises ``Conflict`` when
        the key was used for another request.
        """
        answer, code = self.service.transact(self.actor, lambda work: self._once(work, body, status))
        return faults.at("http.answer", lambda: Response(answer, status_code=code, media_type="application/json"))

    def _once(self, work: Work, body: Callable[[Work], Any], status: int) -> tuple[bytes, int]:
        if self.key is None:
            return msgspec.json.encode(body(work)), status
        of = {"actor": self.actor.id, "key": self.key}
        # Two requests with one key at once: the second waits here and then finds the answer of the first.
        run(work.session, _LOCK, {"name": f"command/{self.actor.id}/{self.key}"})
        found = next(iter(run(work.session, _ANSWERED, of)), None)
        if found is not None:
            fingerprint, answer, code = found
            if fingerprint != self.fingerprint:
                raise Conflict("this Idempotency-Key was used for another request; give each command its own")
            return answer, code
        answer = msgspec.json.encode(body(work))
        run(work.session, _KEEP, {**of, "fingerprint": self.fingerprint, "status": status, "answer": answer})
        return answer, status


_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%(name)s, 0))"
_ANSWERED = "SELECT fingerprint, answer, status FROM command_result WHERE actor = %(actor)s AND key = %(key)s"
_KEEP = """
INSERT INTO command_result (actor, key, fingerprint, status, answer)
VALUES (%(actor)s, %(key)s, %(fingerprint)s, %(status)s, %(answer)s)
"""


def commands(service: Service) -> Callable[..., Awaitable[Command]]:
    """The dependency through which an endpoint runs its command in ``service``:
    ``Annotated[Command, Depends(commands(service))]``."""

    async def command(
        request: Request,
        actor: Annotated[Actor, Depends(current_actor)],
        idempotency_key: Annotated[str | None, Header(min_length=8, max_length=100)] = None,
    ) -> Command:
        digest = hashlib.blake2b(key=service.keks.fingerprint_key, digest_size=32)
        digest.update(f"{request.method} {request.url.path}?{request.url.query}\n".encode())
        digest.update(await request.body())
        return Command(service, actor, idempotency_key, digest.digest())

    return command


def forget_old(work: Work) -> int:
    """Delete answers older than ``KEEP_DAYS``; gives how many."""
    gone = work.session.execute(
        text("DELETE FROM command_result WHERE at < now() - make_interval(days => :days) RETURNING 1"),
        {"days": KEEP_DAYS},
    )
    return len(gone.all())
