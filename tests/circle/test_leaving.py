"""A block is given up: the others go on, keep what they know from it, and say that it is no longer told."""

from __future__ import annotations

import pytest

from shared.pipeline import heads
from tests.circle.steps import Steps
from tests.circle.test_circle import circle as circle
from tests.circle.test_circle import customer, device, order


def leave(circle: Steps, name: str) -> None:
    """The block says that it leaves, and is gone."""
    of = circle[name]
    of.service.transact(of.service.itself, heads.leave)
    circle.settle()
    del circle.joined[name]


def test_the_card_keeps_what_marketing_said_and_says_that_it_left(circle: Steps) -> None:
    member = customer(circle)
    handheld = device(circle)
    order(handheld, member)
    handheld.push()
    circle.settle()
    left = circle.clock.forward(days=1)
    leave(circle, "marketing")
    circle.clock.forward(days=30)

    card = circle["callcenter"].get(f"/customers/{member}/card", "anna", "agent")
    assert card["value"]["amount"] == 600_00
    assert card["ages"]["marketing"]["left"] == left.isoformat().replace("+00:00", "Z")
    page = circle["callcenter"].client("anna", "agent").get(f"/customers/{member}", headers={"accept": "text/html"})
    assert "left on" in page.text

    # The others go on with each other.
    order(handheld, member)
    handheld.push()
    circle.settle()
    card = circle["callcenter"].get(f"/customers/{member}/card", "anna", "agent")
    assert [one["state"] for one in card["orders"]] == ["placed", "placed"]


def test_an_order_waits_for_an_owner_once_sales_left(circle: Steps) -> None:
    member = customer(circle)
    handheld = device(circle)
    leave(circle, "sfa")
    order(handheld, member)
    handheld.note(member, "Asked for an offer")
    handheld.synchronize()
    circle.settle()
    handheld.synchronize()
    assert (handheld.state(1), handheld.state(2)) == ("no_owner_yet", "accepted")
    seen = handheld.customer(member)
    assert seen is not None
    assert [note["text"] for note in seen["notes"]] == ["Asked for an offer"]
    assert circle["callcenter"].get(f"/customers/{member}/card", "anna", "agent")["ages"]["sfa"]["left"]


@pytest.mark.parametrize("gone", ["callcenter", "sync"])
def test_the_others_work_on_without(circle: Steps, gone: str) -> None:
    member = customer(circle)
    leave(circle, gone)
    body = {"customer": member, "lines": [{"product": "internet.fiber"}]}
    circle["sfa"].post("/orders", body, "samuel", "sales_manager")
    circle.settle()
    profile = circle["marketing"].get(f"/customers/{member}/profile", "marta", "marketer")
    assert profile["standing"]["amount"] == 600_00
