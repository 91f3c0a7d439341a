"""Customers who go round the circle: they ring, are visited, order, are met twice; each promise is written down."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Protocol

import httpx

from services.sync.devices.client import Device
from tests.faults.insisting import ANSWER_SECONDS, insist
from tests.faults.rounds import FORBIDDEN, TERRITORIES, Order, Person, Rounds, territory_of

CURRENCY = "USD"
PRICES = {"phone": 349_00, "line": 129_00, "cable": 19_00}
"""In minor units. A handful of them makes a customer worth much, and a cancelled one less again."""
UNKNOWN = "unicorn"
KNOWN = 0.6
"""How often somebody comes again."""


REGION = "everywhere"


class World(Protocol):
    """Where customers go round."""

    folder: Path
    """For what devices keep."""

    def url(self, service: str) -> str: ...

    def token(self, subject: str) -> str: ...


def lay_out(of: World, rng: random.Random) -> None:
    """Products, and territories with their reps. As long as there are no territories everybody is everywhere."""
    sales = Sender(of.url("sfa"), of.token("samuel"), rng)
    for product, price in PRICES.items():
        sales.command("/products", {"product": product, "name": product, "unit_price": price})
    sales.command("/territories", {"territory": REGION, "name": REGION})
    for territory, rep in TERRITORIES.items():
        sales.command("/territories", {"territory": territory, "name": territory, "parent": REGION})
        sales.command(f"/territories/{territory}/reps", {"rep": rep})
    sales.close()


def device(of: World, number: int, transport: httpx.BaseTransport | None = None) -> Device:
    """The device of a goer, for use in this thread."""
    headers = {"authorization": f"Bearer {of.token(TERRITORIES[territory_of(number)])}"}
    http = httpx.Client(base_url=of.url("sync"), headers=headers, timeout=ANSWER_SECONDS, transport=transport)
    return Device(of.folder / f"device-{number}.sqlite", http)


class Sender:
    """Sends commands to one service as one actor, each until it is acknowledged."""

    def __init__(self, url: str, token: str, rng: random.Random) -> None:
        self._http = httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=ANSWER_SECONDS)
        self._rng = rng

    def close(self) -> None:
        self._http.close()

    def command(self, path: str, body: dict[str, Any], not_yet: Collection[int] = ()) -> dict[str, Any]:
        """``not_yet``: codes that say that the service hasn't heard yet of what others did."""
        headers = {"idempotency-key": unique(self._rng)}
        answer = insist(lambda: self._http.post(path, json=body, headers=headers), path, not_yet)
        assert answer.status_code < 300, f"{path}: {answer.status_code} {answer.text[:300]}"
        acknowledged: dict[str, Any] = answer.json()
        return acknowledged


class Persistent(httpx.BaseTransport):
    """A device's way to the server: tries again until there is an answer, and then sometimes once more."""

    def __init__(self, rounds: Rounds, rng: random.Random) -> None:
        self._inner, self._rounds, self._rng = httpx.HTTPTransport(), rounds, rng

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = insist(lambda: self._send(request), request.url.path)
        if request.url.path.endswith("/push") and self._rng.random() < 0.3:
            again = insist(lambda: self._send(request), request.url.path)
            assert again.json() == answer.json(), f"a push was answered {answer.text}, and then {again.text}"
            self._rounds.repeated += 1
        return answer

    def close(self) -> None:
        self._inner.close()

    def _send(self, request: httpx.Request) -> httpx.Response:
        answer = self._inner.handle_request(request)
        answer.read()
        return answer


class Goer:
    """One customer after the other, each going round. For one thread."""

    def __init__(self, of: World, rounds: Rounds, number: int, rng: random.Random) -> None:
        self._rng, self._rounds = rng, rounds
        self._persons = rounds.persons.setdefault(number, [])
        self._territory = territory_of(number)
        self._telephony = Sender(of.url("callcenter"), of.token("telephony"), rng)
        self._desk = Sender(of.url("callcenter"), of.token("anna"), rng)
        self._sales = Sender(of.url("sfa"), of.token("samuel"), rng)
        self._operator = Sender(of.url("sync"), of.token("omar"), rng)
        self._device = device(of, number, Persistent(rounds, rng))
        self._device.enrol("a tablet")

    def close(self) -> None:
        for sender in (self._telephony, self._desk, self._sales, self._operator):
            sender.close()

    def journey(self) -> None:
        """A call, what follows from it at the desk and on the device, and what becomes of the orders."""
        person = self._call()
        for step, often in STEPS:
            if self._rng.random() < often:
                step(self, person)
        self._rounds.journeys += 1

    def _call(self) -> Person:
        """Somebody rings; of two members with a number either may be found."""
        rng = self._rng
        known = self._persons and rng.random() < KNOWN
        number = rng.choice(self._persons).number if known else f"+1202{rng.randrange(2_000_000, 9_999_999)}"
        rung = self._telephony.command("/telephony/ring", {"call": unique(rng), "number": number, "queue": "general"})
        member = str(rung["customer"])
        person = next((person for person in self._persons if person.number == number), None)
        if person is None:
            person = Person(number, member)
            self._persons.append(person)
        assert member in (person.member, person.other), f"the caller {number} is customer {member} now: {person}"
        self._desk.command(f"/contacts/{rung['contact']}/answer", {})
        body = {"reason": "billing", "outcome": "solved", "satisfaction": 5, "note": "well"}
        self._desk.command(f"/contacts/{rung['contact']}/wrap-up", body)
        if not person.territory:
            # Sales hears of the customer a moment later.
            place = {"territory": self._territory}
            self._sales.command(f"/customers/{person.member}/territory", place, not_yet=(404,))
            person.territory = self._territory
        return person

    def _edit(self, person: Person) -> None:
        name, value = self._rng.choice(["given_name", "city", "street"]), f"desk {self._rng.randrange(10**12)}"
        self._desk.command(f"/customers/{person.member}/edit", {"changes": {name: value}})
        person.values.append((person.member, name, value))

    def _forbid(self, person: Person) -> None:
        if not person.forbids:
            self._desk.command(f"/customers/{person.member}/edit", {"changes": {FORBIDDEN: "false"}})
            person.forbids = True

    def _meet_again(self, person: Person) -> None:
        """Sales meets somebody of the same number; or a person says that the two are different, or the same."""
        if not person.other:
            changes = {"changes": {"phone": person.number}}
            person.other = str(self._sales.command("/customers", changes)["customer"])
            person.linked = True
            return
        way = "part" if person.linked else "join"
        self._operator.command(f"/customers/{person.member}/{way}", {"other": person.other}, not_yet=(404,))
        person.linked, person.decided = not person.linked, True

    def _write_on_device(self, person: Person) -> None:
        """The rep looks the customer up, writes, and hands in what he wrote."""
        self._look_up(person.member)
        with_both = person.linked and not person.decided and self._device.customer(person.other)
        for _ in range(self._rng.randint(1, 3)):
            member = person.other if with_both and self._rng.random() < 0.5 else person.member
            kind = self._rng.choice(["note", "edit", "order", "order"])
            if kind == "note":
                person.notes[self._device.note(member, f"note {self._rng.randrange(10**12)}")] = member
            elif kind == "edit":
                self._device.edit(member, {"city": f"device {self._rng.randrange(10**12)}"})
                person.claims += [claim["id"] for claim in self._device.pending()[-1]["claims"]]
            else:
                # Only of this one is certain that sales force automation knows in which territory it is.
                self._order_on_device(person)
        self._device.push()

    def _look_up(self, member: str) -> None:
        def look() -> httpx.Response:
            self._device.pull()
            return httpx.Response(200 if self._device.customer(member) else 503)

        insist(look, f"that customer {member} comes to the device")

    def _order_on_device(self, person: Person) -> None:
        lines, total = self._lines()
        if self._rng.random() < 0.1:
            lines = [{"product": UNKNOWN, "quantity": 1, "unit_price": 1}]
            person.refused[self._device.order(person.member, lines, CURRENCY)] = person.member
            return
        person.orders[self._device.order(person.member, lines, CURRENCY)] = Order(person.member, total)

    def _order_at_sales(self, person: Person) -> None:
        member = person.other or person.member
        lines, total = self._lines()
        wanted = [{"product": line["product"], "quantity": line["quantity"]} for line in lines]
        placed = self._sales.command("/orders", {"customer": member, "lines": wanted})
        assert placed["total"] == total, f"{lines} cost {placed['total']}"
        person.orders[str(placed["order"])] = Order(member, total)

    def _lines(self) -> tuple[list[dict[str, Any]], int]:
        chosen = self._rng.sample(sorted(PRICES), self._rng.randint(1, 2))
        quantities = {product: self._rng.randint(1, 2) for product in chosen}
        lines = [{"product": p, "quantity": n, "unit_price": PRICES[p]} for p, n in quantities.items()]
        return lines, sum(PRICES[p] * n for p, n in quantities.items())

    def _follow(self, person: Person) -> None:
        """An order that was taken goes on, when sales force automation has heard of it."""
        open_ones = [id for id, order in person.orders.items() if order.state in ("placed", "provisioned")]
        if not open_ones:
            return
        order = self._rng.choice(open_ones)
        way, body, state = self._rng.choice(WAYS)
        if way == "provision" and person.orders[order].state == "provisioned":
            return
        self._sales.command(f"/orders/{order}/{way}", body, not_yet=(404,))
        person.orders[order].state = state


WAYS: tuple[tuple[str, dict[str, str], str], ...] = (
    ("provision", {}, "provisioned"),
    ("deliver", {"how": "remote"}, "delivered"),
    ("cancel", {"reason": "customer"}, "cancelled"),
    ("cancel", {"reason": "customer"}, "cancelled"),
)
Step = Callable[[Goer, Person], None]
STEPS: tuple[tuple[Step, float], ...] = (
    (Goer._edit, 0.5),
    (Goer._write_on_device, 0.7),
    (Goer._meet_again, 0.5),
    (Goer._order_at_sales, 0.4),
    (Goer._forbid, 0.15),
    (Goer._follow, 0.6),
)


def unique(rng: random.Random) -> str:
    """A new id."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
