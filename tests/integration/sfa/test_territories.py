"""The tree of territories, its reps, and the customers in it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx
import pytest

from shared.events.envelope import new_id
from shared.events.sfa import CustomerTerritoryAssigned, TerritoryDefined, TerritoryRepAssigned, TerritoryRepWithdrawn
from shared.events.sync import CustomerAssigned
from tests.builders import done, erased
from tests.integration.sfa.force import Force, said


def at_once(*requests: Callable[[], httpx.Response]) -> list[int]:
    """The statuses of requests that are sent at the same time, sorted."""
    with ThreadPoolExecutor(len(requests)) as pool:
        return sorted(answer.status_code for answer in pool.map(lambda request: request(), requests))


def define(force: Force, territory: str, parent: str, **more: object) -> httpx.Response:
    return force.post("/territories", {"territory": territory, "name": territory, "parent": parent, **more})


def test_a_territory_is_defined_and_changed_and_a_repeat_says_nothing(force: Force) -> None:
    force.territory("italy")
    force.territory("rome", "italy", ["rita"])
    force.territory("rome", "italy", ["rita"])
    done(force.post("/territories/rome/reps/withdraw", {"rep": "rita"}))
    done(force.post("/territories/rome/reps/withdraw", {"rep": "rita"}))
    assert [event.fact for event in force.events()] == [
        TerritoryDefined(territory="italy", name="Italy"),
        TerritoryDefined(territory="rome", name="Rome", parent="italy"),
        TerritoryRepAssigned(territory="rome", rep="rita"),
        TerritoryRepWithdrawn(territory="rome", rep="rita"),
    ]
    assert force.events()[-1].stream == "territory/rome"


def test_the_list_shows_each_territory_below_its_region_with_reps_and_customers(force: Force) -> None:
    customer = force.market()
    shown = force.get("/territories").json()
    assert [(t["territory"], t["depth"], t["reps"], t["customers"]) for t in shown] == [
        ("italy", 0, ["ivo"], 0),
        ("rome", 1, ["rita"], 1),
    ]
    assert force.get("/territories/rome/customers").json() == [customer]
    assert force.get("/territories/rome/customers", params={"after": customer}).json() == []


@pytest.mark.parametrize(("territory", "parent"), [("a", "c"), ("a", "a"), ("a", "b")])
def test_a_circle_is_refused_and_changes_nothing(force: Force, territory: str, parent: str) -> None:
    for one, region in (("a", ""), ("b", "a"), ("c", "b")):
        assert define(force, one, region).status_code == 200
    answer = define(force, territory, parent)
    assert (answer.status_code, "would be below itself" in answer.text) == (409, True)
    assert [(t["territory"], t["parent"]) for t in force.get("/territories").json()] == [
        ("a", ""),
        ("b", "a"),
        ("c", "b"),
    ]
    assert len(force.events()) == 3


def test_two_changes_at_once_that_would_close_a_circle_together_don_t(force: Force) -> None:
    for turn in range(5):
        a, b = f"a{turn}", f"b{turn}"
        define(force, a, "")
        define(force, b, "")
        assert at_once(partial(define, force, a, b), partial(define, force, b, a)) == [200, 409]


def test_who_saw_another_region_than_there_is_may_not_move_a_territory(force: Force) -> None:
    for one in ("north", "south", "rome"):
        define(force, one, "")
    assert define(force, "rome", "north", expected="").status_code == 200
    assert define(force, "rome", "south", expected="").status_code == 409
    assert define(force, "rome", "nowhere").status_code == 404


def test_customers_are_assigned_in_bulk_and_a_repeat_says_nothing(force: Force) -> None:
    force.territory("rome")
    customers = [force.register() for _ in range(3)]
    assert done(force.put("rome", *customers))["assigned"] == 3
    assert done(force.put("rome", *customers))["assigned"] == 0
    assert done(force.put("", customers[0], expected="rome"))["assigned"] == 1
    said_of = [(e.stream, e.fact) for e in force.events() if e.type == "customer.territory_assigned"]
    assert said_of == [
        *((f"customer/{c}", CustomerTerritoryAssigned(territory="rome")) for c in sorted(customers)),
        (f"customer/{customers[0]}", CustomerTerritoryAssigned(territory="")),
    ]
    assert force.get(f"/customers/{customers[0]}").json()["territory"] == ""


def test_a_customer_assigned_elsewhere_meanwhile_refuses_the_whole_list(force: Force) -> None:
    force.territory("rome")
    force.territory("milan")
    first, second = force.register(), force.register()
    done(force.put("milan", second))
    answer = force.put("rome", first, second)
    assert answer.status_code == 409
    assert f"{second} is in milan" in answer.json()["detail"]
    assert force.rows("SELECT territory FROM customer_territory") == [("milan",)]
    each = [{"customer": first}, {"customer": second, "expected": "milan"}]
    assert done(force.post("/territory-assignments", {"territory": "rome", "customers": each}))["assigned"] == 2


def test_of_two_who_assign_a_customer_at_once_one_wins_and_the_other_is_told(force: Force) -> None:
    force.territory("rome")
    force.territory("milan")
    for _ in range(5):
        customer, others = force.register(), [force.register() for _ in range(5)]
        sent = [partial(force.put, to, customer, *others) for to in ("rome", "milan")]
        assert at_once(*sent) == [200, 409]
        told = [f.territory for f in force.facts("customer.territory_assigned")][-6:]
        assert len(set(told)) == 1
        assert force.get(f"/customers/{customer}").json()["territory"] == told[0]


@pytest.mark.parametrize(
    ("territory", "customers", "status"), [("nowhere", 1, 404), ("rome", 0, 422), ("rome", 2, 422)]
)
def test_a_list_that_makes_no_sense_is_refused(force: Force, territory: str, customers: int, status: int) -> None:
    force.territory("rome")
    assert force.put(territory, *[force.register()] * customers).status_code == status


def test_an_unknown_or_erased_customer_refuses_the_list(force: Force) -> None:
    force.territory("rome")
    customer = force.register()
    assert force.put("rome", customer, new_id()).status_code == 404
    erased(force.post, customer, "sales_manager")
    assert force.put("rome", customer).status_code == 409


def test_a_member_without_a_territory_takes_that_of_the_same_customer(force: Force) -> None:
    force.territory("rome")
    force.territory("milan")
    alone, first, last = sorted(force.register() for _ in range(3))
    done(force.put("rome", first))
    force.clock.forward(hours=1)
    done(force.put("milan", last))
    for member in (first, last):
        force.hear(said(member, CustomerAssigned(cluster=alone, because="phone")))
    assert force.get(f"/customers/{alone}").json()["territory"] == "milan"
    assert force.get(f"/customers/{first}").json()["territory"] == "rome"
    force.hear(said(last, CustomerAssigned(cluster=last, because="apart"), sequence=2))
    assert force.get(f"/customers/{alone}").json()["territory"] == "rome"


@pytest.mark.parametrize("path", ["/territories", "/territory-assignments", "/products", "/territories/rome/reps"])
def test_a_rep_doesn_t_shape_the_market(force: Force, path: str) -> None:
    bodies = {
        "/territories": {"territory": "rome", "name": "Rome"},
        "/territory-assignments": {"territory": "rome", "customers": [{"customer": new_id()}]},
        "/products": {"product": "line", "name": "Line", "unit_price": 1},
        "/territories/rome/reps": {"rep": "rita"},
    }
    assert force.post(path, bodies[path], "rita", ("rep",)).status_code == 403
