"""Ids that are the same each time a history is played, so that what came of it can be compared column by column."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import pytest
import uuid_utils

from tests.builders import SetClock

_random = uuid_utils.uuid7


class Ids:
    """Gives UUIDv7 that follow from the clock, the name of what is being done, and how many were given to it."""

    def __init__(self, clock: SetClock) -> None:
        self._clock = clock
        self._name = ""
        self._given = 0

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """What is done inside is named so; outside ids are random."""
        self._name, self._given = name, 0
        try:
            yield
        finally:
            self._name = ""

    def uuid7(self) -> uuid.UUID:
        if not self._name:
            return uuid.UUID(str(_random()))
        self._given += 1
        # Rising within the same millisecond, as real ones do.
        milliseconds = int(self._clock.now.timestamp() * 1000) + self._given
        digest = sha256(f"{self._name}/{self._given}".encode()).hexdigest()
        head = f"{milliseconds:012x}"
        return uuid.UUID(f"{head[:8]}-{head[8:]}-7{digest[:3]}-8{digest[3:6]}-{digest[6:18]}")


def install(monkeypatch: pytest.MonkeyPatch, clock: SetClock) -> Ids:
    """Have all ids of the product given by ``Ids``."""
    ids = Ids(clock)
    monkeypatch.setattr(uuid_utils, "uuid7", ids.uuid7)
    return ids
