"""Histories of claims: honest ones (several authors who sync now and then) and malformed ones."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from shared.customer.claims import Claim
from shared.customer.fields import BUILT_IN, Field
from shared.customer.fold import FieldState, decide, fold_field

CITY = BUILT_IN["city"]
PRODUCTS = BUILT_IN["products"]
NOTES = BUILT_IN["notes"]
PHONE_ALLOWED = BUILT_IN["contact_allowed.phone"]
BIRTH_DATE = BUILT_IN["birth_date"]
LIMIT = Field("custom.limit", "Credit limit", "number", "owner_only", owner="sync")
FIELDS = (CITY, PRODUCTS, NOTES, PHONE_ALLOWED, BIRTH_DATE, LIMIT)
CUSTOM = {LIMIT.name: LIMIT}

_VALUES = {
    CITY: ("Rome", "Milan", ""),
    PRODUCTS: ("+line", "-line", "+fibre", "-fibre"),
    NOTES: ("called", "moved"),
    PHONE_ALLOWED: ("true", "false", ""),
    BIRTH_DATE: ("1990-01-01", "1990-10-01"),
    LIMIT: ("100", "200"),
}
_SOURCES = ("sync", "callcenter")


def at(minute: int) -> datetime:
    return datetime(2024, 3, 1, tzinfo=UTC) + timedelta(minutes=minute)


def make_claim(
    id: str, value: str, *saw: str, field: Field = CITY, minute: int = 0, source: str = "callcenter"
) -> Claim:
    return Claim(id, field.name, value, saw, at(minute), source, "ada")


def after(state: FieldState, id: str, value: str, *, minute: int = 0, source: str = "callcenter") -> Claim:
    """The claim of somebody who saw this state."""
    return decide(state, value, id=id, occurred=at(minute), source=source, author="ada")


def _some(ids: Iterable[str]) -> st.SearchStrategy[list[str]]:
    everything = sorted(ids)
    if not everything:
        return st.just([])
    return st.just(everything) | st.lists(st.sampled_from(everything), unique=True)


@st.composite
def honest(draw: st.DrawFn, field: Field) -> list[Claim]:
    """Up to three authors, each editing what it knows, with clocks that disagree. Now and then one hears of
    some of another's claims, not always of those before them: they come through different topics.
    """
    known: list[dict[str, Claim]] = [{}, {}, {}]
    for n in range(draw(st.integers(0, 12))):
        me, other = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
        if me != other:
            known[me] |= {id: known[other][id] for id in draw(_some(known[other]))}
            continue
        claim = after(
            fold_field(field, known[me].values()),
            f"{draw(st.integers(0, 9))}-{n}",
            draw(st.sampled_from(_VALUES[field])),
            minute=draw(st.integers(0, 4)),
            source=draw(st.sampled_from(_SOURCES)),
        )
        known[me][claim.id] = claim
    return list((known[0] | known[1] | known[2]).values())


@st.composite
def malformed(draw: st.DrawFn, field: Field) -> list[Claim]:
    """Anything that decodes: circles, claims that saw themselves, two claims with one id, wrong values."""
    ids = st.sampled_from("abcdefgh")
    claims = st.builds(
        Claim,
        ids,
        st.just(field.name),
        st.sampled_from((*_VALUES[field], "", "+", "?")),
        st.lists(ids, max_size=4).map(tuple),
        st.integers(0, 4).map(at),
        st.sampled_from(_SOURCES),
        st.just("ada"),
    )
    return draw(st.lists(claims, max_size=12))


fields = st.sampled_from(FIELDS)
honest_histories = fields.flatmap(lambda field: st.tuples(st.just(field), honest(field)))
histories = fields.flatmap(lambda field: st.tuples(st.just(field), honest(field) | malformed(field)))


def pasts(claims: Iterable[Claim]) -> dict[str, set[str]]:
    """For each claim of an honest history all that it saw, through others too; written naively on purpose."""
    past = {claim.id: set(claim.saw) for claim in claims}
    for _ in past:
        for id, seen in past.items():
            past[id] = seen.union(*(past.get(other, set()) for other in seen))
    return past
