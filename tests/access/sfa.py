"""The sales force's world: customers by the territories that they are in, and by who took their orders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from services.sfa import wiring
from services.sfa.subscriptions import SUBSCRIPTIONS
from shared.access.actions import Action, Reach
from shared.events.customer import CustomerErased
from shared.events.envelope import Event, new_id
from shared.events.sync import CustomerAssigned
from shared.pipeline.attempt import attempt
from shared.pipeline.work import Work
from tests.access import plain
from tests.access.model import Need
from tests.access.plain import every, of_customer, only
from tests.access.ways import Way
from tests.access.world import ACTOR, Ask, Change, Fill, World, known_standings, need
from tests.builders import done, heard, running
from tests.integration.sfa.force import Force, requested
from tests.servers import PostgresServer

A = Action
REGION, BELOW, OTHER = "south", "naples", "milan"
"""The actor looks after the region, so after what is below it, and not after the other one."""
MANAGER = ("sales_manager",)


@contextmanager
def world(database_url: str, folder: Path, postgres: PostgresServer) -> Iterator[World]:
    """The sales force, in which all that can be known of a customer is known of several."""
    with (
        known_standings() as standings,
        running(wiring.app, wiring.VERSIONS, wiring.NAME, database_url, folder) as parts,
    ):
        settings, service, client, issuer, clock = parts
        made = World(wiring.NAME, service, client, issuer, KNOWN, standings=standings)
        _build(made, Force(settings, service, client, issuer, clock))
        yield made


def _build(world: World, force: Force) -> None:
    force.territory(REGION, reps=[ACTOR])
    force.territory(BELOW, REGION, reps=["nina"])
    force.territory(OTHER, reps=["bert"])
    force.product()
    remark = {"kind": "order_field", "code": "remark", "label": "Remark", "form": "text"}
    done(force.post("/definitions", remark))
    own = _customer(world, ACTOR, ("rep",))
    _lies(world, force, "own", own, OTHER, Reach.OWN)
    # Its order was taken by the actor, before it was put elsewhere.
    taken = _lies(world, force, "taken", _customer(world), BELOW, Reach.OWN, by=ACTOR, roles=("rep",))
    done(force.put(OTHER, taken, expected=BELOW))
    region = _lies(world, force, "region", _customer(world), REGION, Reach.TERRITORY)
    below = _lies(world, force, "below", _customer(world), BELOW, Reach.TERRITORY)
    other = _lies(world, force, "other", _customer(world), OTHER)
    _lies(world, force, "nowhere", _customer(world), "")
    # Linked to one that is below, but it was put elsewhere itself; and one that is nowhere itself, so with its mate.
    mate = _lies(world, force, "mate", _customer(world), OTHER)
    carried = _lies(world, force, "carried", _customer(world), "", Reach.TERRITORY)
    _hear(world, *_linked(below, mate), *_linked(region, carried))
    gone = _lies(world, force, "erased", _customer(world), BELOW, Reach.TERRITORY)
    for member in world.members.values():
        request = new_id()
        # Of another rep, so that a person has to decide.
        _hear(world, requested(member, request, rep="bert", territory=OTHER))
        world.holds("request", request, member)
    force.decide()
    world.state["other"] = other
    _hear(world, heard(gone, CustomerErased(reason="request"), sequence=20))
    world.gone.add(gone)
    for label in ("other", "region"):
        plain.propose_erasure(world, world.members[label], "mona", "sales_manager")
    world.changes = _changes(world, force)


def _changes(world: World, force: Force) -> list[Change]:
    def write(member: str, changes: dict[str, str]) -> None:
        done(force.post(f"/customers/{member}/edit", {"changes": changes}))

    def orders(member: str) -> Change:
        def do() -> None:
            done(force.post(f"/customers/{member}/orders", {"product": "line"}), 201)

        return Change(f"an order of {world.label(member)}", member, plain.OF_ANY, do)

    def moves(member: str, old: str, new: str) -> Change:
        def put(to: str, expected: str) -> None:
            done(force.put(to, member, expected=expected))

        what = f"{world.label(member)} in {new or 'no territory'}"
        return Change(what, member, plain.OF_ANY, lambda: put(new, old), lambda: put(old, new))

    known = [member for member in every(world) if member not in world.gone]
    # Only away: with another that comes there at once, a count would stay what it is.
    return [*plain.edits(world, write), *map(orders, known), moves(world.members["other"], OTHER, "")]


def _linked(*members: str) -> list[Event]:
    return [heard(one, CustomerAssigned(cluster=members[0], because="person"), sequence=9) for one in members]


def _customer(world: World, by: str = "mona", roles: Sequence[str] = MANAGER) -> str:
    changes: dict[str, Any] = world.canaries.fields("new")
    changes["products"] = [changes["products"]]
    headers = {"authorization": f"Bearer {world.token(roles, by)}"}
    member = str(done(world.client.post("/customers", json={"changes": changes}, headers=headers), 201)["customer"])
    world.canaries.adopt("new", member)
    return member


def _lies(
    world: World,
    force: Force,
    label: str,
    member: str,
    territory: str,
    *reaches: Reach,
    by: str = "mona",
    roles: tuple[str, ...] = MANAGER,
) -> str:
    """A customer in a territory, with an order that somebody took."""
    if territory:
        world.holds("move", str(done(force.put(territory, member))["move"]), member)
    body = {"product": "line", "custom": {"remark": world.canaries.text(member, A.ORDER_READ)}}
    answered = force.post(f"/customers/{member}/orders", body, by, roles)
    world.holds("order", str(done(answered, 201)["order"]), member)
    return world.lies(label, member, *reaches)


def _hear(world: World, *events: Event) -> None:
    def body(work: Work) -> None:
        assert attempt(work, SUBSCRIPTIONS.slices, events) == {}

    world.service.transact(world.service.itself, body)


# How each way is to be gone.


def _find(world: World) -> Iterator[Ask]:
    for ask in plain.search("words")(world):
        yield Ask("/customers/find", ask.needs, ask.body, finds=ask.finds)


def _order(world: World) -> Iterator[Ask]:
    for id, member in world.things["order"]:
        yield Ask(f"/orders/{id}", need(A.ORDER_READ, member), member=member)


def _orders(world: World) -> Iterator[Ask]:
    for state in ("open", "placed", "late"):
        yield Ask(f"/orders?state={state}", need(A.ORDER_READ))


def _orders_of(world: World) -> Iterator[Ask]:
    yield from _orders(world)
    yield Ask("/orders?limit=1", need(A.ORDER_READ))
    for member in every(world):
        yield Ask(f"/orders?customer={member}", need(A.ORDER_READ, member), member=member)


def _step(step: str, body: dict[str, Any]) -> Fill:
    def fill(world: World) -> Iterator[Ask]:
        for id, member in world.things["order"]:
            needs = need(A.ORDER_STEP, member)
            yield Ask(f"/orders/{id}/{step}", needs, body, changes=True, member=member, may_fail=True)

    return fill


def _place(world: World) -> Iterator[Ask]:
    for member in every(world):
        body = {"customer": member, "lines": [{"product": "line"}]}
        yield Ask("/orders", need(A.ORDER_PLACE, member), body, changes=True, member=member, may_fail=True)


def _place_one(world: World) -> Iterator[Ask]:
    for member in every(world):
        path, body = f"/customers/{member}/orders", {"product": "line"}
        yield Ask(path, need(A.ORDER_PLACE, member), body, changes=True, member=member, may_fail=True)


def _import(world: World) -> Iterator[Ask]:
    one = {"key": "1", "customer": world.members["own"], "lines": [{"product": "line"}], "at": "2026-01-01T00:00:00Z"}
    body = {"origin": "old", "orders": [one]}
    yield Ask("/orders/import", need(A.ORDER_IMPORT), body, changes=True, member=world.members["own"], may_fail=True)


_IN_TERRITORY = (Need(A.TERRITORY_READ), Need(A.CUSTOMER_READ))


def _customers_in(world: World) -> Iterator[Ask]:
    def onward(of: str) -> Any:
        def following(answer: httpx.Response) -> str:
            last = answer.json()[-1:]
            return f"/territories/{of}/customers?limit=1&after={last[0]}" if last else ""

        return following

    for of in (REGION, BELOW, OTHER):
        yield Ask(f"/territories/{of}/customers", _IN_TERRITORY)
        yield Ask(f"/territories/{of}/customers?limit=1", _IN_TERRITORY, onward=onward(of))


def _assign(world: World) -> Iterator[Ask]:
    member = world.members["nowhere"]
    body = {"territory": BELOW, "customers": [{"customer": member}]}
    yield Ask("/territory-assignments", need(A.TERRITORY_DEFINE), body, changes=True, member=member)


def _put(world: World) -> Iterator[Ask]:
    member = world.members["nowhere"]
    body = {"territory": BELOW}
    yield Ask(f"/customers/{member}/territory", need(A.TERRITORY_DEFINE), body, changes=True, member=member)


def _territory(world: World) -> Iterator[Ask]:
    for of in (REGION, BELOW, OTHER):
        yield Ask(f"/territories/{of}", need(A.TERRITORY_READ))


def _try(world: World) -> Iterator[Ask]:
    for member in every(world):
        body = {"territory": BELOW, "customers": [member]}
        yield Ask(f"/territories/{OTHER}/try", need(A.TERRITORY_DEFINE), body, member=member)


def _undo(world: World) -> Iterator[Ask]:
    for id, member in world.things["move"]:
        path = f"/territory-moves/{id}/undo"
        yield Ask(path, need(A.TERRITORY_DEFINE), changes=True, member=member, may_fail=True)


def _decide(what: str) -> Fill:
    def fill(world: World) -> Iterator[Ask]:
        for id, member in world.things["request"]:
            needs = need(A.REQUEST_DECIDE, member)
            yield Ask(f"/requests/{id}/{what}", needs, changes=True, member=member, may_fail=True)

    return fill


_SHAPES = Need(A.TERRITORY_DEFINE)
KNOWN: dict[Way, Fill] = {
    **plain.EVERYWHERE,
    Way("GET", "/", page=True): only("/", Need(A.CUSTOMER_READ)),
    Way("POST", "/customers/find", page=True): _find,
    Way("GET", "/customers/{customer}", page=True): of_customer("", A.CUSTOMER_READ, record=True),
    Way("GET", "/customers/{customer}"): of_customer("", A.CUSTOMER_READ, record=True),
    Way("GET", "/customers/{customer}/live"): of_customer("/live", A.CUSTOMER_READ, stream=True),
    Way("GET", "/orders/live"): only("/orders/live", Need(A.ORDER_READ), stream=True),
    Way("POST", "/customers"): plain.register,
    Way("POST", "/customers/search"): plain.search("words"),
    Way("POST", "/customers/{customer}/edit"): plain.edit,
    Way("GET", "/territories", page=True): only("/territories", Need(A.TERRITORY_READ)),
    Way("GET", "/territories"): only("/territories", Need(A.TERRITORY_READ)),
    Way("GET", "/territories/{territory}", page=True): _territory,
    Way("POST", "/territories/{territory}/try", page=True): _try,
    Way("POST", "/territory-moves/{move}/undo"): _undo,
    Way("GET", "/reps", page=True): only("/reps", Need(A.TERRITORY_READ)),
    Way("GET", "/reps/{rep}", page=True): only("/reps/bert", Need(A.TERRITORY_READ)),
    Way("POST", "/territories"): only("/territories", _SHAPES, body={"territory": "x", "name": "X"}, changes=True),
    Way("POST", "/territories/{territory}/reps"): only(
        "/territories/milan/reps", _SHAPES, body={"rep": "x"}, changes=True
    ),
    Way("POST", "/territories/{territory}/reps/withdraw"): only(
        "/territories/milan/reps/withdraw", _SHAPES, body={"rep": "bert"}, changes=True
    ),
    Way("GET", "/territories/{territory}/customers"): _customers_in,
    Way("POST", "/territory-assignments"): _assign,
    Way("POST", "/customers/{customer}/territory"): _put,
    Way("GET", "/products", page=True): only("/products", Need(A.PRODUCT_READ)),
    Way("GET", "/products"): only("/products", Need(A.PRODUCT_READ)),
    Way("POST", "/products"): only(
        "/products", Need(A.PRODUCT_DEFINE), body={"product": "x", "name": "X", "unit_price": 1}, changes=True
    ),
    Way("GET", "/orders", page=True): _orders,
    Way("GET", "/orders"): _orders_of,
    Way("POST", "/orders"): _place,
    Way("POST", "/customers/{customer}/orders"): _place_one,
    Way("POST", "/orders/import"): _import,
    Way("GET", "/orders/{order}", page=True): _order,
    Way("GET", "/orders/{order}"): _order,
    Way("POST", "/orders/{order}/provision"): _step("provision", {}),
    Way("POST", "/orders/{order}/step"): _step("step", {"step": ""}),
    Way("POST", "/orders/{order}/delay"): _step("delay", {"problem": "no_stock"}),
    Way("POST", "/orders/{order}/deliver"): _step("deliver", {"how": "remote"}),
    Way("POST", "/orders/{order}/cancel"): _step("cancel", {}),
    Way("GET", "/requests", page=True): only("/requests", Need(A.REQUEST_READ)),
    Way("GET", "/requests"): only("/requests", Need(A.REQUEST_READ)),
    Way("POST", "/requests/{order}/accept"): _decide("accept"),
    Way("POST", "/requests/{order}/refuse"): _decide("refuse"),
}
