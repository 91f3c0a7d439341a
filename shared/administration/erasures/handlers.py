"""Two people forget a customer: one proposes, another consents to exactly the members that were proposed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shared.access.actions import Action
from shared.administration.erasures import answers, reads
from shared.administration.erasures.answers import Forgetting
from shared.administration.erasures.rules import ERASED, PROPOSED, WITHDRAWN, Erasure
from shared.administration.erasures.tables import erasure, erasure_log
from shared.customer.member import Member, stream
from shared.edge.errors import Conflict, Forbidden, NotFound
from shared.events.customer import CustomerErased
from shared.events.envelope import new_id
from shared.pipeline import claims, clusters, keys
from shared.pipeline.customer_tables import customer_record
from shared.pipeline.doing import Doing
from shared.pipeline.work import Work
from shared.texts import N_, Text


def propose(work: Work, customer: str, reason: str) -> str:
    """Say that a customer, with all members that are the same one now, is to be forgotten; gives the proposal's id.

    Raises ``Forbidden``, ``NotFound``, and ``Conflict`` for an erased one or one that is proposed already.
    """
    _person(work)
    work.see(Action.CUSTOMER_ERASE, customer)
    if keys.erased(work.session, [customer]):
        raise Conflict(N_("this customer was erased"))
    c = customer_record.c
    if not work.session.scalar(select(c.registered).where(c.member == customer)):
        raise NotFound(N_("there is no such customer"))
    members = _members(work.session, customer)
    for other in reads.waiting(work.session):
        if set(other.members) & set(members):
            raise Conflict(
                N_("erasure %(other)s of this customer waits for consent; withdraw it first"), other=other.id
            )
    id = new_id()
    row = {"id": id, "customer": customer, "members": members, "reason": reason, "state": PROPOSED}
    work.session.execute(erasure.insert().values(**row, proposed_by=work.actor.id, proposed=work.now))
    _changed(work, id, members, PROPOSED)
    return id


def consent(work: Work, of: Forgetting, id: str) -> Erasure:
    """Be the second person: every member of the proposal is forgotten, here now and elsewhere as the event arrives.

    Raises ``Forbidden``, for who proposed it too, ``NotFound``, and ``Conflict`` when it is decided or the customer is
    made of other members by now.
    """
    _person(work)
    work.need(Action.CUSTOMER_ERASE_CONSENT)
    one = _locked(work, id)
    if one.proposed_by == work.actor.id:
        raise Forbidden(N_("an erasure needs a second person; you proposed it"))
    members = list(one.members)
    # Those that were never met here too: whoever met them elsewhere has to forget them.
    held = claims.lock(work.session, members)
    if _members(work.session, one.customer) != members:
        raise Conflict(
            N_("this customer is made of other members than when it was proposed; withdraw it and propose anew")
        )
    for member in members:
        if not held[member].erased:
            work.publish(stream(Member(member)), CustomerErased(reason=one.reason))
    answers.forget(work, of, members)
    _decide(work, one, ERASED)
    return reads.erasure_of(work.session, id)


def withdraw(work: Work, id: str) -> None:
    """Let a proposal rest. Raises ``Forbidden``, ``NotFound`` and ``Conflict``."""
    _person(work)
    need_any(work)
    one = _locked(work, id)
    see(work, one)
    _decide(work, one, WITHDRAWN)


def look_again(work: Work, id: str) -> None:
    """Have the topics of keys read anew that still held something. Raises ``Forbidden`` and ``NotFound``."""
    need_any(work)
    see(work, reads.erasure_of(work.session, id))
    kept = erasure_log.c
    work.session.execute(erasure_log.delete().where(kept.erasure == id, kept.wrapped > 0))


def need_any(doing: Doing) -> None:
    """Raises ``Forbidden`` for who can neither propose nor consent."""
    both = (Action.CUSTOMER_ERASE, Action.CUSTOMER_ERASE_CONSENT)
    doing.need(next((action for action in both if doing.may(action)), Action.CUSTOMER_ERASE))


def see(doing: Doing, one: Erasure) -> None:
    """Raises ``Forbidden`` for who can't be the second person and may not propose it of this very customer."""
    if not within_reach(doing, [one]):
        raise Forbidden(
            N_("this customer isn't among those for whom %(actor)s has %(action)s here"),
            actor=doing.actor.id,
            action=Action.CUSTOMER_ERASE,
        )


def within_reach(doing: Doing, some: Sequence[Erasure]) -> list[Erasure]:
    """Those of them that somebody may know of."""
    if doing.may(Action.CUSTOMER_ERASE_CONSENT):
        return list(some)
    near = doing.fields(Action.CUSTOMER_ERASE, [one.customer for one in some])
    return [one for one in some if one.customer in near]


def _person(work: Work) -> None:
    if work.actor.is_service:
        raise Forbidden(N_("people are forgotten by people, not by services"))


def _members(session: Session, customer: str) -> list[str]:
    return sorted(clusters.mates_of(session, [customer])[customer])


def _locked(work: Work, id: str) -> Erasure:
    """A proposal that waits. Locked before any customer, as nobody locks one while holding a customer."""
    one = reads.erasure_of(work.session, id, lock=True)
    if one.state != PROPOSED:
        raise Conflict(N_("this erasure is %(state)s already"), state=Text(one.state))
    return one


def _decide(work: Work, one: Erasure, state: str) -> None:
    values = {"state": state, "decided_by": work.actor.id, "decided": work.now}
    work.session.execute(update(erasure).where(erasure.c.id == one.id).values(values))
    _changed(work, one.id, one.members, state)


def _changed(work: Work, id: str, members: Sequence[str], state: str) -> None:
    work.changed(f"erasure/{id}", state=state, members=list(members))
    for member in members:
        work.touch(stream(Member(member)))
