"""Products, as devices are told of them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from shared.events.sfa import ProductDefined
from tests.integration.sync.field import Carried, Field


def defined(field: Field, product: str, **values: Any) -> None:
    known = {"name": product.title(), "unit_price": 900, "currency": "EUR", **values}
    field.told(field.sfa, (f"product/{product}", ProductDefined(product=product, **known)))


def offered(carried: Carried) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = carried.device._ask("GET", "products")["products"]
    return found


def test_a_device_is_told_what_is_on_sale_as_it_was_defined_last(field: Field, rita: Carried) -> None:
    defined(field, "phone")
    defined(field, "dsl", unit_price=2_900)
    defined(field, "modem")
    assert [one["product"] for one in offered(rita)] == ["dsl", "modem", "phone"]
    defined(field, "dsl", name="Fast internet", unit_price=3_900, currency="USD")
    defined(field, "modem", on_sale=False)
    assert offered(rita) == [
        {"product": "dsl", "name": "Fast internet", "unit_price": 3_900, "currency": "USD"},
        {"product": "phone", "name": "Phone", "unit_price": 900, "currency": "EUR"},
    ]


def test_a_revoked_device_is_told_nothing(field: Field, rita: Carried) -> None:
    defined(field, "phone")
    field.operate("POST", f"/devices/{rita.device.id}/revoke", {"reason": "lost"})
    with pytest.raises(httpx.HTTPStatusError, match="403"):
        offered(rita)
