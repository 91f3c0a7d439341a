"""A customer is erased: every text about the person.

Profile, purchases and stays of a member stay: ids, instants and amounts, by which nobody is known any more, and without
which the figures of the past would change. But a stay that follows from what was written in a department's own field
tells what was written there, so it goes with it.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.marketing.custom import handlers as custom
from services.marketing.tasks import STANDING
from shared.administration.erasures.answers import Counts, Forgetting, heard_by
from shared.administration.exports.reads import exports_of
from shared.pipeline import claims, due
from shared.pipeline.work import Work


def forget(work: Work, members: Sequence[str], history: bool) -> Counts:
    """Forget members, whether they were ever met here or not; gives what there was."""
    counts = claims.forget(work, members)
    counts["records"] += custom.forget(work, members)
    due.mark(work, STANDING, members, history=history)
    if not history:
        claims.touch(work, members)
    return counts


PLACES = frozenset({"records", "keys"})
FORGETTING = Forgetting(PLACES, forget, exports_of)
heard_erased = heard_by(FORGETTING)
