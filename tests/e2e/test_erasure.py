"""Who asks to be forgotten can't be read anywhere afterwards: not in the log, a database, a page or a log file."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql

from services.sync.devices.client import Device
from shared.pipeline.reading import stretch
from tests.faults.circle import Circle
from tests.faults.goer import device
from tests.faults.harness import Platform, platform, until

CANARY = "Quetzalcanary"
NUMBER = "+12125550142"
DIGITS = "2125550142"
OTHER = "Remains"
TRACES = (CANARY.encode(), CANARY.lower().encode(), DIGITS.encode())


class Calm(Circle):
    """All four services, without faults."""

    def arm(self) -> None: ...


@pytest.fixture(scope="module")
def crm() -> Iterator[Platform]:
    with platform(7, Calm) as running:
        running.sound = True
        yield running


class Desk:
    """The APIs, as their users use them."""

    def __init__(self, crm: Platform) -> None:
        self._crm = crm
        self._http = httpx.Client(timeout=20)

    def command(self, actor: str, path: str, service: str = "callcenter", **body: object) -> dict[str, str]:
        headers = {"authorization": f"Bearer {self._crm.token(actor)}", "idempotency-key": str(uuid.uuid4())}
        answer = self._http.post(self._crm.url(service) + path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def import_file(self, csv: str, mapping: dict[str, object]) -> dict[str, object]:
        answer = self._http.post(
            self._crm.url("callcenter") + "/customers/import",
            files={"file": ("people.csv", csv.encode())},
            data={"mapping": json.dumps(mapping)},
            headers={"authorization": f"Bearer {self._crm.token('importer')}"},
        )
        assert answer.is_success, answer.text
        return dict(answer.json())

    def knows(self, service: str, member: str) -> bool:
        """Whether a sales manager finds the customer there."""
        headers = {"authorization": f"Bearer {self._crm.token('samuel')}"}
        return self._http.get(f"{self._crm.url(service)}/customers/{member}", headers=headers).is_success

    def timeline(self, member: str) -> str:
        headers = {"authorization": f"Bearer {self._crm.token('omar')}"}
        return self._http.get(f"{self._crm.url('sync')}/customers/{member}/timeline", headers=headers).text


def live_through(desk: Desk, number: str, name: str) -> str:
    """A customer from the first call to a resolved case, with the name in every text there is."""
    rung = desk.command("telephony", "/telephony/ring", call=str(uuid.uuid4()), number=number, queue="billing")
    member, contact = rung["customer"], rung["contact"]
    desk.command("anna", f"/customers/{member}/edit", changes={"given_name": name, "notes": f"{name} was nice"})
    desk.command("anna", f"/contacts/{contact}/answer")
    case = desk.command("anna", "/cases", customer=member, contact=contact, reason="fault", subject=f"{name}'s line")
    desk.command("anna", f"/cases/{case['case']}/resolve", solution=f"{name} got a new line")
    desk.command(
        "anna", f"/contacts/{contact}/wrap-up", reason="fault", outcome="solved", satisfaction=5, note=f"{name} called"
    )
    return member


def visited(crm: Platform, desk: Desk, member: str, name: str) -> Device:
    """The customer on a rep's handheld, with the name in a note and in an edit that were made there."""
    until(lambda: desk.knows("sfa", member), 30, "sales force automation never heard of the customer")
    desk.command("samuel", f"/customers/{member}/territory", "sfa", territory="north")
    handheld = device(crm, 0)
    handheld.enrol("Rosa's handheld")

    def has_come() -> bool:
        handheld.pull()
        return handheld.customer(member) is not None

    until(has_come, 30, "the customer never came to the device")
    handheld.note(member, f"{name} wants a second line")
    handheld.edit(member, {"family_name": name})
    handheld.synchronize()
    return handheld


def test_nothing_readable_remains_of_an_erased_member(crm: Platform) -> None:
    desk = Desk(crm)
    gone, stays = live_through(desk, NUMBER, CANARY), live_through(desk, "+12125550143", OTHER)
    handheld = visited(crm, desk, gone, CANARY)
    mapping: dict[str, object] = {
        "origin": "erp",
        "key": "key",
        "columns": [{"column": "name", "field": "family_name"}, {"column": "phone", "field": "phone"}],
    }
    desk.import_file(f"key,name,phone\nk1,{CANARY},{NUMBER}\n", mapping)
    imported = desk_search(crm, NUMBER)
    for member in {gone, *imported}:
        until(lambda m=member: CANARY in desk.timeline(m), 30, "sync never heard of the canary")  # type: ignore[misc]

    for member in sorted({gone, *imported}):
        desk.command("sofia", f"/customers/{member}/erase")
    until(lambda: CANARY not in desk.timeline(gone), 30, "the timeline still shows the erased member")
    rebuild(crm)
    handheld.synchronize()
    assert handheld.customer(gone) is None
    until(lambda: OTHER in desk.timeline(stays), 30, "the others' timeline didn't come back")

    assert CANARY not in desk.timeline(gone)
    assert traces_in_topics(crm) == []
    assert traces_in_databases(crm) == []
    assert traces_in_files(crm) == []
    # And life goes on: the same number is a new customer.
    again = desk.command("telephony", "/telephony/ring", call=str(uuid.uuid4()), number=NUMBER, queue="billing")
    assert again["customer"] not in {gone, *imported}


def desk_search(crm: Platform, number: str) -> set[str]:
    headers = {"authorization": f"Bearer {crm.token('anna')}"}
    found = httpx.post(f"{crm.url('callcenter')}/customers/search", json={"phone": number}, headers=headers)
    return {row["customer"] for row in found.json()}


def rebuild(crm: Platform) -> None:
    """Play the whole log to sync and marketing again."""
    for service in ("sync", "marketing"):
        done = crm.command(service, "rebuild", "--yes")
        assert done.returncode == 0, done.stderr
    crm.drain()


def traces_in_topics(crm: Platform) -> list[str]:
    kafka = crm.servers.kafka.client
    found = []
    for topic in (service + kind for service in crm.services for kind in (".events", ".keys")):
        for batch in stretch(kafka, topic, {}):
            for message in batch:
                whole = bytes(message.value() or b"") + bytes(message.key() or b"")
                found += [f"{topic}@{message.offset()}" for trace in TRACES if trace in whole]
    return found


def traces_in_databases(crm: Platform) -> list[str]:
    """Each table of each database, row by row, and then the files that hold them."""
    found = []
    for service in crm.services:
        with crm.servers.direct(service) as connection:
            for table in tables(connection):
                found += [f"{service}.{table}" for row in rows_of(connection, table) if has_trace(row)]
            connection.execute("VACUUM FULL")
            connection.execute("CHECKPOINT")
    data = crm.folder / "postgres"
    heaps = [path for path in data.rglob("base/*/*") if path.is_file()]
    assert heaps, f"no data files below {data}"
    return found + [str(path) for path in heaps if has_trace(path.read_bytes())]


def tables(connection: psycopg.Connection) -> list[str]:
    rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    return [str(name) for (name,) in rows]


def rows_of(connection: psycopg.Connection, table: str) -> Iterator[bytes]:
    with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as copy:
        for row in copy:
            yield bytes(row)


def has_trace(data: bytes) -> bool:
    return any(trace in data for trace in TRACES)


def traces_in_files(crm: Platform) -> list[str]:
    logs = [path for path in Path(crm.folder).rglob("*.log") if path.is_file()]
    assert len(logs) >= 4, logs
    return [str(path) for path in logs if has_trace(path.read_bytes())]
