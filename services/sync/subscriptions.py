"""What sync hears."""

from __future__ import annotations

from services.sync.customers import handlers as customers
from services.sync.notices import handlers as notices
from services.sync.timeline import handlers as timeline
from services.sync.timeline.tables import interaction
from shared.pipeline import claims
from shared.pipeline.subscriptions import EVERYTHING, Slice, Subscriptions


def subscriptions(*, notices_wanted: bool) -> Subscriptions:
    """The map of what this service hears; itself too, as its timeline and its rebuild need its own facts."""
    return Subscriptions(
        sources=("callcenter", "marketing", "sfa", "sync"),
        slices=(
            Slice("timeline", {EVERYTHING: timeline.record}, derived=(interaction,)),
            Slice(
                "customers",
                {
                    "customer.registered": customers.heard_claims,
                    "customer.edited": customers.heard_claims,
                    "customer.erased": customers.heard_erased,
                    "custom_field.defined": customers.heard_fields,
                },
                derived=(claims.claim, claims.customer_record, claims.custom_field),
            ),
            Slice(
                "notices",
                {"contact.wrapped_up": notices.heard_review if notices_wanted else notices.heard_review_unnoticed},
            ),
        ),
    )


SUBSCRIPTIONS = subscriptions(notices_wanted=True)
