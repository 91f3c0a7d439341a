"""The sample is what this service takes, and a repeat of it changes nothing."""

from __future__ import annotations

from deploy.local.tokens import actor
from deploy.sample import loading, market
from deploy.sample.client import Client
from shared.events.envelope import new_id
from tests.builders import NOON
from tests.integration.sfa.force import Force, registered

TODAY = NOON.date()


def client(force: Force) -> Client:
    """The sample's client, with its actors, at this application."""

    def token(subject: str) -> str:
        return force.issuer.token(subject, *actor(subject).roles)

    return Client("http://testserver", token, force.client._transport)


def load(force: Force, known: list[loading.Known]) -> None:
    sfa = client(force)
    loading.load_market(sfa)
    loading.assign_customers(sfa, known)
    loading.load_history(sfa, known, TODAY)
    loading.load_open_orders(sfa, known, TODAY)


def test_the_sample_s_market_and_orders_are_taken_once(force: Force) -> None:
    members = [new_id() for _ in range(12)]
    force.hear(*[registered(member, given_name="Ada") for member in members])
    homes = [one.territory for one in market.territories() if one.postal]
    known = [loading.Known(member, homes[n % len(homes)]) for n, member in enumerate(members)]
    load(force, known)
    states = dict(force.rows("SELECT state, count(*) FROM sales_order WHERE channel = 'desk' GROUP BY 1"))
    assert states == {"placed": 4, "provisioned": 3, "delivered": 2, "cancelled": 2}
    problems = {problem for (problem,) in force.rows("SELECT problem FROM sales_order WHERE problem <> ''")}
    assert problems >= {"no_stock", "no_access", "technical", "customer_absent"}
    assert force.rows("SELECT DISTINCT state, how FROM sales_order WHERE channel = 'import'") == [
        ("delivered", "remote")
    ]
    assert len(force.facts("customer.territory_assigned")) == len(members)
    moved = known[0]
    elsewhere = next(home for home in homes if home != moved.territory)
    assert force.put(elsewhere, moved.member, expected=moved.territory).status_code == 200
    before = len(force.events())
    force.clock.forward(days=8)  # what was answered to the commands is forgotten by then
    load(force, known)
    assert len(force.events()) == before
