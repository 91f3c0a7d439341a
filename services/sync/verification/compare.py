"""The comparison: told heads, timeline, records and log, and the healing of what the log still has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from confluent_kafka.admin import AdminClient
from sqlalchemy.orm import Session

from services.sync.verification import handlers, reads
from services.sync.verification.rules import Fate, Known, Place, Spans, fate
from shared.events.envelope import Envelope
from shared.pipeline import keyreader, offsets, topics
from shared.pipeline.incoming import read
from shared.pipeline.reading import stretch
from shared.pipeline.service import Service
from shared.pipeline.subscriptions import Subscriptions
from shared.pipeline.work import Work

TIMELINE, CUSTOMERS, IDENTITY = "timeline", "customers", "identity"
"""The slices that are compared."""
AT_ONCE = 500
"""Streams whose events are handed to slices again in one transaction."""

Tell = Callable[[str, int, int], None]
"""What is done, how much of it, of how much."""


@dataclass
class Source:
    """What is known of one publisher."""

    streams: int = 0
    events: int = 0
    untold: int = 0
    """Events that it hasn't reported yet."""
    unread: int = 0
    """Messages of its log that the timeline hasn't read yet."""


@dataclass
class Findings:
    """What a comparison found, and has put right if it was to."""

    healing: bool
    sources: dict[str, Source] = field(default_factory=lambda: defaultdict(Source))
    fates: dict[Fate, dict[Place, list[int]]] = field(default_factory=dict)
    healed: int = 0
    unkept: list[str] = field(default_factory=list)
    handed: int = 0
    unhealed: list[str] = field(default_factory=list)
    log_problems: list[str] = field(default_factory=list)

    def add(self, kind: Fate, place: Place, sequence: int) -> None:
        self.fates.setdefault(kind, {}).setdefault(place, []).append(sequence)

    @property
    def can_heal(self) -> bool:
        """Whether something is missing that could be put back."""
        return Fate.MISSING in self.fates or bool(self.unkept)

    @property
    def is_sound(self) -> bool:
        """Whether all agree, now."""
        faults = {kind for kind in self.fates if kind.is_fault} - ({Fate.MISSING} if self.healing else set())
        return not faults and not self.log_problems and not self.unhealed and (self.healing or not self.unkept)


class Comparison:
    """One comparison of everything."""

    def __init__(self, service: Service, subscriptions: Subscriptions, *, heal: bool, tell: Tell) -> None:
        self._service = service
        self._sources = subscriptions.sources
        # Both keep sets of what they hear: to hear it again changes nothing but what was missing.
        self._slices = subscriptions.named([CUSTOMERS, IDENTITY])
        self._tell = tell
        self._heal = heal
        self._sizes: dict[str, int] = {}
        self._findings = Findings(healing=heal)

    def run(self, *, whole_log: bool) -> Findings:
        """Compare; with ``whole_log`` read the log of every publisher, else of those of which something is missing."""
        with Session(self._service.engine) as session:
            timeline = reads.subscription_of(session, TIMELINE) or ""
            customers, identity = (reads.subscription_of(session, name) or "" for name in (CUSTOMERS, IDENTITY))
            streams = reads.known(session, timeline)
            holes = reads.holes(session, streams)
            parked = reads.parked(session, timeline)
            left_out = reads.left_out(session, timeline)
            reached = offsets.read(session, timeline)
        self._count(streams)
        cut = self._cut(reached)
        wanted = set(self._sources) if whole_log else {source for source, _ in holes} | cut
        logged = self._read_log(sorted(wanted), timeline, streams, holes, left_out)
        self._judge(streams, holes, logged, parked, left_out)
        self._judge_log(streams, holes, logged, wanted)
        self._records(customers, identity)
        return self._findings

    def _count(self, streams: Mapping[Place, Known]) -> None:
        for (source, _), of in streams.items():
            counted = self._findings.sources[source]
            counted.streams += 1
            counted.events += of.last
            counted.untold += of.untold

    def _cut(self, reached: Mapping[offsets.Partition, int]) -> set[str]:
        """The publishers whose log begins late, or ends before what was read from it."""
        admin, cut = AdminClient(dict(self._service.kafka)), set()
        for source in self._sources:
            topic = source + topics.EVENTS
            partitions = topics.partitions_of(admin, topic)
            begins, ends = topics.beginnings(admin, topic, partitions), topics.ends(admin, topic, partitions)
            self._sizes[source] = sum(ends.values()) - sum(begins.values())
            if unread := sum(max(0, ends[p] - reached.get((topic, p), 0)) for p in partitions):
                self._findings.sources[source].unread = unread
            short = [(p, reached.get((topic, p), 0)) for p in partitions if ends[p] < reached.get((topic, p), 0)]
            problems = [f"the log {topic}[{p}] begins at {begins[p]}" for p in partitions if begins[p] > 0]
            problems += [f"the log {topic}[{p}] ends at {ends[p]}, but {had} had been read" for p, had in short]
            if problems:
                self._findings.log_problems += problems
                cut.add(source)
        return cut

    def _read_log(
        self,
        sources: Sequence[str],
        timeline: str,
        streams: Mapping[Place, Known],
        holes: Mapping[Place, list[int]],
        left_out: set[tuple[str, str, int]],
    ) -> dict[Place, Spans]:
        """What the topics hold, read once; on the way what is missing here is put back, if it is to be."""
        logged: dict[Place, Spans] = defaultdict(Spans)
        due = {place: set(n) for place, n in holes.items()}
        done, total = 0, sum(self._sizes[source] for source in sources)
        for source in sources:
            for batch in stretch(self._service.kafka, source + topics.EVENTS, {}):
                found: dict[tuple[str, str, int], Envelope] = {}
                for e in (m.envelope for m in map(read, batch)):
                    if e is None:
                        continue
                    place = (e.source, e.subject)
                    logged[place].add(e.sequence)
                    if e.sequence in due.get(place, ()) and e.sequence <= streams[place].reached:
                        found.setdefault((*place, e.sequence), e)
                self._put_back(timeline, [e for key, e in found.items() if key not in left_out])
                done += len(batch)
                self._tell("messages of the log read", done, total)
        return logged

    def _put_back(self, timeline: str, envelopes: Sequence[Envelope]) -> None:
        if self._heal and envelopes:
            self._findings.healed += self._service.transact(
                self._service.itself,
                lambda work: handlers.put_back(work, timeline, envelopes),
                point="consumer.commit",
            )

    def _judge(
        self,
        streams: Mapping[Place, Known],
        holes: Mapping[Place, list[int]],
        logged: Mapping[Place, Spans],
        parked: set[Place],
        left_out: set[tuple[str, str, int]],
    ) -> None:
        """Say of each sequence that the timeline lacks what became of it."""
        for place, sequences in holes.items():
            held = logged.get(place, Spans())
            for n in sequences:
                out = (*place, n) in left_out
                is_parked = place in parked
                kind = fate(n, streams[place].reached, in_log=n in held, left_out=out, parked=is_parked)
                self._findings.add(kind, place, n)

    def _judge_log(
        self,
        streams: Mapping[Place, Known],
        holes: Mapping[Place, list[int]],
        logged: Mapping[Place, Spans],
        read: set[str],
    ) -> None:
        """Find what the timeline has and the log lost."""
        for place, of in streams.items():
            if place[0] in read:
                here_not = set(holes.get(place, ()))
                for n in logged.get(place, Spans()).lacks(of.last):
                    if n not in here_not:
                        self._findings.add(Fate.LOST_BUT_KEPT, place, n)

    def _records(self, customers: str, identity: str) -> None:
        """Compare what is derived from the claims with the timeline, which by now is healed if it is to be."""
        with Session(self._service.engine) as session:
            self._findings.unkept = unkept = reads.unkept(session, customers, identity)
        if not self._heal or not unkept:
            return
        keyreader.catch_up(self._service, self._sources)
        for begin in range(0, len(unkept), AT_ONCE):
            self._findings.handed += self._hand_again(customers, unkept[begin : begin + AT_ONCE])
            self._tell("records healed", begin, len(unkept))
        with Session(self._service.engine) as session:
            self._findings.unhealed = reads.unkept(session, customers, identity)

    def _hand_again(self, subscription: str, streams: Sequence[str]) -> int:
        def body(work: Work) -> int:
            types = {t for each in self._slices for t in each.handlers}
            envelopes = reads.told_of(work.session, subscription, streams, types)
            return handlers.hand_again(work, self._slices, envelopes, self._service.keks)

        return self._service.transact(self._service.itself, body, point="consumer.commit")
