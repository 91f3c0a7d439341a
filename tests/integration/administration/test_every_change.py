"""Each request that changes something leaves one entry in the audit log, of whatever route of whatever service.

The routes are found from the code: one that is new has to be driven here, or named with the reason why not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from deploy.docs import services
from services.callcenter.outages import handlers as outages
from services.callcenter.outages.rules import Burst
from services.callcenter.subscriptions import SUBSCRIPTIONS as CALLS
from services.marketing.subscriptions import SUBSCRIPTIONS as MARKET
from services.sfa.subscriptions import SUBSCRIPTIONS as SALES
from services.sync.subscriptions import subscriptions
from shared.edge.auth import SAFE_METHODS
from shared.events.customer import CustomerRegistered
from shared.events.envelope import new_id
from shared.pipeline.service import Service
from shared.pipeline.subscriptions import Subscriptions
from tests.builders import NOON, heard, parked
from tests.contract.test_way_in import all_routes
from tests.integration.callcenter.center import CallCenter, call_center
from tests.integration.callcenter.test_imports import loaded
from tests.integration.marketing.market import Market, market
from tests.integration.sfa.force import Force, requested, sales_force
from tests.integration.sfa.test_requests import OLD
from tests.integration.sync.field import Field, field_of, met
from tests.servers import PostgresServer

ADMIN = ("administrator",)
SYNC = subscriptions(notices_wanted=False)
LOOKS = "it only reads: what it shows is noted as a look"
OF_THE_ISSUER = "anybody's own session, before anybody is known"
BESIDE = {
    "/desk/find": LOOKS,
    "/customers/find": LOOKS,
    "/definitions/preview": LOOKS,
    "/customers/search": LOOKS,
    "/search": LOOKS,
    "/segments/{segment}/preview": LOOKS,
    "/territories/{territory}/try": LOOKS,
    "/erasures/{erasure}/look": "it asks others for their answers anew, and changes nothing of the erasure",
    "/session/renew": OF_THE_ISSUER,
    "/session/end": OF_THE_ISSUER,
    "/session/ended": OF_THE_ISSUER,
}
"""Route -> why it leaves no entry of a change."""
IN_PARTS = {"/customers/import": "each part of a file is a transaction of its own, which leaves an entry"}

Send = Callable[[str, Any, str, tuple[str, ...]], httpx.Response]


@dataclass
class Driven:
    """A service whose log is counted around each request."""

    service: Service
    send: Send
    routes: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    def change(self, route: str, body: Any, who: str, *roles: str, **places: Any) -> dict[str, Any]:
        """Send a request that changes something; gives the answer."""
        with self.counted(route):
            answer = self.send(route.format(**places), body, who, roles)
        assert answer.status_code < 300, (route, answer.text)
        told: dict[str, Any] = answer.json()
        return told

    @contextmanager
    def counted(self, route: str) -> Iterator[None]:
        """What is done in here is one change by this route."""
        before = self._entries()
        yield
        new = self._entries()[len(before) :]
        self.routes.add(route)
        expected = len(new) if route in IN_PARTS and new else 1
        if [outcome for outcome, _ in new] != ["changed"] * expected:
            self.wrong.append(f"{route}: {new}")

    def _entries(self) -> list[tuple[str, str]]:
        with self.service.engine.connect() as connection:
            rows = connection.execute(text("SELECT outcome, action FROM audit_entry ORDER BY n"))
            return [(outcome, action) for outcome, action in rows]


def administer(driven: Driven, eraser: str, people: list[str], hears: Subscriptions) -> None:
    """What every service has. ``people``: three customers that may go."""
    driven.change("/roles", {"role": "looker", "grants": ["customer.read/all"]}, "adam", *ADMIN)
    driven.change("/roles/{role}/withdraw", {}, "adam", *ADMIN, role="looker")
    driven.change("/sessions/end", {"subject": "nobody"}, "adam", *ADMIN)
    field = {"kind": "customer_field", "code": "shoe", "label": "Shoe size", "form": "number"}
    driven.change("/definitions", field, "paul", eraser)
    for what in ("retire", "restore"):
        route = f"/definitions/{{kind}}/{{code}}/{what}"
        driven.change(route, {}, "paul", eraser, kind="customer_field", code="shoe")
    for what, more in (("redrive", {}), ("skip", {"reason": "it can't be read"})):
        place = parked(driven.service, hears, f"customer/{new_id()}")
        driven.change(f"/operations/{what}", {**place, **more}, "adam", *ADMIN)
    first = driven.change("/erasures", {"customer": people[0]}, "paul", eraser)["erasure"]
    driven.change("/erasures/{erasure}/withdraw", {}, "paul", eraser, erasure=first)
    second = driven.change("/erasures", {"customer": people[1]}, "paul", eraser)["erasure"]
    driven.change("/erasures/{erasure}/consent", {}, "petra", eraser, erasure=second)


def drive_sales(force: Force) -> Driven:
    """Sales, from the first product to an order from a device."""
    driven = Driven(force.service, lambda path, body, who, roles: force.post(path, body, who, roles))

    def change(route: str, body: Any = None, **places: Any) -> dict[str, Any]:
        return driven.change(route, body, "mona", "sales_manager", **places)

    made = [change("/customers", {"changes": {"given_name": "Ada"}})["customer"] for _ in range(3)]
    customer = made[0]
    change("/customers/{customer}/edit", {"changes": {"city": "Rome"}}, customer=customer)
    change("/territories", {"territory": "rome", "name": "Rome"})
    change("/territories/{territory}/reps", {"rep": "rita"}, territory="rome")
    change("/territories/{territory}/reps", {"rep": "ivo"}, territory="rome")
    change("/territories/{territory}/reps/withdraw", {"rep": "ivo"}, territory="rome")
    moved = change("/territory-assignments", {"territory": "rome", "customers": [{"customer": customer}]})
    back = change("/territory-moves/{move}/undo", move=moved["move"])
    change("/territory-moves/{move}/undo", move=back["move"])
    change("/customers/{customer}/territory", {"territory": "rome"}, customer=made[1])
    change("/products", {"product": "line", "name": "Line", "unit_price": 1_000})
    line = {"product": "line"}
    one = change("/orders", {"customer": customer, "lines": [line]})["order"]
    other = change("/customers/{customer}/orders", line, customer=customer)["order"]
    change("/definitions", {"kind": "order_state", "code": "crew", "label": "Crew booked", "category": "placed"})
    change("/orders/{order}/step", {"step": "crew"}, order=one)
    change("/orders/{order}/provision", {}, order=one)
    change("/orders/{order}/delay", {"problem": "no_stock"}, order=one)
    change("/orders/{order}/deliver", {"how": "remote"}, order=one)
    change("/orders/{order}/cancel", {}, order=other)
    past = {"key": "1", "customer": customer, "lines": [line], "at": OLD.isoformat()}
    driven.change("/orders/import", {"origin": "old", "orders": [past]}, "loader", "importer")
    asked = [new_id(), new_id()]
    for number, order in enumerate(asked, 1):
        force.hear(requested(customer, order, at=OLD, sequence=number, number=number))
    force.decide()
    change("/requests/{order}/accept", {}, order=asked[0])
    change("/requests/{order}/refuse", {}, order=asked[1])
    administer(driven, "sales_manager", made[1:], SALES)
    return driven


def drive_center(center: CallCenter) -> Driven:
    """The call center, from a ring to a decided outage."""
    driven = Driven(center.service, lambda path, body, who, roles: center.post(path, body, who, roles))

    def change(route: str, body: Any = None, role: str = "agent", **places: Any) -> dict[str, Any]:
        return driven.change(route, body, "anna", role, **places)

    def rung() -> str:
        body = {"call": new_id(), "number": "+1 555 010 0199", "queue": "general"}
        return str(change("/telephony/ring", body, "telephony")["contact"])

    made = [change("/customers", {"changes": {"given_name": "Ada"}})["customer"] for _ in range(3)]
    change("/customers/{customer}/edit", {"changes": {"city": "Rome"}}, customer=made[0])
    change("/desk/queues", {"queues": ["general"]})
    change("/desk/state", {"state": "break", "reason": "meal"})
    contact = rung()
    change("/contacts/{contact}/answer", {}, contact=contact)
    change("/contacts/{contact}/end", {}, contact=contact)
    change("/contacts/{contact}/wrap-up", {"reason": "billing", "outcome": "solved"}, contact=contact)
    change("/contacts/{contact}/abandon", {}, "telephony", contact=rung())
    opened = {"customer": made[0], "reason": "fault", "subject": "It rings"}
    parts = {"kind": "case_state", "code": "parts", "label": "Waits for parts", "category": "open"}
    change("/definitions", parts, "supervisor")
    change("/definitions", {"kind": "case_field", "code": "floor", "label": "Floor", "form": "number"}, "supervisor")
    case = change("/cases", opened)["case"]
    change("/cases/{case}/step", {"step": "parts"}, case=case)
    change("/cases/{case}/describe", {"custom": {"floor": "3"}}, case=case)
    change("/cases/{case}/resolve", {}, case=case)
    change("/custom-fields", {"name": "custom.plan", "label": "Plan"}, "supervisor")
    with driven.counted("/customers/import"):
        loaded(center)
    bursts = [Burst("fibre", place, NOON, (new_id(),)) for place in ("es-28", "es-08")]
    proposed = center.service.transact(center.service.itself, lambda work: outages.propose(work, bursts))
    change("/outages/{outage}/confirm", {}, "supervisor", outage=proposed[0])
    change("/outages/{outage}/dismiss", {}, "supervisor", outage=proposed[1])
    change("/outages/{outage}/undo", {}, "supervisor", outage=proposed[1])
    administer(driven, "supervisor", made[1:], CALLS)
    return driven


def drive_marketing(shop: Market) -> Driven:
    """Marketing, which decides on segments alone."""

    def send(path: str, body: Any, who: str, roles: tuple[str, ...]) -> httpx.Response:
        headers = {"authorization": f"Bearer {shop.issuer.token(who, *roles)}"}
        answer: httpx.Response = shop.client.post(path, headers=headers, json=body)
        return answer

    driven = Driven(shop.service, send)
    rule = {"window_days": 30, "at_least": 700}
    driven.change("/segments/{segment}/define", rule, "mara", "marketer", segment="high_value")
    people = [new_id(), new_id()]
    shop.hear(*[heard(member, CustomerRegistered(claims=())) for member in people])
    administer(driven, "marketer", people, MARKET)
    return driven


def drive_sync(place: Field) -> Driven:
    """Sync, with a device, its quarantine, and customers that are the same."""

    def send(path: str, body: Any, who: str, roles: tuple[str, ...]) -> httpx.Response:
        (role,) = roles
        return place.ask("POST", path, who, role, body)

    driven = Driven(place.service, send)

    def change(route: str, body: Any = None, **places: Any) -> dict[str, Any]:
        return driven.change(route, body, "olga", "operator", **places)

    place.territory("north", "rita")
    people = [met(place, given_name="Ada", birth_date="1980-01-02") for _ in range(4)]
    with driven.counted("/devices"):
        carried = place.held(":memory:")
        carried.device.enrol("tablet", place.token("rita"))
    with driven.counted("/devices/{device}/renew"):
        carried.device.renew(place.token("rita"))
    carried.device.synchronize()
    carried.device.note(people[0], "hello")
    with driven.counted("/devices/{device}/push"):
        carried.device.push()
    device = carried.device.id
    change("/devices/{device}/revoke", {"reason": "lost"}, device=device)
    for words in ("one", "two"):
        carried.device.note(people[0], words)
    carried.device.push()
    change("/quarantine/{device}/{number}/accept", {}, device=device, number=2)
    change("/quarantine/{device}/{number}/discard", {"reason": "not hers"}, device=device, number=3)
    change("/devices/{device}/readmit", {}, device=device)
    change("/customers/{member}/join", {"other": people[1]}, member=people[0])
    change("/customers/{member}/part", {"other": people[1]}, member=people[0])
    place.settle()
    change("/customers/{member}/edit", {"changes": {"city": "Milan"}}, member=people[0])
    mine = place.column("SELECT id FROM claim WHERE member = :m AND field = 'city' AND value = 'Rome'", m=people[0])
    change("/customers/{member}/settle", {"field": "city", "claim": mine[0]}, member=people[0])
    administer(driven, "operator", people[2:], SYNC)
    return driven


@pytest.fixture
def driven(service: str, postgres: PostgresServer, tmp_path: Path) -> Iterator[Driven]:
    """A service of which all that can be changed was changed once."""
    match service:
        case "sfa":
            with sales_force(postgres.database(service), tmp_path) as force:
                yield drive_sales(force)
        case "callcenter":
            with call_center(postgres.database(service), tmp_path) as center:
                yield drive_center(center)
        case "marketing":
            with market(postgres.database(service), tmp_path) as shop:
                yield drive_marketing(shop)
        case "sync":
            with field_of(postgres, tmp_path) as place:
                yield drive_sync(place)
        case other:
            raise AssertionError(f"say how {other} is driven")


def unsafe(app: FastAPI) -> set[str]:
    """The routes of an application by which something can be changed."""
    return {route.path for route in all_routes(app.routes) if set(route.methods or ()) - SAFE_METHODS}


@pytest.mark.parametrize("service", services.names())
def test_each_change_leaves_one_entry(service: str, driven: Driven) -> None:
    assert driven.wrong == []
    assert unsafe(services.app(service)) - BESIDE.keys() - driven.routes == set()
    assert not driven.routes & BESIDE.keys()


def test_what_is_left_out_is_there() -> None:
    everywhere = set().union(*(unsafe(services.app(service)) for service in services.names()))
    assert BESIDE.keys() <= everywhere
    assert all(re.search("[a-z]", reason) for reason in BESIDE.values())
