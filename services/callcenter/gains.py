"""What the call center gains from each other block."""

from shared.administration.operations.gains import CUSTOMERS, PERSONS, Gain
from shared.texts import N_

GAINS = (
    Gain(
        "marketing",
        N_("While the phone rings, agents see what the customer is worth and in which segments it is."),
        N_("customer with a value"),
        N_("customers with a value"),
        "SELECT count(*) FROM insight_value",
        CUSTOMERS,
    ),
    Gain(
        "sfa",
        N_("Agents see recent orders and what is wrong with them."),
        N_("order at hand"),
        N_("orders at hand"),
        'SELECT count(*) FROM insight_order WHERE "placed" IS NOT NULL',
        CUSTOMERS,
    ),
    Gain(
        "sync",
        N_("Who was met by several services is one customer on the agent's screen; what reps write is read here."),
        N_("record joined"),
        N_("records joined"),
        PERSONS,
        CUSTOMERS,
    ),
)
