"""What sync hears."""

from __future__ import annotations

from services.sync.customers import erasure
from services.sync.customers import handlers as customers
from services.sync.customers.tables import lost_value
from services.sync.devices import heard as devices
from services.sync.devices import tables as device_tables
from services.sync.identity import handlers as identity
from services.sync.identity.tables import identifier, identity_decision
from services.sync.notices import handlers as notices
from services.sync.products import handlers as products
from services.sync.products import tables as product_tables
from services.sync.search import handlers as search
from services.sync.search.tables import thing
from services.sync.timeline import handlers as timeline
from services.sync.timeline.tables import interaction
from services.sync.verification.handlers import heard_heads
from services.sync.verification.tables import told_head
from shared.administration.erasures import answers as erasures
from shared.pipeline import heads, vocabulary
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
                    "customer.registered": customers.heard,
                    "customer.edited": customers.heard,
                    "customer.erased": erasure.heard_erased,
                    "custom_field.defined": customers.heard_fields,
                },
                derived=(claim, customer_record, custom_field, lost_value),
            ),
            Slice(
                "notices",
                {"contact.wrapped_up": notices.heard_review if notices_wanted else notices.heard_review_unnoticed},
                sealed=True,
            ),
            Slice(
                identity.IDENTITY,
                {
                    "customer.registered": identity.heard,
                    "customer.edited": identity.heard,
                    "customer.joined": identity.heard_decisions,
                    "customer.parted": identity.heard_decisions,
                },
                derived=(identifier, identity_decision),
            ),
            heads.SLICE,
            erasures.SLICE,
            vocabulary.SLICE,
            Slice("devices", devices.HANDLERS, derived=device_tables.DERIVED),
            Slice("products", {"product.defined": products.heard}, derived=product_tables.DERIVED),
            Slice("search", dict.fromkeys(search.BEGINNINGS, search.heard), derived=(thing,), sealed=True),
            Slice("verification", {"heads.reported": heard_heads}, derived=(told_head,)),
        ),
    )


SUBSCRIPTIONS = subscriptions(notices_wanted=True)
