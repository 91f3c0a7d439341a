"""What sales force automation gains from each other block."""

from shared.administration.operations.gains import CUSTOMERS, Gain
from shared.texts import N_

GAINS = (
    Gain(
        "callcenter",
        N_("Whoever calls is a customer or a prospect here too, with a number that is kept right."),
        N_("customer known from elsewhere"),
        N_("customers known from elsewhere"),
        "SELECT count(DISTINCT member) FROM claim WHERE source = 'callcenter'",
        CUSTOMERS,
    ),
    Gain(
        "sync",
        N_("Reps place orders where the customer is, without a network; records of one person are one."),
        N_("order from a device"),
        N_("orders from devices"),
        "SELECT count(*) FROM order_request",
        "SELECT count(*) FROM sales_order",
    ),
)
