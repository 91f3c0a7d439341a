"""Every fact there is. Import this, and all event types are registered."""

from shared.events import callcenter, customer
from shared.events.facts import FACT_TYPES

PUBLISHERS = {
    "callcenter": (customer, callcenter),
    "sync": (customer,),
}
"""Which modules' facts a service publishes on its topic."""

__all__ = ["FACT_TYPES", "PUBLISHERS"]
