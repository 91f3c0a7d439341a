"""A segment asks departments' own fields: learnt from the log, worked out by what changed, and forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.marketing.segments import handlers, reads
from services.marketing.segments.conditions import Condition
from services.marketing.segments.rules import HIGH_VALUE, Definition
from services.marketing.subscriptions import SUBSCRIPTIONS
from services.marketing.tasks import STANDING
from shared.events.customer import CustomerEdited, CustomerErased, CustomerRegistered
from shared.events.envelope import Event, new_id
from shared.events.marketing import SegmentDefined, SegmentEntered, SegmentLeft
from shared.pipeline import due, rebuild
from shared.pipeline.work import Work
from tests.builders import NOON, actor, claim, done, heard
from tests.integration.marketing.market import Market, ago, assigned, cancelled, members, placed
from tests.integration.marketing.own_fields import FIELDS, defined, described, edited, opened, reviewed

SEGMENT = "/segments/high_value"
RULE: dict[str, Any] = {"window_days": 30, "at_least": 0}


def asks(kind: str, code: str, test: str, value: str) -> dict[str, str]:
    department = {"customer_field": "", "order_field": "sfa"}.get(kind, "callcenter")
    return {"kind": kind, "department": department, "code": code, "test": test, "value": value}


GOLD = asks("customer_field", "plan", "is", "gold")


def define(market: Market, *conditions: dict[str, str], **rule: Any) -> None:
    done(market.post(f"{SEGMENT}/define", {**RULE, **rule, "conditions": list(conditions)}))
    market.settle()


def inside(market: Market) -> set[str]:
    return {cluster for (cluster,) in market.rows('SELECT cluster FROM stay WHERE "left" IS NULL')}


@pytest.fixture
def told(fresh: Market) -> Market:
    """Marketing, which has heard of the departments' fields."""
    fresh.hear(*FIELDS)
    return fresh


@pytest.mark.parametrize(
    ("condition", "fits", "fits_not"),
    [
        (GOLD, lambda m: edited(m, plan="gold"), lambda m: edited(m, plan="silver")),
        (asks("customer_field", "floors", "at_least", "3"), lambda m: edited(m, floors="10"), lambda m: edited(m)),
        (asks("customer_field", "tags", "is", "vip"), lambda m: edited(m, tags="+vip"), lambda m: edited(m, tags="+x")),
        (
            asks("contact_field", "mood", "contains", "ang"),
            lambda m: reviewed(m, mood="angry"),
            lambda m: reviewed(m, mood="glad"),
        ),
        (asks("case_field", "floor", "at_most", "2"), lambda m: opened(m, floor="-1"), lambda m: opened(m, floor="3")),
        (
            asks("order_field", "until", "at_least", "2026-05-01"),
            lambda m: placed(m, 1, custom={"until": "2026-05-01"}),
            lambda m: placed(m, 1, custom={"until": "2026-04-30"}),
        ),
        (
            asks("order_field", "gift", "is", "true"),
            lambda m: placed(m, 1, custom={"gift": "true"}),
            lambda m: placed(m, 1),
        ),
    ],
)
def test_a_rule_asks_fields_of_every_form_of_customers_reviews_cases_and_orders(
    told: Market, condition: dict[str, str], fits: Any, fits_not: Any
) -> None:
    ada, bea, cleo = members(3)
    told.hear(fits(ada), fits_not(bea))
    define(told, condition)
    assert inside(told) == {ada}
    told.hear(fits(cleo))
    told.settle()
    assert inside(told) == {ada, cleo}
    assert done(told.post(f"{SEGMENT}/preview", {**RULE, "conditions": [condition]}))["customers"] == 2
    (said,) = [event.fact for event in told.events() if isinstance(event.fact, SegmentDefined)][-1:]
    assert [one.value for one in said.conditions] == [condition["value"]]


def test_a_customer_enters_and_leaves_when_its_field_changes(told: Market) -> None:
    (ada,) = members(1)
    define(told, GOLD, at_least=50_00)
    told.hear(placed(ada, 60_00, ago(days=20), "o"))
    told.settle()
    told.said(ada)
    first = edited(ada, ago(days=9), plan="gold")
    told.hear(first)
    told.settle()
    (entered,) = told.said(ada)
    assert (entered.fact, entered.occurred) == (SegmentEntered(segment=HIGH_VALUE, because=("o",)), ago(days=9))
    saw = (first.fact.claims[0].id,)  # type: ignore[union-attr]
    silver = claim("custom.plan", "silver", made=ago(days=2), saw=saw)
    told.hear(heard(ada, CustomerEdited(claims=(silver,)), source="callcenter", sequence=2))
    told.settle()
    (left,) = told.said(ada)
    assert (left.fact, left.occurred) == (SegmentLeft(segment=HIGH_VALUE, because="field"), ago(days=2))
    page = told.get(f"/customers/{ada}", html=True).text
    for words in ("a field of the customer has another value", "not so", "Plan is", "gold"):
        assert words in page, words
    assert "a field of the customer" in told.get(f"{SEGMENT}/moves", html=True).text


def test_what_a_review_said_counts_until_it_falls_out_of_the_window(told: Market) -> None:
    (ada,) = members(1)
    define(told, asks("contact_field", "mood", "is", "angry"))
    told.hear(reviewed(ada, ago(days=1), mood="angry"))
    told.settle()
    assert inside(told) == {ada}
    told.clock.now = ago(days=1) + timedelta(days=30)
    told.settle()
    (_, left) = told.said(ada)
    assert (left.fact, left.occurred) == (SegmentLeft(segment=HIGH_VALUE, because="time"), told.clock.now)


def test_what_a_case_says_counts_until_it_says_something_else(told: Market) -> None:
    ada, bea = members(2)
    define(told, asks("case_field", "floor", "at_most", "2"))
    one, two = opened(ada, ago(days=9), floor="1"), opened(bea, ago(days=9))
    told.hear(one, two, described(two, ago(days=5), floor="2"))
    told.settle()
    assert inside(told) == {ada, bea}
    told.hear(described(one, ago(days=4), floor=""), described(two, ago(days=3), floor="7"))
    told.settle()
    assert sorted(told.rows('SELECT cluster, entered, "left", because FROM stay')) == [
        (ada, ago(days=9), ago(days=4), "field"),
        (bea, ago(days=5), ago(days=3), "field"),
    ]
    preview = {**RULE, "conditions": [asks("case_field", "floor", "at_least", "7")]}
    assert done(told.post(f"{SEGMENT}/preview", preview))["customers"] == 1


def test_who_has_several_records_is_counted_once(told: Market) -> None:
    ada, bea = members(2)
    told.hear(edited(ada, plan="gold"), edited(bea, plan="gold"), assigned(bea, ada))
    preview = done(told.post(f"{SEGMENT}/preview", {**RULE, "conditions": [GOLD]}))
    assert (preview["customers"], preview["enter"], len(preview["entering"])) == (1, 1, 1)
    define(told, GOLD)
    assert inside(told) == {ada}


def test_only_who_is_concerned_by_a_change_is_worked_out(told: Market) -> None:
    ada, bea = members(2)
    define(told, GOLD)
    told.hear(edited(ada, floors="3", tags="+x"), reviewed(ada, mood="angry"), opened(bea, floor="2"))
    assert told.rows("SELECT key FROM due WHERE task = 'standing'") == []
    told.hear(edited(bea, plan="silver"))
    assert told.rows("SELECT key FROM due WHERE task = 'standing'") == [(bea,)]


def test_a_definition_that_comes_late_changes_who_is_in(fresh: Market) -> None:
    (ada,) = members(1)
    fresh.hear(defined("tags", "set"))
    define(fresh, asks("customer_field", "tags", "is", "vip"))
    fresh.execute("DELETE FROM custom_field")
    fresh.hear(edited(ada, tags="+vip"))
    fresh.settle()
    # As long as nobody said that it is a set, it is a text, and of these one reads +vip.
    assert inside(fresh) == set()
    fresh.hear(defined("tags", "set"))
    fresh.settle()
    assert inside(fresh) == {ada}


def test_a_rule_goes_on_by_a_retired_field_and_says_so(told: Market) -> None:
    ada, bea = members(2)
    told.hear(edited(ada, plan="gold"))
    define(told, GOLD)
    told.hear(later(defined("plan", "choice", "gold", "silver", retired=True)))
    told.hear(edited(bea, plan="gold"))
    told.settle()
    assert inside(told) == {ada, bea}
    for path in ("/", SEGMENT, f"/customers/{ada}"):
        page = told.get(path, html=True).text
        assert "retired" in page, path
    # Another threshold beside it is taken; what isn't asked yet can't be.
    define(told, GOLD, window_days=40)
    refused = told.post(f"{SEGMENT}/define", {**RULE, "conditions": [{**GOLD, "test": "is_not"}]})
    assert refused.status_code == 422
    assert inside(told) == {ada, bea}


def later(event: Event) -> Event:
    return heard("", event.fact, time=NOON + timedelta(seconds=1))  # type: ignore[arg-type]


def test_what_makes_no_rule_is_refused(told: Market) -> None:
    for conditions in (
        [],
        [{**GOLD, "code": "nothing"}],
        [{**GOLD, "department": "sfa"}],
        [{**GOLD, "value": "bronze"}],
        [{**GOLD, "test": "at_least"}],
        [GOLD] * 21,
    ):
        body = {**RULE, "conditions": conditions}
        for path in ("define", "preview"):
            assert told.post(f"{SEGMENT}/{path}", body).status_code == 422, (path, conditions)
    assert told.rows("SELECT count(*) FROM segment") == [(0,)]


def test_who_does_not_see_a_field_learns_nothing_of_it_by_a_rule(told: Market) -> None:
    (ada,) = members(1)
    told.hear(edited(ada, plan="gold"), reviewed(ada, mood="angry"))
    mood = asks("contact_field", "mood", "is", "angry")
    seen = {"action": "customer.read", "fields": ["given_name"]}
    role = {"role": "planner", "grants": [seen, {"action": "segment.define"}, {"action": "segment.read"}]}
    done(told.post("/roles", {**role, "label": "Planner"}, "administrator"))
    for condition in (GOLD, mood):
        for path in ("define", "preview"):
            answer = told.post(f"{SEGMENT}/{path}", {**RULE, "conditions": [condition]}, "planner")
            assert answer.status_code == 403, (path, condition)
    define(told, GOLD, mood)
    assert [one["met"] for one in done(told.get(f"/customers/{ada}/profile"))["asked"]] == [True, True]
    assert done(told.get(f"/customers/{ada}/profile", "planner"))["asked"] == []


def test_an_erased_customer_leaves_no_value_and_no_stay_that_tells_one(told: Market) -> None:
    ada, bea = members(2)
    told.hear(edited(ada, plan="gold"), reviewed(ada, mood="angry"), assigned(ada, ada))
    define(told, GOLD, asks("contact_field", "mood", "is", "angry"))
    assert inside(told) == {ada}
    told.said(ada)
    told.hear(heard(ada, CustomerErased(), source="callcenter", sequence=3))
    told.settle()
    assert told.rows("SELECT * FROM custom_value UNION ALL SELECT null, '', '', '', '', null, '' FROM stay") == []
    assert [fact for fact in told.facts(ada) if isinstance(fact, SegmentLeft)] != []
    # What was under way still isn't kept.
    told.hear(reviewed(ada, mood="angry"), reviewed(bea, mood="angry"))
    assert told.rows("SELECT member FROM custom_value") == [(bea,)]


def test_the_editor_has_every_field_in_words_and_takes_what_its_form_sends(told: Market) -> None:
    (ada,) = members(1)
    told.hear(edited(ada, plan="gold", floors="4"))
    page = told.get(SEGMENT, html=True).text
    for words in ("Plan", "Floors at least", "Floors at most", "A case in these days: Floor", "Until at most", "Gift"):
        assert words in page, words
    rows = {"0": {**GOLD, "value": ""}, "1": asks("customer_field", "floors", "at_most", "4.0"), "2": {"kind": "x"}}
    body = {**RULE, "conditions": rows}
    preview = told.post(f"{SEGMENT}/preview", body, html=True).text
    assert "1 customer would be in it" in preview
    assert "Floors at most <strong>4</strong>" in " ".join(preview.split())
    done(told.post(f"{SEGMENT}/define", body))
    told.settle()
    assert inside(told) == {ada}
    headers = {"accept-language": "es", "accept": "text/html", "authorization": f"Bearer {token(told)}"}
    assert "floors (es) como máximo" in " ".join(told.client.get(SEGMENT, headers=headers).text.split())


def token(market: Market) -> str:
    return market.issuer.token("mara", "marketer")


# Full = incremental.

THREE = members(3)
values = st.sampled_from(["gold", "silver", "3", "2", "", "other"])
places = st.tuples(st.sampled_from(THREE), st.integers(-3, 60).map(lambda days: ago(days=days)), values)
things = st.one_of(
    st.tuples(st.just("edit"), places, st.sampled_from(["plan", "floors", "tags"])),
    st.tuples(st.just("review"), places, st.just("mood")),
    st.tuples(st.sampled_from(["case", "case", "describe"]), places, st.just("floor")),
    st.tuples(st.just("order"), places, st.sampled_from(["until", "gift"])),
    st.tuples(st.sampled_from(["cancel", "link", "apart", "erase", "define"]), places, st.just("")),
)
conditions = st.lists(
    st.sampled_from(
        [
            Condition("customer_field", "", "plan", "choice", "is", "gold"),
            Condition("customer_field", "", "plan", "choice", "is_not", "silver"),
            Condition("customer_field", "", "floors", "number", "at_least", "3"),
            Condition("customer_field", "", "tags", "set", "is", "gold"),
            Condition("contact_field", "callcenter", "mood", "text", "contains", "l"),
            Condition("case_field", "callcenter", "floor", "number", "at_most", "2"),
            Condition("order_field", "sfa", "until", "text", "is_not", "3"),
        ]
    ),
    max_size=2,
    unique=True,
).map(tuple)
rules = st.builds(
    Definition, st.just("Trial"), st.just("USD"), st.integers(5, 50), st.sampled_from([0, 1]), conditions
).filter(lambda rule: rule.at_least > 0 or rule.conditions)


class Told:
    """Events that follow from what was drawn, one after the other."""

    def __init__(self) -> None:
        self.orders: list[tuple[str, str]] = []
        self.cases: list[Event] = []

    def event(self, kind: str, member: str, at: Any, value: str, code: str) -> Event | None:
        match kind:
            case "edit":
                return edited(member, at, **{code: f"+{value or 'x'}" if code == "tags" else value})
            case "review":
                return reviewed(member, at, **{code: value})
            case "case":
                self.cases.append(opened(member, at, **{code: value}))
                return self.cases[-1]
            case "describe" if self.cases:
                return described(self.cases[-1], at, **{code: value})
            case "order":
                self.orders.append((member, new_id()))
                return placed(member, 1, at, self.orders[-1][1], custom={code: value})
            case "cancel" if self.orders:
                return cancelled(*self.orders.pop(), at)
            case "link" | "apart":
                return assigned(member, min(THREE) if kind == "link" else member)
            case "define":
                return defined("tags", "set")
            case "erase":
                return heard(member, CustomerErased(), source="callcenter")
        return None


def stands(market: Market) -> list[list[tuple[Any, ...]]]:
    tables = ('SELECT cluster, entered, "left", because FROM stay', "SELECT member, since FROM published_stay")
    return [sorted(market.rows(query), key=str) for query in tables]


@settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(things, min_size=5, max_size=25), rules, rules, st.sets(st.integers(0, 25), max_size=5))
def test_what_is_worked_out_by_what_changed_is_what_everything_gives(
    only_market: Market, drawn: Sequence[Any], first: Definition, second: Definition, pauses: set[int]
) -> None:
    market, told = only_market, Told()
    market.empty()
    rule(market, first)
    for n, (kind, (member, at, value), code) in enumerate(drawn):
        if (event := told.event(kind, member, at, value, code)) is not None:
            market.hear(event)
        if n in pauses:
            market.settle()
        if n == len(drawn) // 2:
            rule(market, second)
    market.settle()
    # What anybody claimed to know later than now isn't so yet, but stands in the record.
    market.clock.now = NOON + timedelta(days=4)
    market.settle()
    worked_out = stands(market)
    with market.service.look(market.service.itself) as look:
        found = reads.preview(look, HIGH_VALUE, second)
    assert (found.customers, found.enter, found.leave) == (len(inside(market)), 0, 0)
    market.execute("DELETE FROM stay")
    market.service.transact(market.service.itself, lambda work: due.mark(work, STANDING, THREE))
    market.settle()
    assert stands(market) == worked_out


def rule(market: Market, definition: Definition) -> None:
    def body(work: Work) -> None:
        handlers.change(work, definition, Definition())

    market.service.transact(market.service.itself, body)


def test_a_rebuild_comes_to_the_same(told: Market) -> None:
    ada, bea = members(2)
    log = [
        heard(ada, CustomerRegistered(claims=(claim("custom.plan", "gold"),)), source="callcenter"),
        opened(ada, ago(days=3), floor="1"),
        opened(bea, ago(days=3), floor="1"),
    ]
    define(told, GOLD, asks("case_field", "floor", "at_most", "2"))
    told.hear(*log)
    told.settle()
    before, said = stands(told), len(told.events())
    assert [row[0] for row in before[0]] == [ada]
    told.service.transact(actor(), lambda work: rebuild.rebuild(work, "main", SUBSCRIPTIONS.slices))
    told.hear(*FIELDS, *log)
    told.settle()
    assert (stands(told), len(told.events())) == (before, said)
