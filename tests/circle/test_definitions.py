"""What a department defines as data is in force while everything runs: in its forms, in what it says, and in what
others show of that, whenever they joined."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from services.sync.devices.client import Device
from tests.circle.steps import Steps

HTML = {"accept": "text/html"}
SUE, ANNA, SAM, OMAR = ("sue", "supervisor"), ("anna", "agent"), ("samuel", "sales_manager"), ("omar", "operator")
SPANISH = {**HTML, "accept-language": "es"}


@pytest.fixture
def desks(platform: Steps) -> Steps:
    """The call center and sales; sync comes later."""
    platform.join("callcenter")
    platform.join("sfa")
    platform.settle()
    return platform


def define(platform: Steps, service: str, kind: str, code: str, label: str, spanish: str, **more: Any) -> None:
    body = {"kind": kind, "code": code, "label": label, "label_es": spanish, **more}
    platform[service].post("/definitions", body, *(SUE if service == "callcenter" else SAM))


def page(client: TestClient, path: str, headers: dict[str, str] = HTML) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def reviewed(platform: Steps, member: str, call: str, **review: Any) -> str:
    """A contact of the customer, with its review."""
    center = platform["callcenter"]
    ring = {"call": call, "number": "", "queue": "general", "customer": member}
    contact = str(center.post("/telephony/ring", ring, "pbx", "telephony")["contact"])
    center.post(f"/contacts/{contact}/answer", {}, *ANNA)
    center.post(f"/contacts/{contact}/wrap-up", {"reason": "fault", "outcome": "solved", **review}, *ANNA)
    return contact


def timeline(platform: Steps, member: str, headers: dict[str, str] = HTML) -> str:
    return page(platform["sync"].client(*OMAR), f"/customers/{member}", headers)


def customer(platform: Steps) -> str:
    changes = {"changes": {"given_name": "Ana", "family_name": "Diaz"}}
    member = str(platform["callcenter"].post("/customers", changes, *ANNA)["customer"])
    platform.settle()
    return member


def test_what_is_defined_while_all_runs_is_everywhere(desks: Steps) -> None:
    desks.join("sync")
    member = customer(desks)
    define(desks, "callcenter", "contact_field", "invoice", "Invoice number", "Número de factura", form="text")
    define(desks, "callcenter", "reason", "moving", "Moving house", "Mudanza")
    define(desks, "callcenter", "case_state", "parts", "Waits for parts", "Espera piezas", category="open")
    define(desks, "callcenter", "customer_field", "shoe", "Shoe size", "Número de calzado", form="number")
    contact = reviewed(desks, member, "1", reason="moving", custom={"invoice": " 2026-0214"})
    case = {"customer": member, "reason": "moving", "subject": "New flat"}
    opened = str(desks["callcenter"].post("/cases", case, *ANNA)["case"])
    desks["callcenter"].post(f"/cases/{opened}/step", {"step": "parts"}, *ANNA)
    desks["callcenter"].post(f"/customers/{member}/edit", {"changes": {"custom.shoe": "42"}}, *ANNA)
    desks.settle()
    for headers, words in (
        (HTML, ("Invoice number", "2026-0214", "Moving house", "Waits for parts", "Shoe size")),
        (SPANISH, ("Número de factura", "2026-0214", "Mudanza", "Espera piezas", "Número de calzado")),
    ):
        shown = timeline(desks, member, headers)
        assert [word for word in words if word not in shown] == []
    # Sales knows the customers' field, too, and its people may fill it.
    desks["sfa"].post(f"/customers/{member}/edit", {"changes": {"custom.shoe": "43"}}, *SAM)
    assert "Shoe size" in page(desks["sfa"].client(*SAM), f"/customers/{member}")
    center = desks["callcenter"].client(*ANNA)
    assert "Número de factura" in page(center, f"/contacts/{contact}", SPANISH)
    assert "Waits for parts" in page(center, f"/cases/{opened}")


def test_who_joins_late_has_the_labels_of_what_came_before(desks: Steps) -> None:
    member = customer(desks)
    define(desks, "callcenter", "case_field", "floor", "Floor of the flat", "Piso", form="text")
    case = {"customer": member, "reason": "fault", "subject": "No line", "custom": {"floor": "third"}}
    desks["callcenter"].post("/cases", case, *ANNA)
    desks["callcenter"].post("/definitions/case_field/floor/retire", {}, *SUE)
    desks.settle()
    desks.join("sync")
    desks.settle()
    shown = timeline(desks, member)
    # Retired meanwhile, and a reason that came with the platform.
    assert [word for word in ("Floor of the flat", "third", "Fault or repair") if word not in shown] == []


def test_two_departments_codes_are_two_things(desks: Steps) -> None:
    desks.join("sync")
    member = customer(desks)
    define(desks, "callcenter", "case_field", "floor", "Floor of the flat", "", form="text")
    define(desks, "sfa", "order_field", "floor", "Where the crew goes", "", form="number")
    desks["sfa"].post("/products", {"product": "line", "name": "Line", "unit_price": 1_000}, *SAM)
    case = {"customer": member, "reason": "fault", "subject": "No line", "custom": {"floor": "third"}}
    desks["callcenter"].post("/cases", case, *ANNA)
    order = {"product": "line", "custom": {"floor": "3"}}
    desks["sfa"].post(f"/customers/{member}/orders", order, *SAM)
    desks.settle()
    shown = timeline(desks, member)
    assert [word for word in ("Floor of the flat", "third", "Where the crew goes") if word not in shown] == []
    desks["sfa"].post("/definitions/order_field/floor/retire", {}, *SAM)
    desks["callcenter"].post("/cases", case, *ANNA)


def test_a_field_of_customers_is_its_department_s(desks: Steps) -> None:
    define(desks, "callcenter", "customer_field", "shoe", "Shoe size", "", form="number")
    desks.settle()
    body = {"kind": "customer_field", "code": "shoe", "label": "Horseshoe", "form": "number"}
    refused = desks["sfa"].client(*SAM).post("/definitions", json=body)
    assert refused.status_code == 409, refused.text
    assert "callcenter" in refused.text


def test_a_retired_field_of_customers_takes_nothing_new_anywhere(desks: Steps) -> None:
    desks.join("sync")
    for path, body in (
        ("/territories", {"territory": "north", "name": "North"}),
        ("/territories/north/reps", {"rep": "rosa"}),
    ):
        desks["sfa"].post(path, body, *SAM)
    member = customer(desks)
    desks["sfa"].post(f"/customers/{member}/territory", {"territory": "north"}, *SAM)
    define(desks, "callcenter", "customer_field", "shoe", "Shoe size", "", form="number")
    edit = {"changes": {"custom.shoe": "42"}}
    desks["callcenter"].post(f"/customers/{member}/edit", edit, *ANNA)
    desks.settle()
    handheld = Device(":memory:", desks["sync"].client("rosa", "rep"), desks.clock)
    handheld.enrol("Rosa's handheld")
    desks.settle()
    handheld.synchronize()
    desks["callcenter"].post("/definitions/customer_field/shoe/retire", {}, *SUE)
    desks.settle()
    again = {"changes": {"custom.shoe": "43"}}
    for service, actor in (("callcenter", ANNA), ("sfa", SAM), ("sync", OMAR)):
        refused = desks[service].client(*actor).post(f"/customers/{member}/edit", json=again)
        assert (refused.status_code, "retired" in refused.text) == (422, True), (service, refused.text)
    handheld.edit(member, {"custom.shoe": "44"})
    handheld.push()
    assert handheld.state(1) == "refused"
    desks.settle()
    handheld.synchronize()
    seen = handheld.customer(member)
    assert seen is not None
    assert seen["fields"]["custom.shoe"]["value"] == "42"
    assert "Shoe size" in page(desks["callcenter"].client(*ANNA), f"/customers/{member}")
    desks["callcenter"].post("/definitions/customer_field/shoe/restore", {}, *SUE)
    desks.settle()
    desks["sfa"].post(f"/customers/{member}/edit", again, *SAM)


def test_an_erasure_forgets_what_stood_in_departments_fields(desks: Steps) -> None:
    desks.join("sync")
    member = customer(desks)
    for service, kind in (("callcenter", "contact_field"), ("callcenter", "case_field"), ("sfa", "order_field")):
        define(desks, service, kind, "remark", "Remark", "", form="text")
    custom = {"custom": {"remark": "sings out of tune"}}
    reviewed(desks, member, "1", **custom)
    desks["callcenter"].post("/cases", {"customer": member, "reason": "fault", "subject": "x", **custom}, *ANNA)
    desks["sfa"].post("/products", {"product": "line", "name": "Line", "unit_price": 1_000}, *SAM)
    desks["sfa"].post(f"/customers/{member}/orders", {"product": "line", **custom}, *SAM)
    desks.settle()
    assert timeline(desks, member).count("sings out of tune") == 3
    proposed = desks["callcenter"].post("/erasures", {"customer": member}, *SUE)["erasure"]
    desks["callcenter"].post(f"/erasures/{proposed}/consent", {}, "paul", "supervisor")
    desks.settle()
    assert "sings out of tune" not in timeline(desks, member)
    for service, table in (("callcenter", "contact"), ("callcenter", "customer_case"), ("sfa", "sales_order")):
        left = desks[service].scalar(f"SELECT count(*) FROM {table} WHERE custom::text <> '{{}}'")
        assert (service, table, left) == (service, table, 0)
