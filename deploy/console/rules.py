"""What figures mean: pure. Readings of all processes in; each service's state, and what a person has to do, out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shared.texts import N_

OUTBOX_SECONDS = 30.0
"""So long may the oldest row wait for the relay before somebody should look."""
LAG_SECONDS = 60.0
SILENT_SECONDS = 300.0
"""A service says once a minute how far it has come; so old may its newest word be."""
INTENT_SECONDS = 300.0
DUE_SECONDS = 300.0
RATE_SECONDS = 60.0
"""Rates are of the last minute."""


@dataclass(frozen=True)
class Sample:
    """One figure of one process."""

    target: str
    """Which process: where it was asked."""
    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Reading:
    """All figures as of one instant (seconds of the epoch)."""

    at: float
    samples: Sequence[Sample]


@dataclass(frozen=True)
class Process:
    """One process of a service."""

    name: str
    version: str
    started: float
    megabytes: float
    away: Sequence[str]
    """What it depends on and doesn't reach."""


@dataclass(frozen=True)
class Heard:
    """What a service knows from another one: its age, and how many events it has still to take in."""

    source: str
    seconds: float
    lag: float


@dataclass(frozen=True)
class Trouble:
    """Something that a person should look at. ``text`` may have ``%(number)s`` and ``%(what)s`` in it."""

    service: str
    text: str
    what: str = ""
    number: float = 0.0
    urgent: bool = True


@dataclass(frozen=True)
class Service:
    """A service as its processes show it. Rates are per second, ages in seconds."""

    name: str
    processes: Sequence[Process]
    heard: Sequence[Heard]
    sent: float
    received: float
    requests: float
    failures: float
    """Requests that ended with 5xx, a second."""
    p99: float | None
    """Seconds that the slowest hundredth of requests took at least; none without requests."""
    errors: float
    """Lines of the log that say error, a minute."""
    refused: float
    outbox: float
    outbox_seconds: float
    parked: float
    intents: float
    intents_seconds: float
    due: float
    due_seconds: float
    streams: float
    """Open pages that hear of changes."""


@dataclass(frozen=True)
class Point:
    """Rates of each service at one instant, a second."""

    at: float
    received: Mapping[str, float]
    requests: Mapping[str, float]


@dataclass
class _Figures:
    """The samples of one service at one instant."""

    samples: list[Sample] = field(default_factory=list)

    def of(self, name: str, **labels: str) -> list[Sample]:
        wanted = labels.items()
        return [s for s in self.samples if s.name == name and wanted <= s.labels.items()]

    def most(self, name: str, **labels: str) -> float:
        return max((s.value for s in self.of(name, **labels)), default=0.0)

    def total(self, name: str, **labels: str) -> float:
        return sum(s.value for s in self.of(name, **labels))


def by_service(reading: Reading) -> dict[str, _Figures]:
    """The figures of each service, by what its processes say of themselves."""
    owner = {s.target: s.labels.get("service", "") for s in reading.samples if s.name == "crm_build_info"}
    found: defaultdict[str, _Figures] = defaultdict(_Figures)
    for sample in reading.samples:
        if service := owner.get(sample.target):
            found[service].samples.append(sample)
    return dict(found)


def services(readings: Sequence[Reading]) -> list[Service]:
    """Each service that any process of the newest reading belongs to."""
    if not readings:
        return []
    newest = readings[-1]
    before = next((r for r in readings if r.at >= newest.at - RATE_SECONDS), newest)
    then = by_service(before)
    return [
        _service(name, figures, then.get(name, _Figures()), newest.at, newest.at - before.at)
        for name, figures in sorted(by_service(newest).items())
    ]


def _service(name: str, now: _Figures, then: _Figures, at: float, seconds: float) -> Service:
    def rate(metric: str, chosen: Callable[[Sample], bool] = lambda _: True) -> float:
        return _grown(now, then, metric, chosen) / seconds if seconds else 0.0

    return Service(
        name=name,
        processes=_processes(now),
        heard=_heard(now, at),
        sent=rate("crm_outbox_sent_total"),
        received=rate("crm_events_received_total", lambda s: s.labels.get("verdict") == "next"),
        requests=rate("crm_http_requests_total"),
        failures=rate("crm_http_requests_total", lambda s: s.labels.get("status", "").startswith("5")),
        p99=_quantile(0.99, now, then),
        errors=60 * rate("crm_logged_total", lambda s: s.labels.get("level") == "error"),
        refused=rate("crm_http_refused_total"),
        outbox=now.most("crm_outbox_unsent"),
        outbox_seconds=now.most("crm_outbox_oldest_seconds"),
        parked=_most_by_label(now, "crm_parked_streams"),
        intents=now.most("crm_intents_owed"),
        intents_seconds=now.most("crm_intents_oldest_seconds"),
        due=_most_by_label(now, "crm_due_keys"),
        due_seconds=now.most("crm_due_oldest_seconds"),
        streams=now.total("crm_http_open_streams"),
    )


def _grown(now: _Figures, then: _Figures, metric: str, chosen: Callable[[Sample], bool]) -> float:
    """How much counters grew; one that began anew with its process counts from nothing."""
    before = {(s.target, frozenset(s.labels.items())): s.value for s in then.of(metric)}
    grown = 0.0
    for sample in now.of(metric):
        if chosen(sample):
            was = before.get((sample.target, frozenset(sample.labels.items())), 0.0)
            grown += sample.value - was if sample.value >= was else sample.value
    return grown


def _most_by_label(figures: _Figures, metric: str) -> float:
    """Each process measures the same table: the most that any saw of each part, added up."""
    most: defaultdict[frozenset[tuple[str, str]], float] = defaultdict(float)
    for sample in figures.of(metric):
        key = frozenset(sample.labels.items())
        most[key] = max(most[key], sample.value)
    return sum(most.values())


def _processes(figures: _Figures) -> list[Process]:
    def one(info: Sample) -> Process:
        own = _Figures([s for s in figures.samples if s.target == info.target])
        return Process(
            name=info.labels.get("process", ""),
            version=info.labels.get("version", ""),
            started=own.most("process_start_time_seconds"),
            megabytes=own.most("process_resident_memory_bytes") / 2**20,
            away=sorted(s.labels.get("dependency", "") for s in own.of("crm_dependency_up") if not s.value),
        )

    return sorted((one(info) for info in figures.of("crm_build_info")), key=lambda process: process.name)


def _heard(figures: _Figures, at: float) -> list[Heard]:
    newest: dict[str, float] = {}
    lags: defaultdict[str, float] = defaultdict(float)
    for sample in figures.of("crm_heard_timestamp_seconds"):
        source = sample.labels.get("source", "")
        newest[source] = max(newest.get(source, 0.0), sample.value)
    for sample in figures.of("crm_consumer_lag_events"):
        lags[sample.labels.get("source", "")] += sample.value
    known = sorted({source for source, when in newest.items() if when} | {s for s, lag in lags.items() if lag})
    return [Heard(s, max(0.0, at - newest[s]) if newest.get(s) else 0.0, lags[s]) for s in known]


def _quantile(share: float, now: _Figures, then: _Figures) -> float | None:
    """A quantile of what requests took since the former reading, from the buckets of the histogram."""
    bounds: defaultdict[float, float] = defaultdict(float)
    for bound in {s.labels.get("le", "") for s in now.of("crm_http_request_duration_seconds_bucket")}:
        grown = _grown(
            now,
            then,
            "crm_http_request_duration_seconds_bucket",
            lambda s, b=bound: s.labels.get("le") == b,  # type: ignore[misc]
        )
        bounds[float(bound)] += grown
    buckets = sorted(bounds.items())
    if not buckets or not buckets[-1][1]:
        return None
    wanted = share * buckets[-1][1]
    finite = [bound for bound, _ in buckets if bound != float("inf")]
    return next((bound for bound, count in buckets if count >= wanted and bound != float("inf")), max(finite))


def troubles(readings: Sequence[Reading], present: Iterable[str]) -> list[Trouble]:
    """What a person should look at, the urgent first. ``present``: the services that there should be."""
    if not readings:
        return []
    found: list[Trouble] = []
    figures, states = by_service(readings[-1]), {s.name: s for s in services(readings)}
    for name in present:
        if name not in states:
            found.append(Trouble(name, N_("None of its processes shows figures.")))
    found += _silent(readings)
    for name, state in states.items():
        found += _stopped(name, figures[name])
        found += _waiting(state)
    return sorted(found, key=lambda trouble: (not trouble.urgent, trouble.service))


def _silent(readings: Sequence[Reading]) -> list[Trouble]:
    """Processes that were asked and don't answer, though others of their service may."""
    owner = {s.target: s.labels["service"] for r in readings for s in r.samples if s.name == "crm_build_info"}
    text = N_("Its process %(what)s doesn't answer.")
    found = []
    for sample in readings[-1].samples:
        if sample.name == "up" and not sample.value:
            service = sample.labels.get("service") or owner.get(sample.target) or sample.target
            found.append(Trouble(service, text, sample.labels.get("process") or sample.target))
    return found


def _stopped(name: str, figures: _Figures) -> list[Trouble]:
    found = []
    if figures.most("crm_relay_stopped"):
        found.append(Trouble(name, N_("Sends nothing until `recover` was run: the log is ahead of its database.")))
    if figures.most("crm_audit_stopped"):
        found.append(Trouble(name, N_("Its audit log isn't chained on until `recover` was run.")))
    for sample in figures.of("crm_consumer_stopped"):
        if sample.value:
            what = sample.labels.get("subscription", "")
            found.append(Trouble(name, N_("Hears nothing more through %(what)s: a person has to look."), what))
    if not figures.most("crm_relay_leads") and figures.of("crm_relay_leads"):
        found.append(Trouble(name, N_("None of its workers sends."), urgent=False))
    for process in _processes(figures):
        for away in process.away:
            what = f"{process.name}: {away}"
            found.append(Trouble(name, N_("Doesn't reach what it depends on (%(what)s)."), what))
    return found


def _waiting(state: Service) -> list[Trouble]:
    name, found = state.name, []
    if state.parked:
        found.append(Trouble(name, N_("%(number)s streams are parked and wait for a person."), number=state.parked))
    if state.outbox_seconds > OUTBOX_SECONDS:
        text = N_("Its oldest unsent event waits for %(number)s s: is Kafka away?")
        found.append(Trouble(name, text, number=state.outbox_seconds))
    if state.intents_seconds > INTENT_SECONDS:
        text = N_("An outward effect is owed for %(number)s s.")
        found.append(Trouble(name, text, number=state.intents_seconds, urgent=False))
    if state.due_seconds > DUE_SECONDS:
        text = N_("Something to be worked out anew waits for %(number)s s.")
        found.append(Trouble(name, text, number=state.due_seconds, urgent=False))
    if state.errors >= 1:
        text = N_("Logs %(number)s errors a minute.")
        found.append(Trouble(name, text, number=state.errors, urgent=False))
    for heard in state.heard:
        if heard.seconds > SILENT_SECONDS and heard.source != name:
            text = N_("What it knows from %(what)s is %(number)s s old.")
            found.append(Trouble(name, text, heard.source, heard.seconds, urgent=False))
    return found


def point(earlier: Reading, later: Reading) -> Point:
    """The rates between two readings."""
    states = services([earlier, later])
    return Point(later.at, {each.name: each.received for each in states}, {each.name: each.requests for each in states})
