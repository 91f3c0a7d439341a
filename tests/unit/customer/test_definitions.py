"""What departments may define, and what is taken by it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.customer import fold
from shared.customer.claims import Claim
from shared.customer.definitions import (
    FIELD_KINDS,
    FORMS,
    KINDS,
    MOST,
    NEEDED,
    STATE_KINDS,
    Definition,
    NotDefinable,
    NotTaken,
    check,
    check_change,
    field_of,
    moved,
    step_of,
    taken,
)
from shared.customer.fields import InvalidValue

VALUES = {
    "text": "  two   words ",
    "long_text": "one\r\ntwo",
    "number": "007.50",
    "date": "2026-03-02",
    "boolean": "TRUE",
    "choice": "basic",
    "phone": "+15550100199",
    "email": "ada@EXAMPLE.org",
}
codes = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
states = st.sampled_from([(kind, category) for kind, of in STATE_KINDS.items() for category in of])


def field(code: str = "floor", form: str = "text", **more: Any) -> Definition:
    choices = ("basic", "full") if form == "choice" else ()
    made = {"kind": "case_field", "code": code, "labels": {"en": "Floor"}, "form": form, "choices": choices}
    return Definition(**{**made, **more})


def state(code: str, category: str = "open", **more: Any) -> Definition:
    return Definition(kind="case_state", code=code, labels={"en": code}, category=category, **more)


fields = st.builds(field, codes, st.sampled_from(FORMS), retired=st.booleans())


@given(st.lists(fields, max_size=6, unique_by=lambda one: one.code), st.data())
def test_what_is_taken_is_taken_again_as_it_is(defined: list[Definition], data: st.DataObject) -> None:
    given_values = {one.code: VALUES[one.form] for one in defined if not one.retired and data.draw(st.booleans())}
    kept = taken(given_values, defined)
    assert kept.keys() == given_values.keys()
    assert taken(kept, defined) == kept


@given(st.lists(fields, min_size=1, max_size=6, unique_by=lambda one: one.code))
def test_nothing_new_is_taken_by_what_is_retired_or_unknown(defined: list[Definition]) -> None:
    for one in defined:
        if one.retired:
            with pytest.raises(NotTaken, match="retired"):
                taken({one.code: VALUES[one.form]}, defined)
        others = [other for other in defined if other.code != one.code]
        with pytest.raises(NotTaken, match="no field"):
            taken({one.code: VALUES[one.form]}, others)
        assert taken({one.code: " "}, defined) == {}


def test_a_value_of_another_form_is_refused_without_being_told() -> None:
    with pytest.raises(NotTaken) as refused:
        taken({"floor": "ground"}, [field(form="number")])
    assert "floor" in str(refused.value)
    assert "ground" not in str(refused.value)


@given(states, codes, st.sampled_from(["open", "resolved", "placed", "provisioned", "delivered"]))
def test_a_department_s_state_holds_only_within_the_platform_s(of: tuple[str, str], code: str, now: str) -> None:
    kind, category = of
    one = Definition(kind=kind, code=code, labels={"en": code}, category=category)
    if now == category:
        assert moved(now, code, [one]) == code
        assert step_of(now, code, [one]) == one
    else:
        assert step_of(now, code, [one]) is None
        with pytest.raises(NotTaken):
            moved(now, code, [one])
    assert moved(now, "", [one]) == ""


def test_a_retired_state_is_shown_but_not_entered() -> None:
    gone = state("parts", retired=True)
    assert step_of("open", "parts", [gone]) == gone
    with pytest.raises(NotTaken):
        moved("open", "parts", [gone])


class Department:
    """Definitions as commands change them: what the handlers do, without a database."""

    def __init__(self) -> None:
        self.of: dict[str, Definition] = {}

    def put(self, new: Definition) -> bool:
        try:
            check("callcenter", new)
            check_change(new, self.of.get(new.code), list(self.of.values()))
        except NotDefinable:
            return False
        self.of[new.code] = new
        return True


commands = st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=30)


@given(st.sampled_from(NEEDED), commands)
def test_something_can_always_be_chosen(kind: str, done: list[tuple[str, bool]]) -> None:
    department = Department()
    assert department.put(Definition(kind=kind, code="a", labels={"en": "A"}))
    for code, retired in done:
        before = set(department.of)
        department.put(Definition(kind=kind, code=code, labels={"en": code}, retired=retired))
        assert any(not one.retired for one in department.of.values())
        assert before <= set(department.of)


@given(st.permutations(range(4)))
def test_retiring_and_restoring_give_the_same_again(order: list[int]) -> None:
    department = Department()
    all_of_it = [field(f"f{n}", FORMS[n]) for n in order]
    assert all(map(department.put, all_of_it))
    for one in all_of_it:
        assert department.put(msgspec.structs.replace(one, retired=True))
    for one in all_of_it:
        assert department.put(one)
    assert list(department.of.values()) == all_of_it


def test_what_a_field_holds_is_for_good() -> None:
    department = Department()
    assert department.put(field(form="text"))
    assert not department.put(field(form="number"))
    assert department.put(field(form="text", labels={"en": "Storey", "es": "Piso"}))


def test_a_list_has_an_end() -> None:
    department = Department()
    assert all(department.put(field(f"f{n}")) for n in range(MOST))
    assert not department.put(field("one_more"))
    assert department.put(field("f0", retired=True))
    assert department.put(field("one_more"))


@pytest.mark.parametrize(
    "wrong",
    [
        field(kind="order_field"),
        field("Floor"),
        field("a.b"),
        field(labels={"es": "Piso"}),
        field(labels={"en": "  "}),
        field(form="set"),
        field(form=""),
        field(form="choice", choices=()),
        field(form="text", choices=("a",)),
        field(form="choice", choices=("a", "a")),
        field(form="choice", choices=("a ", "b")),
        field(category="open"),
        state("parts", "resolved"),
        state("parts", ""),
        Definition(kind="reason", code="x", labels={"en": "X"}, form="text"),
        Definition(kind="reason", code="x y", labels={"en": "X"}),
    ],
)
def test_what_does_not_go_together_is_refused(wrong: Definition) -> None:
    with pytest.raises(NotDefinable):
        check("callcenter", wrong)


def test_each_department_has_kinds_that_there_are() -> None:
    known = {*FIELD_KINDS, *STATE_KINDS, *NEEDED}
    assert {kind for kinds in KINDS.values() for kind in kinds} == known
    assert all("customer_field" in kinds for kinds in KINDS.values())


def test_labels_are_in_the_reader_s_language_else_in_english_else_the_code() -> None:
    both = field(labels={"en": "Floor", "es": "Piso"})
    assert [both.label(language) for language in ("en", "es", "fr")] == ["Floor", "Piso", "Floor"]
    assert Definition(kind="reason", code="x").label("en") == "x"
    assert field_of(both).label_in("es") == "Piso"


@given(st.sampled_from(["text", "set"]))
def test_a_retired_field_of_customers_can_only_be_emptied(form: str) -> None:
    of = Definition(kind="customer_field", code="tags", labels={"en": "Tags"}, form=form, retired=True)
    described = field_of(of)
    custom = {described.name: described}

    def edited(states: Any, value: Any) -> list[Claim]:
        return fold.edit(
            states,
            {described.name: value},
            custom,
            ids=iter(map(str, range(9))),
            occurred=datetime(2026, 3, 2, 12, tzinfo=UTC),
            source="callcenter",
            author="anna",
        )

    before = {described.name: msgspec.structs.replace(described, retired=False)}
    claims = [
        Claim("1", described.name, "+a" if form == "set" else "a", (), datetime(2026, 3, 1, tzinfo=UTC), "x", "y")
    ]
    states = fold.fold(claims, before).states
    assert states[described.name].value == (("a",) if form == "set" else "a")
    with pytest.raises(InvalidValue, match="retired"):
        edited(states, ["a", "b"] if form == "set" else "b")
    (claim,) = edited(states, [] if form == "set" else "")
    assert claim.value == ("-a" if form == "set" else "")
    assert edited(states, ["a"] if form == "set" else "a") == []
