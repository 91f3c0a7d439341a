"""What the call center hears."""

from services.callcenter.customers import erasure, handlers
from shared.pipeline.subscriptions import Slice, Subscriptions

SUBSCRIPTIONS = Subscriptions(
    sources=("sync", "marketing", "sfa"),
    slices=(
        Slice(
            "customers",
            {
                "customer.registered": handlers.heard_claims,
                "customer.edited": handlers.heard_claims,
                "customer.erased": erasure.heard_erased,
                "custom_field.defined": handlers.heard_fields,
            },
        ),
    ),
)
