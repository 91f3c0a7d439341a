"""A day, step by step: commands, outboxes, relays, the log, workers, and the databases that all of them share.

A fluid: events are amounts that flow, not one by one, so that a day of any load takes a second. What is in a service's
database is done in this order while there are cores for it: commands, then the relay, then the workers, whom its disk
limits too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from deploy.scale.assumptions import Assumptions, load_at
from deploy.scale.load import DERIVING, Load
from deploy.scale.measured import Measured
from deploy.scale.plan import Plan, apply_cost, command_cost, send_cost

DAY_SECONDS = 86_400.0
STEP_SECONDS = 30.0
KAFKA = "Kafka"
DRAINED_SECONDS = 2.0
"""Of load: a backlog that is greater than on a day like any other by no more than that is none."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Outage:
    """Something is away: Kafka, or the workers of a service."""

    what: str
    began: float
    """Second of the day."""
    seconds: float

    def holds(self, second: float) -> bool:
        return self.began <= second < self.began + self.seconds


@dataclass
class Service:
    """What of a service is under way."""

    waiting: float = 0.0
    """Commands that the database hasn't had cores for yet."""
    published: float = 0.0
    outbox: float = 0.0
    sent: float = 0.0
    heard: float = 0.0
    applied: float = 0.0
    due: float = 0.0
    """Derived facts that are to be published."""
    lag: Floats = field(default_factory=lambda: np.zeros(1))
    """Events that each worker has still to apply."""


@dataclass(frozen=True)
class Course:
    """How it went, a value for each step."""

    step: float
    seconds: list[float]
    used: dict[str, list[float]]
    """Stage -> how much of it was used, as a share."""
    backlog: dict[str, list[float]]
    """What waits: commands, for cores of the database; events in each outbox, and before each service's workers."""
    services: dict[str, Service]
    """As they are at the end."""

    def most(self, name: str) -> float:
        """The greatest backlog of this name."""
        return max(self.backlog[name])

    def waiting(self) -> list[float]:
        """All that waits, at each step."""
        return [sum(at) for at in zip(*self.backlog.values(), strict=True)]

    def drained(self, outage: Outage, usual: Course, rate: float) -> float | None:
        """Seconds from the end of an outage until no more waits than in the usual course of as long; none where more
        still does at the end. ``rate`` is that of all events."""
        end = outage.began + outage.seconds
        more = zip(self.seconds, self.waiting(), usual.waiting(), strict=True)
        late = [second for second, wait, wont in more if wait - wont > DRAINED_SECONDS * rate]
        if late and late[-1] == self.seconds[-1]:
            return None
        return max(0.0, late[-1] - end) if late else 0.0


class Simulation:
    """The platform as planned, under a load that changes over the day."""

    def __init__(
        self,
        plan: Plan,
        measured: Measured,
        assumed: Assumptions,
        *,
        curve: Callable[[float], float] = load_at,
        step: float = STEP_SECONDS,
    ) -> None:
        self._load: Load = plan.load
        self._plan = plan
        self._measured = measured
        self._curve = curve
        self._step = step
        self._cores = assumed.database_cores
        self._send_cost = send_cost(measured, assumed)
        self._command_cost = command_cost(measured, assumed)
        self._apply_cost = {name: apply_cost(assumed, one.worker_rate) for name, one in plan.services.items()}
        self._disk = {name: self._load.heard(name) / _disk_used(plan, name) for name in plan.services}
        self._weights = {name: np.array(one.weights) for name, one in plan.services.items()}
        self.services = {name: Service(lag=np.zeros(one.workers)) for name, one in plan.services.items()}

    def run(self, seconds: float = DAY_SECONDS, outage: Outage | None = None) -> Course:
        """Let it go on for so long."""
        times: list[float] = []
        used: dict[str, list[float]] = {}
        backlog: dict[str, list[float]] = {}
        for number in range(round(seconds / self._step)):
            second = number * self._step
            away = outage.what if outage and outage.holds(second) else ""
            for stage, share in self._one_step(second, away).items():
                used.setdefault(stage, []).append(share)
            for name, service in self.services.items():
                backlog.setdefault(f"{name}: commands", []).append(service.waiting)
                backlog.setdefault(f"{name}: outbox", []).append(service.outbox)
                backlog.setdefault(f"{name}: workers", []).append(float(service.lag.sum()))
            times.append(second)
        return Course(self._step, times, used, backlog, self.services)

    def _one_step(self, second: float, away: str) -> dict[str, float]:
        used: dict[str, float] = {}
        sent: dict[str, float] = {}
        for name, service in self.services.items():
            cores = self._cores * self._step
            cores -= self._published(name, service, second, cores)
            sent[name] = 0.0 if away == KAFKA else min(service.outbox, self._measured.relay * self._step)
            sent[name] = min(sent[name], cores / self._send_cost)
            cores -= sent[name] * self._send_cost
            service.outbox -= sent[name]
            service.sent += sent[name]
            applied = 0.0 if away in (KAFKA, name) else self._apply(name, service, cores)
            cores -= applied * self._apply_cost[name]
            one = self._plan.services[name]
            used[f"{name}: relay"] = sent[name] / (self._measured.relay * self._step)
            used[f"{name}: workers"] = applied / (one.workers * one.worker_rate * self._step)
            of_cores = 1 - cores / (self._cores * self._step)
            used[f"{name}: database"] = max(of_cores, applied / (self._disk[name] * self._step))
        for name, service in self.services.items():
            heard = sum(sent[source] for source in self._load.sources[name])
            service.heard += heard
            service.lag += heard * self._weights[name]
        return used

    def _published(self, name: str, service: Service, second: float, cores: float) -> float:
        """Commands, or what follows from what was applied; gives the seconds of cores that it took."""
        if name in DERIVING:
            amount, service.due = service.due, 0.0
            cost = 0.0
        else:
            service.waiting += self._load.published(name) * self._curve(second) * self._step
            amount = min(service.waiting, cores / self._command_cost)
            service.waiting -= amount
            cost = amount * self._command_cost
        service.published += amount
        service.outbox += amount
        return cost

    def _apply(self, name: str, service: Service, cores: float) -> float:
        """Each worker takes what it can; all of them no more than the database has cores for."""
        wanted = np.minimum(service.lag, self._plan.services[name].worker_rate * self._step)
        total = float(wanted.sum())
        if total <= 0:
            return 0.0
        most = min(max(0.0, cores) / self._apply_cost[name], self._disk[name] * self._step)
        wanted *= min(1.0, most / total)
        total = float(wanted.sum())
        service.lag -= wanted
        service.applied += total
        if name in DERIVING:
            service.due += total * self._load.shares[name] / self._load.heard_share(name)
        return total


def _disk_used(plan: Plan, name: str) -> float:
    """Of what the disk of a service takes, at the busiest hour."""
    return max(plan.ceilings[f"{name}: {what}"] for what in ("write-ahead log", "pages of its disk"))
