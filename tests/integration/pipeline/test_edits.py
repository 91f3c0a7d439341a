"""What a person allows or forbids is written for every member that is known to be this person."""

from __future__ import annotations

from sqlalchemy.orm import Session

from shared.customer.claims import Claim
from shared.customer.consent import echo_id, is_echo
from shared.customer.member import Member, member_of
from shared.events.customer import CustomerEdited
from shared.pipeline import claims, clusters, edits
from shared.pipeline.claims import Told
from shared.pipeline.work import Work
from tests.probe import ANNA, Pair, new_member

ALLOWED = "contact_allowed.phone"
Said = dict[str, list[Claim]]


def linked(pair: Pair, count: int = 3) -> list[Member]:
    """Members of one cluster."""
    members = [Member(member) for member in sorted(new_member() for _ in range(count))]

    def body(work: Work) -> None:
        claims.store_claims(work, [Told(member, work.now) for member in members])
        clusters.assign(work.session, dict.fromkeys(members, members[0]))

    pair.hearer.transact(ANNA, body)
    return members


def edit(pair: Pair, member: Member, field: str, value: str) -> dict[str, list[str]]:
    """Anna edits; gives the ids of the claims that were published about each member."""

    def body(work: Work) -> dict[str, list[str]]:
        edits.edit(work, member, {field: value}, {}, "US")
        return {
            member_of(p.stream): [c.id for c in p.fact.claims] for p in work.facts if isinstance(p.fact, CustomerEdited)
        }

    return pair.hearer.transact(ANNA, body)


def values(pair: Pair, members: list[Member]) -> list[object]:
    def body(work: Work) -> list[object]:
        held = claims.lock(work.session, members)
        return [held[m].states[ALLOWED].value if ALLOWED in held[m].states else None for m in members]

    return pair.hearer.transact(ANNA, body)


def test_an_opt_out_is_written_for_all_mates_and_may_be_taken_back_at_any_of_them(offline: Pair) -> None:
    members = linked(offline)
    published = edit(offline, members[1], ALLOWED, "false")
    assert set(published) == set(members)
    assert values(offline, members) == ["false"] * 3
    [origin] = published[members[1]]
    assert not is_echo(origin)
    assert published[members[0]] == [echo_id(origin, members[0])]
    edit(offline, members[2], ALLOWED, "true")
    assert values(offline, members) == ["true"] * 3


def test_other_fields_and_members_alone_are_repeated_for_nobody(offline: Pair) -> None:
    members = linked(offline)
    assert set(edit(offline, members[0], "given_name", "Ada")) == {members[0]}
    [alone] = linked(offline, 1)
    assert set(edit(offline, alone, ALLOWED, "false")) == {alone}
    assert values(offline, members) == [None] * 3


def test_a_repetition_isn_t_repeated_and_nothing_is_repeated_twice(offline: Pair) -> None:
    one, two = linked(offline, 2)
    edit(offline, one, ALLOWED, "false")

    def repeat(origin: Member, mate: Member) -> int:
        def body(work: Work) -> int:
            known = claims.claims_of(work.session, origin, [ALLOWED])
            edits.repeat_consent(work, known.values(), mate, claims.lock(work.session, [mate])[mate])
            return len(work.facts)

        return offline.hearer.transact(ANNA, body)

    assert repeat(one, two) == 0
    assert repeat(two, one) == 0


def test_nothing_is_written_for_a_mate_that_was_erased_or_is_not_known(offline: Pair) -> None:
    one, gone = linked(offline, 2)
    stranger = new_member()
    offline.hearer.transact(ANNA, lambda work: claims.forget(work, [gone]))
    offline.hearer.transact(ANNA, lambda work: clusters.assign(work.session, {stranger: one}))
    assert set(edit(offline, one, ALLOWED, "false")) == {one}
    with Session(offline.hearer.engine) as session:
        assert claims.claims_of(session, stranger, [ALLOWED]) == {}
