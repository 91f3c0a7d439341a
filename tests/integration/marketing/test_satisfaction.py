"""Satisfaction in the segment and outside of it."""

from __future__ import annotations

from services.marketing.subscriptions import SUBSCRIPTIONS
from shared.pipeline.rebuild import rebuild
from tests.builders import done
from tests.integration.marketing.market import Market, ago, assigned, members, placed, reviewed

PATH = "/segments/high_value/satisfaction"


def test_a_review_counts_where_its_customer_was_when_giving_it(fresh: Market) -> None:
    ada, bea = members(2)
    fresh.hear(placed(ada, 600_00, ago(days=50)))
    fresh.hear(reviewed(ada, 1, ago(days=60)), reviewed(ada, 5, ago(days=40)), reviewed(ada, 4, ago(days=30)))
    fresh.hear(reviewed(bea, 2, ago(days=40)), reviewed(bea, None, ago(days=39)), reviewed(bea, 3, ago(days=400)))
    fresh.settle()
    found = done(fresh.get(PATH))
    assert (found["inside"]["reviews"], found["inside"]["mean"]) == (2, 4.5)
    assert (found["outside"]["reviews"], found["outside"]["mean"]) == (2, 1.5)
    assert found["inside"]["scores"] == {"1": 0, "2": 0, "3": 0, "4": 1, "5": 1}
    assert found["difference"]["mean"] == 3
    assert found["difference"]["is_sure"]
    assert [(one["month"], one["inside"], one["outside"]) for one in found["months"]] == [
        ("2026-01", 4.5, 1.5),
    ]
    page = fresh.get(f"{PATH}?days=90", html=True).text
    assert "4.5" in page
    assert "That is hardly chance." in page


def test_linked_customers_are_one_and_unlinked_ones_two_again(fresh: Market) -> None:
    ada, bea = members(2)
    fresh.hear(placed(ada, 600_00, ago(days=50)), reviewed(bea, 2, ago(days=40)))
    fresh.settle()

    def sides() -> tuple[int, int]:
        fresh.settle()
        found = done(fresh.get(PATH))
        return found["inside"]["reviews"], found["outside"]["reviews"]

    assert sides() == (0, 1)
    fresh.hear(assigned(bea, ada))
    assert sides() == (1, 0)
    fresh.hear(assigned(bea, bea))
    assert sides() == (0, 1)


def test_a_contact_counts_once_and_a_rebuild_gives_the_same(fresh: Market) -> None:
    (ada,) = members(1)
    events = [
        reviewed(ada, 4, ago(days=3), "c1"),
        reviewed(ada, 2, ago(days=2), "c1"),
        reviewed(ada, 5, ago(days=1), "c2"),
    ]
    fresh.hear(*events)
    kept = fresh.rows("SELECT member, contact, at, score FROM review ORDER BY contact")
    assert [row[3] for row in kept] == [4, 5]
    slices = SUBSCRIPTIONS.named(["reviews"])
    fresh.service.transact(fresh.service.itself, lambda work: rebuild(work, "main", slices))
    assert fresh.rows("SELECT * FROM review") == []
    fresh.hear(*events)
    assert fresh.rows("SELECT member, contact, at, score FROM review ORDER BY contact") == kept


def test_where_nobody_said_anything_the_page_says_what_to_expect(fresh: Market) -> None:
    assert "Nobody said how satisfied they were." in fresh.get(PATH, html=True).text
    (ada,) = members(1)
    fresh.hear(reviewed(ada, 4, ago(days=1)))
    assert "There are too few reviews to tell." in fresh.get(PATH, html=True).text
    assert fresh.get("/segments/other/satisfaction").status_code == 404
