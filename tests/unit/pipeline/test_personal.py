"""Every personal text of a fact is found and changed; data of another shape are refused, not passed over."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import catalogue
from shared.events.customer import ClaimMade
from shared.events.facts import EACH, FACT_TYPES, Fact, Personal, change_personal, fact
from shared.events.upcasters import lift

PLANS = (("note",), ("custom", EACH), ("claims", EACH, "value"))


class Inner(msgspec.Struct):
    text: Personal | None
    many: tuple[ClaimMade, ...]


class Probe(Fact, frozen=True, kw_only=True):
    by_name: dict[str, Inner]
    plain: list[str]


texts = st.text(max_size=5)
shaped = st.fixed_dictionaries(
    {},
    optional={
        "note": texts | st.none(),
        "custom": st.dictionaries(texts, texts, max_size=3),
        "claims": st.lists(st.fixed_dictionaries({"value": texts, "field": texts}), max_size=3),
        "agent": texts,
    },
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(shaped)
def test_each_personal_text_is_changed_and_nothing_else(data: dict[str, Any]) -> None:
    before = copy.deepcopy(data)
    seen: list[str] = []
    change_personal(data, PLANS, lambda text: seen.append(text) or "changed")  # type: ignore[func-returns-value]
    expected = [before[name] for name in ("note",) if before.get(name) is not None]
    expected += [*before.get("custom", {}).values(), *(c["value"] for c in before.get("claims", []))]
    assert seen == expected
    assert data.get("note") in (None, "changed")
    assert all(text == "changed" for text in data.get("custom", {}).values())
    assert [c["field"] for c in data.get("claims", [])] == [c["field"] for c in before.get("claims", [])]
    assert data.get("agent") == before.get("agent")


@given(anything)
def test_no_text_stays_in_the_clear_where_a_personal_one_belongs(data: Any) -> None:
    data = {"note": data, "custom": {"x": data}, "claims": [{"value": data}]}
    try:
        change_personal(data, PLANS, lambda text: "changed")
    except TypeError:
        return
    assert data["note"] in (None, "changed")
    assert data["custom"]["x"] in (None, "changed")
    assert data["claims"][0]["value"] in (None, "changed")


@pytest.mark.parametrize(
    "data",
    [
        [],
        "text",
        {"note": ["a list"]},
        {"note": {"a": "mapping"}},
        {"note": 1},
        {"custom": "text"},
        {"custom": {"a": {"b": "deep"}}},
        {"claims": "text"},
        {"claims": ["text"]},
        {"claims": [[{"value": "x"}]]},
    ],
)
def test_another_shape_is_refused(data: Any) -> None:
    with pytest.raises(TypeError):
        change_personal(data, PLANS, lambda text: "changed")


def test_personal_fields_are_found_wherever_they_stand() -> None:
    assert set(FACT_TYPES["customer.edited"].personal) == {("claims", EACH, "value")}
    assert set(FACT_TYPES["contact.wrapped_up"].personal) == {("note",), ("custom", EACH)}
    assert FACT_TYPES["custom_field.defined"].personal == ()
    assert catalogue.FACT_TYPES is FACT_TYPES


def test_personal_fields_in_other_containers_are_found() -> None:
    try:
        fact("probe.found", stream="customer")(Probe)
        assert set(FACT_TYPES["probe.found"].personal) == {
            ("by_name", EACH, "text"),
            ("by_name", EACH, "many", EACH, "value"),
        }
        with pytest.raises(TypeError, match="twice"):
            fact("probe.found", stream="customer")(Probe)
    finally:
        FACT_TYPES.pop("probe.found", None)


def test_a_fact_outside_of_a_customer_s_stream_can_t_have_personal_fields() -> None:
    class Leaking(Fact, frozen=True, kw_only=True):
        note: Personal

    with pytest.raises(TypeError, match="stream of kind territory"):
        fact("probe.leaking", stream="territory")(Leaking)
    assert "probe.leaking" not in FACT_TYPES


def test_data_of_an_old_version_are_lifted_step_by_step() -> None:
    upcasters = {("t", 1): lambda d: d | {"two": True}, ("t", 2): lambda d: d | {"three": d["two"]}}
    assert lift({}, "t", 1, 3, upcasters) == {"two": True, "three": True}
    assert lift({}, "t", 3, 3, upcasters) == {}
    with pytest.raises(KeyError):
        lift({}, "t", 3, 4, upcasters)
