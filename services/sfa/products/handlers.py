"""Products are defined."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from services.sfa.products.reads import some
from services.sfa.products.tables import product
from shared.access.actions import Action
from shared.events.envelope import Event
from shared.events.sfa import ProductDefined
from shared.pipeline.work import Work


def define(work: Work, products: Sequence[ProductDefined]) -> list[str]:
    """Add products or change them; gives those that are new or different. Raises ``Forbidden``."""
    work.need(Action.PRODUCT_DEFINE)
    # Of two changes at once the second is compared with the first, so that what is published last is what stands.
    work.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("products", 0))))
    known = some(work.session, {new.product for new in products})
    newest = {new.product: new for new in products}
    changed = [new for code, new in sorted(newest.items()) if known.get(code) != new]
    for new in changed:
        before = known.get(new.product)
        former = msgspec.structs.asdict(before) if before else None
        work.publish(f"product/{new.product}", new, former=former)
    _keep(work, changed)
    return [new.product for new in changed]


def take_in(work: Work, events: list[Event]) -> None:
    """What this service said of products before its database was restored: called by ``recover`` only."""
    newest = {event.fact.product: event.fact for event in events if isinstance(event.fact, ProductDefined)}
    _keep(work, list(newest.values()))


def _keep(work: Work, facts: Sequence[ProductDefined]) -> None:
    rows = []
    for fact in facts:
        values = msgspec.structs.asdict(fact)
        rows.append({"code": values.pop("product"), **values})
    if rows:
        new = upsert(product)
        set_ = {name: new.excluded[name] for name in rows[0] if name != "code"}
        work.session.execute(new.on_conflict_do_update(index_elements=["code"], set_=set_), rows)
