"""Edits of customers' records: what somebody changes becomes claims, stored and published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

import msgspec

from shared.access.grants import Fields
from shared.customer import fold
from shared.customer.claims import Claim
from shared.customer.consent import echo_id, is_echo
from shared.customer.fields import CONSENT, Field, InvalidValue, UnknownField
from shared.customer.fold import Change, FieldState
from shared.customer.member import Member, stream
from shared.customer.phones import with_code
from shared.edge.errors import Forbidden, Invalid
from shared.events.customer import CustomerEdited
from shared.events.envelope import new_id
from shared.pipeline import clusters
from shared.pipeline.claims import Held, Told, claims_of, lock, made, standing, store_claims
from shared.pipeline.definitions import custom_fields
from shared.pipeline.work import Work
from shared.texts import N_


def edit(
    work: Work, member: Member, changes: Mapping[str, Change], saw: Mapping[str, Sequence[str]], region: str
) -> tuple[Claim, ...]:
    """Claims of the actor for a member, stored and published; none if all is so already.

    ``saw`` says for each field which claims the actor had before his eyes; where it is silent, today's heads.
    ``region``: the country of phone numbers without a country code. Raises ``NotFound``, ``Conflict`` for an erased
    customer, and ``Invalid``.
    """
    # What a person allows or forbids is said for all members that are this person, for when they are parted.
    mates = clusters.others(work.session, member) if CONSENT & changes.keys() else []
    locked = lock(work.session, [member, *mates]) if mates else {}
    held = standing(work.session, member)
    states = held.states | {name: as_seen(held.states[name], saw[name]) for name in held.states.keys() & saw.keys()}
    custom = custom_fields(work.session)
    with invalid():
        coded = with_code(changes, custom, region)
    made_here = publish_edit(work, member, claims_for(work, states, coded, custom), held)
    for mate in mates:
        repeat_consent(work, made_here, Member(mate), locked[mate])
    return made_here


def need_fields(may: Fields, names: Iterable[str]) -> None:
    """Raises ``Forbidden`` unless all of these fields are among those that may be changed."""
    if lacking := sorted(name for name in names if name not in may):
        raise Forbidden(N_("your roles don't allow to change %(lacking)s of this customer"), lacking=", ".join(lacking))


def take(work: Work, member: Member, made_there: Sequence[Claim], *, device: str, number: int) -> None:
    """Claims that the actor made on a device, as its mutation of this number; stored, published, and of what a person
    allows or forbids repeated. Raises as ``standing``."""
    mates = clusters.others(work.session, member) if CONSENT & {one.field for one in made_there} else []
    locked = lock(work.session, [member, *mates]) if mates else {}
    publish_edit(work, member, made_there, standing(work.session, member), device=device, number=number)
    for mate in mates:
        repeat_consent(work, made_there, Member(mate), locked[mate])


def repeat_consent(work: Work, origins: Iterable[Claim], member: Member, held: Held, *, history: bool = False) -> None:
    """Say for another member of the same person what these claims allow or forbid; what was repeated isn't again.

    What the other member forbids itself keeps standing beside a repetition that forbids it too: it is still its own
    word when the two are found to be different people.
    """
    if held.erased or held.registered is None:
        return
    echoes = {echo_id(one.id, member): one for one in origins if one.field in CONSENT and not is_echo(one.id)}
    here = claims_of(work.session, member, {one.field for one in echoes.values()}) if echoes else {}
    seen = {name: state.heads.get("", ()) for name, state in held.states.items()}

    def saw(one: Claim) -> tuple[str, ...]:
        heads = seen.get(one.field, ())
        return tuple(id for id in heads if one.value != "false" or id not in here or here[id].value != "false")

    new = [
        msgspec.structs.replace(one, id=id, saw=saw(one), source=work.source, author=work.actor.id)
        for id, one in sorted(echoes.items())
        if id not in here
    ]
    publish_edit(work, member, new, held, history=history)


def claims_for(
    work: Work,
    states: Mapping[str, FieldState],
    changes: Mapping[str, Change],
    custom: Mapping[str, Field],
    at: datetime | None = None,
) -> list[Claim]:
    """The claims by which the actor, who saw these states, makes the changes. Raises ``Invalid``."""
    with invalid():
        return fold.edit(
            states,
            changes,
            custom,
            ids=iter(new_id, ""),
            occurred=at or work.now,
            source=work.source,
            author=work.actor.id,
        )


@contextmanager
def invalid() -> Iterator[None]:
    """What a field doesn't take is ``Invalid``; the text names the field and what is expected, never the value."""
    try:
        yield
    except UnknownField as error:
        raise Invalid(N_("a customer has no field %(field)s"), field=error.args[0]) from None
    except InvalidValue as error:
        raise Invalid(error) from None


def as_seen(state: FieldState, saw: Sequence[str]) -> FieldState:
    """The field with the heads that its author saw; of a set, those he saw of each element."""
    elements = {element: tuple(id for id in ids if id in saw) for element, ids in state.heads.items()}
    return msgspec.structs.replace(state, heads={"": tuple(saw)} if "" in state.heads else elements)


def publish_edit(
    work: Work,
    member: Member,
    claims: Sequence[Claim],
    held: Held,
    *,
    history: bool = False,
    device: str = "",
    number: int = 0,
) -> tuple[Claim, ...]:
    """Store claims of the actor about a member that is held, and publish them, if there are any. ``device`` and
    ``number`` name the mutation that they came with, if one did."""
    if claims:
        fact = CustomerEdited(claims=made(claims), device=device, number=number)
        work.publish(stream(member), fact, history=history)
        store_claims(work, [Told(member, work.now, tuple(claims))], {member: held})
        work.touch(stream(member))
    return tuple(claims)
