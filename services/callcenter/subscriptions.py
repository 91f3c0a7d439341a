"""What the call center hears."""

from services.callcenter.customers import erasure
from services.callcenter.insights import handlers as insights
from services.callcenter.insights import tables
from shared.administration.erasures import answers as erasures
from shared.pipeline import claims, heads, vocabulary
from shared.pipeline.customer_tables import customer_cluster
from shared.pipeline.subscriptions import Slice, Subscriptions

SUBSCRIPTIONS = Subscriptions(
    sources=("sync", "marketing", "sfa"),
    slices=(
        Slice(
            "customers",
            {
                "customer.registered": claims.heard,
                "customer.edited": claims.heard,
                "customer.erased": erasure.heard_erased,
                "custom_field.defined": claims.heard_fields,
            },
        ),
        Slice(
            "insights",
            {
                "customer.valued": insights.heard_valued,
                "segment.defined": insights.heard_segment_defined,
                "segment.entered": insights.heard_segment,
                "segment.left": insights.heard_segment,
                "order.requested": insights.heard_orders,
                "order.placed": insights.heard_orders,
                "order.refused": insights.heard_orders,
                "order.provisioned": insights.heard_orders,
                "order.delayed": insights.heard_orders,
                "order.delivered": insights.heard_orders,
                "order.cancelled": insights.heard_orders,
                "note.added": insights.heard_notes,
                "customer.assigned": insights.heard_assigned,
            },
            derived=(*tables.TABLES, customer_cluster),
        ),
        heads.SLICE,
        erasures.SLICE,
        vocabulary.SLICE,
    ),
)
