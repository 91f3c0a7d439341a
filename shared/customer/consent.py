"""What a person allows or forbids, repeated for each member that is this person.

The repetition is a claim whose id follows from the original's, so that whoever repeats it, and however often, makes the
same claim: repeating is harmless, and a repetition isn't repeated in turn.
"""

from __future__ import annotations

from hashlib import sha256


def echo_id(origin: str, member: str) -> str:
    """The id of the claim that repeats ``origin`` (a UUIDv7) for a member: a UUIDv8 with the original's time."""
    digest = sha256(f"{origin}/{member}".encode()).hexdigest()
    return f"{origin[:13]}-8{digest[:3]}-8{digest[3:6]}-{digest[6:18]}"


def is_echo(claim: str) -> bool:
    """Whether a claim of this id repeats another member's."""
    return claim[14:15] == "8"
