"""A member: one customer as one service met it."""

from typing import NewType

Member = NewType("Member", str)
"""The UUIDv7 of one customer as one service met it; never changed, also not by a merge."""

_PREFIX = "customer/"


class NotACustomerStream(ValueError):
    """The stream isn't that of a customer."""


def stream(member: Member) -> str:
    """The stream of everything about a member, which is also the key of its events."""
    return _PREFIX + member


def member_of(stream: str) -> Member:
    """The member of a customer stream; raises NotACustomerStream for any other stream."""
    member = stream.removeprefix(_PREFIX)
    if member == stream or not member:
        raise NotACustomerStream(stream)
    return Member(member)
