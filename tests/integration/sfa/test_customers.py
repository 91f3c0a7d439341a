"""Customers at sales' desk, the pages, and what an erasure leaves."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from services.sfa.wiring import BLOCK
from shared.events.customer import CustomerErased
from shared.events.envelope import new_id
from shared.events.heads import HeadsReported
from shared.events.sync import CustomerAssigned
from shared.pipeline import heads
from shared.pipeline.service import Service
from tests.builders import NOON, done, erased, heard
from tests.integration.sfa.force import Force, registered, requested, said

SECONDS = 8
EXAMPLES = 15
LEAST = 3


def test_a_customer_that_another_service_met_is_found_and_edited_here(force: Force) -> None:
    member = new_id()
    force.hear(registered(member, given_name="Grace", family_name="Hopper", phone="+15550100177"))
    for words in ("+1 555 010 0177", "hopp gra", "Hopper"):
        found = force.post("/customers/search", {"words": words}).json()
        assert [one["customer"] for one in found] == [member]
    known = done(force.get(f"/customers/{member}"))
    body = {"changes": {"phone": "+1 555 010 0188"}, "saw": {"phone": known["heads"]["phone"]}}
    assert done(force.post(f"/customers/{member}/edit", body, "rita", ("rep",)))["changed"] == ["phone"]
    assert done(force.get(f"/customers/{member}"))["values"]["phone"] == "+15550100188"
    assert [c.value for f in force.facts("customer.edited") for c in f.claims] == ["+15550100188"]


def test_a_customer_is_registered_here_and_everybody_is_told(force: Force) -> None:
    member = force.register(family_name="Lovelace", email="ada@example.org")
    assert [e.stream for e in force.events() if e.type == "customer.registered"] == [f"customer/{member}"]
    assert force.post("/customers/search", {"words": "ada@example.org"}).json()[0]["name"] == "Ada Lovelace"
    assert force.post("/customers", {"changes": {"nonsense": "x"}}).status_code == 422


def test_an_erasure_here_and_elsewhere_leaves_ids_and_figures_only(force: Force) -> None:
    customer = force.market()
    elsewhere = new_id()
    force.hear(registered(elsewhere, given_name="Zoraida"))
    done(force.post(f"/customers/{customer}/edit", {"changes": {"given_name": "Zenobia"}}))
    order = force.order(customer)
    force.hear(requested(customer, sequence=2))
    force.decide()
    assert force.post("/erasures", {"customer": customer}, "rita", ("rep",)).status_code == 403
    erased(force.post, customer, "sales_manager")
    force.hear(heard(elsewhere, CustomerErased(), source="callcenter", digits="0000000002"))
    tables = [row[0] for row in force.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    kept = {name: str(force.rows(f'SELECT * FROM "{name}"')) for name in tables}
    assert [name for name, rows in kept.items() if "Zenobia" in rows or "Zoraida" in rows] == []
    assert done(force.get(f"/orders/{order}"))["customer"] == customer
    assert done(force.get(f"/customers/{customer}"))["values"] == {}
    assert force.post(f"/customers/{customer}/edit", {"changes": {"city": "Rome"}}).status_code == 409
    assert "This person was erased" in force.page(f"/customers/{customer}")
    assert len([e for e in force.events() if e.type == "customer.erased"]) == 1


def test_the_members_of_a_customer_are_shown_as_one(force: Force) -> None:
    first = force.market()
    second = force.register()
    order = force.order(second)
    force.hear(said(max(first, second), CustomerAssigned(cluster=min(first, second), because="phone")))
    known = done(force.get(f"/customers/{first}"))
    assert (known["members"], known["orders"]) == (sorted([first, second]), [order])


def test_a_sign_of_life_of_another_service_is_kept(force: Force) -> None:
    force.hear(heard("sync", HeadsReported(heads={})))
    sign = force.service.transact(force.service.itself, lambda work: heads.last_signs(work.session))["sync"]
    assert (sign.at, sign.left) == (NOON, None)


def test_the_pages_show_what_there_is_in_both_languages(force: Force) -> None:
    customer = force.market()
    late = force.order(customer, promised="2026-03-03")
    delayed = force.order(customer)
    done(force.post(f"/orders/{delayed}/delay", {"problem": "no_stock"}))
    request = new_id()
    force.hear(requested(customer, request, currency="EUR", sequence=2))
    force.decide()
    force.clock.forward(days=3)
    assert "Number, e-mail or name" in force.page("/")
    assert "Buscar" in force.page("/", language="es")
    assert "Rome" in force.page("/territories")
    assert "rita" in force.page("/territories")
    assert "$10.00" in force.page("/products")
    listed = force.page("/orders")
    assert "not in stock" in listed
    assert ">late<" in listed
    assert "Ada" in listed
    assert delayed not in force.page("/orders?state=late")
    assert late in force.page("/orders?state=late")
    assert "retrasado" in force.page(f"/orders/{delayed}", language="es")
    shown = force.page(f"/customers/{customer}")
    assert "$10.00" in shown
    assert "Rome" in shown
    waiting = force.page("/requests")
    assert "another currency" in waiting
    assert f"/requests/{request}/accept" in waiting
    assert "/accept" not in force.page("/requests", roles=("rep",))
    assert "New territory" not in force.page("/territories", roles=("rep",))


@pytest.mark.parametrize(
    "path", ["/", "/orders", "/requests", "/territories", "/products", f"/customers/{new_id()}", f"/orders/{new_id()}"]
)
def test_others_see_nothing_of_it(force: Force, path: str) -> None:
    for accept in ("text/html", "application/json"):
        answer = force.get(path, roles=("agent",), headers={"accept": accept})
        assert answer.status_code == (404 if (path, accept) == ("/", "application/json") else 403)


def test_the_worker_decides_requests(force: Force) -> None:
    assert [task.name for task in BLOCK.tasks(force.settings)] == ["requests", "forget"]
    assert isinstance(force.service, Service)


def test_no_request_makes_it_fail(force: Force) -> None:
    customer = force.market()
    order = force.order(customer)
    schema = schemathesis.openapi.from_dict(force.get("/openapi.json").json())
    operations: list[Any] = [result.ok() for result in schema.get_all_operations()]  # type: ignore[union-attr]
    assert len(operations) >= 20
    for operation in operations:
        known = {"customer": customer, "order": order, "territory": "rome"}
        assert ask(force, operation, known, SECONDS / len(operations)) >= LEAST, operation.label


def ask(force: Force, operation: Any, known: dict[str, str], seconds: float) -> int:
    """Send what may be sent to one operation, half of it about what is known; gives how many were answered."""
    roles = ("sales_manager", "rep", "importer")
    headers = {"authorization": f"Bearer {force.issuer.token('sue', *roles)}"}
    until = time.monotonic() + seconds
    answered = 0

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def no_failure(case: Any) -> None:
        nonlocal answered
        if answered >= LEAST and time.monotonic() > until:
            return
        if answered % 2:
            case.path_parameters |= {n: value for n, value in known.items() if n in case.path_parameters}
        arguments = case.as_transport_kwargs(base_url="http://testserver", headers=headers)
        arguments.pop("cookies", None)
        answer = force.client.request(**arguments)
        assert answer.status_code < 500, answer.text
        answered += 1

    no_failure()
    return answered


def test_departments_fields_can_be_filled_and_emptied_in_the_form(force: Force) -> None:
    for code, form in (("shoe", "number"), ("tags", "set"), ("gone", "text")):
        body = {"kind": "customer_field", "code": code, "label": code.title(), "form": form}
        done(force.post("/definitions", body))
    done(force.post("/definitions/customer_field/gone/retire"))
    member = force.register(**{"custom.shoe": "42", "custom.tags": ["a", "b"]})
    page = force.page(f"/customers/{member}")
    (heads,) = done(force.get(f"/customers/{member}"))["heads"]["custom.shoe"]
    assert re.search(rf'name="custom.shoe"[^>]* value="42"[^>]* data-saw="{heads}"', page)
    assert re.search(r'name="custom.tags"[^>]* value="a, b"[^>]* data-list data-saw=', page)
    assert 'name="custom.gone"' not in page
