"""A person's session at the issuer: begun by signing in, ended by signing out, by time, or by a stolen token's use."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from deploy.local.issuer.store import Store, digest, new_secret

SESSION_SECONDS = 12 * 3600
ENROL_SECONDS = 600


@dataclass(frozen=True)
class Session:
    """One sign-in of one person in one browser; services that it was used for share its name."""

    sid: str
    subject: str
    began: float
    factors: tuple[str, ...]
    """How it was proved who it is, in the words of RFC 8176."""


class Sessions:
    """The sessions there are."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store, self._clock = store, clock
        self.on_end: Callable[[Session, list[str]], None] = lambda session, clients: None
        """Told of each session that ends before its time, and of the clients that it was used for."""

    def begin(self, subject: str, factors: tuple[str, ...]) -> str:
        """Begin one; gives what the browser keeps."""
        browser, now = new_secret(), self._clock()
        self._store.run("DELETE FROM session WHERE ends < ?", now)
        self._store.run(
            "INSERT INTO session (sid, browser, subject, began, ends, factors) VALUES (?, ?, ?, ?, ?, ?)",
            str(uuid.uuid4()),
            digest(browser),
            subject,
            now,
            now + SESSION_SECONDS,
            json.dumps(factors),
        )
        return browser

    def of_browser(self, browser: str | None) -> Session | None:
        """The living session of a browser."""
        return self._living("browser", digest(browser)) if browser else None

    def of_sid(self, sid: str) -> Session | None:
        """The living session of that name."""
        return self._living("sid", sid)

    def used_for(self, sid: str, client: str) -> None:
        """Note that a client got tokens of this session, and is to hear of its end."""
        self._store.run("INSERT OR IGNORE INTO visit (sid, client) VALUES (?, ?)", sid, client)

    def end(self, sid: str) -> None:
        """End a session at once: nothing that was given out for it can be renewed, and its clients are told."""
        with self._store.changing():
            session = self.of_sid(sid)
            if session is None:
                return
            clients = [row["client"] for row in self._store.all("SELECT client FROM visit WHERE sid = ?", sid)]
            for statement in (
                "UPDATE session SET over = 1 WHERE sid = ?",
                "DELETE FROM refresh WHERE sid = ?",
                "DELETE FROM code WHERE sid = ?",
                "DELETE FROM visit WHERE sid = ?",
            ):
                self._store.run(statement, sid)
        self.on_end(session, clients)

    def end_all_of(self, subject: str) -> int:
        """End every session of somebody."""
        found = self._store.all("SELECT sid FROM session WHERE subject = ? AND NOT over", subject)
        for row in found:
            self.end(row["sid"])
        return len(found)

    def begin_enrolment(self, subject: str, secret: str) -> str:
        """Somebody whose password was right is to take a second factor; gives what the browser keeps."""
        browser, now = new_secret(), self._clock()
        self._store.run("DELETE FROM enrolment WHERE ends < ? OR subject = ?", now, subject)
        values = digest(browser), subject, secret, now + ENROL_SECONDS
        self._store.run("INSERT INTO enrolment (digest, subject, secret, ends) VALUES (?, ?, ?, ?)", *values)
        return browser

    def enrolment(self, browser: str | None) -> tuple[str, str] | None:
        """Who is taking a second factor in this browser, and its secret."""
        row = self._store.one(
            "SELECT subject, secret FROM enrolment WHERE digest = ? AND ends > ?", digest(browser or ""), self._clock()
        )
        return (row["subject"], row["secret"]) if row else None

    def end_enrolment(self, browser: str) -> None:
        self._store.run("DELETE FROM enrolment WHERE digest = ?", digest(browser))

    def _living(self, column: str, value: str) -> Session | None:
        row = self._store.one(
            f"SELECT * FROM session WHERE {column} = ? AND NOT over AND ends > ?",  # noqa: S608
            value,
            self._clock(),
        )
        if row is None:
            return None
        return Session(row["sid"], row["subject"], row["began"], tuple(json.loads(row["factors"])))
