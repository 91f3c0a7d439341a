"""Keeps what is told of products, and gives the list."""

from __future__ import annotations

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from services.sync.products.tables import product
from shared.events.envelope import Event
from shared.events.sfa import ProductDefined
from shared.pipeline.work import Work

MOST = 2_000
"""Products in the list: a device that has more of them to offer needs a search at a server."""


class Product(msgspec.Struct, frozen=True):
    """Something that can be ordered."""

    product: str
    name: str
    unit_price: int
    """In minor units."""
    currency: str


def heard(work: Work, events: list[Event]) -> None:
    """Products defined; of one the newest holds, which is the last in its stream."""
    for event in events:
        fact = event.fact
        if not isinstance(fact, ProductDefined):
            continue
        values = {"name": fact.name, "unit_price": fact.unit_price, "currency": fact.currency, "on_sale": fact.on_sale}
        new = upsert(product).values(id=fact.product, at=event.occurred, **values)
        known = {name: new.excluded[name] for name in (*values, "at")}
        work.session.execute(new.on_conflict_do_update(index_elements=["id"], set_=known))


def on_sale(session: Session) -> list[Product]:
    """What can be ordered now, by name."""
    c = product.c
    chosen = select(c.id, c.name, c.unit_price, c.currency).where(c.on_sale).order_by(c.name, c.id).limit(MOST)
    return [Product(*row) for row in session.execute(chosen)]
