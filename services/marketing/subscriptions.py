"""What marketing hears."""

from services.marketing.custom import handlers as custom
from services.marketing.custom.tables import custom_value
from services.marketing.customers import erasure
from services.marketing.customers import handlers as customers
from services.marketing.profiles import handlers as profiles
from services.marketing.profiles.tables import profile, purchase, spending
from services.marketing.satisfaction import handlers as satisfaction
from services.marketing.satisfaction.tables import review
from services.marketing.segments import handlers as segments
from services.marketing.segments import published
from services.marketing.segments.tables import stay
from shared.administration.erasures import answers as erasures
from shared.pipeline import heads, vocabulary
from shared.pipeline.customer_tables import claim, custom_field, customer_cluster, customer_record
from shared.pipeline.subscriptions import Slice, Subscriptions

SUBSCRIPTIONS = Subscriptions(
    sources=("callcenter", "sfa", "sync"),
    slices=(
        Slice(
            "customers",
            {
                "customer.registered": customers.heard_claims,
                "customer.edited": customers.heard_claims,
                "customer.erased": erasure.heard_erased,
                "custom_field.defined": customers.heard_fields,
                "customer.assigned": customers.heard_assigned,
            },
            derived=(claim, customer_record, custom_field, customer_cluster),
        ),
        Slice(
            "profiles",
            {
                "customer.registered": profiles.heard,
                "contact.offered": profiles.heard,
                "contact.abandoned": profiles.heard,
                "contact.wrapped_up": profiles.heard,
                "case.opened": profiles.heard,
                "case.resolved": profiles.heard,
                "order.placed": profiles.heard_orders,
                "order.cancelled": profiles.heard_orders,
            },
            derived=(profile, spending, purchase, stay),
            sealed=True,
        ),
        Slice(
            "custom_values",
            dict.fromkeys(("contact.wrapped_up", "case.opened", "case.described", "order.placed"), custom.heard),
            derived=(custom_value,),
            custom_only=True,
        ),
        Slice("reviews", {"contact.wrapped_up": satisfaction.heard_reviews}, derived=(review,), sealed=True),
        # Its own facts: it doesn't subscribe to itself, only `recover` hands them to it.
        Slice(
            "segments",
            {
                "segment.defined": segments.heard_defined,
                "customer.valued": published.heard_valued,
                "segment.entered": published.heard_stays,
                "segment.left": published.heard_stays,
            },
        ),
        heads.SLICE,
        erasures.SLICE,
        vocabulary.SLICE,
    ),
)
