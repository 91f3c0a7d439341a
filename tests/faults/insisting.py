"""Requests sent until they are answered, as a client does that must not lose what it was told to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

import httpx

ANSWER_SECONDS = 10.0
STUCK_SECONDS = 120.0
RETRY_SECONDS = 0.1


class Stuck(AssertionError):
    """A command wasn't acknowledged within the bound."""


def insist(send: Callable[[], httpx.Response], what: str, not_yet: Collection[int] = ()) -> httpx.Response:
    """Send until there is an answer of neither a server in trouble nor one of these codes. Raises ``Stuck``."""
    end, last = time.monotonic() + STUCK_SECONDS, ""
    while time.monotonic() < end:
        try:
            answer = send()
        except httpx.HTTPError as error:
            last = type(error).__name__
        else:
            if answer.status_code < 500 and answer.status_code not in not_yet:
                return answer
            last = f"{answer.status_code} {answer.text[:200]}"
        time.sleep(RETRY_SECONDS)
    raise Stuck(f"{what} wasn't acknowledged in {STUCK_SECONDS:.0f} s: {last}")
