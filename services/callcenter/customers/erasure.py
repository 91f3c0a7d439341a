"""A customer is erased: every text about the person, in every table of this service; ids, times, counts stay."""

from __future__ import annotations

from collections.abc import Sequence

from services.callcenter.cases import handlers as cases
from services.callcenter.contacts import handlers as contacts
from services.callcenter.imports import handlers as imports
from services.callcenter.insights import handlers as insights
from shared.administration.erasures.answers import Counts, Forgetting, heard_by
from shared.administration.exports.reads import exports_of
from shared.pipeline import claims
from shared.pipeline.work import Work


def forget(work: Work, members: Sequence[str], history: bool) -> Counts:
    """Forget members, whether they were ever met here or not; gives what there was."""
    counts: Counts = {
        **claims.forget(work, members),
        "contacts": contacts.forget(work, members),
        "cases": cases.forget(work, members),
        "imports": imports.forget(work, members),
        "notes": insights.forget(work, members),
    }
    claims.touch(work, members)
    return counts


PLACES = frozenset({"records", "keys", "contacts", "cases", "imports", "notes"})
FORGETTING = Forgetting(PLACES, forget, exports_of)
heard_erased = heard_by(FORGETTING)
