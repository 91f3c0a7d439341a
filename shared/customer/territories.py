"""In which territory a customer is, and who looks after it: the same rule in every service. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Assigned:
    """What was last said of a member: it is in this territory since then; empty: in none."""

    territory: str
    at: datetime


def territory_of(member: str, mates: Iterable[str], assigned: Mapping[str, Assigned]) -> str:
    """The territory of a member; empty when it is in none.

    One without a territory of its own takes that of the mate (a member of the same customer) that was assigned last;
    of several at one instant, that of the newest member.
    """
    own = assigned.get(member)
    if own and own.territory:
        return own.territory
    of_mates = [(assigned[m].at, m) for m in mates if m != member and m in assigned and assigned[m].territory]
    return assigned[max(of_mates)[1]].territory if of_mates else ""


def upward(territory: str, parents: Mapping[str, str]) -> tuple[str, ...]:
    """The territory, its region, that region's region and so on. A circle, as a listener may see one for a moment,
    ends where it closes."""
    chain: list[str] = []
    while territory and territory not in chain:
        chain.append(territory)
        territory = parents.get(territory, "")
    return tuple(chain)


def looks_after(rep: str, territory: str, parents: Mapping[str, str], reps: Mapping[str, Collection[str]]) -> bool:
    """Whether a rep has the territory or a region above it. ``reps``: those of each territory."""
    return any(rep in reps.get(one, ()) for one in upward(territory, parents))


def closes_circle(territory: str, parent: str, parents: Mapping[str, str]) -> bool:
    """Whether the territory would be below itself with this parent."""
    return territory in upward(parent, parents)
