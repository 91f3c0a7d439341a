"""The call center's database is restored to before its newest events; and Kafka loses what it had acknowledged."""

from __future__ import annotations

import copy
import time

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from shared.pipeline import topics
from tests.faults.harness import PATIENCE_SECONDS, Platform, until

LOAD_SECONDS = 3
SAVED = "callcenter_saved"
EVENTS = "callcenter.events"


@pytest.mark.timeout(600)
def test_a_restored_database_is_refused_until_recover_was_run(crm: Platform) -> None:
    callcenter = [crm.process("callcenter", "api"), crm.process("callcenter", "worker")]
    _work(crm)
    crm.keeper.stop(callcenter)
    crm.servers.copy_database("callcenter", SAVED, "callcenter")
    saved = copy.deepcopy((crm.ledger.contacts, crm.ledger.cases, crm.ledger.commands, _events(crm)))
    _start(crm)
    _work(crm)
    lost = _events(crm) - saved[3]

    crm.keeper.stop(callcenter, hard=True)
    crm.servers.copy_database(SAVED, "callcenter", "callcenter")
    for process in callcenter:
        process.start()
    until(lambda: callcenter[0].refuses, PATIENCE_SECONDS, "the API serves a restored database")
    until(lambda: callcenter[1].says("relay.stopped"), PATIENCE_SECONDS, "the relay sends for a restored database")
    crm.keeper.stop(callcenter)

    looked = crm.command("callcenter", "recover")
    assert looked.returncode == 0, looked.stderr
    assert looked.stdout.count("missing here") == lost
    assert "nothing was changed" in looked.stdout
    applied = crm.command("callcenter", "recover", "--apply")
    assert applied.returncode == 0, applied.stderr

    # What was lost here stays in every timeline; the callers go on in the same streams.
    crm.ledger.contacts, crm.ledger.cases, crm.ledger.commands, _ = saved
    _start(crm)
    _work(crm)
    crm.verify()


@pytest.mark.timeout(600)
def test_a_log_that_was_cut_back_stops_its_readers_and_its_relay(crm: Platform) -> None:
    workers = [crm.process("callcenter", "worker"), crm.process("sync", "worker")]
    kafka = crm.servers.kafka
    _work(crm)
    kafka.stop()
    kafka.save()
    kafka.start()
    _work(crm)
    before = _events(crm)

    crm.keeper.stop(workers)
    kafka.kill()
    kafka.restore()
    kafka.start()
    for process in workers:
        process.start()
    callcenter, sync = workers
    until(lambda: callcenter.says("relay.stopped"), PATIENCE_SECONDS, "the relay goes on over a log that lost events")
    until(lambda: sync.says("consumer.stopped"), PATIENCE_SECONDS, "sync reads on as if nothing had been lost")
    assert sync.says("had been reached here")

    crm.keeper.stop([*crm.processes])
    assert crm.command("callcenter", "recover", "--apply").returncode == 1, "the loss was never accepted"
    for service in ("callcenter", "sync"):
        applied = crm.command(service, "recover", "--apply", "--accept-loss")
        assert applied.returncode == 0, applied.stdout + applied.stderr
    _start(crm)
    assert _events(crm) == before
    _work(crm)
    crm.verify()


@pytest.mark.timeout(600)
def test_a_log_whose_beginning_is_gone_stops_its_readers(crm: Platform) -> None:
    sync = crm.process("sync", "worker")
    crm.keeper.stop([sync])
    with crm.load():
        time.sleep(LOAD_SECONDS)
    until(
        lambda: crm.scalar("callcenter", "SELECT count(*) FROM outbox") == 0,
        PATIENCE_SECONDS,
        "the outbox isn't drained",
    )
    admin = AdminClient(dict(crm.servers.kafka.client))
    ends = topics.ends(admin, EVENTS, topics.partitions_of(admin, EVENTS))
    for future in admin.delete_records([TopicPartition(EVENTS, p, end) for p, end in ends.items()]).values():
        future.result()
    sync.start()
    until(lambda: sync.says("consumer.stopped"), PATIENCE_SECONDS, "sync reads on as if nothing had been lost")
    assert crm.scalar("sync", "SELECT count(*) FROM parked_stream") == 0, "it went on behind what was lost"


def _work(crm: Platform) -> None:
    """Callers for a while, until everything of it has arrived."""
    with crm.load():
        time.sleep(LOAD_SECONDS)
    crm.drain()


def _start(crm: Platform) -> None:
    for process in crm.processes:
        if not process.wanted:
            process.start()
    crm.wait_ready()


def _events(crm: Platform) -> int:
    return sum(map(len, crm.ledger.streams.values()))
