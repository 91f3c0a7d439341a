"""What a person forbids holds for all members that are this person, and stays when they are parted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from services.sync.identity.handlers import CONSENT
from shared.customer.claims import Claim
from shared.customer.consent import is_echo
from shared.customer.fields import CONSENT as FIELDS
from shared.customer.member import Member
from shared.pipeline import claims, clusters, edits
from shared.pipeline.claims import Held
from shared.pipeline.tasks import Item, Task
from shared.pipeline.work import Work

LATER = timedelta(minutes=1)
"""How long to wait for the record of a member that others were linked with before it came."""


def spread(work: Work, items: Sequence[Item]) -> Mapping[str, datetime]:
    """Repeat what a member of a customer said first, and still forbids, for the members that lack the repetition.

    What somebody allowed again stays allowed: the repetition is there and isn't made twice.
    """
    mates = clusters.mates_of(work.session, [item.key for item in items])
    held = claims.lock(work.session, set().union(*mates.values()))
    keys_of: dict[tuple[str, ...], list[Item]] = {}
    for item in items:
        keys_of.setdefault(tuple(sorted(mates[item.key])), []).append(item)
    again: dict[str, datetime] = {}
    for customer, due in sorted(keys_of.items()):
        if len(customer) == 1:
            continue
        forbidden = {member: _forbidden(work, member, held[member]) for member in customer}
        past = all(item.history for item in due)
        for member, origins in forbidden.items():
            for mate in customer:
                if mate != member:
                    edits.repeat_consent(work, origins, Member(mate), held[mate], history=past)
        if any(held[m].registered is None and not held[m].erased for m in customer):
            again |= {item.key: work.now + LATER for item in due}
    return again


def _forbidden(work: Work, member: str, held: Held) -> list[Claim]:
    """The claims of a member that forbid something now and repeat nothing."""
    standing = {id for name in FIELDS & held.states.keys() for ids in held.states[name].heads.values() for id in ids}
    known = claims.claims_of(work.session, member, FIELDS) if standing else {}
    return [one for id, one in sorted(known.items()) if id in standing and one.value == "false" and not is_echo(id)]


TASK = Task(CONSENT, spread, slices=("identity", "customers"))
