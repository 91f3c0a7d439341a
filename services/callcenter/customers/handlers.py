"""Customers are registered and edited: here, and by what other services say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.dialects.postgresql import insert as upsert

from services.callcenter.customers import record, rules
from services.callcenter.customers.record import Entry, Held
from services.callcenter.customers.tables import custom_field
from shared.customer import fold
from shared.customer.claims import Claim
from shared.customer.fields import Field, InvalidValue, UnknownField
from shared.customer.fields import field as field_of
from shared.customer.fold import Change, FieldState
from shared.customer.member import Member, member_of, stream
from shared.edge.errors import Conflict, Invalid, NotFound
from shared.events.customer import (
    ClaimMade,
    CustomerEdited,
    CustomerRegistered,
    CustomFieldDefined,
)
from shared.events.envelope import Event, new_id
from shared.pipeline.work import Work

DESK = ("agent", "supervisor")
WRITERS = (*DESK, "importer")


@dataclass(frozen=True)
class Register:
    """A customer that nobody here knew."""

    changes: Mapping[str, Change] = field(default_factory=dict)
    origin: str = "desk"
    at: datetime | None = None
    """When it was, if not now."""


@dataclass(frozen=True)
class Edit:
    """Fields of a customer that are to change."""

    member: str
    changes: Mapping[str, Change]
    saw: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Field -> the claims that the author saw when he decided; without it, what stands now."""


def register(work: Work, commands: Sequence[Register], region: str) -> list[str]:
    """Name new members; gives their ids. Raises ``Forbidden`` and ``Invalid``."""
    work.actor.need(*WRITERS, "telephony")
    custom = _custom(work, commands)
    members = sorted(new_id() for _ in commands)
    entries: list[Entry] = []
    for member, command in zip(members, commands, strict=True):
        made = claims_of(work, {}, command.changes, custom, region, command.at)
        entries += [(member, claim) for claim in made]
        fact = CustomerRegistered(claims=facts_of(made), origin=command.origin)
        work.publish(stream(Member(member)), fact, command.at)
    record.admit(work, {m: c.at or work.now for m, c in zip(members, commands, strict=True)})
    record.add(work, {member: Held(member, {}) for member in members}, entries)
    return members


def edit(work: Work, commands: Sequence[Edit], region: str) -> list[list[str]]:
    """Change fields; gives for each command the fields that did change.

    Raises ``Forbidden``, ``NotFound``, ``Invalid``, and ``Conflict`` for an erased customer.
    """
    work.actor.need(*WRITERS)
    custom = _custom(work, commands)
    held = record.hold(work, {command.member for command in commands})
    changed = []
    for command in commands:
        of = standing(held, command.member)
        states = {**of.states, **_seen(of.states, command.saw)}
        made = claims_of(work, states, command.changes, custom, region)
        record.add(work, held, [(of.member, claim) for claim in made])
        if made:
            work.publish(stream(Member(of.member)), CustomerEdited(claims=facts_of(made)))
        changed.append(sorted({claim.field for claim in made}))
    return changed


def heard_claims(work: Work, events: list[Event]) -> None:
    """Customers registered or edited by another service."""
    seen: dict[str, datetime | None] = {}
    entries: list[Entry] = []
    for event in events:
        member = member_in(work, event)
        if member is None:
            continue
        fact = event.fact
        if isinstance(fact, CustomerRegistered):
            seen[member] = min(event.occurred, seen.get(member) or event.occurred)
        elif not isinstance(fact, CustomerEdited):
            continue
        seen.setdefault(member, None)
        entries += [(member, _claim(made, event)) for made in fact.claims]
    if seen:
        record.admit(work, seen)
        record.add(work, record.hold(work, seen), entries)


def heard_fields(work: Work, events: list[Event]) -> None:
    """Custom fields that another service's department defined."""
    for event in events:
        if isinstance(event.fact, CustomFieldDefined):
            _define(work, event.fact, event.occurred, event.id)


def define_fields(work: Work, fields: Sequence[Field]) -> list[str]:
    """Define custom fields of this service's own; gives the names of those that are new or different."""
    work.actor.need("supervisor", "importer")
    if not fields:
        return []
    record.change_definitions(work)
    known = record.custom_fields(work.session)
    different = [new for new in fields if known.get(new.name) != new]
    for new in different:
        fact = CustomFieldDefined(name=new.name, label=new.label, kind=new.kind, policy=new.policy)
        _define(work, fact, work.now, work.publish(f"custom_field/{new.name}", fact))
    return [new.name for new in different]


def standing(held: Mapping[str, Held], member: str) -> Held:
    """The held member. Raises ``NotFound``, and ``Conflict`` when it is erased."""
    of = held.get(member)
    if of is None:
        raise NotFound("there is no such customer")
    if of.erased:
        raise Conflict("this customer was erased; nothing more can be written about the person")
    return of


def claims_of(
    work: Work,
    states: Mapping[str, FieldState],
    changes: Mapping[str, Change],
    custom: Mapping[str, Field],
    region: str,
    at: datetime | None = None,
) -> list[Claim]:
    """The claims that make the changes. Raises ``Invalid``, which names the field and never the value."""
    try:
        return fold.edit(
            states,
            {name: with_code(name, change, custom, region) for name, change in changes.items()},
            custom,
            ids=_ids(),
            occurred=at or work.now,
            source=work.source,
            author=work.actor.id,
        )
    except UnknownField as error:
        raise Invalid(f"a customer has no field {error.args[0]}") from None
    except InvalidValue as error:
        raise Invalid(str(error)) from None
    except TypeError as error:
        raise Invalid(str(error)) from None


def with_code(name: str, change: Change, custom: Mapping[str, Field], region: str) -> Change:
    """The change, a phone number in the form that fields take. Raises ``UnknownField``, ``InvalidValue``."""
    of = field_of(name, custom)
    if of.kind != "phone" or not isinstance(change, str) or not change.strip():
        return change
    try:
        return rules.e164(change, region)
    except rules.NotAPhone as error:
        raise InvalidValue(of, str(error)) from None


def facts_of(made: Iterable[Claim]) -> tuple[ClaimMade, ...]:
    """Claims as they stand in an event."""
    return tuple(ClaimMade(id=c.id, field=c.field, value=c.value, saw=c.saw, made=c.occurred) for c in made)


def _custom(work: Work, commands: Iterable[Register | Edit]) -> Mapping[str, Field]:
    if any(name.startswith("custom.") for command in commands for name in command.changes):
        return record.custom_fields(work.session)
    return {}


def _ids() -> Iterator[str]:
    while True:
        yield new_id()


def _seen(states: Mapping[str, FieldState], saw: Mapping[str, Sequence[str]]) -> dict[str, FieldState]:
    """The fields as the author saw them, as far as heads go; of a set, what he saw of each element."""
    seen = {}
    for name in saw.keys() & states.keys():
        state, ids = states[name], tuple(saw[name])
        elements = {e: tuple(h for h in heads if h in ids) for e, heads in state.heads.items()}
        seen[name] = msgspec.structs.replace(state, heads={"": ids} if "" in state.heads else elements)
    return seen


def _claim(made: ClaimMade, event: Event) -> Claim:
    return Claim(made.id, made.field, made.value, made.saw, made.made, event.source, event.envelope.authid)


def member_in(work: Work, event: Event) -> str | None:
    """The member of an event's stream; none, and the event rejected, when its name isn't a UUID."""
    try:
        return str(UUID(member_of(event.stream)))
    except ValueError:
        work.reject(event, "the stream doesn't name a member")
        return None


def _define(work: Work, fact: CustomFieldDefined, occurred: datetime, event_id: str) -> None:
    record.change_definitions(work)
    before = record.custom_fields(work.session).get(fact.name)
    row = upsert(custom_field).values(
        name=fact.name,
        label=fact.label,
        kind=fact.kind,
        policy=fact.policy,
        occurred=occurred,
        event_id=event_id,
    )
    newer = (row.excluded.occurred > custom_field.c.occurred) | (
        (row.excluded.occurred == custom_field.c.occurred) & (row.excluded.event_id > custom_field.c.event_id)
    )
    columns = ("label", "kind", "policy", "occurred", "event_id")
    work.session.execute(
        row.on_conflict_do_update(index_elements=["name"], set_={c: row.excluded[c] for c in columns}, where=newer)
    )
    after = record.custom_fields(work.session).get(fact.name)
    if (before.policy if before else "latest") != (after.policy if after else "latest"):
        record.refold(work, record.hold(work, record.claimed(work.session, fact.name)), fact.name)
