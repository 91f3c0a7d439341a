"""What two equal states of a block may have different, each with the reason: the one list.

Everything else of every business table is compared, column by column.
"""

from __future__ import annotations

from shared.pipeline.digest import LeftOut

DERIVED = "type IN ('customer.assigned', 'customer.valued', 'segment.entered', 'segment.left')"

ERASURES = (
    LeftOut(
        "forgotten",
        "a block that comes later forgets who was erased before it kept anything: then, and fewer rows",
        columns=("rows", "at"),
    ),
    LeftOut("erasure_answer", "as forgotten, of the others", columns=("rows", "at", "state")),
    LeftOut("erasure_answer", "a device is asked for only by a block that was there", rows="place LIKE '%/%'"),
)

DEFINITIONS = (
    LeftOut(
        "definition",
        "what came with the platform is said by a task, whose events have ids of that moment",
        columns=("event_id",),
    ),
)
ALL = (*ERASURES, *DEFINITIONS)

LEFT_OUT: dict[str, tuple[LeftOut, ...]] = {
    "callcenter": ALL,
    "marketing": ALL,
    "sfa": ALL,
    "sync": (
        *ALL,
        LeftOut("erased_on_device", "devices follow a later feed by other positions"),
        LeftOut("forgotten", "a device is asked for only by a block that was there", rows="place LIKE '%/%'"),
        LeftOut("interaction", "as forgotten", rows="type = 'customer.forgotten'"),
        LeftOut(
            "interaction",
            "derived facts are said when they are worked out: step by step by a block that is there, once by one that "
            "comes later. What they say last is compared in the tables that are made of it",
            rows=DERIVED,
        ),
        LeftOut(
            "interaction",
            "the rule that holds until a person gives another is said when it is first used",
            rows="type = 'segment.defined' AND author = 'service:marketing'",
        ),
        LeftOut(
            "told_head",
            "counts all that these two have said in a stream, derived facts too",
            rows="source IN ('marketing', 'sync')",
        ),
        LeftOut(
            "interaction",
            "counts the derived facts of its stream too; that it is dense, verify proves",
            columns=("sequence",),
        ),
        LeftOut(
            "interaction",
            "an order that is decided by a task gets an event with an id of that moment, recorded then",
            columns=("event_id", "recorded"),
        ),
        LeftOut(
            "interaction",
            "text is sealed with random keys and nonces; the test compares it opened, entry by entry",
            columns=("data",),
        ),
        LeftOut(
            "feed_item",
            "that something has left a scope is told only to devices that were told of it before",
            rows="body IS NULL",
        ),
        LeftOut(
            "feed_item",
            "positions count every change since the feed began, and a later feed has seen fewer of them",
            columns=("pos",),
        ),
        LeftOut(
            "feed_scope", "the scope of a time without territories is empty once there are some", rows="present = 0"
        ),
        LeftOut("feed_scope", "an epoch is a random name; positions as in feed_item", columns=("epoch", "pos")),
        LeftOut("device", "a key is random, and each request takes a turn", columns=("key", "turn")),
        LeftOut("device_turn", "as the turns of devices"),
        LeftOut("device_scope", "how far devices have said to be, in positions", columns=("pos",)),
    ),
}
"""Service -> what is left out. A test that plays a history twice in the same way shows that nothing else is random."""
