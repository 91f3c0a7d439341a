"""Who may sign in: the sample's actors, with generated passwords and one-time codes (RFC 6238)."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from deploy.local import private
from deploy.local.issuer.store import Store
from deploy.local.layout import Layout
from deploy.local.tokens import ACTORS, Actor, needs_second_factor

STEP_SECONDS = 30
DRIFT_STEPS = 1
"""A phone's clock may be this many steps off."""


@dataclass(frozen=True)
class WayIn:
    """What one of the sample's people types to get in; only `make run` shows it."""

    password: str
    second_secret: str = ""

    def code(self, at: float) -> str:
        """The one-time code of that moment; empty for who needs none."""
        return pyotp.TOTP(self.second_secret).at(int(at)) if self.second_secret else ""


def ways_in(place: Layout) -> dict[str, WayIn]:
    """The generated way in of each person of the sample, made the first time."""
    path = place.secrets / "accounts.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    new = {one.subject: _generated(one) for one in ACTORS if not one.is_machine and one.subject not in known}
    if new:
        known |= new
        private.replace(path, json.dumps(known))
    return {subject: WayIn(**kept) for subject, kept in known.items()}


def _generated(someone: Actor) -> dict[str, str]:
    second = {"second_secret": pyotp.random_base32()} if needs_second_factor(someone.roles) else {}
    return {"password": secrets.token_urlsafe(12), **second}


class Accounts:
    """The accounts as the issuer knows them: hashes of passwords, and secrets of one-time codes."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store, self._clock = store, clock
        self._hasher = PasswordHasher()
        self._actors = {one.subject: one for one in ACTORS if not one.is_machine}
        # Somebody who doesn't exist takes as long as somebody who does, so that time tells no names.
        self._no_account = self._hasher.hash(secrets.token_urlsafe(16))

    def admit(self, ways: dict[str, WayIn]) -> None:
        """Make the accounts that aren't there yet."""
        for subject, way in ways.items():
            if self._store.one("SELECT 1 FROM account WHERE subject = ?", subject) is None:
                self._store.run(
                    "INSERT INTO account (subject, password, second_secret) VALUES (?, ?, ?)",
                    subject,
                    self._hasher.hash(way.password),
                    way.second_secret or None,
                )

    def actor(self, subject: str) -> Actor | None:
        """Who that is, if anybody."""
        return self._actors.get(subject)

    def check_password(self, subject: str, password: str) -> bool:
        """Whether it is that account's password. Takes its time by design."""
        row = self._store.one("SELECT password FROM account WHERE subject = ?", subject)
        try:
            self._hasher.verify(row["password"] if row else self._no_account, password)
        except VerificationError:
            return False
        return row is not None and subject in self._actors

    def has_second_factor(self, subject: str) -> bool:
        """Whether that account has a second factor."""
        row = self._store.one("SELECT second_secret FROM account WHERE subject = ?", subject)
        return row is not None and row["second_secret"] is not None

    def check_code(self, subject: str, code: str) -> bool:
        """Whether it is a one-time code of now. Each is good once, also for who looked over a shoulder."""
        with self._store.changing():
            row = self._store.one("SELECT second_secret, last_step FROM account WHERE subject = ?", subject)
            step = step_of(row["second_secret"], code, self._clock()) if row and row["second_secret"] else None
            if row is None or step is None or step <= row["last_step"]:
                return False
            self._store.run("UPDATE account SET last_step = ? WHERE subject = ?", step, subject)
            return True

    def enrol(self, subject: str, secret: str, code: str) -> bool:
        """Have that account use a second factor from now on, if the code proves that the secret arrived."""
        step = step_of(secret, code, self._clock())
        if step is None:
            return False
        self._store.run("UPDATE account SET second_secret = ?, last_step = ? WHERE subject = ?", secret, step, subject)
        return True


def step_of(secret: str, code: str, now: float) -> int | None:
    """The time step whose code it is; none if it isn't one of now."""
    generator, step = pyotp.TOTP(secret), int(now) // STEP_SECONDS
    typed = code.replace(" ", "")
    for candidate in range(step - DRIFT_STEPS, step + DRIFT_STEPS + 1):
        if secrets.compare_digest(generator.at(candidate * STEP_SECONDS).encode(), typed.encode()):
            return candidate
    return None
