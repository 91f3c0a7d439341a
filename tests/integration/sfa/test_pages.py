"""What sales managers and reps see of orders, territories and reps as a whole."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.sfa.orders import board
from shared.access.actions import Action, Reach
from shared.access.grants import Grant
from shared.events.customer import CustomerErased
from shared.events.envelope import new_id
from shared.events.sfa import CustomerTerritoryAssigned
from shared.events.sync import CustomerAssigned
from tests.builders import NOON, done
from tests.integration.sfa.force import Force, requested, said
from tests.roles import have_role

REP = ("rep",)
HTML = {"accept": "text/html"}


def ordered(force: Force, customer: str, **more: str) -> str:
    return force.order(customer, **more)


def test_the_board_counts_orders_by_state_with_their_age_and_says_which_are_late(force: Force) -> None:
    customer = force.market()
    late = ordered(force, customer, promised=(NOON + timedelta(days=1)).isoformat())
    force.clock.now += timedelta(days=3)
    ordered(force, customer)
    set_up, gone = ordered(force, customer), ordered(force, customer)
    done(force.post(f"/orders/{set_up}/provision"))
    done(force.post(f"/orders/{gone}/cancel", {}))
    with force.service.look(force.service.itself) as look:
        found = board.board(look, board.Wanted())
        assert found is not None
        assert {state: (of.orders, of.late, of.oldest) for state, of in found.counts.items()} == {
            "placed": (2, 1, NOON),
            "provisioned": (1, 0, NOON + timedelta(days=3)),
            "cancelled": (1, 0, NOON + timedelta(days=3)),
        }
        assert (found.late, found.longest_late) == (1, NOON + timedelta(days=1))
        assert len(found.weeks) == board.WEEKS + 1
        assert found.weeks[-1].orders == {"placed": 2, "provisioned": 1, "cancelled": 1}
        assert board.board(look, board.Wanted(territories=("milan",))).counts == {}  # type: ignore[union-attr]
    page = force.page("/orders?state=late")
    assert late in page
    assert set_up not in page
    assert "alert-triangle" in page


def test_orders_are_found_by_territory_with_those_below_and_by_rep(force: Force) -> None:
    customer, other = force.market(), force.register()
    force.territory("milan")
    done(force.put("milan", other))
    rome, milan = ordered(force, customer), ordered(force, other)
    by_rep = str(done(force.post(f"/customers/{customer}/orders", {"product": "line"}, "rita", REP), 201)["order"])
    for query, shown, hidden in (
        ("territory=italy", (rome, by_rep), (milan,)),
        ("territory=milan&rep=", (milan,), (rome, by_rep)),
        ("rep=rita", (by_rep,), (rome, milan)),
        ("state=&territory=rome", (rome, by_rep), (milan,)),
        ("state=delivered", (), (rome, by_rep, milan)),
    ):
        page = force.page(f"/orders?{query}")
        assert all(order in page for order in shown), query
        assert not any(order in page for order in hidden), query


def test_a_long_list_of_orders_comes_page_by_page(force: Force, monkeypatch: pytest.MonkeyPatch) -> None:
    customer = force.market()
    monkeypatch.setattr(board, "PAGE", 2)
    made = {ordered(force, customer) for _ in range(5)}
    with force.service.look(force.service.itself) as look:
        after, seen = "", []
        while True:
            rows, after = board.page(look, board.Wanted("open"), after)
            seen += [row.id for row in rows]
            if not after:
                break
    assert len(seen) == 5
    assert set(seen) == made
    assert 'rel="next"' in force.page("/orders")
    for nonsense in ("x", "2026-01-01~x", f"2026-01-01~{new_id()}"):
        assert force.get("/orders", params={"after": nonsense}, headers=HTML).status_code == 422


def test_who_sees_only_some_orders_gets_no_figures_of_all(force: Force) -> None:
    customer = force.market()
    mine = ordered(force, customer)
    other = ordered(force, force.register())
    page = force.get("/orders", "nina", REP, headers=HTML).text
    assert "half-year" not in page
    assert mine not in page
    page = force.get("/orders", "rita", REP, headers=HTML).text
    assert mine in page
    assert other not in page
    assert "half-year" not in page
    assert "half-year" in force.page("/orders")


def test_the_tree_sums_orders_of_what_lies_below(force: Force) -> None:
    customer = force.market()
    ordered(force, customer)
    page = force.page("/territories")
    for link in ('territory=italy">1</a>', 'territory=rome">1</a>'):
        assert link in page, link
    assert 'territory=rome">1</a>' not in force.page("/territories", REP)


def test_customers_are_moved_after_a_look_at_what_it_changes_and_back_again(force: Force) -> None:
    one, two = force.market(), force.register()
    force.territory("milan", reps=["bert"])
    done(force.put("rome", two))
    ordered(force, one)
    body = {"territory": "milan", "customers": [one, two]}
    accept = HTML | force._headers("mona", ("sales_manager",))
    trial = force.client.post("/territories/rome/try", json=body, headers=accept)
    assert trial.status_code == 200
    for words in ("2 customers", "1 open order stays", "<strong>bert</strong>", "<strong>ivo, rita</strong>"):
        assert words in trial.text, words
    assert force.get("/territories/milan/customers").json() == []
    moved = done(force.post("/territory-assignments", body | {"expected": "rome"}))
    assert moved["assigned"] == 2
    page = force.page("/territories/milan")
    assert f"/territory-moves/{moved['move']}/undo" in page
    assert "Rome → Milan" in page
    assert f"/territory-moves/{moved['move']}/undo" in force.page("/territories/rome")
    back = done(force.post(f"/territory-moves/{moved['move']}/undo"))
    assert (back["restored"], back["left"]) == (2, 0)
    assert set(force.get("/territories/rome/customers").json()) == {one, two}
    assert [fact.territory for fact in force.facts("customer.territory_assigned")][-2:] == ["rome", "rome"]
    again = force.post(f"/territory-moves/{moved['move']}/undo")
    assert (again.status_code, "moved on since" in again.text) == (409, True)
    done(force.post(f"/territory-moves/{back['move']}/undo"))
    assert set(force.get("/territories/milan/customers").json()) == {one, two}


def test_an_undo_leaves_alone_who_was_moved_on_or_erased_and_remembers_each_ones_place(force: Force) -> None:
    one, two, three, four = force.market(), force.register(), force.register(), force.register()
    for id in ("milan", "turin"):
        force.territory(id)
    customers = [{"customer": one, "expected": "rome"}, {"customer": two}, {"customer": three}, {"customer": four}]
    moved = done(force.post("/territory-assignments", {"territory": "milan", "customers": customers}))
    done(force.put("turin", three, expected="milan"))
    force.hear(said(four, CustomerErased(reason="request"), sequence=9))
    back = done(force.post(f"/territory-moves/{moved['move']}/undo"))
    assert (back["restored"], back["left"]) == (2, 2)
    last = {event.stream: event.fact for event in force.events() if event.type == "customer.territory_assigned"}
    where = {member: last[f"customer/{member}"] for member in (one, two, three)}
    assert where == {m: CustomerTerritoryAssigned(territory=t) for m, t in ((one, "rome"), (two, ""), (three, "turin"))}
    assert force.post(f"/territory-moves/{new_id()}/undo").status_code == 404
    assert force.post(f"/territory-moves/{moved['move']}/undo", actor="rita", roles=REP).status_code == 403


def test_customers_who_are_in_two_territories_are_named(force: Force) -> None:
    one, two = force.market(), force.register()
    force.territory("milan")
    done(force.put("milan", two))
    page = force.page("/territories/rome")
    assert "In another territory, too" not in page
    force.hear(said(two, CustomerAssigned(cluster=one, because="phone")))
    page = force.page("/territories/rome")
    assert "In another territory, too" in page
    assert f'/customers/{one}">Customer 1</a>: Milan' in page
    tree = force.page("/territories")
    assert "/territories/rome#apart" in tree
    assert "/territories/milan#apart" in tree


def test_a_territory_shows_its_own_customers_and_nobody_elses(force: Force) -> None:
    one, two = force.market(), force.register(given_name="Bea")
    force.territory("milan")
    done(force.put("milan", two))
    rome = force.page("/territories/rome")
    assert one in rome
    assert two not in rome
    assert force.get("/territories/nowhere", headers=HTML).status_code == 404
    have_role(force.service, "shape", Grant(Action.TERRITORY_READ), Grant(Action.TERRITORY_DEFINE))
    shape = force.page("/territories/rome", ("shape",))
    assert one not in shape
    assert "/undo" not in shape
    own = (Grant(Action.TERRITORY_READ), Grant(Action.CUSTOMER_READ, Reach.OWN))
    have_role(force.service, "own", *own)
    assert two not in force.get("/territories/milan", "otto", ("own",), headers=HTML).text


def test_reps_are_shown_with_their_territories_orders_and_requests(force: Force) -> None:
    customer = force.market()
    done(force.post(f"/customers/{customer}/orders", {"product": "line"}, "rita", REP), 201)
    force.hear(requested(customer, at=NOON - timedelta(days=40)))
    force.decide()
    page = force.page("/reps")
    assert '<a href="/reps/rita">rita</a>' in page
    assert '<a href="/territories/italy">Italy</a>' in page
    one = force.page("/reps/rita")
    for words in ("Open orders", "Requests that wait", "it is older than 30 days", "/territories/rome"):
        assert words in one, words
    assert "Requests that wait" not in force.page("/reps", REP)
    assert force.get("/reps", roles=("importer",), headers=HTML).status_code == 200
    assert force.get("/reps", roles=("agent",), headers=HTML).status_code == 403


def test_an_orders_page_tells_its_history_and_offers_what_can_come_next(force: Force) -> None:
    order = ordered(force, force.market())
    page = force.page(f"/orders/{order}")
    for way in ("provision", "deliver", "delay", "cancel"):
        assert f"/orders/{order}/{way}" in page, way
    done(force.post(f"/orders/{order}/delay", {"problem": "no_stock"}))
    done(force.post(f"/orders/{order}/deliver", {"how": "on_site"}))
    page = force.page(f"/orders/{order}")
    assert f"/orders/{order}/cancel" not in page
    told = [page.index(f"<strong>{word}</strong>") for word in ("delivered", "delayed", "placed")]
    assert told == sorted(told)
    assert "not in stock" in page
