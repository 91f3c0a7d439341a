"""Every fact there is. Import this, and all event types are registered."""

from shared.events import callcenter, customer, definitions, heads, marketing, sfa, sync
from shared.events.facts import FACT_TYPES

PUBLISHERS = {
    "callcenter": (customer, definitions, heads, callcenter),
    "marketing": (customer, definitions, heads, marketing),
    "sfa": (customer, definitions, heads, sfa),
    "sync": (customer, definitions, heads, sync),
}
"""Which modules' facts a service publishes on its topic."""

__all__ = ["FACT_TYPES", "PUBLISHERS"]
