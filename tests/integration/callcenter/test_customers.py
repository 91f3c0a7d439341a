"""Customers: registered, edited, found and erased, here and by other services."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.callcenter.subscriptions import SUBSCRIPTIONS
from shared.events.customer import CustomerEdited, CustomerErased, CustomerRegistered, CustomFieldDefined
from shared.events.envelope import Event, new_id
from shared.pipeline import claims
from shared.pipeline.work import Work
from tests.builders import NOON, claim, done, erased, heard
from tests.integration.callcenter.center import CallCenter


def edit(center: CallCenter, member: str, saw: dict[str, Any] | None = None, **changes: Any) -> list[str]:
    body = {"changes": changes, **({"saw": saw} if saw else {})}
    changed: list[str] = done(center.post(f"/customers/{member}/edit", body))["changed"]
    return changed


def hear(center: CallCenter, *events: Event) -> None:
    """Run the handlers that the subscriptions name, one event after the other."""
    slice_ = SUBSCRIPTIONS.slices[0]
    for event in events:
        center.service.transact(center.service.itself, lambda work, e=event: slice_.handlers[e.type](work, [e]))  # type: ignore[misc]


def found(center: CallCenter, **body: str) -> list[str]:
    response = center.post("/customers/search", body)
    assert response.status_code == 200, response.text
    return [card["customer"] for card in response.json()]


def test_a_customer_is_registered_and_read(center: CallCenter) -> None:
    member = center.register(phone="(212) 555-0199", products=["line", "tv"], status="prospect")
    values = center.customer(member)["values"]
    assert values["phone"] == "+12125550199"
    assert values["products"] == ["line", "tv"]
    fact = next(e.fact for e in center.events() if e.stream == f"customer/{member}")
    assert isinstance(fact, CustomerRegistered)
    assert {c.field for c in fact.claims} == {"given_name", "family_name", "phone", "products", "status"}


def test_only_what_differs_becomes_a_claim(center: CallCenter) -> None:
    member = center.register(city="Rome")
    assert edit(center, member, city="Rome", company="Analytical Engines") == ["company"]
    assert edit(center, member, city=" Rome ") == []
    assert edit(center, member, products=["line"]) == ["products"]
    assert edit(center, member, products="-line") == ["products"]
    assert center.customer(member)["values"]["products"] == []


def test_an_edit_of_what_was_seen_earlier_loses_nothing(center: CallCenter) -> None:
    member = center.register(birth_date="1815-12-10")
    seen = center.customer(member)["heads"]["birth_date"]
    edit(center, member, birth_date="1815-12-11")
    center.clock.forward(seconds=1)
    edit(center, member, saw={"birth_date": seen}, birth_date="1815-12-12")
    shown = center.customer(member)
    # Two edits that didn't know of each other, in a field where a person has to choose.
    assert shown["open"] == ["birth_date"]
    assert len(shown["heads"]["birth_date"]) == 2
    assert shown["values"]["birth_date"] == "1815-12-11"
    edit(center, member, birth_date="1815-12-12")
    assert center.customer(member)["open"] == []


def test_edits_at_once_lose_no_claim(center: CallCenter) -> None:
    member = center.register()
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: edit(center, member, products=f"+p{n}", notes=f"note {n}", city=f"C{n}"), range(12)))
    values = center.customer(member)["values"]
    assert set(values["products"]) == {f"p{n}" for n in range(12)}
    assert sorted(values["notes"]) == sorted(f"note {n}" for n in range(12))
    claims = "SELECT count(*) FROM claim WHERE member = :m AND field = 'city'"
    assert center.scalar(claims, m=member) == 12
    assert len(center.customer(member)["heads"]["city"]) == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"shoe_size": "9"}, "shoe_size"),
        ({"phone": "call me"}, "phone"),
        ({"birth_date": "soon"}, "birth_date"),
        ({"status": "friend"}, "prospect"),
        ({"city": ["a", "b"]}, "city"),
    ],
)
def test_a_value_that_no_field_takes_is_refused_without_being_quoted(
    center: CallCenter, changes: dict[str, Any], says: str
) -> None:
    refused = center.post("/customers", {"changes": changes})
    assert refused.status_code == 422
    assert says in refused.json()["detail"]
    assert not any(word in refused.text for word in ("call me", "soon", "friend"))


def test_customers_are_found_by_number_address_and_name(center: CallCenter) -> None:
    member = center.register(
        given_name="Márta", family_name="Quimby-Ohlsson", phone="+1 555 010 0166", email="Marta@Example.org"
    )
    assert found(center, phone="555.010.0166") == [member]
    assert found(center, email="marta@example.ORG") == [member]
    assert found(center, name="quim mart") == [member]
    assert found(center, name="Quimby", phone="+1 212 555 0000") == []
    edit(center, member, phone="+1 555 010 0167", family_name="Ohlsson")
    assert found(center, phone="555.010.0166") == []
    assert found(center, phone="5550100167", name="ohlsson") == [member]
    assert center.post("/customers/search", {"phone": "call me"}).status_code == 422
    assert center.post("/customers/search", {"name": "x"}, roles=("telephony",)).status_code == 403


def test_what_other_services_say_is_the_same_in_any_order(fresh: CallCenter) -> None:
    first = claim("city", "Rome")
    second = claim("city", "Milan", saw=(first.id,), made=NOON + timedelta(minutes=1))
    third = claim("products", "+line")
    values = []
    for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 1, 0, 2, 2)):
        member = new_id()
        facts = [
            CustomerRegistered(claims=(first,)),
            CustomerEdited(claims=(second,)),
            CustomerEdited(claims=(third,)),
        ]
        hear(fresh, *(heard(member, facts[n], sequence=n + 1) for n in order))
        values.append(fresh.customer(member))
        assert found(fresh, name="x") == []
    assert all(v["values"] == {"city": "Milan", "products": ["line"]} for v in values)
    assert all(v["heads"] == values[0]["heads"] and v["registered"] for v in values)


def test_a_batch_of_events_is_taken_at_once(fresh: CallCenter) -> None:
    members = [new_id() for _ in range(300)]
    events = [heard(m, CustomerRegistered(claims=(claim("given_name", "Bo"), claim("city", "Oslo")))) for m in members]
    fresh.service.transact(fresh.service.itself, lambda work: claims.heard(work, events))
    assert fresh.scalar("SELECT count(*) FROM customer_record WHERE states->'city'->>'value' = 'Oslo'") == 300
    assert fresh.events() == []


def test_a_stream_that_names_no_member_is_rejected(fresh: CallCenter) -> None:
    event = heard("not-a-member", CustomerEdited(claims=(claim("city", "Rome"),)))

    def run(work: Work) -> int:
        claims.heard(work, [event])
        return len(work.rejected)

    assert fresh.service.transact(fresh.service.itself, run) == 1


def test_a_definition_that_comes_after_the_claims_folds_them_anew(fresh: CallCenter) -> None:
    member = new_id()
    one, two = claim("custom.tags", "+a"), claim("custom.tags", "+b")
    hear(fresh, heard(member, CustomerEdited(claims=(one, two))))
    tags = CustomFieldDefined(name="custom.tags", label="Tags", kind="set", policy="add_remove_set")
    later = CustomFieldDefined(name="custom.tags", label="Labels", kind="set", policy="add_remove_set")
    hear(
        fresh,
        heard("custom.tags", later, sequence=2, time=NOON + timedelta(hours=1)),
        heard("custom.tags", tags),
    )
    assert fresh.customer(member)["values"]["custom.tags"] == ["a", "b"]
    assert fresh.get("/custom-fields").json()[0]["label"] == "Labels"


def test_of_two_definitions_at_once_every_service_takes_the_same(fresh: CallCenter) -> None:
    ids = sorted(new_id() for _ in range(2))
    for order in ((0, 1), (1, 0)):
        name = f"custom.tie{order[0]}"
        facts = [CustomFieldDefined(name=name, label=label, kind="text") for label in ("One", "Two")]
        sources = ("sync", "marketing")
        hear(fresh, *(heard(name, facts[n], source=sources[n], sequence=9 - n, id=ids[n]) for n in order))
    assert [field["label"] for field in fresh.get("/custom-fields").json()] == ["Two", "Two"]


def test_a_custom_field_may_be_a_choice(fresh: CallCenter) -> None:
    plan = {"name": "custom.plan", "kind": "choice", "choices": ["basic", "full "]}
    done(fresh.post("/custom-fields", plan, actor="sue", roles=("supervisor",)))
    (fact,) = fresh.facts("custom_field.defined")
    assert fact.choices == ("basic", "full")
    member = fresh.register(**{"custom.plan": "full"})
    assert fresh.customer(member)["values"]["custom.plan"] == "full"
    assert fresh.post("/customers", {"changes": {"custom.plan": "half"}}).status_code == 422
    without = {"name": "custom.other", "kind": "choice"}
    assert fresh.post("/custom-fields", without, actor="sue", roles=("supervisor",)).status_code == 422


def test_nothing_readable_is_left_of_an_erased_person(fresh: CallCenter) -> None:
    secret = "Zanzibar"
    member = fresh.register(given_name=secret, phone="+1 555 010 0188", notes=secret, email=f"{secret}@example.org")
    rung = fresh.ring(number="+1 555 010 0188")
    done(fresh.post(f"/contacts/{rung['contact']}/answer"))
    review = {"reason": "billing", "outcome": "solved", "note": f"{secret} called"}
    done(fresh.post(f"/contacts/{rung['contact']}/wrap-up", review, key=new_id()))
    case = {"customer": member, "reason": "fault", "subject": f"{secret} has no line"}
    opened = done(fresh.post("/cases", case, key=new_id()), 201)["case"]
    assert fresh.post("/erasures", {"customer": member}).status_code == 403
    erased(fresh.post, member, "supervisor")

    assert tables_with(fresh, secret) == []
    assert tables_with(fresh, "5550100188") == []
    shown = fresh.customer(member)
    assert (shown["values"], shown["erased"] is not None) == ({}, True)
    assert fresh.scalar("SELECT count(*) FROM claim WHERE member = :m", m=member) == 0
    assert [event.type for event in fresh.events()[-2:]] == ["customer.erased", "customer.forgotten"]
    # What comes afterwards stays without a word about the person too.
    assert fresh.post(f"/customers/{member}/edit", {"changes": {"city": "Rome"}}).status_code == 409
    done(fresh.post(f"/cases/{opened}/resolve", {"solution": f"told {secret}"}))
    hear(fresh, heard(member, CustomerEdited(claims=(claim("city", secret),))))
    assert tables_with(fresh, secret) == []
    assert fresh.ring(number="+1 555 010 0188")["customer"] != member


def test_nothing_about_people_is_logged(fresh: CallCenter, capfd: pytest.CaptureFixture[str]) -> None:
    member = fresh.register(given_name="Zanzibar", phone="+1 555 010 0144")
    fresh.ring(number="+1 555 010 0144")
    fresh.post(f"/customers/{member}/edit", {"changes": {"birth_date": "Zanzibar"}})
    fresh.post(f"/customers/{member}/edit", {"changes": {"city": {"Zanzibar": 1}}})
    fresh.post("/customers/search", {"name": "Zanzibar", "phone": "5550100144"})
    logged = "".join(capfd.readouterr())
    assert logged.count("http.request") >= 5
    assert "anzibar" not in logged
    assert "0100144" not in logged.replace(" ", "")


def test_an_erasure_by_another_service_is_followed(fresh: CallCenter) -> None:
    member = fresh.register(given_name="Zanzibar")
    before = len(fresh.events())
    hear(fresh, heard(member, CustomerErased()), heard(new_id(), CustomerErased()))
    assert tables_with(fresh, "Zanzibar") == []
    assert fresh.scalar("SELECT count(*) FROM erased_member") == 2
    told = fresh.events()[before:]
    assert [event.type for event in told] == ["customer.forgotten"] * 2
    hear(fresh, heard(member, CustomerErased(), sequence=2))
    assert len(fresh.events()) == before + 2


def test_an_erasure_and_a_review_at_once_leave_nothing(fresh: CallCenter) -> None:
    for n in range(5):
        rung = fresh.ring(number=f"+1 555 010 02{n:02}")
        done(fresh.post(f"/contacts/{rung['contact']}/answer"))
        review = {"reason": "billing", "outcome": "solved", "note": "Zanzibar"}
        proposed = fresh.post("/erasures", {"customer": rung["customer"]}, "sue", ("supervisor",))
        consent = f"/erasures/{done(proposed, 201)['erasure']}/consent"
        with ThreadPoolExecutor(2) as pool:
            wrapped = pool.submit(fresh.post, f"/contacts/{rung['contact']}/wrap-up", review)
            gone = pool.submit(fresh.post, consent, {}, "sam", ("supervisor",))
            assert wrapped.result().status_code == 200
            assert gone.result().status_code == 200
        assert tables_with(fresh, "Zanzibar") == []


def tables_with(center: CallCenter, word: str) -> list[str]:
    """The tables in which a row, as text, has the word."""
    with center.service.engine.connect() as connection:
        names = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        return [
            name
            for name in names
            if connection.scalar(
                text(f'SELECT count(*) FROM "{name}" t WHERE strpos(lower(t::text), lower(:word)) > 0'),
                {"word": word},
            )
        ]
