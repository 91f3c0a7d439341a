"""How often somebody may guess, without a way to lock others out (OWASP: device cookies).

A browser in which an account signed in before is known by a signed cookie, and counted by itself: whatever others do
to the account or from the same address doesn't touch it. Unknown ones are counted by account and address together,
and by address. Nobody is ever locked out by a count of the account alone.
"""

from __future__ import annotations

import hmac
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from deploy.local.issuer.store import new_secret

KNOWN = RateLimitItemPerMinute(10, 5)
"""Wrong guesses from a known browser: 10 in five minutes."""

PAIR = RateLimitItemPerMinute(5, 5)
"""Wrong guesses of one account from one address."""

ADDRESS = RateLimitItemPerMinute(30, 1)
"""Wrong guesses from one address, of any accounts."""

WAITING = 4
"""So many log-ins wait for their turn to be hashed; others are asked to come again."""

WAIT_SECONDS = 2.0


class TooMany(Exception):
    """Not now: there were too many wrong guesses, or too many at once."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"try again in {seconds} s")
        self.seconds = seconds


class Browser:
    """Makes and reads the cookie by which an account's browser is known again."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def mark(self, subject: str) -> str:
        """The cookie for a browser in which ``subject`` just signed in."""
        nonce = new_secret()
        return f"{subject}.{nonce}.{self._sign(subject, nonce)}"

    def known(self, cookie: str | None, subject: str) -> str | None:
        """The mark's own name, if it is one of ``subject``."""
        name, _, rest = (cookie or "").partition(".")
        nonce, _, signature = rest.partition(".")
        if name != subject or not hmac.compare_digest(signature.encode(), self._sign(name, nonce).encode()):
            return None
        return nonce

    def _sign(self, subject: str, nonce: str) -> str:
        return hmac.new(self._secret, f"{subject}.{nonce}".encode(), sha256).hexdigest()


class Guesses:
    """Counts wrong guesses, and lets only so many be checked at a time: hashing a password is dear by design."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        # Known browsers have a place of their own, which a flood of unknown ones can't take.
        self._places = {True: Place(), False: Place()}

    @contextmanager
    def guess(self, subject: str, address: str, known: str | None) -> Iterator[Guess]:
        """One guess. Raises ``TooMany`` before anything dear is done."""
        counters = _counters(subject, address, known)
        self._refuse_if_full(counters)
        with self._places[known is not None].taken():
            # Once more: others may have used the count up while this one waited.
            self._refuse_if_full(counters)
            made = Guess()
            yield made
            if made.was_wrong:
                for limit, names in counters:
                    self._limiter.hit(limit, *names)

    def _refuse_if_full(self, counters: list[tuple[RateLimitItem, tuple[str, ...]]]) -> None:
        for limit, names in counters:
            if not self._limiter.test(limit, *names):
                free = self._limiter.get_window_stats(limit, *names).reset_time
                raise TooMany(max(1, math.ceil(free - time.time())))


class Place:
    """Where one password at a time is hashed, with a short queue."""

    def __init__(self) -> None:
        self._place, self._queue = threading.Semaphore(1), threading.Semaphore(1 + WAITING)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have it. Raises ``TooMany`` when the queue is full or doesn't move."""
        if not self._queue.acquire(blocking=False):
            raise TooMany(1)
        try:
            if not self._place.acquire(timeout=WAIT_SECONDS):
                raise TooMany(1)
            try:
                yield
            finally:
                self._place.release()
        finally:
            self._queue.release()


class Guess:
    """Whether it was wrong is said by who checked it."""

    was_wrong = False


def _counters(subject: str, address: str, known: str | None) -> list[tuple[RateLimitItem, tuple[str, ...]]]:
    if known is not None:
        return [(KNOWN, ("known", known))]
    return [(PAIR, ("pair", subject, address)), (ADDRESS, ("address", address))]
