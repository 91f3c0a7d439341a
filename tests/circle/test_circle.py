"""The circle closes: what a rep sells is seen by marketing and recognised by an agent, and what the agent changes is on
the rep's device. Each hop by events alone: no service is given the address of another one, or of its database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import psycopg
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from psycopg import sql
from sqlalchemy import make_url

from deploy.local.layout import HOST
from services.sync.devices.client import Device
from shared.pipeline.service import Service
from tests.circle.steps import Stepped, Steps

PHONE = "+1 212 555 0101"
FIBER = {"product": "internet.fiber", "name": "Fiber", "unit_price": 600_00}


@pytest.fixture
def circle(platform: Steps) -> Steps:
    """All four, with a product, and rosa who looks after the north."""
    for name in platform.blocks:
        platform.join(name)
    sfa = platform["sfa"]
    sfa.post("/products", FIBER, "samuel", "sales_manager")
    sfa.post("/territories", {"territory": "north", "name": "North"}, "samuel", "sales_manager")
    sfa.post("/territories/north/reps", {"rep": "rosa"}, "samuel", "sales_manager")
    platform.settle()
    return platform


def customer(circle: Steps, **changes: str) -> str:
    """A customer of the north whom the call center registered."""
    fields = {"given_name": "Ana", "family_name": "Diaz", "phone": PHONE, **changes}
    member = str(circle["callcenter"].post("/customers", {"changes": fields}, "anna", "agent")["customer"])
    circle.settle()
    circle["sfa"].post(f"/customers/{member}/territory", {"territory": "north"}, "samuel", "sales_manager")
    circle.settle()
    return member


def device(circle: Steps) -> Device:
    """Rosa's, which has what she looks after."""
    made = Device(":memory:", circle["sync"].client("rosa", "rep"), circle.clock)
    made.enrol("Rosa's handheld")
    circle.settle()
    made.synchronize()
    return made


def order(handheld: Device, member: str) -> str:
    lines = [{"product": "internet.fiber", "quantity": 1, "unit_price": 600_00}]
    return handheld.order(member, lines, "USD")


def test_what_a_rep_sells_pops_up_at_the_next_call(circle: Steps) -> None:
    member = customer(circle)
    handheld = device(circle)
    assert handheld.customers() == [member]

    sold = order(handheld, member)
    handheld.push()
    assert handheld.state(1) == "stored"
    circle.settle()

    profile = circle["marketing"].get(f"/customers/{member}/profile", "marta", "marketer")
    assert profile["standing"]["amount"] == 600_00, profile
    circle.clock.forward(hours=1)
    ring = {"call": "1", "number": "(212) 555-0101", "queue": "general", "agent": "anna"}
    rung = circle["callcenter"].post("/telephony/ring", ring, "pbx", "telephony")
    assert rung["customer"] == member
    card = circle["callcenter"].get(f"/customers/{member}/card", "anna", "agent")
    assert (card["value"]["amount"], [s["segment"] for s in card["segments"]]) == (600_00, ["high_value"])
    assert [(one["order"], one["state"], one["total"]) for one in card["orders"]] == [(sold, "placed", 600_00)]
    assert card["relation"] == "customer"
    desk = circle["callcenter"].client("anna", "agent").get("/desk/waiting", headers={"accept": "text/html"}).text
    assert "Ana Diaz" in desk
    assert "600.00" in desk
    assert "High value" in desk

    handheld.synchronize()
    assert handheld.state(1) == "accepted"
    seen = handheld.customer(member)
    assert seen is not None
    assert [(one["order"], one["state"]) for one in seen["orders"]] == [(sold, "placed")]


def test_a_number_changed_at_the_desk_reaches_the_device(circle: Steps) -> None:
    member = customer(circle)
    handheld = device(circle)
    new = {"changes": {"phone": "+1 305 555 0202"}}
    circle["callcenter"].post(f"/customers/{member}/edit", new, "anna", "agent")
    circle.settle()
    handheld.synchronize()
    seen = handheld.customer(member)
    assert seen is not None
    assert seen["fields"]["phone"]["value"] == "+13055550202"


def test_a_conflicting_edit_loses_by_its_policy_and_stands_in_the_ledger(circle: Steps) -> None:
    member = customer(circle)
    handheld = device(circle)
    handheld.edit(member, {"city": "Boston"})
    circle.clock.forward(minutes=5)
    circle["callcenter"].post(f"/customers/{member}/edit", {"changes": {"city": "Miami"}}, "anna", "agent")
    circle.settle()
    handheld.push()
    circle.settle()
    handheld.synchronize()

    seen = handheld.customer(member)
    assert seen is not None
    assert seen["fields"]["city"]["value"] == "Miami"
    assert value(circle["callcenter"], member, "anna", "agent") == "Miami"
    ledger = circle["sync"].get(f"/customers/{member}/ledger", "omar", "operator")
    assert [(one["value"], one["winning_value"], one["reason"], one["author"]) for one in ledger] == [
        ("Boston", "Miami", "later", "rosa")
    ]


def value(of: Stepped, member: str, *actor: str) -> Any:
    return of.get(f"/customers/{member}", *actor)["values"]["city"]


VIEWS = {
    "callcenter": ("/customers/{}/card", "anna", "agent"),
    "marketing": ("/customers/{}/profile", "marta", "marketer"),
    "sfa": ("/customers/{}", "samuel", "sales_manager"),
    "sync": ("/customers/{}/timeline", "omar", "operator"),
}


def test_with_any_three_stopped_the_fourth_shows_what_it_showed(circle: Steps) -> None:
    member = customer(circle)
    handheld = device(circle)
    order(handheld, member)
    handheld.note(member, "Wants a second line")
    handheld.push()
    circle.settle()
    for name in circle.blocks:
        circle[name].report()
    circle.settle()
    before = {name: view(circle[name].app, circle, name, member) for name in VIEWS}
    for name in VIEWS:
        with others_stopped(circle, name) as app:
            assert view(app, circle, name, member) == before[name]
    ages = before["callcenter"]["ages"]
    assert all(ages[of]["as_of"] for of in ("marketing", "sfa", "sync")), ages


def view(app: FastAPI, circle: Steps, name: str, member: str) -> Any:
    """What a service shows of a customer."""
    path, actor, role = VIEWS[name]
    headers = {"authorization": f"Bearer {circle[name].issuer.token(actor, role)}"}
    response = TestClient(app, headers=headers).get(path.format(member))
    assert response.status_code == 200, response.text
    return response.json()


@contextmanager
def others_stopped(circle: Steps, name: str) -> Iterator[FastAPI]:
    """A service started anew where no Kafka answers and no other service's database lets anybody in."""
    closed = [database_of(other) for other in circle.joined.values() if other.name != name]
    of = circle[name]
    settings = of.settings.model_copy(update={"kafka": {"bootstrap.servers": f"{HOST}:1"}})
    service = Service.of(settings, process="alone", clock=circle.clock)
    with circle.postgres.connect() as connection:
        allow(connection, closed, "false")
        try:
            yield of.block.app(settings, service)
        finally:
            allow(connection, closed, "true")
            service.engine.dispose()


def allow(connection: psycopg.Connection, databases: list[str], may: Literal["true", "false"]) -> None:
    for database in databases:
        setting = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(sql.Identifier(database), sql.SQL(may))
        connection.execute(setting)
        if may == "false":
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database,))


def database_of(of: Stepped) -> str:
    return str(make_url(of.settings.database_url).database)
