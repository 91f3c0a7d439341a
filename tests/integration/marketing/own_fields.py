"""What departments define fields of their own by, and write into them, as marketing hears it."""

from __future__ import annotations

from typing import Any

from shared.events.callcenter import CaseDescribed, CaseOpened, ContactWrappedUp
from shared.events.customer import CustomerEdited, CustomFieldDefined
from shared.events.definitions import DefinitionMade
from shared.events.envelope import Event, new_id
from tests.builders import NOON, claim, heard


def defined(code: str, form: str, *choices: str, **more: Any) -> Event:
    """A department defines a field of customers."""
    values: dict[str, Any] = {"name": f"custom.{code}", "label": code.title(), "labels": {"es": f"{code} (es)"}}
    policy = "add_remove_set" if form == "set" else "latest"
    return heard("", CustomFieldDefined(**values, kind=form, policy=policy, choices=choices, **more))


def made(kind: str, code: str, form: str, source: str, *choices: str, **more: Any) -> Event:
    """A department defines a field of its own."""
    labels = {"en": code.title(), "es": f"{code} (es)"}
    fact = DefinitionMade(kind=kind, code=code, labels=labels, form=form, choices=choices, **more)
    return heard(f"{source}.{kind}.{code}", fact, source=source)


FIELDS = (
    defined("plan", "choice", "gold", "silver"),
    defined("floors", "number"),
    defined("tags", "set"),
    made("contact_field", "mood", "text", "callcenter"),
    made("case_field", "floor", "number", "callcenter"),
    made("order_field", "until", "date", "sfa"),
    made("order_field", "gift", "boolean", "sfa"),
)


def edited(member: str, at: Any = NOON, **values: str) -> Event:
    claims = tuple(claim(f"custom.{code}", value, made=at) for code, value in values.items())
    return heard(member, CustomerEdited(claims=claims), source="callcenter", time=at)


def reviewed(member: str, at: Any = NOON, **custom: str) -> Event:
    fact = ContactWrappedUp(contact=new_id(), agent="a", reason="r", outcome="o", custom=custom)
    return heard(member, fact, source="callcenter", time=at)


def opened(member: str, at: Any = NOON, **custom: str) -> Event:
    fact = CaseOpened(case=new_id(), reason="r", subject="s", requested=at, custom=custom)
    return heard(member, fact, source="callcenter", time=at)


def described(of: Event, at: Any = NOON, **custom: str) -> Event:
    """A case has other values."""
    assert isinstance(of.fact, CaseOpened)
    member = of.stream.removeprefix("customer/")
    return heard(member, CaseDescribed(case=of.fact.case, custom=custom), source="callcenter", time=at, sequence=2)
