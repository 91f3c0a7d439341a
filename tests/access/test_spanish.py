"""Every page and part of a page, by every way there is, as somebody gets it who reads Spanish: nothing in it is English
that the catalog has in Spanish."""

from __future__ import annotations

from shared.access.actions import SUPPORTS
from shared.access.grants import Grant
from shared.access.roles import Role
from tests.access.tries import asks, called
from tests.access.world import World
from tests.spanish import Words, english_in

MINE = "mine"
SPANISH = {"accept-language": "es"}
FEWEST = {"callcenter": 10, "marketing": 10, "sfa": 10, "sync": 10}
"""Pages of each service with something in them, at least: else nothing would have been looked at."""


def test_what_who_reads_spanish_gets_has_no_english(world: World) -> None:
    grants = (Grant(action, reach) for action, reaches in SUPPORTS[world.name].items() for reach in reaches)
    world.grant([Role(MINE, tuple(grants))])
    wrong: set[str] = set()
    pages = 0
    for way, ask in asks(world):
        if ask.changes or ask.stream or ask.sender:
            continue
        answer = world.send(way, ask, (MINE,), **SPANISH)
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        found, where = Words(answer.text), f"{way} ({called(world, ask.path)})"
        if found.language:
            pages += 1
            assert (found.language, found.headings) == ("es", 1), where
        wrong |= {f"{way}: {what}" for what in english_in(found)}
    assert not wrong, "\n".join(sorted(wrong))
    assert pages > FEWEST[world.name]
