"""How often, and what, is tried."""

from __future__ import annotations

import os
from collections.abc import Iterable

from hypothesis import Phase, settings

from tests.access.ways import Way
from tests.access.world import Ask, World

EXAMPLES = int(os.environ.get("CRM_ACCESS_EXAMPLES", "3"))
TRIED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    # All that is wrong is told at once, so a smaller example says no more and would take minutes to find.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    report_multiple_bugs=False,
)


def asks(world: World) -> Iterable[tuple[Way, Ask]]:
    """Every request that is tried."""
    return ((way, ask) for way, fill in world.known.items() for ask in fill(world))


def called(world: World, path: str) -> str:
    """A path with what its ids are."""
    for id, member in [(id, member) for each in world.things.values() for id, member in each]:
        path = path.replace(id, f"of-{world.label(member)}")
    for label, member in world.members.items():
        path = path.replace(member, label)
    return path
