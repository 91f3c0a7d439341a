"""Files of another system are read in."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import update

from services.callcenter.customers.record import members_in
from services.callcenter.imports.tables import imported
from shared.pipeline.work import Work


def forget(work: Work, members: Sequence[str]) -> None:
    """Forget what files said about the members."""
    work.session.execute(update(imported).where(imported.c.member == members_in(members)).values(cells={}))
