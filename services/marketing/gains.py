"""What marketing gains from each other block."""

from shared.administration.operations.gains import PERSONS, Gain
from shared.texts import N_

_KNOWN = "SELECT count(*) FROM profile WHERE registered IS NOT NULL"

GAINS = (
    Gain(
        "callcenter",
        N_("Satisfaction and complaints are known by segment."),
        N_("review of satisfaction"),
        N_("reviews of satisfaction"),
        "SELECT coalesce(sum(satisfaction_count), 0) FROM profile",
        "SELECT coalesce(sum(contacts), 0) FROM profile",
    ),
    Gain(
        "sfa",
        N_("Values and segments follow real orders, by the hour."),
        N_("customer with orders"),
        N_("customers with orders"),
        "SELECT count(DISTINCT member) FROM purchase",
        _KNOWN,
    ),
    Gain(
        "sync",
        N_("What one person bought under several records counts as one customer's."),
        N_("record joined"),
        N_("records joined"),
        PERSONS,
        _KNOWN,
    ),
)
