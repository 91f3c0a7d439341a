"""Whatever happens, and whatever is lost on the way: at the end a device has what it is to have, and said it once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.sync.devices.client import Device
from shared.access.grants import ALL_FIELDS, Fields
from shared.events.customer import ClaimMade, CustomerEdited, CustomerErased
from shared.events.envelope import new_id
from shared.events.sfa import OrderPlaced, OrderRefused
from tests.builders import SetClock
from tests.integration.sync.field import Field, field_of, visitor, walking
from tests.servers import PostgresServer

CUSTOMERS = 3
EXAMPLES = 12
WHO = st.integers(0, CUSTOMERS - 1)
LOST = st.sampled_from(["", "", "request", "answer"])
STEP = st.one_of(
    st.tuples(st.just("move"), WHO, st.sampled_from(["north", "south", ""])),
    st.tuples(st.just("desk"), WHO, st.sampled_from(["Rome", "Milan", "Turin"])),
    st.tuples(st.sampled_from(["note", "edit", "order"]), WHO, st.sampled_from(["one", "two"])),
    st.tuples(st.sampled_from(["push", "pull"]), st.lists(LOST, max_size=4), st.just("")),
    st.tuples(st.just("decide"), st.booleans(), st.just("")),
    st.tuples(st.just("rep"), st.booleans(), st.just("")),
    st.tuples(st.just("erase"), WHO, st.just("")),
    st.tuples(st.just("clock"), st.integers(-500, 500), st.just("")),
    st.tuples(st.just("rebuild"), st.just(0), st.just("")),
    st.tuples(st.just("mask"), st.sampled_from([("city",), ("city", "text"), ("*",), ("family_name",)]), st.just("")),
)


@pytest.fixture(scope="module")
def field(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with field_of(postgres, tmp_path_factory.mktemp("issuer")) as made:
        yield made


class Story:
    """One run: three customers, two territories, and Rita's device."""

    def __init__(self, field: Field) -> None:
        field.empty()
        self.field = field
        field.territory("north", "rita")
        field.territory("south", "rita")
        self.members = [field.customer(city="Rome", family_name=f"Family {n}") for n in range(CUSTOMERS)]
        field.assign(self.members[0], "north")
        self.shown = ALL_FIELDS
        self.carried = visitor(field, "*", rep="rita", clock=SetClock(field.clock.now))
        self.written: Counter[str] = Counter()
        self.decided: set[str] = set()

    @property
    def device(self) -> Device:
        return self.carried.device

    def step(self, what: str, which: object, value: str) -> None:
        field = self.field
        field.clock.forward(minutes=1)
        self.carried.clock.forward(minutes=1)
        match what, which:
            case (("move" | "desk" | "erase"), int(who)):
                self.happens(what, self.members[who], value)
            case (("note" | "edit" | "order"), int(who)):
                self.write(what, self.members[who], value)
            case (("push" | "pull"), list(lost)):
                self.carried.way.lose = list(lost)
                with suppress(httpx.TransportError):
                    getattr(self.device, what)()
                self.carried.way.lose = []
                field.settle()
            case "decide", bool(yes):
                self.decide(yes)
            case "rep", bool(there):
                field.territory("south", "rita") if there else field.withdraw("south", "rita")
            case "clock", int(days):
                self.carried.clock.now += timedelta(days=days)
            case "mask", tuple(fields):
                self.shown = Fields(fields)
                field.define_role("visitor", *walking(*fields))
            case "rebuild", _:
                field.rebuild()
                field.replay()
                field.settle()

    def happens(self, what: str, member: str, value: str) -> None:
        """Something is done to a customer elsewhere."""
        field = self.field
        if what == "move":
            field.assign(member, value)
        elif what == "erase":
            field.told(field.callcenter, (f"customer/{member}", CustomerErased()))
        else:
            claim = ClaimMade(id=new_id(), field="city", value=value, made=field.clock())
            field.told(field.callcenter, (f"customer/{member}", CustomerEdited(claims=(claim,))))

    def write(self, kind: str, member: str, value: str) -> None:
        if kind == "note":
            self.device.note(member, value)
        elif kind == "edit":
            self.device.edit(member, {"city": value})
        else:
            self.device.order(member, [{"product": value, "quantity": 1, "unit_price": 5}], "EUR")
        self.written[kind] += 1

    def decide(self, yes: bool) -> None:
        """Sales force automation decides all that it was asked."""
        rows = self.field.column("SELECT member || '/' || thing FROM mutation WHERE state = 'stored'")
        for member, _, order in (row.partition("/") for row in rows):
            if order not in self.decided:
                self.decided.add(order)
                placed = OrderPlaced(order=order, lines=(), total=5, currency="EUR", channel="device")
                fact = placed if yes else OrderRefused(order=order, reason="person")
                self.field.told(self.field.sfa, (f"customer/{member}", fact))

    def check(self) -> None:
        """Everything comes through at last: then both sides have the same, and each thing was done once."""
        self.device.synchronize()
        self.field.settle()
        self.decide(True)
        self.device.pull()
        for scope in self.field.scopes(self.device.id):
            assert self.device.digest(scope) == self.field.checkpoint(scope, self.shown)
            there = self.field.checkpoint(scope)
            row = self.field.column(
                "SELECT present || ':' || encode(digest, 'hex') FROM feed_scope WHERE scope = :s", s=scope
            )
            assert row in ([f"{there[0]}:{there[1]}"], [])
        states = Counter(self.field.column("SELECT kind || ' ' || state FROM mutation"))
        assert sum(states.values()) == self.written.total()
        assert self.field.column("SELECT number FROM mutation ORDER BY number") == list(range(1, states.total() + 1))
        assert len(self.field.published("note.added")) == states["note accepted"]
        assert len(self.field.published("order.requested")) == states["order stored"]
        from_device = [one for one in self.field.published("customer.edited") if one.get("device")]
        assert len(from_device) == states["edit accepted"]
        assert self.field.column("SELECT revoked FROM device") == [None]
        made = self.field.column("SELECT made FROM mutation ORDER BY number")
        assert made == sorted(made)
        assert {one["number"] for one in self.device.pending()} == set(
            self.field.column("SELECT number FROM mutation WHERE state = 'quarantined'")
        )


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(STEP, max_size=12))
def test_device_and_server_end_with_the_same(field: Field, steps: list[tuple[str, object, str]]) -> None:
    story = Story(field)
    for step in steps:
        story.step(*step)
    story.check()
