"""What sales force automation hears."""

from __future__ import annotations

from services.sfa.customers import erasure
from services.sfa.orders import handlers as orders
from services.sfa.products import handlers as products
from services.sfa.requests import handlers as requests
from services.sfa.requests.tables import order_request
from services.sfa.territories import handlers as territories
from shared.administration.erasures import answers as erasures
from shared.pipeline import claims, clusters, heads, vocabulary
from shared.pipeline.subscriptions import Slice, Subscriptions

SUBSCRIPTIONS = Subscriptions(
    sources=("callcenter", "marketing", "sync"),
    slices=(
        Slice(
            "customers",
            {
                "customer.registered": claims.heard,
                "customer.edited": claims.heard,
                "customer.erased": erasure.heard_erased,
                "custom_field.defined": claims.heard_fields,
                "customer.assigned": clusters.heard_assigned,
            },
        ),
        Slice("requests", {"order.requested": requests.heard_requested}, derived=(order_request,)),
        # Nobody else publishes these: they come when a restored database takes its own facts in again.
        Slice(
            "own",
            {
                "territory.defined": territories.take_in,
                "territory.rep_assigned": territories.take_in,
                "territory.rep_withdrawn": territories.take_in,
                "customer.territory_assigned": territories.take_in,
                "product.defined": products.take_in,
                "order.placed": orders.take_in,
                "order.provisioned": orders.take_in,
                "order.delayed": orders.take_in,
                "order.delivered": orders.take_in,
                "order.cancelled": orders.take_in,
                "order.refused": requests.take_in,
            },
        ),
        # A slice of its own: one that began with fewer types doesn't take on more.
        Slice("own_states", {"order.moved": orders.take_in}),
        heads.SLICE,
        erasures.SLICE,
        vocabulary.SLICE,
    ),
)
