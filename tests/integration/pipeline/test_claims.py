"""Claims of many members at once are kept as those of few, whoever is new among them."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.customer.claims import Claim
from shared.events.envelope import new_id
from shared.pipeline import claims, keys
from shared.pipeline.claims import MANY, Told
from tests.probe import Pair, new_member

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)


def told(member: str, draw: random.Random) -> Told:
    """Claims of several fields, also twice of one, one that saw another, and one of a field that isn't known here."""
    at = AT + timedelta(minutes=draw.randrange(100))
    said: list[Claim] = []
    for name, value in (("given_name", "Ada"), ("city", "Rome"), ("products", "+line"), ("of_tomorrow", "x")):
        saw = tuple(one.id for one in said if one.field == name)
        said.append(Claim(new_id(), name, value + str(draw.randrange(3)), saw, at, "callcenter", "anna\tthe \\ first"))
        if draw.random() < 0.5:
            saw = (said[-1].id,) if draw.random() < 0.5 else ()
            said.append(Claim(new_id(), name, value, saw, at, "callcenter", "anna"))
    # Of different claims with one id the emptier stands.
    again = Claim(said[0].id, "given_name", "", (), at, "callcenter", "anna")
    return Told(member, at, (*said, again) if draw.random() < 0.3 else tuple(said))


def kept(pair: Pair) -> dict[str, list[str]]:
    """All rows, with the members by their place."""
    with Session(pair.hearer.engine) as session:
        return {
            name: sorted(str(row) for row in session.execute(text(f"SELECT * FROM {name}")))
            for name in ("claim", "customer_record")
        }


def store(pair: Pair, tellings: Sequence[Told]) -> set[str]:
    return pair.hearer.transact(pair.hearer.itself, lambda work: claims.store_claims(work, tellings))


def forget_all(pair: Pair) -> None:
    with pair.hearer.engine.begin() as connection:
        connection.execute(text("TRUNCATE claim, customer_record"))


@pytest.mark.parametrize("seed", range(4))
def test_many_at_once_are_kept_as_each_alone(offline: Pair, seed: int) -> None:
    draw = random.Random(seed)
    members = [new_member() for _ in range(3 * MANY)]
    erased, early = members[:3], members[3:20]
    offline.hearer.transact(offline.hearer.itself, lambda work: keys.erase(work, erased))
    before = [told(member, draw) for member in early]
    many = [told(member, draw) for member in members for _ in range(draw.randrange(1, 3))]
    draw.shuffle(many)
    for one in (*before, *many):
        store(offline, [one])
    expected = kept(offline)
    forget_all(offline)
    store(offline, before)
    changed = store(offline, many)
    assert kept(offline) == expected
    assert changed >= set(members) - set(erased) - set(early)
    assert not any(member in row for row in expected["claim"] for member in erased)
    # Heard again, and with others before them, they are the same.
    store(offline, many)
    assert kept(offline) == expected


def test_two_at_once_who_meet_the_same_members_keep_the_claims_of_both(offline: Pair) -> None:
    draw = random.Random(7)
    members = [new_member() for _ in range(2 * MANY)]
    parts = [[told(member, draw) for member in members] for _ in range(3)]
    for part in parts:
        store(offline, part)
    expected = kept(offline)
    forget_all(offline)
    threads = [threading.Thread(target=store, args=(offline, part)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept(offline) == expected
