"""The client: sends commands until each is acknowledged, and writes down what was promised to it."""

from __future__ import annotations

import json
import random
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx

from tests.faults.insisting import ANSWER_SECONDS, STUCK_SECONDS, insist

PAUSE_SECONDS = 0.1
"""Between two callers of a client, so that what is tried has the processors too."""
DISSATISFIED = 1
SATISFIED = 5


@dataclass
class Ledger:
    """What was acknowledged. ``streams`` holds for each the events that must be in it, in their order."""

    path: Path
    streams: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    """Stream -> (event type, id of the thing it tells of)."""
    contacts: dict[str, str] = field(default_factory=dict)
    """Contact -> state."""
    cases: dict[str, str] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    """Member -> field -> the value written last."""
    notices: set[str] = field(default_factory=set)
    """Contacts about which the outside is to be told."""
    callers: dict[int, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    """Number of a client -> telephone number -> customer: each client has callers of its own."""
    commands: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, member: str, *events: tuple[str, str], **more: Any) -> None:
        """An acknowledged command of ``member``, the events that it makes, and states as they are after it."""
        with self._lock:
            self.commands += 1
            self.streams[f"customer/{member}"].extend(events)
            for name, value in more.items():
                getattr(self, name).update(value)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"member": member, "events": events}) + "\n")

    def name(self, member: str, value: str) -> None:
        with self._lock:
            self.values[member]["given_name"] = value

    def forget(self) -> None:
        """Begin anew: what is compared from now on is only what comes."""
        with self._lock:
            for kept in (self.streams, self.contacts, self.cases, self.values, self.notices, self.callers):
                kept.clear()
            self.commands = 0


class Client:
    """One caller after the other, each going the whole way. Not for use by several threads."""

    def __init__(self, url: str, tokens: dict[str, str], ledger: Ledger, number: int, rng: random.Random) -> None:
        self._http = httpx.Client(base_url=url, timeout=ANSWER_SECONDS)
        self._tokens, self._ledger, self._rng = tokens, ledger, rng
        self._known = ledger.callers[number]

    def close(self) -> None:
        self._http.close()

    def journey(self) -> str:
        """A call from the ring to the review, and what may follow; gives the customer."""
        rng = self._rng
        again = bool(self._known) and rng.random() < 0.4
        number = rng.choice(sorted(self._known)) if again else f"+1202{rng.randrange(2_000_000, 9_999_999)}"
        contact, member = self._ring(number)
        self._agent(member, f"/contacts/{contact}/answer", {}, [("contact.answered", contact)], contact, "answered")
        if rng.random() < 0.5:
            name = f"Name{rng.randrange(10**9)}"
            self._agent(
                member, f"/customers/{member}/edit", {"changes": {"given_name": name}}, [("customer.edited", "")]
            )
            self._ledger.name(member, name)
        self._review(contact, member)
        if rng.random() < 0.5:
            self._case(contact, member)
        return member

    def _ring(self, number: str) -> tuple[str, str]:
        body = {"call": self._unique(), "number": number, "queue": "general"}
        answer = self.command("telephony", "/telephony/ring", body)
        contact, member = str(answer["contact"]), str(answer["customer"])
        known = self._known.setdefault(number, member)
        assert known == member, f"the caller {number} was customer {known} and is now {member}"
        registered = [] if self._ledger.streams.get(f"customer/{member}") else [("customer.registered", "")]
        self._ledger.write(member, *registered, ("contact.offered", contact), contacts={contact: "offered"})
        return contact, member

    def _review(self, contact: str, member: str) -> None:
        satisfaction = DISSATISFIED if self._rng.random() < 0.3 else SATISFIED
        body = {"reason": "billing", "outcome": "solved", "satisfaction": satisfaction, "note": f"note {contact}"}
        events = [("contact.ended", contact), ("contact.wrapped_up", contact)]
        self._agent(member, f"/contacts/{contact}/wrap-up", body, events, contact, "wrapped_up")
        if satisfaction == DISSATISFIED:
            self._ledger.notices.add(contact)

    def _case(self, contact: str, member: str) -> None:
        body = {"customer": member, "reason": "billing", "subject": "a bill", "contact": contact}
        case = str(self.command("anna", "/cases", body)["case"])
        self._ledger.write(member, ("case.opened", case), cases={case: "open"})
        self.command("anna", f"/cases/{case}/resolve", {"solution": "explained"})
        self._ledger.write(member, ("case.resolved", case), cases={case: "resolved"})

    def _agent(
        self,
        member: str,
        path: str,
        body: dict[str, Any],
        events: list[tuple[str, str]],
        contact: str = "",
        state: str = "",
    ) -> None:
        self.command("anna", path, body)
        self._ledger.write(member, *events, contacts={contact: state} if contact else {})

    def command(self, subject: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send until it is acknowledged, always with the same key. Raises ``Stuck``."""
        headers = {"authorization": f"Bearer {self._tokens[subject]}", "idempotency-key": self._unique()}
        answer = insist(lambda: self._http.post(path, json=body, headers=headers), path)
        assert answer.status_code < 300, f"{path}: {answer.status_code} {answer.text[:200]}"
        acknowledged: dict[str, Any] = answer.json()
        return acknowledged

    def _unique(self) -> str:
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))


class Goer(Protocol):
    """Goes one way after the other."""

    def journey(self) -> object: ...

    def close(self) -> None: ...


class Load:
    """Clients at work in threads while the context is open. What fails in one fails at its end."""

    def __init__(self, make: Callable[[int, random.Random], Goer], seed: str, threads: int = 2) -> None:
        self._make, self._seed = make, seed
        self._stop = threading.Event()
        self._errors: list[BaseException] = []
        self._threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(threads)]
        self.journeys = 0

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * STUCK_SECONDS)
        if kind is None and self._errors:
            raise self._errors[0]

    @property
    def failed(self) -> bool:
        """Whether something went wrong; it is raised at the end."""
        return bool(self._errors)

    def check(self) -> None:
        """Raises what went wrong so far."""
        if self._errors:
            raise self._errors[0]

    def _run(self, number: int) -> None:
        client = self._make(number, random.Random(f"{self._seed}/{number}"))
        try:
            while not self._stop.is_set():
                client.journey()
                self.journeys += 1
                self._stop.wait(PAUSE_SECONDS)
        except BaseException as error:
            self._errors.append(error)
        finally:
            client.close()
