"""Who asks to be forgotten can't be read anywhere afterwards: not in the log, a database, a page or a log file."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)
from psycopg import sql

from services.sync.devices.client import Device
from shared.administration.erasures import log
from shared.pipeline.reading import stretch
from shared.pipeline.topics import KEYS_PARTITIONS
from tests.faults.circle import Circle
from tests.faults.goer import device
from tests.faults.harness import PATIENCE_SECONDS, Platform, platform, until

CANARY = "Quetzalcanary"
NUMBER = "+12125550142"
DIGITS = "2125550142"
OTHER = "Remains"
SET = AlterConfigOpType.SET
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
        self._http = httpx.Client(timeout=60)

    def command(self, actor: str, path: str, service: str = "callcenter", **body: object) -> dict[str, Any]:
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

    def get(self, actor: str, path: str, service: str) -> httpx.Response:
        answer = self._http.get(
            self._crm.url(service) + path, headers={"authorization": f"Bearer {self._crm.token(actor)}"}
        )
        assert answer.is_success, answer.text
        return answer

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
    return str(member)


def visited(crm: Platform, desk: Desk, member: str, name: str) -> Device:
    """The customer on a rep's handheld, with the name in a note and in an edit that were made there."""
    until(lambda: desk.knows("sfa", member), PATIENCE_SECONDS, "sales force automation never heard of the customer")
    desk.command("samuel", f"/customers/{member}/territory", "sfa", territory="north")
    handheld = device(crm, 0)
    handheld.enrol("Rosa's handheld")

    def has_come() -> bool:
        handheld.pull()
        return handheld.customer(member) is not None

    until(has_come, PATIENCE_SECONDS, "the customer never came to the device")
    handheld.note(member, f"{name} wants a second line")
    handheld.edit(member, {"family_name": name})
    handheld.synchronize()
    return handheld


@pytest.mark.timeout(500)
def test_nothing_readable_remains_of_an_erased_customer(crm: Platform) -> None:
    desk = Desk(crm)
    gone, stays = live_through(desk, NUMBER, CANARY), live_through(desk, "+12125550143", OTHER)
    handheld = visited(crm, desk, gone, CANARY)
    mapping: dict[str, object] = {
        "origin": "erp",
        "key": "key",
        "columns": [{"column": "name", "field": "family_name"}, {"column": "phone", "field": "phone"}],
    }
    desk.import_file(f"key,name,phone\nk1,{CANARY},{NUMBER}\n", mapping)
    members = {gone, *desk_search(crm, NUMBER)}
    for member in members:
        until(lambda m=member: CANARY in desk.timeline(m), PATIENCE_SECONDS, "sync never heard of the canary")  # type: ignore[misc]
    handheld.note(gone, f"{CANARY} was written without a network")
    assert has_trace(device_files(crm))
    # Whoever is the same customer has to be known as that where it is proposed.
    crm.drain()
    save(crm)

    erasures = erased_by_two(desk, members)
    until(lambda: CANARY not in desk.timeline(gone), PATIENCE_SECONDS, "the timeline still shows the erased member")
    # The second pull says that the first one was read; until then it is asked for again and again.
    handheld.synchronize()
    handheld.synchronize()
    rebuild(crm)
    assert handheld.customer(gone) is None
    until(lambda: OTHER in desk.timeline(stays), PATIENCE_SECONDS, "the others' timeline didn't come back")
    assert CANARY not in desk.timeline(gone)
    assert traces(crm) == []

    restore(crm)
    assert CANARY not in desk.timeline(gone), "the restored database shows the erased member"
    # It knows of turns that this database never gave.
    handheld.renew()
    handheld.synchronize()
    handheld.synchronize()
    crm.drain()
    assert traces(crm) == []

    compact(crm, members)
    for erasure in erasures:
        certified(crm, desk, erasure)
    # And life goes on: the same number is a new customer.
    again = desk.command("telephony", "/telephony/ring", call=str(uuid.uuid4()), number=NUMBER, queue="billing")
    assert again["customer"] not in members


def erased_by_two(desk: Desk, members: set[str]) -> list[str]:
    """Decided in sales, whose database isn't restored afterwards; gives the erasures, of whole clusters."""
    erasures, left = [], set(members)
    while left:
        proposed = propose(desk, min(left))
        done = desk.command("ada", f"/erasures/{proposed}/consent", "sfa")
        left -= set(done["members"])
        erasures.append(proposed)
    return erasures


def propose(desk: Desk, member: str) -> str:
    until(lambda: desk.knows("sfa", member), PATIENCE_SECONDS, "sales force automation never heard of the customer")
    return str(desk.command("samuel", "/erasures", "sfa", customer=member)["erasure"])


def certified(crm: Platform, desk: Desk, erasure: str) -> None:
    """The certificate says that all is done, and is signed."""

    def report() -> dict[str, Any]:
        return dict(desk.get("samuel", f"/erasures/{erasure}", "sfa").json()["report"])

    until(lambda: report()["complete"], PATIENCE_SECONDS, lambda: f"open: {report()['open']}")
    assert report()["asked"] == list(crm.services)
    file = crm.folder / "certificate.jws"
    file.write_bytes(desk.get("samuel", f"/erasures/{erasure}/certificate", "sfa").content)
    looked = crm.command("sfa", "certificate", str(file))
    assert looked.returncode == 0, looked.stderr
    assert "complete" in looked.stdout
    file.write_bytes(file.read_bytes()[:-8] + b"AAAAAAAA")
    assert crm.command("sfa", "certificate", str(file)).returncode == 1


RESTORED = ("callcenter", "sync")


def save(crm: Platform) -> None:
    """Backups of two databases, in which the person is."""
    with stopped(crm):
        for service in RESTORED:
            crm.servers.copy_database(service, f"{service}_saved", service)


def restore(crm: Platform) -> None:
    """Back to before the erasure, as an operator does it; then there are no backups any more."""
    with stopped(crm, hard=True):
        for service in RESTORED:
            crm.servers.copy_database(f"{service}_saved", service, service)
            with crm.servers.direct("postgres") as connection:
                connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(f"{service}_saved")))
            done = crm.command(service, "recover", "--apply")
            assert done.returncode == 0, done.stderr


@contextmanager
def stopped(crm: Platform, *, hard: bool = False) -> Iterator[None]:
    processes = [crm.process(service, command) for service in RESTORED for command in ("api", "worker")]
    crm.keeper.stop(processes, hard=hard)
    yield
    for process in processes:
        process.start()
    crm.wait_ready(*RESTORED)


def compact(crm: Platform, members: set[str]) -> None:
    """Have the topics of keys compacted now, and not within the hour."""
    kafka = crm.servers.kafka.client
    admin = AdminClient(dict(kafka))
    soon = {"segment.ms": "100", "max.compaction.lag.ms": "1000", "min.cleanable.dirty.ratio": "0.0001"}
    topics = [service + ".keys" for service in crm.services]
    wanted = [
        ConfigResource(
            ConfigResource.Type.TOPIC,
            topic,
            incremental_configs=[ConfigEntry(name, value, incremental_operation=SET) for name, value in soon.items()],
        )
        for topic in topics
    ]
    for future in admin.incremental_alter_configs(wanted).values():
        future.result()
    producer = Producer(dict(kafka))

    def compacted() -> bool:
        for topic in topics:
            for partition in range(KEYS_PARTITIONS):
                producer.produce(topic, b"{}", b"nobody", partition)
        producer.flush(10)
        time.sleep(1)
        return not any(log.held(kafka, service, members).total() for service in crm.services)

    until(compacted, PATIENCE_SECONDS, "the topics of keys aren't compacted")
    with crm.servers.direct("sfa") as connection:
        # As its page does it: what still held something is read again.
        connection.execute("DELETE FROM erasure_log WHERE wrapped > 0")


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
    with crm.servers.direct("postgres") as connection:
        backups = {
            str(oid) for (oid,) in connection.execute("SELECT oid FROM pg_database WHERE datname LIKE '%_saved'")
        }
    heaps = [path for path in data.rglob("base/*/*") if path.is_file() and path.parent.name not in backups]
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
    """Everything else that lies below: the log's segments, what processes wrote, what devices keep, exports."""
    files = [path for path in Path(crm.folder).rglob("*") if path.is_file() and "postgres" not in path.parts]
    assert len([path for path in files if path.suffix == ".log"]) >= 4, files
    assert [path for path in files if path.suffix == ".sqlite"], files
    return [str(path) for path in files if has_trace(path.read_bytes())]


def device_files(crm: Platform) -> bytes:
    return b"".join(path.read_bytes() for path in Path(crm.folder).glob("device-*"))


def traces(crm: Platform) -> list[str]:
    """Wherever the person can be read."""
    return traces_in_topics(crm) + traces_in_databases(crm) + traces_in_files(crm)
