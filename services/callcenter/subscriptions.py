"""What the call center hears."""

from services.callcenter.customers import erasure
from shared.pipeline import claims
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
    ),
)
