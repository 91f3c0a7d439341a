"""Which members are the same customer: as a plain mapping would have it, whatever is assigned in which order."""

from __future__ import annotations

import uuid

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from shared.events.sync import CustomerAssigned
from shared.pipeline import clusters
from shared.pipeline.service import Service
from tests.builders import heard
from tests.probe import ANNA, Pair

MEMBERS = [str(uuid.UUID(int=n, version=4)) for n in range(1, 7)]
assignments = st.lists(st.dictionaries(st.sampled_from(MEMBERS), st.sampled_from(MEMBERS), max_size=4), max_size=6)


def mates(homes: dict[str, str], member: str) -> set[str]:
    """Naively: who has the same home."""
    home = homes.get(member, member)
    return {m for m in MEMBERS if homes.get(m, m) == home}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=assignments)
def test_assigning_gives_what_a_plain_mapping_gives(offline: Pair, steps: list[dict[str, str]]) -> None:
    homes: dict[str, str] = {}
    with Session(offline.hearer.engine) as session:
        for step in steps:
            before = {member: mates(homes, member) for member in step}
            homes |= step
            after = {member: mates(homes, member) for member in step}
            changed = clusters.assign(session, step)
            assert changed == set(step).union(*before.values(), *after.values())
            found = clusters.mates_of(session, MEMBERS)
            assert found == {member: mates(homes, member) for member in MEMBERS}
            assert clusters.clusters_of(session, MEMBERS) == {m: homes.get(m, m) for m in MEMBERS}
            of = {cluster: {m for m in MEMBERS if homes.get(m, m) == cluster} for cluster in MEMBERS}
            assert clusters.members_of(session, MEMBERS) == of
        session.rollback()


def test_link_unlink_and_link_again_leaves_no_trace(offline: Pair) -> None:
    service: Service = offline.hearer
    one, two, three = MEMBERS[:3]

    def hear(*pairs: tuple[str, str]) -> None:
        events = [
            heard(member, CustomerAssigned(cluster=cluster, because="phone"), sequence=n)
            for n, (member, cluster) in enumerate(pairs, 1)
        ]
        service.transact(ANNA, lambda work: clusters.heard_assigned(work, events))

    def others(member: str) -> list[str]:
        with Session(service.engine) as session:
            return clusters.others(session, member)

    hear((two, one), (three, one))
    assert (others(one), others(three)) == ([two, three], [one, two])
    hear((two, two))
    assert (others(one), others(two)) == ([three], [])
    hear((two, one), (two, two), (two, one))
    assert others(two) == [one, three]
    hear((two, two), (three, three))
    assert offline.scalar(service, "SELECT count(*) FROM customer_cluster") == 0
