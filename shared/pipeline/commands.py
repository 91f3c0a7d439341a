"""A command over HTTP, carried out once however often it is sent (with the same ``Idempotency-Key``)."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Header, Request, Response
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared.edge import faults
from shared.edge.actor import Actor
from shared.edge.errors import Conflict, Forbidden, Refused
from shared.edge.http import current_actor
from shared.edge.statements import run
from shared.pipeline.service import Service
from shared.pipeline.work import Work
from shared.texts import N_

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
        try:
            answer, code = self.service.transact(self.actor, lambda work: self._once(work, body, status)), status
        except Forbidden:
            # Not even the first answer is for somebody who may do this no longer.
            raise
        except (Refused, IntegrityError):
            # Not only where the key is taken: what refuses a repeat may be what the first one did.
            found = self._answered()
            if found is None:
                raise
            answer, code = found
        return faults.at("http.answer", lambda: Response(answer, status_code=code, media_type="application/json"))

    def _once(self, work: Work, body: Callable[[Work], Any], status: int) -> bytes:
        answer = msgspec.json.encode(body(work))
        if self.key is not None:
            # Nearly every command is new, so none asks first whether it is: a repeat is undone here. Two requests
            # with one key at once: the second waits here for the commit of the first.
            told = {"actor": self.actor.id, "key": self.key, "fingerprint": self.fingerprint}
            kept = run(work.session, _KEEP, {**told, "status": status, "answer": answer})
            if not kept:
                raise Conflict(N_("this Idempotency-Key was being forgotten; send the command again"))
        return answer

    def _answered(self) -> tuple[bytes, int] | None:
        """The first answer, if there was one. Raises ``Conflict`` when it was to another request."""
        if self.key is None:
            return None
        with Session(self.service.engine) as session:
            found = run(session, _ANSWERED, {"actor": self.actor.id, "key": self.key})
        if not found:
            return None
        fingerprint, answer, code = found[0]
        if fingerprint != self.fingerprint:
            raise Conflict(N_("this Idempotency-Key was used for another request; give each command its own"))
        return answer, code


_ANSWERED = "SELECT fingerprint, answer, status FROM command_result WHERE actor = %(actor)s AND key = %(key)s"
_KEEP = """
INSERT INTO command_result (actor, key, fingerprint, status, answer)
VALUES (%(actor)s, %(key)s, %(fingerprint)s, %(status)s, %(answer)s)
ON CONFLICT DO NOTHING RETURNING true
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
