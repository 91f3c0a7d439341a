"""Plays the log again to what is derived from it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, func, text, update

from shared.pipeline.subscriptions import Slice
from shared.pipeline.tables import consumer_offset, heard, parked_event, parked_stream, position
from shared.pipeline.work import Work


def rebuild(work: Work, subscription: str, slices: Sequence[Slice]) -> None:
    """Empty the derived tables of a subscription's slices and go back to the beginning of the log.

    What the outside world was told stays told: intents, activations, keys and what was published last are kept. A
    worker that is running finds its offsets moved (``offsets.Fenced``) and reads them again.
    """
    session = work.session
    of_it = update(consumer_offset).where(consumer_offset.c.subscription == subscription)
    reached = func.greatest(consumer_offset.c.replay_until, consumer_offset.c.next_offset)
    session.execute(of_it.values(next_offset=0, replay_until=reached))
    for table in (position, parked_event, parked_stream):
        session.execute(delete(table).where(table.c.subscription == subscription))
    tables = [table.name for each in slices for table in each.derived]
    if tables:
        session.execute(text(f"TRUNCATE {', '.join(sorted(tables))}"))
    for each in slices:
        session.execute(update(heard).where(heard.c.slice == each.name).values(types=sorted(each.handlers)))
