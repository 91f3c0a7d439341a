"""Events of customers' lives, as services publish them: sealed, sequenced, with the keys that open them.

A customer is registered with name, number, address and consent; contacts come, each as four facts (offered, answered,
ended, wrapped up with a note); orders are placed. An event has some 300 bytes of envelope, which is why no event has
300 in all: a contact's have 480 on average.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from confluent_kafka import Producer
from uuid_utils import uuid7

from shared.events import envelope
from shared.events.callcenter import ContactAnswered, ContactEnded, ContactOffered, ContactWrappedUp
from shared.events.customer import ClaimMade, CustomerRegistered
from shared.events.envelope import new_id
from shared.events.facts import Fact, change_personal, to_data, type_of
from shared.events.sfa import OrderLine, OrderPlaced
from shared.pipeline.keys import KeyRecord
from shared.pipeline.sealing import KeyEncryptionKeys, MemberKey, new_key, seal
from shared.pipeline.sending import GUARANTEES, TUNING
from shared.pipeline.topics import EVENTS, KEYS
from tests.builders import KEKS

BEGAN = datetime(2026, 1, 5, 8, tzinfo=UTC)


class Message(NamedTuple):
    """An event as it stands in the outbox, or a key of the keys topic, which has no sequence."""

    source: str
    stream: str
    sequence: int
    id: str
    body: bytes

    @property
    def value(self) -> bytes:
        return envelope.message(self.body, self.sequence) if self.sequence else self.body


@dataclass
class History:
    """Writes events of ``customers`` members, reproducibly but for ids, keys and nonces.

    ``source`` maps the service that publishes a fact to the name under which it does so here.
    """

    customers: int
    source: dict[str, str] = field(default_factory=lambda: {"callcenter": "callcenter", "sfa": "sfa"})
    seed: int = 1
    before: int = 0
    """How many events there have been of each customer and service already."""

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._keks = KeyEncryptionKeys.from_text(KEKS)
        self.members = [str(uuid7()) for _ in range(self.customers)]
        self._keys: dict[tuple[str, str], MemberKey] = {}
        self._sequences: dict[tuple[str, str], int] = {}
        self._now = BEGAN

    def registrations(self) -> Iterator[Message]:
        """Every member is registered, each with its key before it."""
        for number, member in enumerate(self.members):
            values = {
                "given_name": f"Given{number % 997}",
                "family_name": f"Family{number}",
                "phone": f"+34{600_000_000 + number}",
                "email": f"someone{number}@example.com",
                "contact_allowed.phone": "true",
            }
            claims = tuple(ClaimMade(id=new_id(), field=f, value=v, made=self._now) for f, v in values.items())
            yield from self._said("callcenter", member, CustomerRegistered(origin="import", claims=claims))

    def contacts(self, count: int) -> Iterator[Message]:
        """``count`` events of contacts with customers drawn at random: four for each contact, in turn."""
        yield from _first(count, self._contacts)

    def orders(self, count: int) -> Iterator[Message]:
        """``count`` orders placed."""
        yield from _first(count, self._order)

    def life(self, count: int) -> Iterator[Message]:
        """``count`` events of which four of five are of contacts and one is an order."""
        yield from _first(count, lambda: [*self._contacts(), *self._order()])

    def _contacts(self) -> Sequence[Message]:
        contact, member = new_id(), self._anybody()
        agent = f"agent{self._random.randrange(50)}"
        facts: tuple[Fact, ...] = (
            ContactOffered(contact=contact, channel="phone", queue="support", address="+34600111222"),
            ContactAnswered(contact=contact, agent=agent, waited_seconds=12.5),
            ContactEnded(contact=contact, agent=agent, talked_seconds=131.5),
            ContactWrappedUp(
                contact=contact,
                agent=agent,
                reason="billing",
                outcome="solved",
                satisfaction=4,
                note="Asked for a copy.",
            ),
        )
        return [message for fact in facts for message in self._said("callcenter", member, fact)]

    def _order(self) -> Sequence[Message]:
        line = OrderLine(product=f"product{self._random.randrange(20)}", quantity=1, unit_price=2_999)
        fact = OrderPlaced(order=new_id(), lines=(line,), total=2_999, currency="EUR", channel="desk")
        return list(self._said("sfa", self._anybody(), fact))

    def _anybody(self) -> str:
        return self.members[self._random.randrange(self.customers)]

    def _said(self, service: str, member: str, fact: Fact) -> Iterator[Message]:
        source, stream, kind, id = self.source[service], f"customer/{member}", type_of(fact), new_id()
        self._now += timedelta(milliseconds=10)
        if kind.personal and (source, member) not in self._keys:
            key_id, secret = new_key()
            wrapped = self._keks.wrap(secret, source=source, member=member)
            self._keys[source, member] = MemberKey(key_id, self._keks.unwrap(wrapped, source=source, member=member))
            yield Message(source, f"{member}/{key_id}", 0, "", msgspec.json.encode(KeyRecord(wrapped)))
        data: Any = to_data(fact)
        if kind.personal:
            key = self._keys[source, member]
            change_personal(data, kind.personal, lambda text: seal(text, key, event_id=id))
        sequence = self._sequences[source, stream] = self._sequences.get((source, stream), self.before) + 1
        body = envelope.body(
            kind, data, id=id, source=source, stream=stream, occurred=self._now, recorded=self._now, author="agent"
        )
        yield Message(source, stream, sequence, id, body)


def _first(count: int, some: Callable[[], Sequence[Message]]) -> Iterator[Message]:
    left = count
    while left > 0:
        for message in some():
            if message.sequence:
                left -= 1
            yield message
            if not left:
                return


def tell(kafka: dict[str, str], messages: Sequence[Message] | Iterator[Message]) -> int:
    """Write messages to the topics of their services, as a relay does; gives how many events it were."""
    producer = Producer({**TUNING, **kafka, **GUARANTEES, "delivery.report.only.error": True})
    failures: list[object] = []
    count = 0
    for message in messages:
        topic = message.source + (EVENTS if message.sequence else KEYS)
        while True:
            try:
                producer.produce(
                    topic,
                    value=message.value,
                    key=message.stream,
                    headers=envelope.HEADERS if message.sequence else None,
                    on_delivery=lambda error, _: failures.append(error),
                )
                break
            except BufferError:
                producer.poll(0.1)
        count += bool(message.sequence)
    while producer.flush(1.0):
        pass
    if failures:
        raise RuntimeError(f"{len(failures)} messages weren't taken: {failures[0]}")
    return count
