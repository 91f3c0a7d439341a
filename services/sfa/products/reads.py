"""What is known of products. Nothing here writes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.sfa.products.tables import product
from shared.events.sfa import ProductDefined


def some(session: Session, codes: Collection[str]) -> dict[str, ProductDefined]:
    """Those of the products that exist, by code."""
    rows = session.execute(select(product).where(product.c.code.in_(sorted(codes))))
    return {row.code: _described(row) for row in rows}


def everything(session: Session) -> list[ProductDefined]:
    """All products by name."""
    return [_described(row) for row in session.execute(select(product).order_by(product.c.name, product.c.code))]


def _described(row: Any) -> ProductDefined:
    values = dict(row._mapping)
    return ProductDefined(product=values.pop("code"), **values)
