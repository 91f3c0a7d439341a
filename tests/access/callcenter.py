"""The call center's world: customers by the contacts that they had, and with whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from services.callcenter import wiring
from services.callcenter.desk.handlers import hear
from services.callcenter.outages.handlers import propose
from services.callcenter.outages.rules import Burst
from services.callcenter.subscriptions import SUBSCRIPTIONS
from shared.access.actions import Action, Reach
from shared.events.customer import CustomerErased
from shared.events.envelope import Event, new_id
from shared.events.sfa import OrderLine, OrderPlaced
from shared.events.sync import CustomerAssigned, NoteAdded
from shared.pipeline.attempt import attempt
from shared.pipeline.work import Work
from tests.access import plain
from tests.access.canaries import FIELDS
from tests.access.model import EVERYBODY, Need
from tests.access.plain import every, of_customer, only
from tests.access.ways import Way
from tests.access.world import ACTOR, TEAMS, Ask, Change, Fill, World, known_standings, need
from tests.builders import NOON, done, heard, running
from tests.servers import PostgresServer

A = Action
IMPORTS = (A.CUSTOMER_IMPORT, A.CUSTOMER_REGISTER, A.CUSTOMER_EDIT)
TEAM, ELSEWHERE = TEAMS[0], "technical"


@contextmanager
def world(database_url: str, folder: Path, postgres: PostgresServer) -> Iterator[World]:
    """The call center, in which all that can be known of a customer is known of several."""
    with (
        known_standings() as standings,
        running(wiring.app, wiring.VERSIONS, wiring.NAME, database_url, folder) as parts,
    ):
        _, service, client, issuer, _ = parts
        made = World(wiring.NAME, service, client, issuer, KNOWN, standings=standings)
        _build(made)
        yield made


def _build(world: World) -> None:
    for name in FIELDS:
        if name.startswith("custom."):
            _post(world, "/custom-fields", {"name": name, "label": name}, "sue", "supervisor")
    for kind in ("contact_field", "case_field"):
        remark = {"kind": kind, "code": "remark", "label": "Remark", "form": "text"}
        _post(world, "/definitions", remark, "sue", "supervisor")
    _lies(world, "own", _customer(world, by=ACTOR), Reach.OWN)
    _lies(world, "answered", _customer(world), Reach.OWN, answered=ACTOR)
    _lies(world, "team", _customer(world), Reach.TEAM, queue=TEAM)
    _lies(world, "both", _customer(world, by=ACTOR), Reach.OWN, Reach.TEAM, queue=TEAM)
    _lies(world, "stranger", _customer(world))
    mate = _lies(world, "mate", _customer(world))
    gone = _lies(world, "erased", _customer(world), Reach.TEAM, queue=TEAM)
    own = world.members["own"]
    _hear(world, *(heard(one, CustomerAssigned(cluster=own, because="person"), sequence=9) for one in (own, mate)))
    cases = tuple(id for id, member in world.things["case"] if member != gone)
    burst = Burst("line", "rome", NOON, cases)
    world.service.transact(world.service.itself, lambda work: propose(work, [burst]))
    world.state["outage"] = world.service.engine.connect().exec_driver_sql("SELECT id::text FROM outage").scalar()
    _post(world, "/desk/queues", {"queues": [TEAM, ELSEWHERE]}, ACTOR, "agent")
    # As any live page of his notes: it would seem to be left by what is refused.
    world.service.transact(world.service.itself, lambda work: hear(work, {ACTOR: ACTOR.title()}))
    _hear(world, heard(gone, CustomerErased(reason="request"), sequence=20))
    world.gone.add(gone)
    for label in ("stranger", "team"):
        plain.propose_erasure(world, world.members[label], "sue", "supervisor")
    world.changes = _changes(world)


def _changes(world: World) -> list[Change]:
    def write(member: str, changes: dict[str, str]) -> None:
        _post(world, f"/customers/{member}/edit", {"changes": changes}, "anna", "agent")

    def rings(member: str) -> Change:
        body = {"queue": TEAM if world.label(member) == "team" else ELSEWHERE, "customer": member}

        def do() -> None:
            told = body | {"call": new_id(), "number": "+1 555 020 0007"}
            rung = _post(world, "/telephony/ring", told, "pbx", "telephony", 201)
            _post(world, f"/contacts/{rung['contact']}/abandon", {}, "pbx", "telephony")
            case = {"customer": member, "reason": "fault", "subject": "again", "product": "line", "place": "rome"}
            _post(world, "/cases", case, "anna", "agent", 201)

        return Change(f"a contact and a case of {world.label(member)}", member, plain.OF_ANY, do)

    return [*plain.edits(world, write), *(rings(member) for member in every(world) if member not in world.gone)]


def _post(world: World, path: str, body: Any, actor: str, role: str, status: int = 200) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {world.token((role,), actor)}", "idempotency-key": new_id()}
    return done(world.client.post(path, json=body, headers=headers), status)


def _customer(world: World, by: str = "anna") -> str:
    changes: dict[str, Any] = world.canaries.fields("new")
    changes["products"] = [changes["products"]]
    member = str(_post(world, "/customers", {"changes": changes}, by, "agent", 201)["customer"])
    world.canaries.adopt("new", member)
    return member


def _lies(world: World, label: str, member: str, *reaches: Reach, queue: str = ELSEWHERE, answered: str = "") -> str:
    """A customer with two contacts, one of them over, a case, and what other services tell."""
    c = world.canaries
    world.holds("waiting", _ring(world, member, queue), member)
    over = world.holds("contact", _ring(world, member, queue), member)
    _post(world, f"/contacts/{over}/answer", {"agent": answered or "bert"}, "pbx", "telephony")
    note = c.text(member, A.CONTACT_READ)
    remark = {"remark": c.text(member, A.CONTACT_READ)}
    review = {"reason": "fault", "outcome": "solved", "note": note, "custom": remark}
    _post(world, f"/contacts/{over}/wrap-up", review, "pbx", "telephony")
    for kind, is_over in (("case", False), ("resolved", True)):
        body: dict[str, Any] = {"customer": member, "reason": "fault", "contact": over}
        body |= {"subject": c.text(member, A.CASE_READ)}
        body |= {"product": "line", "place": "rome", "custom": {"remark": c.text(member, A.CASE_READ)}}
        case = world.holds(kind, str(_post(world, "/cases", body, "anna", "agent", 201)["case"]), member)
        if is_over:
            solution = {"solution": c.text(member, A.CASE_READ)}
            _post(world, f"/cases/{case}/resolve", solution, "anna", "agent")
    line = OrderLine(product="line", name=c.text(member, A.CUSTOMER_READ, None), quantity=2, unit_price=900)
    order = OrderPlaced(order=new_id(), lines=(line,), total=1_800, currency="USD", channel="desk")
    noted = NoteAdded(note=new_id(), text=c.text(member, A.CUSTOMER_READ))
    _hear(world, heard(member, order, source="sfa", time=NOON - timedelta(days=1)), heard(member, noted, sequence=2))
    return world.lies(label, member, *reaches)


def _ring(world: World, member: str, queue: str) -> str:
    body = {"call": new_id(), "number": world.canaries.number(member, A.CONTACT_READ), "queue": queue}
    return str(_post(world, "/telephony/ring", body | {"customer": member}, "pbx", "telephony", 201)["contact"])


def _hear(world: World, *events: Event) -> None:
    def body(work: Work) -> None:
        assert attempt(work, SUBSCRIPTIONS.slices, events) == {}

    world.service.transact(world.service.itself, body)


# How each way is to be gone.


def _contacts(world: World) -> list[tuple[str, str]]:
    return [*world.things["waiting"], *world.things["contact"]]


def _contact(suffix: str = "") -> Fill:
    def fill(world: World) -> Iterator[Ask]:
        for id, member in _contacts(world):
            yield Ask(f"/contacts/{id}{suffix}", need(A.CONTACT_READ, member), member=member)

    return fill


def _step(step: str, body: dict[str, Any], kind: str = "waiting") -> Fill:
    def fill(world: World) -> Iterator[Ask]:
        for id, member in world.things[kind]:
            needs = need(A.CONTACT_WORK, member)
            yield Ask(f"/contacts/{id}/{step}", needs, body, changes=True, member=member, may_fail=True)

    return fill


def _case() -> Fill:
    def fill(world: World) -> Iterator[Ask]:
        for id, member in [*world.things["case"], *world.things["resolved"]]:
            yield Ask(f"/cases/{id}", need(A.CASE_READ, member), member=member)

    return fill


def _resolve(world: World) -> Iterator[Ask]:
    for id, member in world.things["case"]:
        yield Ask(f"/cases/{id}/resolve", need(A.CASE_WORK, member), {"solution": "done"}, changes=True, member=member)


def _describe(world: World) -> Iterator[Ask]:
    for id, member in world.things["case"]:
        needs = need(A.CASE_WORK, member)
        body = {"custom": {"remark": "other"}}
        yield Ask(f"/cases/{id}/describe", needs, body, changes=True, member=member, may_fail=True)


def _move(world: World) -> Iterator[Ask]:
    for id, member in world.things["case"]:
        needs = need(A.CASE_WORK, member)
        yield Ask(f"/cases/{id}/step", needs, {"step": ""}, changes=True, member=member, may_fail=True)


def _open(world: World) -> Iterator[Ask]:
    for member in every(world):
        body = {"customer": member, "reason": "fault", "subject": "again"}
        yield Ask("/cases", need(A.CASE_WORK, member), body, changes=True, member=member, may_fail=True)


def _cases(world: World) -> Iterator[Ask]:
    for state in ("open", "resolved"):
        yield Ask(f"/cases?state={state}", need(A.CASE_READ))
    yield Ask("/cases?limit=1", need(A.CASE_READ))
    for member in every(world):
        yield Ask(f"/cases?customer={member}", need(A.CASE_READ, member), member=member)


def _desk(path: str) -> Fill:
    return lambda world: [Ask(path, need(A.DESK_USE))]


def _find(world: World) -> Iterator[Ask]:
    for member in every(world):
        for name in ("phone", "email", "family_name"):
            if words := world.value(member, name):
                body = {"words": f"+{words}" if name == "phone" else f"{words}@" if name == "email" else words}
                yield Ask("/desk/find", need(A.CUSTOMER_READ), body, finds=(member, name))


def _ring_in(world: World) -> Iterator[Ask]:
    body = {"call": new_id(), "number": "+1 555 020 0000", "queue": TEAM}
    yield Ask("/telephony/ring", need(A.CONTACT_REPORT), body, changes=True, may_fail=True)
    # Whom a number belongs to isn't for everybody to know.
    number = world.value(world.members["stranger"], "phone")
    body = {"call": new_id(), "number": f"+{number}", "queue": TEAM}
    yield Ask("/telephony/ring", need(A.CONTACT_REPORT), body, changes=True)


def _import(world: World) -> Iterator[Ask]:
    mapping = {"origin": "old", "key": "ID", "columns": [{"column": "Name", "field": "family_name"}]}
    more = {"data": {"mapping": json.dumps(mapping)}, "files": {"file": ("c.csv", b"ID,Name\n1,Noether\n")}}
    # A file may hold anybody: what it does must be granted for all.
    needs = tuple(Need(one, EVERYBODY, ("family_name",)) for one in IMPORTS)
    yield Ask("/customers/import", needs, more=more, changes=True)


def _decide(what: str, body: Any = None) -> Fill:
    def fill(world: World) -> Iterator[Ask]:
        path = f"/outages/{world.state['outage']}/{what}"
        # Nothing was decided yet that could be taken back.
        yield Ask(path, need(A.OUTAGE_DECIDE), body, changes=True, may_fail=what == "undo")

    return fill


def _timeline(world: World) -> Iterator[Ask]:
    for member in every(world):
        for kind in ("", "contact", "note"):
            path = f"/customers/{member}/timeline?most=200&kind={kind}"
            yield Ask(path, need(A.CUSTOMER_READ, member), member=member)


def _define(world: World) -> Iterator[Ask]:
    yield Ask("/custom-fields", need(A.FIELD_DEFINE), {"name": "custom.new", "label": "New"}, changes=True)


_SUPERVISES = Need(A.OUTAGE_DECIDE)
KNOWN: dict[Way, Fill] = {
    **plain.EVERYWHERE,
    Way("GET", "/"): _desk("/"),
    Way("GET", "/desk/waiting"): _desk("/desk/waiting"),
    Way("GET", "/desk/current"): _desk("/desk/current"),
    Way("POST", "/desk/find"): _find,
    Way("POST", "/desk/queues"): only("/desk/queues", Need(A.DESK_USE), body={"queues": [TEAM]}, changes=True),
    Way("POST", "/desk/state"): only("/desk/state", Need(A.DESK_USE), body={"state": "break"}, changes=True),
    Way("GET", "/live"): only("/live", Need(A.DESK_USE), stream=True),
    Way("GET", "/customers/{customer}", page=True): of_customer("", A.CUSTOMER_READ),
    Way("GET", "/customers/{customer}"): of_customer("", A.CUSTOMER_READ, record=True),
    Way("GET", "/customers/{customer}/card"): of_customer("/card", A.CUSTOMER_READ, record=True),
    Way("GET", "/customers/{customer}/insights"): of_customer("/insights", A.CUSTOMER_READ),
    Way("GET", "/customers/{customer}/timeline"): _timeline,
    Way("GET", "/customers/{customer}/live"): of_customer("/live", A.CUSTOMER_READ, stream=True),
    Way("POST", "/customers"): plain.register,
    Way("POST", "/customers/search"): plain.search("phone", "email", "name"),
    Way("POST", "/customers/{customer}/edit"): plain.edit,
    Way("GET", "/contacts/{contact}", page=True): _contact(),
    Way("GET", "/contacts/{contact}"): _contact(),
    Way("POST", "/contacts/{contact}/answer"): _step("answer", {}),
    Way("POST", "/contacts/{contact}/end"): _step("end", {}),
    Way("POST", "/contacts/{contact}/abandon"): _step("abandon", {}),
    Way("POST", "/contacts/{contact}/wrap-up"): _step("wrap-up", {"reason": "fault", "outcome": "solved"}),
    Way("POST", "/telephony/ring"): _ring_in,
    Way("GET", "/cases", page=True): only("/cases", Need(A.CASE_READ)),
    Way("GET", "/cases"): _cases,
    Way("POST", "/cases"): _open,
    Way("GET", "/cases/{case}", page=True): _case(),
    Way("GET", "/cases/{case}"): _case(),
    Way("POST", "/cases/{case}/step"): _move,
    Way("POST", "/cases/{case}/describe"): _describe,
    Way("POST", "/cases/{case}/resolve"): _resolve,
    Way("GET", "/choices/{kind}"): only("/choices/queue", Need(A.FIELD_READ)),
    Way("GET", "/custom-fields"): only("/custom-fields", Need(A.FIELD_READ)),
    Way("POST", "/custom-fields"): _define,
    Way("POST", "/customers/import"): _import,
    Way("GET", "/outages"): only("/outages", Need(A.OUTAGE_READ)),
    Way("POST", "/outages/{outage}/confirm"): _decide("confirm"),
    Way("POST", "/outages/{outage}/dismiss"): _decide("dismiss", {}),
    Way("POST", "/outages/{outage}/undo"): _decide("undo"),
    Way("GET", "/supervisor"): only("/supervisor", _SUPERVISES),
    Way("GET", "/supervisor/windows"): only("/supervisor/windows", _SUPERVISES),
    Way("GET", "/supervisor/outages"): only("/supervisor/outages", _SUPERVISES),
    Way("GET", "/supervisor/live"): only("/supervisor/live", _SUPERVISES, stream=True),
}
