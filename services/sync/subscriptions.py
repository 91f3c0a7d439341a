"""What sync hears."""

from __future__ import annotations

from services.sync.customers import handlers as customers
from services.sync.notices import handlers as notices
from services.sync.timeline import handlers as timeline
from services.sync.timeline.tables import interaction
from shared.pipeline import claims
from shared.pipeline.customer_tables import claim, custom_field, customer_record
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
                    "customer.registered": claims.heard,
                    "customer.edited": claims.heard,
                    "customer.erased": customers.heard_erased,
                    "custom_field.defined": claims.heard_fields,
                },
                derived=(claim, customer_record, custom_field),
            ),
            Slice(
                "notices",
                {"contact.wrapped_up": notices.heard_review if notices_wanted else notices.heard_review_unnoticed},
            ),
        ),
    )


SUBSCRIPTIONS = subscriptions(notices_wanted=True)
