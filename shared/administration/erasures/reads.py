"""What is known of erasures that were decided here."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.administration.erasures import rules
from shared.administration.erasures.answers import EXPORT
from shared.administration.erasures.rules import Answer, Erasure, Found, Report
from shared.administration.erasures.tables import erasure, erasure_answer, erasure_log
from shared.administration.exports.reads import made
from shared.edge.errors import Conflict, NotFound
from shared.pipeline import heads
from shared.pipeline.customer_tables import any_of
from shared.texts import N_, Text

MOST = 200


def erasures(session: Session, limit: int = MOST) -> list[Erasure]:
    """Those that were proposed here, the newest first."""
    rows = session.execute(select(erasure).order_by(erasure.c.proposed.desc(), erasure.c.id).limit(limit))
    return [_erasure(row) for row in rows]


def waiting(session: Session) -> list[Erasure]:
    """Those that wait for a second person."""
    return [_erasure(row) for row in session.execute(select(erasure).where(erasure.c.state == rules.PROPOSED))]


def erasure_of(session: Session, id: str, *, lock: bool = False) -> Erasure:
    """One of them, with ``lock`` to the end of the transaction. Raises ``NotFound``."""
    chosen = select(erasure).where(erasure.c.id == id)
    row = session.execute(chosen.with_for_update() if lock else chosen).one_or_none()
    if row is None:
        raise NotFound(N_("there is no such erasure"))
    return _erasure(row)


def report(session: Session, id: str, *, by: str, now: datetime, backup_days: int) -> Report:
    """What became of an erasure until now. Raises ``NotFound``, and ``Conflict`` before it is decided."""
    one = erasure_of(session, id)
    if one.state != rules.ERASED:
        raise Conflict(N_("this erasure is %(state)s; there is nothing to report"), state=Text(one.state))
    services = [
        rules.Service(by),
        *(rules.Service(name, sign.left) for name, sign in heads.last_signs(session).items()),
    ]
    answers = _answers(session, one)
    kept = erasure_log.c
    log = [Found(*row) for row in session.execute(select(kept.source, kept.wrapped, kept.at).where(kept.erasure == id))]
    exports = [a.place.removeprefix(rules.EXPORT) for a in answers if a.state == EXPORT and a.source == by]
    return rules.report(
        one,
        by=by,
        now=now,
        services=list({service.name: service for service in reversed(services)}.values()),
        answers=answers,
        log=log,
        exports=made(session, exports),
        backup_days=backup_days,
    )


def _answers(session: Session, one: Erasure) -> list[Answer]:
    """What each service said, this one too."""
    a = erasure_answer.c
    chosen = select(a.member, a.source, a.place, a.state, a.rows, a.at).where(a.member == any_of(one.members))
    return [Answer(*row) for row in session.execute(chosen)]


def _erasure(row: object) -> Erasure:
    values = {name: getattr(row, name) for name in Erasure.__struct_fields__}
    return Erasure(**{**values, "members": tuple(values["members"])})
