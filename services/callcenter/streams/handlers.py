"""Signals of the streams' process come into the database."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy.dialects.postgresql import insert as upsert

from services.callcenter.outages import handlers as outages
from services.callcenter.outages.rules import Burst
from services.callcenter.streams.messages import BurstSeen, Signal, WindowsSeen
from services.callcenter.streams.tables import live_wall, live_window
from shared.pipeline.work import Work


def take(work: Work, signals: Sequence[Signal]) -> None:
    """Keep the newest windows, and propose outages for bursts."""
    bursts = [Burst(s.product, s.place, s.since, s.cases) for s in signals if isinstance(s, BurstSeen) and s.cases]
    if bursts:
        outages.propose(work, bursts)
    seen = [signal for signal in signals if isinstance(signal, WindowsSeen)]
    if seen:
        _keep(work, max(seen, key=lambda signal: signal.at))


def _keep(work: Work, newest: WindowsSeen) -> None:
    rows = [{"at": newest.at, **vars(window)} for window in newest.windows]
    if rows:
        new = upsert(live_window)
        values = {c.name: new.excluded[c.name] for c in live_window.columns if not c.primary_key}
        older = live_window.c.at < new.excluded.at
        work.session.execute(new.on_conflict_do_update(index_elements=["minutes"], set_=values, where=older), rows)
    wall = upsert(live_wall).values(
        id=1, at=newest.at, queues=msgspec.to_builtins(newest.queues), minutes=msgspec.to_builtins(newest.minutes)
    )
    values = {name: wall.excluded[name] for name in ("at", "queues", "minutes")}
    older = live_wall.c.at < wall.excluded.at
    work.session.execute(wall.on_conflict_do_update(index_elements=["id"], set_=values, where=older))
    work.touch(outages.LIVE)
