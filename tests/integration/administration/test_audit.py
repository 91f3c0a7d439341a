"""The audit log as people read it: searched, with what was so before, as far as the reader may see that."""

from __future__ import annotations

from typing import Any

import pytest

from shared.administration.audit import rules
from shared.pipeline import claims
from tests.builders import NOON, done
from tests.integration.sfa.force import Force

ADMIN = ("administrator",)
ADELE = ("adina", ADMIN)
"""She sees no customer, so her reading is no look at any."""


def read(force: Force, by: str = "mona", roles: tuple[str, ...] = ("sales_manager",), **search: str) -> Any:
    """What a search gives; ``since`` is called ``from`` there."""
    asked = {"from" if name == "since" else name: value for name, value in search.items()}
    answer = force.get("/audit", by, roles, params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def edited(force: Force) -> str:
    """A customer whose phone was changed."""
    customer = force.register(phone="+1 555 010 0199")
    done(force.post(f"/customers/{customer}/edit", {"changes": {"phone": "+1 555 010 0142"}}))
    return customer


def phone(found: Any) -> Any:
    """The change of the phone, as the newest entry tells it."""
    return found["entries"][0]["done"][0]["changes"][0]


def test_a_change_is_shown_with_what_was_before(force: Force) -> None:
    customer = edited(force)
    found = read(force, subject=f"customer/{customer}", outcome="changed")
    newest, first = found["entries"]
    assert (newest["actor"], newest["action"], newest["outcome"]) == ("mona", "customer.edit", "changed")
    assert phone(found) == {
        "field": "phone",
        "former": [{"state": "shown", "value": "+15550100199"}],
        "now": {"state": "shown", "value": "+15550100142"},
    }
    assert first["action"] == "customer.register"
    assert all(change["former"] == [] for change in first["done"][0]["changes"])


def test_what_the_reader_may_not_see_is_masked(force: Force) -> None:
    customer = edited(force)
    hidden = {"state": "masked", "value": ""}
    assert phone(read(force, "adam", ADMIN, subject=f"customer/{customer}"))["former"] == [hidden]
    grants = [{"action": "customer.read", "fields": ["given_name"]}, {"action": "audit.read"}]
    done(force.post("/roles", {"role": "reviser", "grants": grants}, "adam", ADMIN))
    found = read(force, "rex", ("reviser",), subject=f"customer/{customer}", action="customer.edit")
    assert (phone(found)["former"], phone(found)["now"]) == ([hidden], hidden)
    assert "•••" in force.page(f"/audit?subject=customer/{customer}", ("reviser",))
    assert "0100199" not in force.page(f"/audit?subject=customer/{customer}", ("reviser",))


def test_what_an_erased_person_had_is_gone(force: Force) -> None:
    customer = edited(force)
    force.service.transact(force.service.itself, lambda work: claims.forget(work, [customer]))
    found = read(force, subject=f"customer/{customer}", action="customer.edit")
    assert phone(found) == {
        "field": "phone",
        "former": [{"state": "gone", "value": ""}],
        "now": {"state": "gone", "value": ""},
    }
    assert "erased" in force.page(f"/audit?subject=customer/{customer}")


def test_looks_and_refusals_are_found_by_who_what_and_when(force: Force) -> None:
    customer = force.register()
    force.get(f"/customers/{customer}", "ivo", ("sales_manager",))
    force.clock.forward(days=2)
    force.get(f"/customers/{customer}", "rita", ("nobody",))
    told = read(force, *ADELE, subject=f"customer/{customer}")["entries"]
    assert [(e["actor"], e["outcome"]) for e in told] == [("rita", "refused"), ("ivo", "looked"), ("mona", "changed")]
    assert told[0]["action"] == "/customers/{customer}"
    assert "customer.read" in told[0]["reason"]
    assert [e["actor"] for e in read(force, *ADELE, actor="ivo")["entries"]] == ["ivo"]
    assert [e["actor"] for e in read(force, *ADELE, outcome="refused")["entries"]] == ["rita"]
    later = (NOON.replace(day=3)).isoformat()
    assert [e["actor"] for e in read(force, *ADELE, subject=f"customer/{customer}", since=later)["entries"]] == ["rita"]
    before = read(force, *ADELE, subject=f"customer/{customer}", until=later)["entries"]
    assert [e["actor"] for e in before] == ["ivo", "mona"]
    assert read(force, *ADELE, subject="customer/%", actor="mona' OR true --")["entries"] == []


def test_a_file_that_a_customer_is_in_is_found_by_the_customer(force: Force) -> None:
    customer = force.register()
    force.get("/customers/export", "mona")
    found = read(force, subject=f"customer/{customer}", action="customer.export")["entries"]
    assert [e["done"][0]["detail"]["export"] for e in found] == ["complete", "begun"]


def test_a_long_log_is_read_page_by_page(force: Force) -> None:
    for _ in range(120):
        force.get("/products", "rita", ("nobody",))
    first = read(force, outcome="refused")
    second = read(force, outcome="refused", before=str(first["next"]))
    third = read(force, outcome="refused", before=str(second["next"]))
    numbers = [e["n"] for part in (first, second, third) for e in part["entries"]]
    assert (len(first["entries"]), len(numbers), third["next"]) == (50, 120, None)
    assert numbers == sorted(set(numbers), reverse=True)
    assert "before=" in force.page("/audit?outcome=refused")


def test_reading_the_log_is_noted_itself_and_needs_the_right(force: Force) -> None:
    assert force.get("/audit", "rita", ("rep",)).status_code == 403
    edited(force)
    read(force, "adele", ADMIN)
    read(force, "adele", ADMIN)
    noted = force.rows("SELECT action, outcome, subjects FROM audit_entry WHERE actor = 'adele'")
    # Once within five minutes, and nobody in particular: the administrator sees no values.
    assert noted == [("audit.read", "looked", ["audit"])]


def test_why_something_was_refused_is_told_in_the_readers_language(force: Force) -> None:
    force.get("/products", "rita", ("nobody",))
    said = "esto requiere product.read, que los roles de rita (nobody) no permiten aquí"
    assert said in force.page("/audit?outcome=refused", language="es")
    assert "this needs product.read" in force.page("/audit?outcome=refused")
    spanish = force.get("/audit", headers={"accept-language": "es"}, params={"outcome": "refused"})
    assert done(spanish)["entries"][0]["reason"] == said
    # As a former release kept it.
    assert str(rules.reason({"why": "it was refused"})) == "it was refused"


def test_whose_former_values_were_shown_was_looked_at(force: Force) -> None:
    customer = edited(force)
    read(force, "igor", subject=f"customer/{customer}")
    ((subjects,),) = force.rows("SELECT subjects FROM audit_entry WHERE actor = 'igor'")
    assert subjects == ["audit", f"customer/{customer}"]


@pytest.mark.parametrize(("language", "words"), [("en", ("Audit log", "Register customers")), ("es", ("Registro",))])
def test_the_page_can_be_read_by_a_person(force: Force, language: str, words: tuple[str, ...]) -> None:
    customer = edited(force)
    page = force.page(f"/audit?subject=customer/{customer}&actor=&from=2026-03-02&until=2026-03-02", language=language)
    for word in (*words, "mona", "+15550100199", "+15550100142", f"customer/{customer}"):
        assert word in page
