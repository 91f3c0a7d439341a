"""What the central CRM server gains from each other block."""

from shared.administration.operations.gains import CUSTOMERS, Gain
from shared.texts import N_

GAINS = (
    Gain(
        "callcenter",
        N_("Contacts, cases and satisfaction stand in the timeline."),
        N_("line of the timeline"),
        N_("lines of the timeline"),
        "SELECT count(*) FROM interaction WHERE source = 'callcenter'",
        CUSTOMERS,
    ),
    Gain(
        "marketing",
        N_("Reps and operators see each customer's value and segments."),
        N_("customer with a value"),
        N_("customers with a value"),
        "SELECT count(*) FROM member_value",
        CUSTOMERS,
    ),
    Gain(
        "sfa",
        N_("Orders stand in the timeline, and each rep's device holds the customers of its territory."),
        N_("customer in a territory"),
        N_("customers in a territory"),
        "SELECT count(*) FROM member_territory WHERE territory <> ''",
        CUSTOMERS,
    ),
)
