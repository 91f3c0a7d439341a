"""A customer is erased: every text about the person. Orders keep nothing of it but the id, requests and territories
never had more."""

from __future__ import annotations

from collections.abc import Sequence

from services.sfa.orders import store as orders
from shared.administration.erasures.answers import Counts, Forgetting, heard_by
from shared.administration.exports.reads import exports_of
from shared.pipeline import claims
from shared.pipeline.work import Work


def forget(work: Work, members: Sequence[str], history: bool) -> Counts:
    """Forget members, whether they were ever met here or not; gives what there was."""
    counts = claims.forget(work, members)
    # Counted with the records: a place of its own would be missing where the former release has answered in part.
    counts["records"] += orders.forget(work, members)
    claims.touch(work, members)
    return counts


PLACES = frozenset({"records", "keys"})
FORGETTING = Forgetting(PLACES, forget, exports_of)
heard_erased = heard_by(FORGETTING)
