"""Backup and restore as an operator does them: what comes back, what is lost, and that it is said."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from deploy.local.backup import copies
from tests.e2e.local_platform import LocalPlatform, Refused
from tests.faults.goer import device, lay_out
from tests.faults.ledger import Load
from tests.faults.rounds import TERRITORIES, Rounds

JOURNEYS = 5
JOURNEY_SECONDS = 300
AGREE_SECONDS = 240


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    """The platform, with customers; each test leaves it running."""
    folder = tmp_path_factory.mktemp("backup")
    made = LocalPlatform(folder)
    try:
        made.start()
        lay_out(made, random.Random(1))
        reps = "SELECT count(*) FROM territory_rep"
        until(
            lambda: made.rows("sync", reps) == [(len(TERRITORIES),)], AGREE_SECONDS, "sync doesn't hear of territories"
        )
        yield made
    finally:
        made.call("reset")


@pytest.mark.timeout(1_800)
def test_databases_restored_to_before_the_newest_events(crm: LocalPlatform, tmp_path: Path) -> None:
    before, lost, after = Rounds(), Rounds(), Rounds()
    kept = tmp_path / "kept"
    with crm.go(before) as load:
        work(load)
        # In the middle of the day's work, which hardly notices.
        assert "Databases: copied" in crm.call("backup", str(kept))
        work(load)
    with crm.go(lost) as load:
        work(load)
    agree(crm)
    said_before = {service: {event.id for event in crm.log(service)} for service in crm.services}
    crm.stop()

    refuses_what_was_changed(crm, kept)
    assert "Nothing was done" in crm.call("restore", str(kept), "--dry-run")
    crm.call("restore", str(kept), "--only", "databases")
    with pytest.raises(Refused, match=r"deploy\.local recover"):
        crm.start()
    looked = crm.call("recover")
    assert "of its events aren't in its database" in looked
    assert "Nothing was changed" in looked
    crm.call("recover", "--apply")
    named = {service: lost_by(crm, service) for service in crm.services}

    crm.start()
    devices_are_told_to_renew(crm, lost)
    with crm.go(after) as load:
        work(load)
    agree(crm)
    for service in crm.services:
        assert said_before[service] <= {event.id for event in crm.log(service)}
    nothing_is_gone_in_silence(crm, [before, lost, after], named["callcenter"])
    all_know_the_same(crm)
    devices_go_on(crm, after)


@pytest.mark.timeout(1_800)
def test_a_log_restored_to_before_what_databases_know(crm: LocalPlatform, tmp_path: Path) -> None:
    kept, gone_before = tmp_path / "kept", gone(crm)
    before, lost, after = Rounds(), Rounds(), Rounds()
    with crm.go(before) as load:
        work(load)
    agree(crm)
    crm.call("backup", str(kept))
    with crm.go(lost) as load:
        work(load)
    agree(crm)
    crm.stop()

    crm.call("restore", str(kept), "--only", "log")
    with pytest.raises(Refused, match=r"deploy\.local recover"):
        crm.start()
    assert "--accept-loss" in crm.call("recover", "--apply", code=1), "the loss was never accepted"
    assert "aren't in the log any more" in crm.call("recover", "--apply", "--accept-loss")

    crm.start()
    with crm.go(after) as load:
        work(load)
    agree(crm)
    # What happened is still known by those who had heard of it.
    nothing_is_gone_in_silence(crm, [before, lost, after], gone_before)
    all_know_the_same(crm)
    devices_go_on(crm, after)


@pytest.mark.timeout(900)
def test_everything_restored_where_nothing_is_left(crm: LocalPlatform, tmp_path: Path) -> None:
    kept, keys, rounds, gone_before = tmp_path / "kept", tmp_path / "elsewhere", Rounds(), gone(crm)
    with crm.go(rounds) as load:
        work(load)
    agree(crm)
    crm.stop()
    accounts = (crm.place.secrets / "accounts.json").read_text()
    crm.call("backup", str(kept), "--keys", str(keys))
    for path in kept.rglob("*"):
        assert not path.is_file() or accounts.encode() not in path.read_bytes(), f"{path} has passwords"
    crm.call("reset")

    assert "--keys" in crm.call("restore", str(kept), code=1), "without keys nothing can be read"
    crm.call("restore", str(kept), "--keys", str(keys))
    # Nothing ran while it was copied, so log and databases are of one moment.
    crm.start()
    assert (crm.place.secrets / "accounts.json").read_text() == accounts
    with crm.go(Rounds()) as load:
        work(load)
    agree(crm)
    nothing_is_gone_in_silence(crm, [rounds], gone_before)
    all_know_the_same(crm)


def until(what: Callable[[], bool], seconds: float, why: str) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, why
        time.sleep(0.2)


def work(load: Load) -> None:
    """Let customers go round for a while."""
    least = load.journeys + JOURNEYS
    until(lambda: load.journeys >= least or load.failed, JOURNEY_SECONDS, "hardly anybody comes round")
    load.check()


def agree(crm: LocalPlatform) -> None:
    """Wait until sync has all that others say that they published, healed from the log where it must be."""
    end = time.monotonic() + AGREE_SECONDS
    while True:
        try:
            said = crm.call("service", "sync", "verify", "--heal")
        except AssertionError:
            assert time.monotonic() < end, "timeline and log don't come to agree"
            continue
        assert "all agree" in said
        if all(not crm.rows(service, "SELECT 1 FROM outbox LIMIT 1") for service in crm.services):
            return


def refuses_what_was_changed(crm: LocalPlatform, kept: Path) -> None:
    victim = copies.find(kept).part(copies.DATABASES) / "base" / "1" / "PG_VERSION"
    whole = victim.read_bytes()
    victim.write_bytes(b"17\n")
    assert "isn't as it was written" in crm.call("restore", str(kept), code=1)
    victim.write_bytes(whole)


def lost_by(crm: LocalPlatform, service: str) -> set[str]:
    """Ids of a service's own events that ``recover`` said aren't in its database."""
    lines = (crm.place.logs / f"{service}-recover.log").read_text().splitlines()
    return {line.split("\t")[-1] for line in lines if line.startswith("missing here")}


def nothing_is_gone_in_silence(crm: LocalPlatform, all_rounds: list[Rounds], named: set[str]) -> None:
    """Orders are as they were acknowledged, be it from the log; contacts are where they belong, or named as lost."""
    here = {str(order): str(state) for order, state in crm.rows("sfa", "SELECT id, state FROM sales_order")}
    people = [person for rounds in all_rounds for person in rounds.everybody()]
    promised = {id: order.state for person in people for id, order in person.orders.items()}
    assert promised, "nobody ordered"
    assert {id: here.get(id) for id in promised} == promised
    assert gone(crm) <= named


def gone(crm: LocalPlatform) -> set[str]:
    """Events by which contacts began that the call center doesn't have."""
    contacts = {str(contact) for (contact,) in crm.rows("callcenter", "SELECT id FROM contact")}
    begun = (event for event in crm.log("callcenter") if event.type == "contact.offered")
    return {event.id for event in begun if event.data["contact"] not in contacts}


def all_know_the_same(crm: LocalPlatform) -> None:
    """All four fold the same claims to the same records, and nothing waits for a person."""
    folded = "SELECT member::text, states::text FROM customer_record WHERE registered IS NOT NULL ORDER BY member"
    until(
        lambda: len({str(crm.rows(service, folded)) for service in crm.services}) == 1,
        AGREE_SECONDS,
        "services have different records",
    )
    for service in crm.services:
        assert crm.rows(service, "SELECT source, stream, reason FROM parked_stream") == []


def devices_are_told_to_renew(crm: LocalPlatform, rounds: Rounds) -> None:
    """They came since the backup with keys that the server doesn't know any more."""
    for number in rounds.persons:
        one = device(crm, number)
        with pytest.raises(httpx.HTTPStatusError, match="401"):
            one.pull()
        one.renew()


def devices_go_on(crm: LocalPlatform, rounds: Rounds) -> None:
    """Devices that had what was lost come to the server's state again, which the digest says."""
    for number, persons in rounds.persons.items():
        one = device(crm, number)
        one.synchronize()
        for person in persons:
            assert one.customer(person.member), f"device {number} doesn't have {person.member}"
    answer = httpx.get(f"{crm.url('sync')}/readyz")
    assert answer.status_code == 200
