"""Which members are the same customer, as sync says it (``customer.assigned``): the same in every service.

A member of which nothing was said is a cluster of its own. What is kept of customers is kept per member, and combined
over the members of a cluster when it is asked for: so what was linked can be unlinked, exactly.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from shared.customer.member import member_of
from shared.edge.db import text_array
from shared.edge.statements import run
from shared.events.envelope import Event
from shared.events.sync import CustomerAssigned
from shared.pipeline.customer_tables import any_of, customer_cluster
from shared.pipeline.work import Work


def heard_assigned(work: Work, events: list[Event]) -> None:
    """Members were assigned to clusters, for services that combine when they are asked."""
    assign(work.session, assigned(events))


def assigned(events: Iterable[Event]) -> dict[str, str]:
    """Member -> cluster, the newest of each stream."""
    return {member_of(e.stream): e.fact.cluster for e in events if isinstance(e.fact, CustomerAssigned)}


def assign(session: Session, clusters: Mapping[str, str]) -> set[str]:
    """Keep assignments; gives all members of the clusters that lost or won a member, whose figures change."""
    if not clusters:
        return set()
    before = mates_of(session, clusters)
    c = customer_cluster
    alone = [member for member, cluster in clusters.items() if member == cluster]
    session.execute(delete(c).where(c.c.member == any_of(sorted(alone))))
    rows = [{"member": m, "cluster": cluster} for m, cluster in sorted(clusters.items()) if m != cluster]
    if rows:
        new = upsert(c)
        session.execute(
            new.on_conflict_do_update(index_elements=["member"], set_={"cluster": new.excluded.cluster}), rows
        )
    after = mates_of(session, clusters)
    return set(clusters).union(*before.values(), *after.values())


# Asked for thousands at once: ids go and come as text, which costs the least to turn.
_CLUSTERS = text("""
SELECT member::text, cluster::text FROM customer_cluster WHERE member = ANY (CAST(:members AS uuid[]))
""")
_MEMBERS = text("""
SELECT member::text, cluster::text FROM customer_cluster WHERE cluster = ANY (CAST(:clusters AS uuid[]))
""")


def clusters_of(session: Session, members: Collection[str]) -> dict[str, str]:
    """The cluster of each of the members."""
    known: dict[str, str] = dict(map(tuple, session.execute(_CLUSTERS, {"members": text_array(members)}).all()))
    return {member: known.get(member, member) for member in members}


def members_of(session: Session, clusters: Collection[str]) -> dict[str, set[str]]:
    """The members of each of the clusters. One that has none is that member itself, unless it was assigned away."""
    found: dict[str, set[str]] = {cluster: set() for cluster in clusters}
    for member, cluster in session.execute(_MEMBERS, {"clusters": text_array(found)}).all():
        found[cluster].add(member)
    for cluster, home in clusters_of(session, found).items():
        if home == cluster:
            found[cluster].add(cluster)
    return found


def mates_of(session: Session, members: Collection[str]) -> dict[str, set[str]]:
    """All members of each member's cluster, itself included."""
    homes = clusters_of(session, members)
    of_clusters = members_of(session, set(homes.values()))
    return {member: of_clusters[home] | {member} for member, home in homes.items()}


def mates(session: Session, member: str) -> set[str]:
    """All members of the member's cluster, itself included."""
    return {member, *(mate for (mate,) in run(session, _MATES, {"member": member}))}


def others(session: Session, member: str) -> list[str]:
    """The other members of the same customer, sorted."""
    return sorted(mates(session, member) - {member})


# What mates_of gives of one member, in one statement, as every page asks for it.
_MATES = """
WITH home AS (
  SELECT coalesce(max(cluster::text), %(member)s)::uuid AS cluster
  FROM customer_cluster WHERE member = CAST(%(member)s AS uuid)
)
SELECT c.member::text FROM customer_cluster c JOIN home USING (cluster)
UNION
SELECT h.cluster::text FROM home h WHERE NOT EXISTS (
  SELECT FROM customer_cluster c WHERE c.member = h.cluster AND c.cluster <> h.cluster
)
"""
