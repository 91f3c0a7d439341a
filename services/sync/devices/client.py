"""A device of a field rep: what he looks after at hand without a network, and what he writes there, not lost.

An example, and what the tests drive; docs/devices.md tells the protocol. It keeps everything in one SQLite file, its
private key too (a real one has a better place for that), and needs the rep's token only to be enrolled and renewed:

    device = Device(Path("rep.sqlite"), httpx.Client(base_url=...))
    device.enrol("Rita's tablet", token)
    device.synchronize()
    device.note(customer, "Wants a second line")
    device.synchronize()
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import uuid_utils
from joserfc import jws
from joserfc.jwk import OKPKey

from services.sync.devices.rules import NO_DIGEST, digest_of, exclusive_or
from shared.customer.fields import BUILT_IN

MOST = 100
"""Mutations in one push."""

_TABLES = """
PRAGMA secure_delete = ON;
CREATE TABLE IF NOT EXISTS me (device TEXT, number INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS credential (key TEXT NOT NULL, turn INTEGER, request TEXT, taken INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS scope (scope TEXT PRIMARY KEY, name TEXT, epoch TEXT NOT NULL, pos INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS item (scope TEXT, key TEXT, body TEXT NOT NULL, PRIMARY KEY (scope, key));
CREATE TABLE IF NOT EXISTS written (number INTEGER PRIMARY KEY, content TEXT NOT NULL, state TEXT NOT NULL,
                                    reason TEXT NOT NULL);
"""


class OutOfStep(Exception):
    """Server and device don't have the same, and starting over or pushing again doesn't mend it."""


class Device:
    """What one device keeps, and its way to the server. For one thread."""

    def __init__(
        self, store: Path | str, http: httpx.Client, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """``http`` names the server. Raises nothing yet: it may be off line."""
        self._http, self._clock = http, clock
        self._db = sqlite3.connect(store, isolation_level=None)
        self._db.executescript(_TABLES)
        if self._one("SELECT count(*) FROM me") == 0:
            self._db.execute("INSERT INTO me VALUES (NULL, 0)")

    @property
    def id(self) -> str:
        """The server's name for this device. Raises ``OutOfStep`` before it is enrolled."""
        if id := self._one("SELECT device FROM me"):
            return str(id)
        raise OutOfStep("the device isn't enrolled")

    def enrol(self, name: str, token: str = "") -> str:
        """Make this device known to the server, once. ``token``: the rep's; else the one that ``http`` carries.

        Raises ``httpx.HTTPError``, and may then be done again.
        """
        if not self._one("SELECT device FROM me"):
            self._keep_turn(enrolled := self._as_rep("/devices", token, {"name": name}))
            self._db.execute("UPDATE me SET device = ?", (enrolled["device"],))
        return self.id

    def renew(self, token: str = "") -> None:
        """Get another key for this device, as the server asks for (401), or after an operator readmitted it.

        Raises as ``enrol``.
        """
        if self._one("SELECT turn FROM credential") is not None:
            self._db.execute("DELETE FROM credential")
        # Up to here numbers were answered. A server that was put back to an earlier state doesn't know of all of them.
        answered = self._one(
            "SELECT coalesce((SELECT min(number) FROM written WHERE state = ''), number + 1) - 1 FROM me"
        )
        self._keep_turn(self._as_rep(f"/devices/{self.id}/renew", token, {"number": answered}))

    # What the rep does, with or without a network.

    def note(self, customer: str, text: str) -> str:
        """Write something down about a customer; gives the note's id."""
        return self._write(customer, "note", text=text)

    def order(self, customer: str, lines: Sequence[Mapping[str, Any]], currency: str) -> str:
        """Take an order: lines of product, quantity, and unit_price in minor units; gives the order's id."""
        return self._write(customer, "order", lines=list(lines), currency=currency)

    def edit(self, customer: str, changes: Mapping[str, str]) -> None:
        """Change fields; of a set ``+element`` or ``-element``."""
        seen = {name: field["heads"] for name, field in (self.customer(customer) or {"fields": {}})["fields"].items()}
        claims = [
            {"id": str(uuid_utils.uuid7()), "field": name, "value": value, "saw": seen.get(name, [])}
            for name, value in changes.items()
        ]
        self._write(customer, "edit", claims=claims)

    def customers(self) -> list[str]:
        """The customers that the rep looks after."""
        rows = self._db.execute("SELECT DISTINCT key FROM item WHERE key NOT LIKE 'mutation/%' ORDER BY key")
        return [key for (key,) in rows]

    def customer(self, member: str) -> dict[str, Any] | None:
        """A customer as the rep is to see it: what the server said, and over it what he wrote since."""
        body = self._one("SELECT body FROM item WHERE key = ?", member)
        if body is None:
            return None
        view: dict[str, Any] = json.loads(body)
        for one in self.pending():
            if one["customer"] == member:
                _lay_over(view, one)
        return view

    def pending(self) -> list[dict[str, Any]]:
        """What was written here and isn't known to be decided, in its order."""
        return [json.loads(body) for (body,) in self._db.execute(_WRITTEN.format("NOT IN"))]

    def refused(self) -> dict[int, str]:
        """What was refused, for the rep to look at: number and reason."""
        rows = self._db.execute("SELECT number, reason FROM written WHERE state = 'refused' ORDER BY number")
        return dict(rows)

    def state(self, number: int) -> str:
        """What the server last said of something written here; empty: nothing yet; ``accepted`` once it is in."""
        return str(self._one("SELECT state FROM written WHERE number = ?", number) or "accepted")

    # With a network.

    def synchronize(self) -> None:
        """Hand in what was written and fetch what changed. Raises ``httpx.HTTPError``; may then be done again."""
        self.push()
        self.pull()

    def push(self) -> None:
        """Hand in what wasn't answered yet, in its order; safe to repeat when an answer was lost.

        Raises ``httpx.HTTPError``, and ``OutOfStep`` when the server knows another mutation under one of the numbers.
        """
        after = self._one("SELECT coalesce(max(number), 0) FROM written WHERE state <> ''")
        while True:
            rows = self._db.execute("SELECT content FROM written WHERE number > ? ORDER BY number", (after,))
            waiting = [json.loads(content) for (content,) in rows.fetchmany(MOST)]
            if not waiting:
                return
            body = {"sent": self._clock().isoformat(), "mutations": waiting}
            after = self._answered(self._ask("POST", "push", json=body)["answers"])

    def pull(self) -> None:
        """Fetch what changed in every scope, drop the scopes that aren't followed any more, and what is decided.

        Raises ``httpx.HTTPError``, and ``OutOfStep`` when a scope differs even after a fresh start.
        """
        follows = self._ask("GET", "pull")["scopes"]
        with self._transaction():
            names = [one["scope"] for one in follows]
            for scope in {scope for (scope,) in self._db.execute("SELECT scope FROM scope")} - set(names):
                self._clear(scope)
        # The device's own scope comes first: what it says is decided is in what is pulled after it.
        decided: dict[int, tuple[str, str]] = {}
        for place, one in enumerate(follows):
            if not self._pull(one) and not self._pull(one, afresh=True):
                raise OutOfStep(f"scope {one['scope']} differs from the server's")
            decided = decided if place else self._decided(one["scope"])
        with self._transaction():
            for number, (state, reason) in decided.items():
                self._told(number, state, reason)
            self._db.execute("DELETE FROM written WHERE state = 'accepted'")

    def digest(self, scope: str) -> tuple[int, str]:
        """How many items of a scope are here, and their digest, as a checkpoint has them."""
        bodies = [body for (body,) in self._db.execute("SELECT body FROM item WHERE scope = ?", (scope,))]
        return len(bodies), exclusive_or(NO_DIGEST, *map(digest_of, bodies)).hex()

    def _pull(self, one: Mapping[str, str], *, afresh: bool = False) -> bool:
        """Fetch a scope to its end; gives whether it is the same here as there."""
        scope = one["scope"]
        while True:
            row = self._db.execute("SELECT epoch, pos FROM scope WHERE scope = ?", (scope,)).fetchone()
            epoch, pos = row if row and not afresh else ("", 0)
            afresh = False
            answer = self._ask("GET", "pull", params={"scope": scope, "after": pos, "epoch": epoch})
            with self._transaction():
                if answer["start_over"]:
                    self._clear(scope)
                for item in answer["rows"]:
                    self._keep(scope, item)
                    pos = item["pos"]
                end = answer["checkpoint"]
                there = (scope, one["name"], answer["epoch"], end["pos"] if end else pos)
                self._db.execute("INSERT OR REPLACE INTO scope VALUES (?, ?, ?, ?)", there)
            if end:
                return self.digest(scope) == (end["count"], end["digest"])

    def _keep(self, scope: str, item: Mapping[str, Any]) -> None:
        if item["body"] is None:
            self._db.execute("DELETE FROM item WHERE scope = ? AND key = ?", (scope, item["key"]))
        else:
            self._db.execute("INSERT OR REPLACE INTO item VALUES (?, ?, ?)", (scope, item["key"], item["body"]))

    def _clear(self, scope: str) -> None:
        self._db.execute("DELETE FROM item WHERE scope = ?", (scope,))
        self._db.execute("DELETE FROM scope WHERE scope = ?", (scope,))

    def _decided(self, scope: str) -> dict[int, tuple[str, str]]:
        rows = self._db.execute("SELECT body FROM item WHERE scope = ?", (scope,))
        found = [json.loads(body) for (body,) in rows]
        return {one["number"]: (one["state"], one["reason"]) for one in found}

    def _answered(self, answers: Sequence[Mapping[str, Any]]) -> int:
        """Keep what was answered; gives the number after which to go on."""
        with self._transaction():
            for one in answers:
                number, state, reason = one["number"], one["state"], one.get("reason", "")
                if state == "conflict":
                    self._renumber(number, one["detail"])
                elif state == "gap":
                    return self._back(number)
                else:
                    # Accepted is only what the feed says: until then it is laid over what was pulled.
                    self._told(number, "pending" if state == "accepted" else state, reason)
        return int(answers[-1]["number"])

    def _told(self, number: int, state: str, reason: str) -> None:
        """Keep what became of something; what was about an erased person isn't kept itself."""
        self._db.execute("UPDATE written SET state = ?, reason = ? WHERE number = ?", (state, reason, number))
        if reason == "erased":
            bare = json.dumps({"number": number})
            self._db.execute("UPDATE written SET content = ? WHERE number = ?", (bare, number))

    def _renumber(self, number: int, why: str) -> None:
        """This number was used by the one that this device is a copy of: what was written here gets the next one."""
        if number > self._one("SELECT taken FROM credential"):
            raise OutOfStep(why)
        moved = int(self._one("SELECT number FROM me")) + 1
        content = {**json.loads(self._one("SELECT content FROM written WHERE number = ?", number)), "number": moved}
        self._db.execute("UPDATE me SET number = ?", (moved,))
        values = (moved, json.dumps(content), number)
        self._db.execute("UPDATE written SET number = ?, content = ?, state = '' WHERE number = ?", values)

    def _back(self, number: int) -> int:
        """The server lacks what came before this number: go back to the oldest that is still here."""
        first = int(self._one("SELECT min(number) FROM written"))
        if first == number:
            raise OutOfStep(f"the server lacks what was written before number {number}, and it isn't here any more")
        return first - 1

    def _write(self, customer: str, kind: str, **content: Any) -> str:
        id = str(uuid_utils.uuid7())
        with self._transaction():
            number = int(self._one("SELECT number FROM me")) + 1
            named = {} if kind == "edit" else {kind: id}
            body = {"number": number, "kind": kind, "made": self._clock().isoformat(), "customer": customer}
            self._db.execute("UPDATE me SET number = ?", (number,))
            self._db.execute("INSERT INTO written VALUES (?, ?, '', '')", (number, json.dumps(body | named | content)))
        return id

    # How it says who it is.

    def _ask(self, method: str, what: str, **content: Any) -> Any:
        """One signed request. The server takes the turn once; who asks it again, or otherwise, has the same one."""
        request = self._http.build_request(method, f"/devices/{self.id}/{what}", **content)
        # Kept before it is sent: whatever happens then, this turn is used under this name only.
        self._db.execute("UPDATE credential SET request = coalesce(request, ?)", (str(uuid4()),))
        key, turn, name = self._db.execute("SELECT key, turn, request FROM credential").fetchone() or ("", None, "")
        if turn is None:
            raise OutOfStep("the device has no key that the server knows; its rep has to sign in and renew it")
        said = {"device": self.id, "method": method, "path": request.url.raw_path.decode(), "turn": turn}
        said |= {"body": sha256(request.content).hexdigest(), "request": name}
        signing = {"alg": "Ed25519", "typ": "crm-device"}, json.dumps(said), OKPKey.import_key(json.loads(key))
        signature = jws.serialize_compact(*signing, algorithms=["Ed25519"])
        request.headers["authorization"] = f"CRM-Device {signature}"
        answer = self._http.send(request).raise_for_status().json()
        used = "UPDATE credential SET turn = ?, request = NULL WHERE turn = ? AND request = ?"
        self._db.execute(used, (answer["turn"], turn, name))
        return answer

    def _as_rep(self, path: str, token: str, body: Mapping[str, Any]) -> Any:
        """Tell the server a new key. The same one as long as there is no answer."""
        if self._one("SELECT key FROM credential") is None:
            made = json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True))
            self._db.execute("INSERT INTO credential VALUES (?, NULL, NULL, 0)", (made,))
        key = {
            name: value for name, value in json.loads(self._one("SELECT key FROM credential")).items() if name != "d"
        }
        headers = {"idempotency-key": key["x"]} | ({"authorization": f"Bearer {token}"} if token else {})
        return self._http.post(path, json={**body, "key": key}, headers=headers).raise_for_status().json()

    def _keep_turn(self, answer: Mapping[str, Any]) -> None:
        """The server knows the key, and what it has taken before under this device's numbers."""
        taken = answer.get("number", 0)
        with self._transaction():
            self._db.execute("UPDATE credential SET turn = ?, request = NULL, taken = ?", (answer["turn"], taken))
            self._db.execute("UPDATE me SET number = max(number, ?)", (taken,))

    def _one(self, query: str, *values: object) -> Any:
        row = self._db.execute(query, values).fetchone()
        return row and row[0]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


_WRITTEN = "SELECT content FROM written WHERE state {} ('accepted', 'refused') ORDER BY number"


def _lay_over(view: dict[str, Any], one: Mapping[str, Any]) -> None:
    """Show what was written over what was pulled; once the server's item has it, nothing changes."""
    if one["kind"] == "note" and all(note["note"] != one["note"] for note in view["notes"]):
        view["notes"].insert(0, {"note": one["note"], "text": one["text"], "at": one["made"], "author": ""})
    if one["kind"] == "order" and all(order["order"] != one["order"] for order in view["orders"]):
        view["orders"].insert(0, {"order": one["order"], "state": "written", "lines": one["lines"], "at": one["made"]})
    for claim in one.get("claims", ()):
        name = claim["field"]
        field = view["fields"].setdefault(name, {"value": "", "heads": []})
        if claim["id"] not in field["heads"]:
            field["heads"] = [*field["heads"], claim["id"]]
            many = isinstance(field["value"], list) or (name in BUILT_IN and BUILT_IN[name].many)
            field["value"] = _with(field["value"] or [], claim["value"]) if many else claim["value"]


def _with(elements: Sequence[str], change: str) -> list[str]:
    """A list after one change: of a set with its sign, else one more text."""
    sign, element = change[:1], change[1:]
    if sign not in ("+", "-"):
        return [*elements, change]
    rest = [one for one in elements if one != element]
    return sorted([*rest, element]) if sign == "+" else rest
