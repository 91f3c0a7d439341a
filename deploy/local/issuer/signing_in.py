"""Whether somebody gets in: name, password, one-time code, and how many wrong ones there were."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import pyotp

from deploy.local.issuer.accounts import Accounts
from deploy.local.issuer.guesses import Browser, Guesses
from deploy.local.issuer.sessions import Sessions
from deploy.local.tokens import needs_second_factor


@dataclass(frozen=True)
class Typed:
    """What somebody typed, and where."""

    name: str
    password: str
    code: str
    address: str
    mark: str | None
    """What this browser keeps from an earlier time in which this account signed in."""


@dataclass(frozen=True)
class Admitted:
    """Somebody who got in: what the browser keeps of it."""

    browser: str
    mark: str


@dataclass(frozen=True)
class MustEnrol:
    """Somebody whose password is right, but who has to take a second factor first."""

    browser: str


class SigningIn:
    """Checks what people type."""

    def __init__(self, accounts: Accounts, sessions: Sessions, guesses: Guesses, browser: Browser) -> None:
        self._accounts, self._sessions, self._guesses, self._browser = accounts, sessions, guesses, browser

    def check(self, typed: Typed) -> Admitted | MustEnrol | None:
        """Who gets in; None for a wrong guess, which doesn't tell what of it was wrong. Raises ``TooMany``."""
        known = self._browser.known(typed.mark, typed.name)
        with self._guesses.guess(typed.name, typed.address, known) as guess:
            factors = self._factors(typed)
            guess.was_wrong = factors is None
        if factors is None:
            return None
        actor = self._accounts.actor(typed.name)
        assert actor is not None
        if factors == ("pwd",) and needs_second_factor(actor.roles):
            return MustEnrol(self._sessions.begin_enrolment(typed.name, pyotp.random_base32()))
        return self._admit(typed.name, factors)

    def enrol(self, browser: str | None, code: str, address: str) -> Admitted | None:
        """Take a second factor, and get in with it; None for a wrong code. Raises ``TooMany``."""
        pending = self._sessions.enrolment(browser)
        if browser is None or pending is None:
            return None
        subject, secret = pending
        with self._guesses.guess(subject, address, None) as guess:
            done = self._accounts.enrol(subject, secret, code)
            guess.was_wrong = not done
        if not done:
            return None
        self._sessions.end_enrolment(browser)
        return self._admit(subject, ("pwd", "otp"))

    def _factors(self, typed: Typed) -> tuple[str, ...] | None:
        if not self._accounts.check_password(typed.name, typed.password):
            return None
        if not self._accounts.has_second_factor(typed.name):
            return ("pwd",)
        return ("pwd", "otp") if self._accounts.check_code(typed.name, typed.code) else None

    def _admit(self, subject: str, factors: tuple[str, ...]) -> Admitted:
        return Admitted(self._sessions.begin(subject, factors), self._browser.mark(subject))


def mark_cookie(subject: str) -> str:
    """The name of the cookie with a browser's mark: several people may share a browser."""
    return f"issuer_known_{sha256(subject.encode()).hexdigest()[:12]}"
