"""The stream of a member."""

import pytest

from shared.customer.member import Member, NotACustomerStream, member_of, stream


def test_a_member_and_its_stream_name_each_other() -> None:
    member = Member("018f2f0e-0000-7000-8000-000000000001")
    assert stream(member) == "customer/018f2f0e-0000-7000-8000-000000000001"
    assert member_of(stream(member)) == member


@pytest.mark.parametrize("other", ["outage/1", "customer/", "customer", "custom_field/x"])
def test_other_streams_are_refused(other: str) -> None:
    with pytest.raises(NotACustomerStream):
        member_of(other)
