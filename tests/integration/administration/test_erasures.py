"""Answers come in any order, and two people at once, or one at two desks, do no harm."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from shared.events.customer import CustomerErased, CustomerForgotten
from shared.events.envelope import Event, new_id
from tests.builders import NOON, done, erased, heard
from tests.integration.sfa.force import MANAGER, Force

ROLE = "sales_manager"
DEVICE = f"device/{new_id()}"


def told(member: str, minute: int, **fact: Any) -> Event:
    """Sync says what it forgot."""
    fact = {"places": {}, **fact}
    return heard(member, CustomerForgotten(**fact), sequence=minute, time=NOON + timedelta(minutes=minute))


def answers(force: Force) -> dict[str, tuple[str, int]]:
    rows = force.rows("SELECT place, state, rows FROM erasure_answer WHERE source = 'sync'")
    return {place: (state, count) for place, state, count in rows}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_newest_word_of_each_place_holds_in_any_order(force: Force, order: tuple[int, ...]) -> None:
    member = new_id()
    events = [
        told(member, 1, open=(DEVICE,)),
        told(member, 2, places={"records": 3}, exports=("e1",)),
        told(member, 3, places={DEVICE: 1}),
    ]
    for place in order:
        force.hear(events[place])
    force.hear(*events)
    assert answers(force) == {
        "": ("forgotten", 3),
        "records": ("forgotten", 3),
        DEVICE: ("forgotten", 1),
        "export/e1": ("export", 0),
    }


def test_an_answer_that_comes_before_the_erasure_is_kept_for_it(force: Force) -> None:
    customer = force.register()
    force.hear(told(customer, 1, places={"records": 3}))
    id = erased(force.post, customer, ROLE)
    report = done(force.get(f"/erasures/{id}"))["report"]
    assert [one["service"] for one in report["answers"]] == ["sfa"]
    assert report["open"] == ["sfa.keys wasn't looked through yet"]
    assert "sfa.keys aún no se ha revisado" in force.page(f"/erasures/{id}", language="es")
    assert report["backups"]["until"] == (NOON + timedelta(days=35)).isoformat().replace("+00:00", "Z")


def test_a_place_that_was_forgotten_once_more_after_a_restore_is_open_again(force: Force) -> None:
    member = new_id()
    force.hear(told(member, 1, places={DEVICE: 1}))
    force.hear(told(member, 2, open=(DEVICE,)))
    assert answers(force) == {DEVICE: ("open", 0)}


def test_an_erasure_is_answered_once_however_often_it_is_heard(force: Force) -> None:
    member = new_id()
    for source in ("callcenter", "sync", "callcenter"):
        force.hear(heard(member, CustomerErased(), source=source, sequence=1))
    assert [event.type for event in force.events()] == ["customer.forgotten"]
    assert force.events()[0].fact == CustomerForgotten(places={"records": 0, "keys": 0})


def test_an_erasure_that_only_the_log_knows_is_recorded_again_after_a_restore(force: Force) -> None:
    one, other, later = sorted(new_id() for _ in range(3))
    own = [heard(m, CustomerErased(reason="retention"), source="sfa", sequence=1) for m in (one, other)]
    late = heard(later, CustomerErased(), source="sfa", sequence=1, time=NOON + timedelta(hours=1))
    for _ in range(2):
        force.hear(*own, late)
    found = force.rows("SELECT members::text[], reason, proposed_by, state, decided FROM erasure ORDER BY decided")
    assert [tuple(row) for row in found] == [
        ([one, other], "retention", "?", "erased", NOON),
        ([later], "request", "?", "erased", NOON + timedelta(hours=1)),
    ]
    (id,) = (row[0] for row in force.rows("SELECT id::text FROM erasure ORDER BY decided LIMIT 1"))
    report = done(force.get(f"/erasures/{id}"))["report"]
    assert report["members"] == [one, other]
    assert {told["member"] for told in report["answers"] if told["forgotten"]} == {one, other}


def test_a_proposal_of_before_a_backup_is_decided_by_what_the_log_says(force: Force) -> None:
    customer = force.register()
    id = done(force.post("/erasures", {"customer": customer}), 201)["erasure"]
    force.hear(heard(customer, CustomerErased(), source="callcenter", sequence=1))
    assert force.rows("SELECT state FROM erasure") == [("proposed",)], "somebody else's decision isn't ours"
    force.hear(heard(customer, CustomerErased(), source="sfa", sequence=2))
    assert [tuple(row) for row in force.rows("SELECT id::text, state, decided FROM erasure")] == [(id, "erased", NOON)]


def test_of_two_who_consent_at_once_one_does(force: Force) -> None:
    customer = force.register()
    id = done(force.post("/erasures", {"customer": customer}), 201)["erasure"]
    assert force.post("/erasures", {"customer": customer}, "otto").status_code == 409
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(force.post, f"/erasures/{id}/consent", {}, who, MANAGER) for who in ("petra", "pia")]
        assert sorted(one.result().status_code for one in both) == [200, 409]
    assert [event.type for event in force.events()][1:] == ["customer.erased", "customer.forgotten"]
    (one,) = force.get("/erasures").json()
    assert (one["state"], one["members"]) == ("erased", [customer])


def test_who_was_never_met_here_isn_t_proposed(force: Force) -> None:
    assert force.post("/erasures", {"customer": new_id()}).status_code == 404
    assert force.get(f"/erasures/{new_id()}").status_code == 404
    assert force.post(f"/erasures/{new_id()}/consent", {}).status_code == 404
    proposed = done(force.post("/erasures", {"customer": force.register()}), 201)["erasure"]
    assert force.get(f"/erasures/{proposed}/certificate").status_code == 409
    assert force.get(f"/erasures/{proposed}", roles=("rep",)).status_code == 403
