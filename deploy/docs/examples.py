"""One example of every event type: shown in docs/events.md, and published into the corpus of the tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from shared.events import callcenter, customer, definitions, heads, marketing, sfa, sync
from shared.events.facts import Fact, type_of

_CALL = "019ca9d2-4f3e-7c21-9d0a-5b7f3a1e2c44"
_CASE = "019ca9d4-1b70-7e0f-8a35-92c4d16f7b08"
_PHONE = "019ca9d2-4f3e-7c21-9d0a-5b7f3a1e2c45"
_NAME = "019ca9d2-4f3e-7c21-9d0a-5b7f3a1e2c46"
_NEW_PHONE = "019ca9d9-77aa-7d52-b1c3-0e8f6a4b2d19"
_MATE = "019ca9c0-6d1e-7a44-8f02-1c7be05d9a31"
_CLUSTER = "019ca1b7-30f2-7c88-a6d4-f25b9e7c4410"
_ORDER = "019caa01-5c3d-7b60-9e18-84d7a2f0c6b5"
_DEVICE = "019ca8f0-2b4a-7d19-b7c5-6e90d1f3a827"
_OUTAGE = "019caa40-91e6-8c02-9a7d-3f5b8c1e6d04"
_CALLED = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

_IN_ORDER: tuple[Fact, ...] = (
    customer.CustomerRegistered(
        claims=(
            customer.ClaimMade(id=_NAME, field="given_name", value="Ada", made=_CALLED),
            customer.ClaimMade(id=_PHONE, field="phone", value="+15550100199", made=_CALLED),
        ),
        origin="call",
    ),
    customer.CustomFieldDefined(name="custom.contract", label="Contract", kind="text", policy="latest"),
    definitions.DefinitionMade(
        kind="case_field",
        code="invoice",
        labels={"en": "Invoice", "es": "Factura"},
        place=3,
        form="text",
    ),
    customer.CustomerEdited(
        claims=(
            customer.ClaimMade(id=_NEW_PHONE, field="phone", value="+15550100142", saw=(_PHONE,), made=_CALLED),
            customer.ClaimMade(
                id="019ca9d9-77aa-7d52-b1c3-0e8f6a4b2d1a",
                field="custom.contract",
                value="Two year",
                made=_CALLED,
            ),
        )
    ),
    callcenter.ContactOffered(contact=_CALL, channel="phone", queue="billing", address="+1 555 010 0199"),
    callcenter.ContactAnswered(contact=_CALL, agent="anna", waited_seconds=14.5),
    callcenter.CaseOpened(
        case=_CASE,
        reason="billing",
        subject="Charged twice in February",
        contact=_CALL,
        requested=_CALLED,
        custom={"invoice": "2026-0214"},
    ),
    callcenter.ContactEnded(contact=_CALL, agent="anna", talked_seconds=312.0),
    callcenter.ContactWrappedUp(
        contact=_CALL,
        agent="anna",
        reason="billing",
        outcome="case_opened",
        satisfaction=4,
        note="Wants the second charge back",
        custom={"invoice": "2026-0214"},
    ),
    callcenter.CaseMoved(case=_CASE, step="waiting_for_parts"),
    callcenter.CaseDescribed(case=_CASE, custom={"floor": "Third, left"}),
    callcenter.CaseResolved(
        case=_CASE, solution="Second charge refunded", seconds_to_solution=86_400.0, immediate=False
    ),
    callcenter.ContactAbandoned(contact="019caf10-0a5c-7b9e-8c47-3d2e1f0a9b86", waited_seconds=95.0),
    sync.CustomerAssigned(cluster=_CLUSTER, because="phone"),
    sync.CustomerParted(other=_MATE, reason="household"),
    sync.CustomerJoined(other=_MATE, reason="told"),
    sync.DeviceEnrolled(device=_DEVICE, rep="rosa"),
    sync.NoteAdded(note="019caa00-3e7b-7f21-8c4d-a15e9b60d7f2", text="Wants a second line", device=_DEVICE, number=6),
    sync.OrderRequested(
        order=_ORDER,
        lines=(sync.RequestedLine(product="internet.fiber", quantity=1, unit_price=7_995),),
        currency="USD",
        rep="rosa",
        territory="us-northeast",
        device=_DEVICE,
        number=7,
    ),
    sync.DeviceRevoked(device=_DEVICE, reason="lost"),
    sfa.TerritoryDefined(territory="us-northeast", name="Northeast", parent="us"),
    sfa.TerritoryRepAssigned(territory="us-northeast", rep="rosa"),
    sfa.CustomerTerritoryAssigned(territory="us-northeast"),
    sfa.ProductDefined(
        product="internet.fiber", name="Fiber", unit_price=7_995, currency="USD", installation="on_site"
    ),
    sfa.OrderPlaced(
        order=_ORDER,
        lines=(sfa.OrderLine(product="internet.fiber", name="Fiber", quantity=1, unit_price=7_995),),
        total=7_995,
        currency="USD",
        channel="device",
        rep="rosa",
        territory="us-northeast",
        promised=datetime(2026, 3, 9, 23, 59, 59, tzinfo=UTC),
        custom={"floor": "Third, left"},
    ),
    sfa.OrderMoved(order=_ORDER, step="crew_booked", state="placed"),
    sfa.OrderProvisioned(order=_ORDER),
    sfa.OrderDelayed(order=_ORDER, problem="no_access", promised=datetime(2026, 3, 12, 23, 59, 59, tzinfo=UTC)),
    sfa.OrderDelivered(order=_ORDER, how="on_site"),
    sfa.OrderCancelled(order="019caa01-5c3d-7b60-9e18-84d7a2f0c6b6", reason="customer"),
    sfa.OrderRefused(order="019caa01-5c3d-7b60-9e18-84d7a2f0c6b7", reason="unknown_product"),
    sfa.TerritoryRepWithdrawn(territory="us-northeast", rep="rosa"),
    marketing.SegmentDefined(
        segment="high_value",
        name="High value",
        currency="USD",
        measure="orders.amount",
        window_days=365,
        at_least=50_000,
        conditions=(
            marketing.SegmentCondition(kind="customer_field", code="contract", form="text", test="is", value="yearly"),
        ),
    ),
    marketing.CustomerValued(
        cluster=_CLUSTER, amount=61_240, currency="USD", window_days=365, orders=4, last_order=_CALLED
    ),
    marketing.SegmentEntered(segment="high_value", because=(_ORDER,)),
    marketing.SegmentLeft(segment="high_value", because="time"),
    callcenter.OutageProposed(outage=_OUTAGE, product="internet.fiber", place="us-617", since=_CALLED, cases=(_CASE,)),
    callcenter.OutageConfirmed(outage=_OUTAGE),
    callcenter.OutageDismissed(outage=_OUTAGE, reason="over"),
    heads.HeadsReported(
        heads={f"customer/{_MATE}": 12},
        audited=1_204,
        audit_hash="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ),
    heads.ServiceLeft(),
    customer.SequenceVoided(),
    customer.CustomerErased(reason="request"),
    customer.CustomerForgotten(
        places={"records": 7, "notes": 2},
        open=("device/0198f3a2-7c1e-7b30-9d54-3f8e6a1b2c0d",),
        exports=("0198f3a2-8d2f-7a41-8e65-4a9f7b2c3d1e",),
    ),
)

EXAMPLES: Mapping[str, Fact] = {type_of(fact).name: fact for fact in _IN_ORDER}
"""By event type, in an order in which they can follow each other in a customer's stream."""
