"""Every fact there is. Import this, and all event types are registered."""

from shared.events import callcenter, customer, heads, marketing, sfa, sync
from shared.events.facts import FACT_TYPES

PUBLISHERS = {
    "callcenter": (customer, heads, callcenter),
    "marketing": (customer, heads, marketing),
    "sfa": (customer, heads, sfa),
    "sync": (customer, heads, sync),
}
"""Which modules' facts a service publishes on its topic."""

__all__ = ["FACT_TYPES", "PUBLISHERS"]
