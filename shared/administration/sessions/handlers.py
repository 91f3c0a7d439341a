"""Sessions are ended by others: of somebody who left, or whose token is in wrong hands."""

from __future__ import annotations

from shared.access.actions import Action
from shared.pipeline.standing import end
from shared.pipeline.work import Work


def end_all(work: Work, subject: str) -> None:
    """No token that was issued to this person until now lets anybody in here. Raises ``Forbidden``."""
    work.need(Action.SESSION_END)
    end(work.session, subject=subject, session_id="", at=work.now)
    work.changed(f"person/{subject}", sessions="ended")
