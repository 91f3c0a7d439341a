"""Facts published by sales force automation.

Money is a whole number of minor units (cents) of the currency named beside it.
"""

from __future__ import annotations

import msgspec

from shared.events.facts import Fact, Instant, Personal, fact


class OrderLine(msgspec.Struct, frozen=True, kw_only=True):
    """So many of one product, at a price."""

    product: str
    name: str = ""
    """What the product is called, so that who hears of the order needs no list of products."""
    quantity: int = 1
    unit_price: int = 0
    """In minor units."""


@fact("territory.defined", stream="territory", about="territory")
class TerritoryDefined(Fact, frozen=True, kw_only=True):
    """A part of the market that somebody looks after. Repeated with changes, the newest holds."""

    territory: str
    name: str
    parent: str = ""
    """The region that it belongs to; empty for one at the top. Never below itself."""


@fact("territory.rep_assigned", stream="territory", about="territory")
class TerritoryRepAssigned(Fact, frozen=True, kw_only=True):
    """A sales representative looks after a territory and all below it."""

    territory: str
    rep: str


@fact("territory.rep_withdrawn", stream="territory", about="territory")
class TerritoryRepWithdrawn(Fact, frozen=True, kw_only=True):
    """A sales representative looks after a territory no longer."""

    territory: str
    rep: str


@fact("customer.territory_assigned", stream="customer", about="territory")
class CustomerTerritoryAssigned(Fact, frozen=True, kw_only=True):
    """The customer is in this territory from now on, and in no other; empty: in none."""

    territory: str


@fact("product.defined", stream="product", about="product")
class ProductDefined(Fact, frozen=True, kw_only=True):
    """Something that can be ordered. Repeated with changes, the newest holds."""

    product: str
    name: str
    unit_price: int
    currency: str
    installation: str = "remote"
    """``remote``, or ``on_site`` when somebody has to come."""
    on_sale: bool = True


@fact("order.placed", stream="customer", about="order")
class OrderPlaced(Fact, frozen=True, kw_only=True):
    """The customer ordered, and the company took the order."""

    order: str
    lines: tuple[OrderLine, ...]
    total: int
    """In minor units."""
    currency: str
    channel: str
    """Through which it came: ``device``, ``desk``, ``web`` or ``import``."""
    rep: str = ""
    territory: str = ""
    promised: Instant | None = None
    """By when it is to be delivered."""
    custom: dict[str, Personal] = msgspec.field(default_factory=dict)


@fact("order.refused", stream="customer", about="order")
class OrderRefused(Fact, frozen=True, kw_only=True):
    """What was requested on a device can't become an order."""

    order: str
    reason: str
    """A code: ``unknown_product``, ``not_on_sale``, ``not_in_territory``, ``person`` or ``erased``."""


@fact("order.provisioned", stream="customer", about="order")
class OrderProvisioned(Fact, frozen=True, kw_only=True):
    """What was ordered is set up, and has yet to be handed over."""

    order: str


@fact("order.moved", stream="customer", about="order")
class OrderMoved(Fact, frozen=True, kw_only=True):
    """The department put an order into a state of its own. The platform's state is still the same."""

    order: str
    step: str
    """Code of a definition of the kind ``order_state``; empty: it is in none any more."""
    state: str
    """The platform's state, of which it is a part."""


@fact("order.delayed", stream="customer", about="order")
class OrderDelayed(Fact, frozen=True, kw_only=True):
    """Something is wrong with an order that isn't delivered yet."""

    order: str
    problem: str
    """A code: ``no_stock``, ``no_access``, ``technical`` or ``customer_absent``."""
    promised: Instant | None = None
    """The new promise, if one was given."""


@fact("order.delivered", stream="customer", about="order")
class OrderDelivered(Fact, frozen=True, kw_only=True):
    """The customer has what was ordered."""

    order: str
    how: str
    """``on_site`` or ``remote``."""


@fact("order.cancelled", stream="customer", about="order")
class OrderCancelled(Fact, frozen=True, kw_only=True):
    """The order isn't wanted any more, or can't be carried out."""

    order: str
    reason: str = "customer"
    """A code: ``customer``, ``impossible`` or ``error``."""
