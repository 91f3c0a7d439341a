"""Sync's world: customers by the territories that they are in, with all that every service has told of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from services.sync import wiring
from shared.access.actions import Action, Reach
from shared.events.callcenter import CaseOpened, ContactWrappedUp
from shared.events.customer import CustomerEdited, CustomerErased, CustomerRegistered
from shared.events.envelope import new_id
from shared.events.facts import Fact
from tests.access import device, plain
from tests.access.canaries import FIELDS
from tests.access.model import Need
from tests.access.plain import every, of_customer, only
from tests.access.ways import Way
from tests.access.world import ACTOR, Ask, Change, Fill, World, known_standings, need
from tests.builders import NOON, claim, running
from tests.integration.sync.field import Field
from tests.integration.sync.told import Teller
from tests.servers import PostgresServer

A = Action
REGION, BELOW, OTHER = "south", "naples", "milan"
"""The actor looks after the region, so after what is below it, and not after the other one."""
SHARED = "shared@example.com"
"""Of two who aren't the same: something to look at."""


@contextmanager
def world(database_url: str, folder: Path, postgres: PostgresServer) -> Iterator[World]:
    """Sync, in which all that can be known of a customer is known of several."""
    callcenter, sfa, marketing = (Teller.at(n, postgres.database(n)) for n in ("callcenter", "sfa", "marketing"))
    with (
        known_standings() as standings,
        running(wiring.app, wiring.VERSIONS, wiring.NAME, database_url, folder) as parts,
    ):
        _, service, client, issuer, clock = parts
        made = World(wiring.NAME, service, client, issuer, KNOWN, standings=standings)
        _build(made, Field(service, clock, issuer, client, callcenter, sfa, marketing))
        yield made
    for teller in (callcenter, sfa, marketing):
        teller.close()


def _build(world: World, field: Field) -> None:
    field.territory(REGION, ACTOR)
    field.territory(BELOW, "nina", parent=REGION)
    field.territory(OTHER, "bert")
    region = _lies(world, field, "region", REGION, Reach.TERRITORY, email=SHARED)
    below = _lies(world, field, "below", BELOW, Reach.TERRITORY)
    other = _lies(world, field, "other", OTHER, email=SHARED)
    _lies(world, field, "nowhere", "")
    # Linked to one that is below, but it was put elsewhere itself; and one that is nowhere itself, so with its mate.
    mate = _lies(world, field, "mate", OTHER)
    carried = _lies(world, field, "carried", "", Reach.TERRITORY)
    for one, with_other in ((below, mate), (region, carried)):
        field.operate("POST", f"/customers/{one}/join", {"other": with_other})
    field.operate("POST", f"/customers/{below}/part", {"other": other})
    field.settle()
    gone = _lies(world, field, "erased", BELOW, Reach.TERRITORY)
    field.told(field.callcenter, (f"customer/{gone}", CustomerErased(reason="request")))
    world.gone.add(gone)
    for label in ("other", "region"):
        plain.propose_erasure(world, world.members[label], "olga", "operator")
    device.take(world, field)
    world.changes = _changes(world, field)


def _changes(world: World, field: Field) -> list[Change]:
    def write(member: str, changes: dict[str, str]) -> None:
        field.operate("POST", f"/customers/{member}/edit", {"changes": changes})
        field.settle()

    def notes(member: str) -> Change:
        def do() -> None:
            case = CaseOpened(case=new_id(), reason="fault", subject="again", requested=NOON)
            field.told(field.callcenter, (f"customer/{member}", case))

        return Change(f"a case of {world.label(member)}", member, plain.OF_ANY, do)

    known = [member for member in every(world) if member not in world.gone]
    # Of the other fields a value gave way before; that it did is said of masked ones too, and whether it was settled.
    names = ("phone", "email", "family_name")
    changes = [*plain.edits(world, write, names), *map(notes, known)]
    # How far devices are behind is said to who manages them, whatever it is that they haven't heard.
    return [replace(one, seen_by=(*one.seen_by, (A.DEVICE_MANAGE, None))) for one in changes]


def _lies(world: World, field: Field, label: str, territory: str, *reaches: Reach, **fixed: str) -> str:
    """A customer of whom the others have told, with values that lost a conflict."""
    member, c = new_id(), world.canaries
    values = c.fields(member, *(name for name in FIELDS if name not in fixed)) | fixed
    values["products"] = f"+{values['products']}"
    stream, early = f"customer/{member}", NOON - timedelta(days=2)
    registered = CustomerRegistered(claims=tuple(claim(name, value) for name, value in values.items()))
    lost = [claim(name, c.field(member, name), made=early) for name in ("city", "custom.hobby")]
    contact = ContactWrappedUp(
        contact=new_id(), agent="bert", reason="fault", outcome="solved", note=c.text(member, A.TIMELINE_READ)
    )
    case = CaseOpened(case=new_id(), reason="fault", subject=c.text(member, A.TIMELINE_READ), requested=NOON)
    told: list[tuple[str, Fact]] = [(stream, registered), (stream, contact), (stream, case)]
    field.told(field.callcenter, *told)
    disputed = claim("birth_date", c.field(member, "birth_date"))
    field.told(field.sfa, (stream, CustomerEdited(claims=(*lost, disputed))))
    if territory:
        field.assign(member, territory)
    return world.lies(label, member, *reaches)


# How each way is to be gone.


def _timeline(world: World) -> Iterator[Ask]:
    for member in every(world):
        path = f"/customers/{member}/timeline"

        def onward(answer: httpx.Response, path: str = path) -> str:
            following = answer.json().get("next")
            return f"{path}?limit=1&before={following}" if following else ""

        for query in ("", "?limit=1", "?group=contact"):
            needs = need(A.TIMELINE_READ, member)
            yield Ask(path + query, needs, member=member, shows=(A.TIMELINE_READ,), onward=onward)


def _settle(world: World) -> Iterator[Ask]:
    for member in every(world):
        body = {"field": "city", "claim": new_id()}
        needs = need(A.CUSTOMER_EDIT, member, "city")
        yield Ask(f"/customers/{member}/settle", needs, body, changes=True, member=member, may_fail=True)


def _decide(what: str) -> Fill:
    def fill(world: World) -> Iterator[Ask]:
        for member in every(world):
            for other in ("region", "other"):
                id = world.members[other]
                needs = (Need(A.IDENTITY_DECIDE, member), Need(A.IDENTITY_DECIDE, id))
                path = f"/customers/{member}/{what}"
                yield Ask(path, needs, {"other": id}, changes=True, member=member, may_fail=True)

    return fill


def _beside(world: World) -> Iterator[Ask]:
    for member in every(world):
        for other in ("region", "other"):
            id = world.members[other]
            reads = (Need(A.CUSTOMER_READ, member), Need(A.CUSTOMER_READ, id))
            needs = (Need(A.IDENTITY_DECIDE, member), Need(A.IDENTITY_DECIDE, id), *reads)
            yield Ask(f"/customers/{member}/beside/{id}", needs, member=member, may_fail=True)


def _suggestions(world: World) -> Iterator[Ask]:
    for why in ("names", "crowded"):
        yield Ask(f"/suggestions?why={why}", need(A.CUSTOMER_READ))


def _whole(suffix: str) -> Fill:
    return of_customer(suffix, A.TIMELINE_READ, shows=(A.TIMELINE_READ, A.CUSTOMER_READ))


def _search(world: World) -> Iterator[Ask]:
    yield from plain.search("name", "phone", "email")(world)
    yield Ask("/customers/search", need(A.CUSTOMER_READ), {})


def _everything(world: World) -> Iterator[Ask]:
    for member in every(world):
        for name in ("phone", "email", "family_name"):
            if words := world.value(member, name):
                words = {"phone": f"+{words}", "email": f"{words}@"}.get(name, words)
                yield Ask("/search", need(A.CUSTOMER_READ), {"words": words}, finds=(member, name))
        yield Ask("/search", need(A.CUSTOMER_READ), {"words": member})
    for words in ("", REGION, "rita"):
        yield Ask("/search", need(A.CUSTOMER_READ), {"words": words})


def _ledger(world: World) -> Iterator[Ask]:
    for query in ("", "?field=city", "?source=sfa&state=open", "?reason=later"):
        yield Ask(f"/ledger{query}", need(A.CUSTOMER_READ))


def _devices(path: str, body: Any = None, *, changes: bool = True) -> Fill:
    return lambda world: [
        Ask(path.format(device=new_id()), need(A.DEVICE_MANAGE), body, changes=changes, may_fail=True)
    ]


_KEY = {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}
KNOWN: dict[Way, Fill] = {
    **plain.EVERYWHERE,
    Way("GET", "/", page=True): only("/", Need(A.CUSTOMER_READ)),
    Way("POST", "/search", page=True): _everything,
    Way("POST", "/search"): _everything,
    Way("GET", "/ledger", page=True): _ledger,
    Way("GET", "/ledger"): _ledger,
    Way("POST", "/customers/search"): _search,
    Way("GET", "/customers/{member}/record", page=True): of_customer("/record", A.CUSTOMER_READ, record=True),
    Way("GET", "/customers/{member}", page=True): _whole(""),
    Way("GET", "/customers/{member}/entries", page=True): _whole("/entries"),
    Way("GET", "/customers/{customer}/live"): of_customer("/live", A.CUSTOMER_READ, stream=True),
    Way("GET", "/suggestions", page=True): _suggestions,
    Way("GET", "/suggestions"): _suggestions,
    Way("GET", "/customers/{member}/same", page=True): of_customer("/same", A.CUSTOMER_READ),
    Way("GET", "/customers/{member}/same"): of_customer("/same", A.CUSTOMER_READ),
    Way("POST", "/customers/{member}/join"): _decide("join"),
    Way("POST", "/customers/{member}/part"): _decide("part"),
    Way("GET", "/customers/{member}/timeline"): _timeline,
    Way("GET", "/customers/{member}/ledger"): of_customer("/ledger", A.CUSTOMER_READ),
    Way("POST", "/customers/{member}/edit"): plain.edit,
    Way("POST", "/customers/{member}/settle"): _settle,
    Way("GET", "/customers/{member}"): of_customer("", A.CUSTOMER_READ, record=True),
    Way("GET", "/customers/{member}/beside/{other}", page=True): _beside,
    Way("GET", "/devices/now", page=True): only("/devices/now", Need(A.DEVICE_MANAGE)),
    Way("GET", "/handheld", page=True): only("/handheld", Need(A.DEVICE_ENROL)),
    Way("GET", "/handheld/worker.js"): plain.anybody("/handheld/worker.js"),
    Way("GET", "/handheld/manifest.webmanifest"): plain.anybody("/handheld/manifest.webmanifest"),
    Way("GET", "/devices", page=True): only("/devices", Need(A.DEVICE_MANAGE)),
    Way("GET", "/devices"): only("/devices", Need(A.DEVICE_MANAGE)),
    Way("POST", "/devices"): only("/devices", Need(A.DEVICE_ENROL), body={"name": "x", "key": _KEY}, changes=True),
    Way("POST", "/devices/{device}/renew"): device.renew,
    Way("GET", "/devices/{device}/pull"): device.pull,
    Way("GET", "/devices/{device}/products"): device.offered,
    Way("POST", "/devices/{device}/push"): device.push,
    Way("POST", "/devices/{device}/revoke"): _devices("/devices/{device}/revoke", {}),
    Way("POST", "/devices/{device}/readmit"): _devices("/devices/{device}/readmit"),
    Way("GET", "/quarantine"): only("/quarantine", Need(A.DEVICE_MANAGE)),
    Way("POST", "/quarantine/{device}/{number}/accept"): _devices("/quarantine/{device}/1/accept"),
    Way("POST", "/quarantine/{device}/{number}/discard"): _devices("/quarantine/{device}/1/discard", {"reason": "x"}),
}
