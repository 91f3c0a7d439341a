"""Processes that are killed, frozen past every time-out, or share their work anew, under load."""

from __future__ import annotations

import random
import time
from collections import deque

import pytest

from tests.faults.harness import PATIENCE_SECONDS, Platform, until

KILLING_SECONDS = 10
FROZEN_SECONDS = 12
"""Longer than Kafka's session (2 s), the relay's lease (5 s) and an idle transaction (10 s)."""


@pytest.mark.timeout(400)
def test_processes_killed_at_random_moments(crm: Platform) -> None:
    rng = random.Random(f"{crm.seed}/kill")
    with crm.load() as load:
        end = time.monotonic() + KILLING_SECONDS
        while time.monotonic() < end and not load.failed:
            time.sleep(rng.uniform(0.2, 2.0))
            rng.choice(crm.processes).kill()
    crm.verify()


@pytest.mark.timeout(400)
def test_frozen_workers_wake_up_when_others_have_taken_over(crm: Platform) -> None:
    crm.fault_log.unlink(missing_ok=True)
    frozen = {"relay.flush": crm.process("callcenter", "worker"), "consumer.commit": crm.process("sync", "worker")}
    for point, process in frozen.items():
        # The delay holds it in the middle of what it does, long enough to be frozen there.
        process.faults = deque([f"{point}=delay@40"])
    crm.keeper.restart(frozen.values())
    # The first ones have to be at work before others come, who would lead in their place.
    for process, word in zip(frozen.values(), ("relay.leads", "consumer.assigned"), strict=True):
        until(lambda p=process, w=word: p.says(w), PATIENCE_SECONDS, f"{process.name} isn't at work")  # type: ignore[misc]
    with crm.load() as load:
        crm.start_seconds()
        for point, process in frozen.items():
            due = f"{point}=delay"
            until(lambda d=due: d in crm.struck() or load.failed, PATIENCE_SECONDS, f"{due} never struck")  # type: ignore[misc]
            process.pause()
        time.sleep(FROZEN_SECONDS)
        for process in frozen.values():
            process.resume()
        time.sleep(1)
    crm.verify()
    crm.keeper.stop(crm.seconds.values())


@pytest.mark.timeout(400)
def test_partitions_change_hands_in_the_middle_of_a_batch(crm: Platform) -> None:
    crm.fault_log.unlink(missing_ok=True)
    first, second = crm.process("sync", "worker"), crm.seconds["sync"]
    first.faults = deque(["consumer.commit=delay@25"])
    crm.keeper.restart([first])
    with crm.load() as load:
        second.start()
        until(lambda: bool(crm.struck()) or load.failed, PATIENCE_SECONDS, "the batch never came")
        crm.keeper.stop([second])
        second.start()
        time.sleep(2)
        second.kill()
        time.sleep(2)
    crm.verify()
    crm.keeper.stop([second])
