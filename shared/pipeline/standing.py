"""How people stand with a service now: what its roles allow, and whose sessions were ended.

Both change while tokens live, so each process looks once a second, in one statement. A process that can't look lets
nobody in after ``STALE_SECONDS``: what isn't known is denied.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shared.access import roles
from shared.access.grants import EVERYTHING, Grant, Grants
from shared.edge.actor import Actor
from shared.edge.errors import Unauthenticated, Unavailable
from shared.edge.health import Health, alive
from shared.events.envelope import new_id
from shared.pipeline.tables import ended_session
from shared.pipeline.work import Work
from shared.texts import N_

LOOK_SECONDS = 1.0
STALE_SECONDS = 10.0
LEEWAY = timedelta(minutes=5)
"""By so much the clocks of issuer and services may differ."""
BOUND_SECONDS = 2.0
"""A role that was changed and a session that was ended hold everywhere after this at the latest."""

log = structlog.get_logger(__name__)

_LOOK = text("""
SELECT (SELECT coalesce(json_object_agg(name, grants), '{}') FROM access_role)::text AS roles,
       (SELECT coalesce(json_agg(json_build_array(coalesce(subject, ''), coalesce(session, ''),
                                                  extract(epoch FROM at))), '[]') FROM ended_session)::text AS ended
""")


@dataclass(frozen=True)
class _Known:
    custom: Mapping[str, tuple[Grant, ...]] = field(default_factory=dict)
    ended: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """(subject, session) -> when; one of the two may be empty."""
    grants: dict[frozenset[str], Grants] = field(default_factory=dict)
    """Of combinations of roles that were asked for."""


class Standing:
    """What one process knows of it. Without ``running`` it knows the roles of the code alone."""

    def __init__(self, service: str, engine: Engine) -> None:
        self._service, self._engine = service, engine
        self._known = _Known()
        self._read = ("", "")
        self._looked: float | None = None
        self._turn = threading.Lock()

    def grants_of(self, actor: Actor) -> Grants:
        """What an actor may here. Raises ``Unavailable`` when it isn't known."""
        if actor.is_service:
            return EVERYTHING
        self._refuse_if_stale()
        known = self._known
        if (found := known.grants.get(actor.roles)) is None:
            found = known.grants[actor.roles] = roles.grants_of(self._service, actor.roles, known.custom)
        return found

    def refuse_if_ended(self, subject: str, session: str, issued: float) -> None:
        """Raises ``Unauthenticated`` for a token of a session that was ended, or was issued (POSIX seconds) before all
        of the subject's were; ``Unavailable`` when it isn't known."""
        self._refuse_if_stale()
        ended = self._known.ended
        if not ended:
            return
        of = [ended.get(key) for key in ((subject, ""), ("", session), (subject, session)) if key != ("", "")]
        if any(at is not None and issued <= at for at in of):
            raise Unauthenticated(N_("this session was ended; sign in again"))

    def refresh(self) -> None:
        """Look now. Raises ``SQLAlchemyError``."""
        # One after the other, so that an older look can't come after a newer one.
        with self._turn:
            self._refresh()

    def _refresh(self) -> None:
        with self._engine.connect() as connection:
            row = connection.execute(_LOOK).one()
        if (row.roles, row.ended) != self._read:
            custom = msgspec.json.decode(row.roles, type=dict[str, tuple[Grant, ...]])
            ended: dict[tuple[str, str], float] = {}
            for subject, session, at in msgspec.json.decode(row.ended, type=list[tuple[str, str, float]]):
                ended[subject, session] = max(at, ended.get((subject, session), 0.0))
            self._known = _Known(custom, ended)
            self._read = (row.roles, row.ended)
        if self._looked is not None:
            self._looked = time.monotonic()

    @contextmanager
    def running(self, of: Health | None = None) -> Iterator[None]:
        """Look once now, and once a second in the background while the context is open. ``of``: whose part this is."""
        self._looked = 0.0
        self._try()
        stop = threading.Event()
        thread = threading.Thread(target=self._keep_looking, args=[stop, of or Health()], name="standing", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _keep_looking(self, stop: threading.Event, of: Health) -> None:
        with of.part("standing"):
            while not stop.wait(LOOK_SECONDS):
                alive()
                self._try()

    def _try(self) -> None:
        try:
            self.refresh()
        except SQLAlchemyError as error:
            log.warning("standing.unknown", error=type(error).__name__)

    def _refuse_if_stale(self) -> None:
        if self._looked is not None and time.monotonic() - self._looked > STALE_SECONDS:
            raise Unavailable(N_("who may do what can't be looked up just now; try again"))


def end(session: Session, *, subject: str, session_id: str, at: datetime) -> None:
    """Take no token any more of a subject (``sub``), of one of the issuer's sessions (``sid``), or of both together,
    that was issued until ``at``. All processes know it within ``BOUND_SECONDS`` after the commit."""
    row = {"id": new_id(), "subject": subject or None, "session": session_id or None, "at": at}
    session.execute(ended_session.insert(), [row])


def forget_ended(work: Work, life: timedelta) -> int:
    """Delete what no token can be of any more, if tokens live for ``life`` at most; gives how many.

    When all of a person's sessions were ended last stays known: devices hold no session, and may come much later.
    """
    gone = work.session.execute(_FORGET, {"before": work.now - life - LEEWAY})
    return len(gone.all())


_FORGET = text("""
DELETE FROM ended_session e WHERE at < :before
  AND (session IS NOT NULL OR EXISTS (
    SELECT FROM ended_session n WHERE n.subject = e.subject AND n.session IS NULL AND (n.at, n.id) > (e.at, e.id)))
RETURNING 1
""")
