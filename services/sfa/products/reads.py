"""What is known of products. Nothing here writes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.sfa.products.tables import product
from shared.access.actions import Action
from shared.events.sfa import ProductDefined
from shared.pipeline.look import Look


def some(session: Session, codes: Collection[str]) -> dict[str, ProductDefined]:
    """Those of the products that exist, by code."""
    rows = session.execute(select(product).where(product.c.code.in_(sorted(codes))))
    return {row.code: _described(row) for row in rows}


def everything(look: Look) -> list[ProductDefined]:
    """All products by name. Raises ``Forbidden``."""
    look.need(Action.PRODUCT_READ)
    return [_described(row) for row in look.session.execute(select(product).order_by(product.c.name, product.c.code))]


def _described(row: Any) -> ProductDefined:
    values = dict(row._mapping)
    return ProductDefined(product=values.pop("code"), **values)
