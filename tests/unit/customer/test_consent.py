"""What a person allows or forbids is repeated by claims whose ids anybody works out alike."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.customer.consent import echo_id, is_echo
from shared.events.envelope import new_id
from shared.pipeline.gate import milliseconds

members = st.uuids(version=4).map(str)


@given(members, members)
def test_an_echo_has_an_id_of_its_own_that_says_what_it_is_and_when(one: str, two: str) -> None:
    origin = new_id()
    echo = echo_id(origin, one)
    assert UUID(echo).version == 8
    assert str(UUID(echo)) == echo
    assert milliseconds(echo) == milliseconds(origin)
    assert is_echo(echo)
    assert not is_echo(origin)
    assert echo == echo_id(origin, one)
    assert (echo == echo_id(origin, two)) == (one == two)
    assert echo != echo_id(new_id(), one)
