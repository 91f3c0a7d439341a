"""Keeps customers as they are while something is written about them."""

from __future__ import annotations

from collections.abc import Iterable

from shared.edge.db import text_array
from shared.edge.statements import run
from shared.pipeline import keys
from shared.pipeline.work import Work

_SHARE = """
SELECT member::text FROM customer_record WHERE member = ANY (CAST(%(members)s AS uuid[]))
ORDER BY customer_record.member FOR SHARE
"""


def hold_steady(work: Work, members: Iterable[str]) -> dict[str, bool]:
    """Keep the members from being erased until the commit: member -> whether it is erased already.

    Members that aren't known here are left out.
    """
    known = [member for (member,) in run(work.session, _SHARE, {"members": text_array(sorted(set(members)))})]
    # Only now: an erasure that was under way has committed, since the locks are ours.
    return keys.meet(work, known) if known else {}
