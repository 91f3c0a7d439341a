"""Customers go round the four services while everything breaks: for CRM_FAULT_SECONDS, or 20 s.

Takes about 40 s more for the start of eight processes, the coming to rest, and the comparison.
"""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.faults.circle import Circle
from tests.faults.harness import platform, until
from tests.faults.test_random import ACTIONS

SECONDS = float(os.environ.get("CRM_FAULT_SECONDS") or 20)
BETWEEN_VERIFICATIONS_SECONDS = 40
GOERS = 3
LEAST = 10
"""Journeys without which nothing is proven."""
LEAST_SECONDS = 120


@pytest.mark.timeout(SECONDS * 4 + 300)
def test_the_circle_closes_whatever_breaks(seed: int) -> None:
    rng = random.Random(f"{seed}/circle")
    with platform(seed, Circle) as circle:
        circle.sound = False
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            part = min(end, time.monotonic() + BETWEEN_VERIFICATIONS_SECONDS)
            with circle.go(GOERS) as load:
                while time.monotonic() < part and not load.failed:
                    time.sleep(rng.uniform(0.2, 1.5))
                    action = rng.choice(ACTIONS)
                    print(f"{time.monotonic() - end + SECONDS:6.1f} s: {action.__name__}", flush=True)
                    action(circle, rng)
                # What is broken is whole again, and all go on.
                until(
                    lambda: circle.rounds.journeys >= LEAST or load.failed, LEAST_SECONDS, "hardly anybody comes round"
                )
            circle.verify()
        print(f"struck: {sorted(circle.struck())}")
