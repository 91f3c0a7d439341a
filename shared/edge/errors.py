"""Errors that know their meaning. HTTP status codes are given to them in shared/edge/http.py only."""

from __future__ import annotations

from shared.texts import Saying, Text


class Refused(Saying):
    """A command can't be carried out. The text says why and what to do, and is shown to people."""


class NotFound(Refused):
    """What the command is about doesn't exist here."""


class Invalid(Refused):
    """A value isn't of the form or range that it must have."""


class Conflict(Refused):
    """The thing isn't in a state in which this can be done, or was changed by somebody else meanwhile."""


class Forbidden(Refused):
    """The actor may not do this."""


class Unauthenticated(Refused):
    """No valid token came with the request."""


class Unavailable(Refused):
    """It can't be said just now whether this may be done; later it can."""


class TooMany(Refused):
    """Asked too often. In ``seconds`` it may be tried again."""

    def __init__(self, said: str | Saying | Text, /, seconds: int = 60, **values: object) -> None:
        super().__init__(said, seconds=seconds, **values)
        self.seconds = seconds
