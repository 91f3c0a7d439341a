"""Marketing's world: it knows of no nearness, so only what is granted for everybody is granted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path

from services.marketing import wiring
from shared.access.actions import Action
from shared.events.customer import CustomerEdited, CustomerErased, CustomerRegistered
from shared.events.envelope import new_id
from tests.access import plain
from tests.access.canaries import FIELDS
from tests.access.model import Need
from tests.access.plain import of_customer, only
from tests.access.ways import Way
from tests.access.world import Change, Fill, World, known_standings
from tests.builders import NOON, claim, heard, running
from tests.integration.marketing.market import Market, assigned, placed
from tests.servers import PostgresServer

A = Action


@contextmanager
def world(database_url: str, folder: Path, postgres: PostgresServer) -> Iterator[World]:
    """Marketing, with customers in the segment and outside of it."""
    with (
        known_standings() as standings,
        running(wiring.app, wiring.VERSIONS, wiring.NAME, database_url, folder) as parts,
    ):
        settings, service, client, issuer, clock = parts
        made = World(wiring.NAME, service, client, issuer, KNOWN, standings=standings)
        _build(made, Market(settings, service, client, issuer, clock))
        yield made


def _build(world: World, market: Market) -> None:
    for label, amount in (("rich", 90_000_000), ("mate", 10_000), ("poor", 5_000), ("erased", 90_000_000)):
        member = new_id()
        values = world.canaries.fields(member)
        values["products"] = f"+{values['products']}"
        claims = tuple(claim(name, value) for name, value in values.items())
        market.hear(heard(member, CustomerRegistered(claims=claims), source="callcenter"))
        market.hear(placed(member, amount, NOON - timedelta(days=3)))
        world.lies(label, member)
    rich, mate = world.members["rich"], world.members["mate"]
    market.hear(assigned(rich, rich), assigned(mate, rich))
    market.settle()
    gone = world.members["erased"]
    market.hear(heard(gone, CustomerErased(reason="request"), source="callcenter", sequence=20))
    market.settle()
    world.gone.add(gone)
    for label in ("rich",):
        plain.propose_erasure(world, world.members[label], "mara", "marketer")
    world.never = frozenset(FIELDS) - {"given_name", "family_name"}
    world.changes = _changes(world, market)


def _changes(world: World, market: Market) -> list[Change]:
    seconds = count(1)

    def write(member: str, changes: dict[str, str]) -> None:
        # Each later than the one before it; the service's own clock stands, as what is shown tells the time.
        at = NOON + timedelta(seconds=next(seconds))
        claims = tuple(claim(name, value, made=at) for name, value in changes.items())
        market.hear(heard(member, CustomerEdited(claims=claims), source="callcenter", sequence=2, time=at))
        market.settle()

    return plain.edits(world, write)


RULE = {"name": "High value", "window_days": 365, "at_least": 1_000}
SEGMENT = "/segments/high_value"


def _lists(suffix: str) -> Fill:
    return only(SEGMENT + suffix, Need(A.SEGMENT_READ))


KNOWN: dict[Way, Fill] = {
    **plain.EVERYWHERE,
    Way("GET", "/", page=True): only("/", Need(A.SEGMENT_READ)),
    Way("GET", "/segments/{segment}"): only(SEGMENT, Need(A.SEGMENT_READ)),
    Way("GET", "/segments/{segment}", page=True): _lists(""),
    Way("GET", "/segments/{segment}/moves", page=True): _lists("/moves"),
    Way("GET", "/segments/{segment}/moves"): _lists("/moves"),
    Way("GET", "/segments/{segment}/members", page=True): _lists("/members"),
    Way("GET", "/segments/{segment}/members"): _lists("/members"),
    Way("GET", "/segments/{segment}/satisfaction", page=True): _lists("/satisfaction"),
    Way("GET", "/segments/{segment}/satisfaction"): _lists("/satisfaction"),
    Way("POST", "/segments/{segment}/preview", page=True): only(f"{SEGMENT}/preview", Need(A.SEGMENT_READ), body=RULE),
    Way("POST", "/segments/{segment}/preview"): only(f"{SEGMENT}/preview", Need(A.SEGMENT_READ), body=RULE),
    Way("POST", "/segments/{segment}/define"): only(
        f"{SEGMENT}/define", Need(A.SEGMENT_DEFINE), body=RULE, changes=True
    ),
    Way("GET", "/live"): only("/live", Need(A.SEGMENT_READ), stream=True),
    Way("GET", "/customers/{customer}/live"): of_customer("/live", A.CUSTOMER_READ, stream=True),
    Way("GET", "/customers/{member}", page=True): of_customer("", A.CUSTOMER_READ),
    Way("GET", "/customers/{member}/profile"): of_customer("/profile", A.CUSTOMER_READ),
}
