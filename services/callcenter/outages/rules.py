"""When a burst of cases is a new outage, and what can be decided of one. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from shared.events.callcenter import OutageConfirmed, OutageDismissed
from shared.texts import N_, Saying

NAMES = UUID("6f0b9a52-6d0c-5a50-9f6e-2a1c2f6a7e11")
QUIET = timedelta(hours=1)
"""So long after an outage was dismissed no other one is proposed for the same product and place."""

STATES = ("proposed", "confirmed", "dismissed")


class NotPossible(Saying):
    """The outage isn't in a state in which this can be done; the text is for people."""


@dataclass(frozen=True)
class Burst:
    """So many cases of one product in one place came at once."""

    product: str
    place: str
    since: datetime
    """When the first of them was opened."""
    cases: tuple[str, ...]
    """The first one first."""


@dataclass(frozen=True)
class Outage:
    """An outage as far as its rules look at it."""

    id: str
    state: str
    proposed: datetime
    decided: datetime | None = None
    cases: frozenset[str] = frozenset()
    reason: str | None = None
    """Why it was dismissed."""


def id_of(burst: Burst) -> str:
    """The id of the outage that the burst would be: the same however often it is seen."""
    return str(uuid5(NAMES, "\n".join((burst.product, burst.place, burst.cases[0]))))


def belongs_to(burst: Burst, known: Iterable[Outage], now: datetime) -> str | None:
    """The outage of the same product and place of which the burst is a part; none: it is a new one."""
    new = id_of(burst)
    newest_first = sorted(known, key=lambda o: (o.proposed, o.id), reverse=True)
    for outage in newest_first:
        if outage.id == new or outage.cases.intersection(burst.cases):
            return outage.id
    for outage in newest_first:
        if outage.state != "dismissed" or now - (outage.decided or outage.proposed) < QUIET:
            return outage.id
    return None


def confirm(outage: Outage) -> OutageConfirmed:
    """It is an outage. Raises ``NotPossible``."""
    if outage.state != "proposed":
        raise NotPossible(
            N_("this outage is dismissed already")
            if outage.state == "dismissed"
            else N_("this outage is confirmed already")
        )
    return OutageConfirmed(outage=outage.id)


def dismiss(outage: Outage, reason: str) -> OutageDismissed:
    """It is none (``no_outage``), or it is over. Raises ``NotPossible``."""
    if outage.state == "dismissed":
        raise NotPossible(N_("this outage is dismissed already"))
    if (reason == "over") != (outage.state == "confirmed"):
        raise NotPossible(N_("a proposed outage is refused with 'no_outage', a confirmed one ends with 'over'"))
    return OutageDismissed(outage=outage.id, reason=reason)


def undo(outage: Outage, now: datetime) -> str:
    """What it was before it was decided; gives that state. Only as long as no other one can have been proposed for the
    same product and place. Raises ``NotPossible``."""
    if outage.state == "proposed":
        raise NotPossible(N_("nothing is decided of this outage yet"))
    if now - (outage.decided or outage.proposed) >= QUIET:
        raise NotPossible(N_("this was decided too long ago"))
    return "confirmed" if outage.reason == "over" else "proposed"
