"""One example of every event type: shown in docs/events.md, and published into the corpus of the tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from shared.events import callcenter, customer
from shared.events.facts import Fact, type_of

_CALL = "019ca9d2-4f3e-7c21-9d0a-5b7f3a1e2c44"
_CASE = "019ca9d4-1b70-7e0f-8a35-92c4d16f7b08"
_PHONE = "019ca9d2-4f3e-7c21-9d0a-5b7f3a1e2c45"
_NAME = "019ca9d2-4f3e-7c21-9d0a-5b7f3a1e2c46"
_NEW_PHONE = "019ca9d9-77aa-7d52-b1c3-0e8f6a4b2d19"
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
    callcenter.CaseResolved(
        case=_CASE, solution="Second charge refunded", seconds_to_solution=86_400.0, immediate=False
    ),
    callcenter.ContactAbandoned(contact="019caf10-0a5c-7b9e-8c47-3d2e1f0a9b86", waited_seconds=95.0),
    customer.SequenceVoided(),
    customer.CustomerErased(reason="request"),
)

EXAMPLES: Mapping[str, Fact] = {type_of(fact).name: fact for fact in _IN_ORDER}
"""By event type, in an order in which they can follow each other in a customer's stream."""
