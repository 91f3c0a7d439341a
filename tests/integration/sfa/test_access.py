"""Who sees and does what in sales: by territory, own, and field by field; and what is kept of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from shared.access.actions import Action, Reach
from shared.access.grants import Grant
from shared.events.sync import CustomerAssigned
from tests.builders import done
from tests.integration.sfa.force import Force, requested, said

REP = ("rep",)
PHONE = "+15550100177"
NAMES = ("given_name", "family_name", "company")
ORDERED = {"product": "line"}


@pytest.fixture
def divided(force: Force) -> tuple[Force, str, str]:
    """A customer in Rome, that rita looks after, and one in Milan, that mario does; the one in Milan has an order."""
    rome = force.market()
    force.territory("milan", reps=["mario"])
    milan = force.register(family_name="Neri", phone=PHONE)
    done(force.put("milan", milan))
    force.order(milan)
    return force, rome, milan


def define(force: Force, name: str, *grants: Grant) -> tuple[str]:
    """A role of the department's own."""
    with force.service.engine.begin() as connection:
        values = {"name": name, "grants": msgspec.json.encode(grants).decode()}
        connection.execute(
            text("INSERT INTO access_role (name, label, grants) VALUES (:name, '', CAST(:grants AS jsonb))"), values
        )
    force.service.standing.refresh()
    return (name,)


def audited(force: Force, outcome: str) -> list[Any]:
    """(actor, action, subjects, detail), the newest first."""
    return force.rows(
        f"SELECT actor, action, subjects, detail FROM audit_entry WHERE outcome = '{outcome}' ORDER BY n DESC"
    )


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_who_looks_after_another_territory_gets_nothing_of_a_customer(
    divided: tuple[Force, str, str], accept: str
) -> None:
    force, rome, milan = divided
    [(order,)] = force.rows("SELECT id::text FROM sales_order")
    for path in (f"/customers/{milan}", f"/orders/{order}"):
        assert force.get(path, "rita", REP, headers={"accept": accept}).status_code == 403
        assert force.get(path, "mario", REP, headers={"accept": accept}).status_code == 200
    listed = force.get("/orders?state=open", "rita", REP, headers={"accept": accept}).text
    assert milan not in listed
    assert milan in force.get("/orders?state=open", "mario", REP, headers={"accept": accept}).text
    assert force.get(f"/customers/{rome}", "rita", REP, headers={"accept": accept}).status_code == 200


def test_a_command_out_of_reach_is_refused_before_it_says_anything_of_the_state(
    divided: tuple[Force, str, str],
) -> None:
    force, _, milan = divided
    [(order,)] = force.rows("SELECT id::text FROM sales_order")
    done(force.post(f"/orders/{order}/cancel"))
    request = "019c0000-0000-7000-8000-000000000001"
    force.hear(requested(milan, request, currency="EUR", rep="mario", sequence=2))
    force.decide()
    decider = define(force, "decider", Grant(Action.REQUEST_DECIDE, Reach.TERRITORY))
    for path, body, roles in (
        (f"/orders/{order}/cancel", {}, REP),
        (f"/customers/{milan}/orders", ORDERED, REP),
        (f"/customers/{milan}/edit", {"changes": {"family_name": "Neri"}}, REP),
        (f"/requests/{request}/refuse", {}, decider),
    ):
        assert force.post(path, body, "rita", roles).status_code == 403, path
    assert force.post(f"/requests/{request}/refuse", {}, "mario", decider).status_code == 200
    actor, route, [subject], detail = audited(force, "refused")[-1]
    assert (actor, route, subject) == ("rita", "/orders/{order}/cancel", f"order/{order}")
    assert PHONE not in str(detail)


def test_what_is_listed_is_filtered_before_the_limit(divided: tuple[Force, str, str]) -> None:
    force, rome, milan = divided
    wanted = force.order(rome)
    for _ in range(5):
        force.clock.forward(minutes=1)
        force.order(milan)
    done(force.put("rome", *(force.register(family_name="Neri") for _ in range(2))))
    shown = force.get("/orders?limit=1", "rita", REP).json()
    assert [one["order"] for one in shown] == [wanted]
    assert len(force.post("/customers/search", {"words": "neri"}, "rita", REP).json()) == 2
    assert force.get("/territories/milan/customers", "rita", REP).json() == []
    counts = {one["territory"]: one["customers"] for one in force.get("/territories", "rita", REP).json()}
    assert counts == {"italy": None, "rome": 3, "milan": None}


def test_a_request_is_shown_to_who_asked_for_it_and_no_other_of_its_customer(divided: tuple[Force, str, str]) -> None:
    force, _, milan = divided
    own, other = ("019c0000-0000-7000-8000-00000000000" + n for n in "12")
    force.hear(requested(milan, own, rep="rita"), requested(milan, other, rep="mario", sequence=2))
    assert [one["order"] for one in force.get("/requests", "rita", REP).json()] == [own]
    assert len(force.get("/requests", "mario", REP).json()) == 2
    page = force.get("/requests?state=undecided", "rita", REP, headers={"accept": "text/html"}).text
    assert "•••" in page
    assert "Ada" not in page


def test_who_registered_a_customer_or_took_its_order_keeps_it_in_reach(divided: tuple[Force, str, str]) -> None:
    force, rome, milan = divided
    mine = done(force.post("/customers", {"changes": {"city": "Rome"}}, "otto", REP), 201)["customer"]
    assert force.get(f"/customers/{mine}", "otto", REP).status_code == 200
    assert force.get(f"/customers/{mine}", "rita", REP).status_code == 403
    order = done(force.post(f"/customers/{rome}/orders", ORDERED, "rita", REP), 201)["order"]
    done(force.put("milan", rome, expected="rome"))
    assert force.get(f"/orders/{order}", "rita", REP).status_code == 200
    assert force.get(f"/customers/{rome}", "rita", REP).status_code == 200
    assert force.get(f"/customers/{milan}", "rita", REP).status_code == 403


def test_who_is_withdrawn_sees_nothing_from_then_on_and_a_market_stays_divided(force: Force) -> None:
    customer = force.register()
    assert force.get(f"/customers/{customer}", "rita", REP).status_code == 200
    force.territory("rome", reps=["rita"])
    done(force.put("rome", customer))
    assert force.get(f"/customers/{customer}", "rita", REP).status_code == 200
    assert force.get(f"/customers/{customer}", "otto", REP).status_code == 403
    done(force.post("/territories/rome/reps/withdraw", {"rep": "rita"}))
    for rep in ("rita", "otto"):
        assert force.get(f"/customers/{customer}", rep, REP).status_code == 403
    done(force.post("/territories/rome/reps", {"rep": "rita"}))
    assert force.get(f"/customers/{customer}", "rita", REP).status_code == 200


def test_members_of_the_same_customer_elsewhere_aren_t_told_of(divided: tuple[Force, str, str]) -> None:
    force, rome, milan = divided
    force.hear(said(max(rome, milan), CustomerAssigned(cluster=min(rome, milan), because="phone")))
    known = done(force.get(f"/customers/{rome}", "rita", REP))
    assert (known["members"], known["orders"]) == ([rome], [])
    assert len(done(force.get(f"/customers/{rome}"))["members"]) == 2
    assert milan not in force.get(f"/orders?customer={rome}", "rita", REP).text


def test_a_field_that_a_role_doesn_t_show_is_nowhere(force: Force) -> None:
    force.market()
    customer = force.register(family_name="Neri", phone=PHONE, email="neri@example.org")
    clerk = define(
        force,
        "clerk",
        Grant(Action.CUSTOMER_READ, fields=(*NAMES, "city")),
        Grant(Action.CUSTOMER_EDIT, fields=("city",)),
        Grant(Action.TERRITORY_READ),
    )
    known = done(force.get(f"/customers/{customer}", "clara", clerk))
    assert known["values"] == {"given_name": "Ada", "family_name": "Neri"}
    assert known["masked"] == ["email", "phone"]
    assert set(known["heads"]) == {"given_name", "family_name"}
    [found] = force.post("/customers/search", {"words": "neri"}, "clara", clerk).json()
    assert (found["phone"], found["email"], found["masked"]) == ("", "", ["email", "phone"])
    for words in (PHONE, "neri@example"):
        assert force.post("/customers/search", {"words": words}, "clara", clerk).json() == []
        assert len(force.post("/customers/search", {"words": words}).json()) == 1
    html = {"accept": "text/html", "accept-language": "en"}
    page = force.get(f"/customers/{customer}", "clara", clerk, headers=html).text
    assert PHONE not in page
    assert page.count("•••") == 2
    assert 'name="phone"' not in page
    edits = f"/customers/{customer}/edit"
    assert force.post(edits, {"changes": {"phone": PHONE}}, "clara", clerk).status_code == 403
    assert force.post(edits, {"changes": {"city": "Rome", "phone": PHONE}}, "clara", clerk).status_code == 403
    assert done(force.post(edits, {"changes": {"city": "Rome"}}, "clara", clerk))["changed"] == ["city"]
    assert force.get("/orders", "clara", clerk).status_code == 403


def test_a_name_that_isn_t_shown_is_said_to_be_hidden(force: Force) -> None:
    order = force.order(force.market())
    packer = define(force, "packer", Grant(Action.ORDER_READ), Grant(Action.CUSTOMER_READ, fields=("city",)))
    for path in ("/orders", f"/orders/{order}", "/"):
        page = force.get(path, "pia", packer, headers={"accept": "text/html", "accept-language": "en"}).text
        assert "Ada" not in page
        assert ("hidden from your role" in page) == (path != "/")


def test_looks_and_changes_are_kept_with_what_was_so_before(divided: tuple[Force, str, str]) -> None:
    force, rome, _ = divided
    order = force.order(rome)
    force.get(f"/customers/{rome}", "rita", REP, headers={"crm-why": "order/7"})
    assert audited(force, "looked")[0][:3] == ("rita", "customer.read", [f"customer/{rome}"])
    done(force.post(f"/orders/{order}/delay", {"problem": "no_stock"}, "rita", REP))
    done(force.put("milan", rome, expected="rome"))
    moved, delayed = audited(force, "changed")[:2]
    assert moved[:3] == ("mona", "territory.define", [f"customer/{rome}"])
    assert moved[3]["events"][0]["former"] == {"territory": "rome"}
    assert delayed[:2] == ("rita", "order.step")
    assert delayed[3]["events"][0]["former"] == {"state": "placed", "problem": ""}
