"""A customer is erased: every text about the person, in every table of this service and in what devices may fetch."""

from __future__ import annotations

from collections.abc import Sequence

from services.sync.customers.tables import keep_lost
from services.sync.devices import erasure as devices
from services.sync.identity import handlers as identity
from shared.administration.erasures.answers import Counts, Forgetting, heard_by
from shared.administration.exports.reads import exports_of
from shared.pipeline import claims
from shared.pipeline.work import Work


def forget(work: Work, members: Sequence[str], history: bool) -> Counts:
    """Forget members, whether they were ever met here or not; gives what there was.

    Which devices had them is found out by a task: what a device was reading meanwhile is only known afterwards.
    """
    counts: Counts = {
        **claims.forget(work, members),
        "identifiers": identity.forget(work, members, history=history),
        **devices.forget(work, members),
    }
    keep_lost(work.session, members)
    if not history:
        claims.touch(work, members)
    return counts


PLACES = frozenset({"records", "keys", "identifiers", "notes", "mutations", "feed", devices.DEVICES})
FORGETTING = Forgetting(PLACES, forget, exports_of)
heard_erased = heard_by(FORGETTING)
