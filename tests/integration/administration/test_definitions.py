"""Fields, lists and states of a department's own: defined, changed, retired and restored by who may, and in the audit
log."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from services.sfa import wiring
from shared.pipeline.service import Service
from tests.builders import done
from tests.integration.sfa.force import Force

FLOOR: dict[str, Any] = {
    "kind": "order_field",
    "code": "floor",
    "label": "Floor",
    "label_es": "Piso",
    "form": "choice",
    "choices": ["ground", "first"],
}
CREW: dict[str, Any] = {"kind": "order_state", "code": "crew", "label": "Crew booked", "category": "placed"}


def define(force: Force, of: dict[str, Any] = FLOOR, **overrides: Any) -> bool:
    return bool(done(force.post("/definitions", {**of, **overrides}))["changed"])


def turn(force: Force, how: str, path: str = "order_field/floor") -> bool:
    return bool(done(force.post(f"/definitions/{path}/{how}"))["changed"])


def listed(force: Force, kind: str = "order_field") -> list[Any]:
    found: list[Any] = done_list(force.get(f"/definitions?kind={kind}"))
    return found


def done_list(answer: Any) -> list[Any]:
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()
    return found


def ordered(force: Force, **custom: str) -> Any:
    return force.post(f"/customers/{force.register()}/orders", {"product": "line", "custom": custom})


def test_a_definition_is_made_changed_retired_and_restored(force: Force) -> None:
    assert (define(force), define(force)) == (True, False)
    (one,) = listed(force)
    assert one == {
        "kind": "order_field",
        "code": "floor",
        "labels": {"en": "Floor", "es": "Piso"},
        "place": 0,
        "retired": False,
        "form": "choice",
        "choices": ["ground", "first"],
        "category": "",
        "department": "sfa",
    }
    assert define(force, choices=["ground", "first", "second"])
    assert (turn(force, "retire"), turn(force, "retire")) == (True, False)
    # A change of a retired one doesn't bring it back.
    assert define(force, label="Storey")
    assert [(of["labels"]["en"], of["retired"]) for of in listed(force)] == [("Storey", True)]
    assert turn(force, "restore")
    facts = force.facts("definition.made")
    assert [(fact.labels["en"], len(fact.choices), fact.retired) for fact in facts] == [
        ("Floor", 2, False),
        ("Floor", 3, False),
        ("Floor", 3, True),
        ("Storey", 2, True),
        ("Storey", 2, False),
    ]
    assert {event.stream for event in force.events()} == {"definition/sfa.order_field.floor"}
    rows = force.rows("SELECT actor, action, detail FROM audit_entry WHERE outcome = 'changed' ORDER BY n")
    assert [(actor, action) for actor, action, _ in rows] == [("mona", "field.define")] * 5


def test_another_process_knows_it_at_once(force: Force) -> None:
    force.product()
    other = Service.of(force.settings, process="other", clock=force.clock)
    headers = {"authorization": f"Bearer {force.issuer.token('mona', 'sales_manager')}"}
    with TestClient(wiring.app(force.settings, other), headers=headers) as client:
        body = {"product": "line", "custom": {"floor": "first"}}
        path = f"/customers/{force.register()}/orders"
        assert client.post(path, json=body).status_code == 422
        define(force)
        assert client.post(path, json=body).status_code == 201
        assert "ground" in client.get(path.removesuffix("/orders"), headers={"accept": "text/html"}).text
        turn(force, "retire")
        assert client.post(path, json=body).status_code == 422
        assert "ground" not in client.get(path.removesuffix("/orders"), headers={"accept": "text/html"}).text


def test_values_are_kept_shown_and_refused_by_their_definitions(force: Force) -> None:
    force.product()
    define(force)
    define(force, code="steps", form="number", label="Steps", label_es="", choices=[])
    order = done(ordered(force, floor="first", steps="007"), 201)["order"]
    whole = done(force.get(f"/orders/{order}"))
    assert (whole["custom"], whole["masked"]) == ({"floor": "first", "steps": "7"}, [])
    assert force.facts("order.placed")[0].custom == {"floor": "first", "steps": "7"}
    for wrong in ({"floor": "attic"}, {"steps": "many"}, {"unknown": "x"}):
        assert ordered(force, **wrong).status_code == 422
    turn(force, "retire")
    assert ordered(force, floor="first").status_code == 422
    assert done(ordered(force, floor=""), 201)
    for language, words in (("en", ("Floor", "first", "Steps")), ("es", ("Piso", "first", "Steps"))):
        page = force.page(f"/orders/{order}", language=language)
        assert [word for word in words if word not in page] == []


def test_an_order_is_in_a_state_of_the_department_s_while_the_platform_s_lasts(force: Force) -> None:
    force.product()
    define(force, CREW)
    define(force, CREW, code="tested", label="Line tested", category="provisioned")
    order = done(ordered(force), 201)["order"]
    step = f"/orders/{order}/step"
    assert force.post(step, {"step": "tested"}).status_code == 409
    assert done(force.post(step, {"step": "crew"}))["step"] == "crew"
    assert "Crew booked" in force.page(f"/orders/{order}")
    assert done(force.get(f"/orders/{order}"))["state"] == "placed"
    turn(force, "retire", "order_state/crew")
    assert "Crew booked" in force.page(f"/orders/{order}")
    done(force.post(f"/orders/{order}/provision", {}))
    assert done(force.post(step, {"step": "tested"}))["state"] == "provisioned"
    assert force.post(step, {"step": "crew"}).status_code == 409
    done(force.post(f"/orders/{order}/deliver", {"how": "remote"}))
    assert force.post(step, {"step": "tested"}).status_code == 409
    assert [(fact.step, fact.state) for fact in force.facts("order.moved")] == [
        ("crew", "placed"),
        ("tested", "provisioned"),
    ]


def test_what_people_wrote_in_own_fields_is_hidden_like_notes(force: Force) -> None:
    force.product()
    define(force)
    order = done(ordered(force, floor="first"), 201)["order"]
    grants = [{"action": "order.read"}, {"action": "customer.read", "fields": ["given_name"]}]
    done(force.post("/roles", {"role": "half", "grants": grants}, "adam", ("administrator",)))
    force.service.standing.refresh()
    whole = done(force.get(f"/orders/{order}", "hal", ("half",)))
    assert (whole["custom"], whole["masked"]) == ({}, ["custom.floor"])
    assert "first" not in force.page(f"/orders/{order}", ("half",))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"kind": "reason", "form": "", "choices": []}, "sfa defines"),
        ({"form": "text"}, "choices go with"),
        ({"choices": ["a", "a"]}, "different from each other"),
        ({"form": "set", "choices": []}, "holds one of"),
        ({"code": "a-b"}, "a code is of small letters"),
        ({"category": "placed"}, "a part of no state"),
        ({"label": " "}, ""),
        ({"form": "poem"}, ""),
    ],
)
def test_what_can_t_be_defined_is_refused(force: Force, body: dict[str, Any], why: str) -> None:
    answer = force.post("/definitions", {**FLOOR, **body})
    assert answer.status_code == 422
    assert why in answer.text
    assert listed(force) == []


def test_what_a_field_holds_stays(force: Force) -> None:
    define(force)
    refused = force.post("/definitions", {**FLOOR, "form": "text", "choices": []})
    assert refused.status_code == 422
    assert "retire it" in refused.text


@pytest.mark.parametrize("path", ["/definitions", "/definitions/order_field/floor/retire"])
def test_only_who_may_define_does(force: Force, path: str) -> None:
    define(force)
    assert force.post(path, FLOOR if "retire" not in path else {}, "rita", ("rep",)).status_code == 403
    assert [one["retired"] for one in listed(force)] == [False]


def preview(force: Force, body: dict[str, Any], role: str = "sales_manager") -> httpx.Response:
    headers = {"authorization": f"Bearer {force.issuer.token('mona', role)}", "accept": "text/html"}
    answer: httpx.Response = force.client.post("/definitions/preview", json=body, headers=headers)
    return answer


def test_the_page_lists_and_previews(force: Force) -> None:
    define(force)
    define(force, CREW)
    define(force, kind="customer_field", code="shoe", label="Shoe size", form="number", choices=[])
    turn(force, "retire")
    page = force.page("/definitions", language="es")
    assert [word for word in ("Piso", "retirado", "Crew booked", "Shoe size", "Vista previa") if word not in page] == []
    assert "Save" not in force.page("/definitions", ("rep",))
    typed = {**FLOOR, "choices": "<b>one</b>, two", "place": "3"}
    shown = preview(force, typed)
    assert shown.status_code == 200, shown.text
    assert "&lt;b&gt;one&lt;/b&gt;" in shown.text
    assert listed(force)[0]["choices"] == ["ground", "first"]
    assert preview(force, {**typed, "form": "set"}).status_code == 422
    assert preview(force, typed, "rep").status_code == 403
