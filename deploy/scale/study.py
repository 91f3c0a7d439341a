"""All that is worked out for a load: the plan, where it breaks, a day, and two outages."""

from __future__ import annotations

from dataclasses import dataclass, replace

from deploy.docs.results import Results
from deploy.scale.assumptions import Assumptions
from deploy.scale.checks import Check, checks
from deploy.scale.load import Load
from deploy.scale.measured import Measured, measured
from deploy.scale.plan import Plan, plan
from deploy.scale.simulation import DAY_SECONDS, KAFKA, Course, Outage, Simulation

NOON = 11 * 3600.0
HOUR = 3600.0
DAYS = 3
RATES = (1_000, 2_000, 5_000, 10_000, 20_000, 35_000, 50_000)
"""Events a second, over which it is shown how much is used."""
MOST_EVENTS = 10_000_000


@dataclass(frozen=True)
class Study:
    """What there is to be told."""

    load: Load
    measured: Measured
    assumed: Assumptions
    plan: Plan
    growth: dict[int, Plan]
    """Events a second -> what they would take."""
    breaking: dict[str, float]
    """Ceiling -> events a second from which it is used too much; ``MOST_EVENTS`` where it never is."""
    usual: Course
    """Three days like any other."""
    outages: dict[str, tuple[Outage, Course]]
    """What is away for an hour, from the busiest one on -> that day and the next two."""
    checks: list[Check]

    @property
    def breaks_first(self) -> str:
        """The ceiling that is the first to be used too much."""
        return min(self.breaking, key=lambda name: self.breaking[name])

    @property
    def breaks_at(self) -> float:
        """Events a second at which it is."""
        return self.breaking[self.breaks_first]


def study(results: Results, customers: float, events: float, assumed: Assumptions) -> Study:
    """Raises ``NotMeasured`` where figures are missing, and ``ValueError`` for a load that isn't one."""
    load = Load.of(customers, events, assumed)
    figures = measured(results, assumed)
    planned = plan(load, figures, assumed)
    outages = {what: Outage(what, NOON, HOUR) for what in (KAFKA, "sync") if what in (KAFKA, *load.shares)}
    return Study(
        load=load,
        measured=figures,
        assumed=assumed,
        plan=planned,
        growth={each: plan(replace(load, events=float(each)), figures, assumed) for each in RATES},
        breaking=breaking(load, figures, assumed),
        usual=Simulation(planned, figures, assumed).run(DAYS * DAY_SECONDS),
        outages={
            what: (outage, Simulation(planned, figures, assumed).run(DAYS * DAY_SECONDS, outage))
            for what, outage in outages.items()
        },
        checks=checks(results, figures, assumed),
    )


def breaking(load: Load, figures: Measured, assumed: Assumptions) -> dict[str, float]:
    """Ceiling -> events a second from which it is used too much. Found by halving: what is used rises with the load."""

    def used(events: float) -> dict[str, float]:
        return plan(replace(load, events=events), figures, assumed).ceilings

    found = {}
    for name in used(load.events):
        low, high = 1.0, float(MOST_EVENTS)
        while high / low > 1.005:
            middle = (low * high) ** 0.5
            low, high = (low, middle) if used(middle)[name] > assumed.most_used else (middle, high)
        found[name] = high
    return found
