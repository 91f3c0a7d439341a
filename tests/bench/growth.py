"""``pipeline.growth``: what an event costs with ten and a hundred times as many customers.

For each size there is a base first, as a long life of the platform leaves it: every customer has positions, its keys,
its profile, orders, value and timer, or its timeline, and the tables are vacuumed. Then come events of customers drawn
at random, as in ``pipeline.timeline`` and ``pipeline.profile``. Each stretch begins after the one before; the first
one warms up, after a checkpoint. The settings of checkpoints are the server's, the same for all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import psycopg

from deploy.docs.results import Result
from services.sync.subscriptions import SUBSCRIPTIONS
from shared.pipeline.service import Service
from tests.bench import profile
from tests.bench.consuming import consuming
from tests.bench.figures import Figure, median
from tests.bench.history import BEGAN, History, Message, tell
from tests.bench.machine import Machine, new_name, plain

TIMELINE = SUBSCRIPTIONS.named(["timeline"])
MOST = 2.0
BEFORE = 1
"""Events that there have been of each customer and service."""
SIZES = (0.1, 1.0, 10.0)
"""In parts of the customers that there are elsewhere."""


class Kind(NamedTuple):
    """One of the two figures whose growth is measured."""

    name: str
    block: str
    messages: Callable[[History, int], Iterator[Message]]
    base: Sequence[str]
    """Statements that fill the tables of a service from a table ``base``."""
    consumed: Callable[[Service, psycopg.Connection, profile.Log], float]


def measure(machine: Machine) -> Iterator[Result]:
    parts = SIZES if machine.size.full else SIZES[:1]
    customers = [round(machine.size.customers * part) for part in parts]
    for kind in KINDS:
        rates = {count: list(_rates(machine, kind, count)) for count in customers}
        costs = [1e6 / median(of_size) for of_size in rates.values()]
        yield Result(
            figure="pipeline.growth",
            of=kind.name,
            value=round(max(costs) / min(costs), 2),
            unit="x",
            most=MOST,
            runs=[round(cost / min(costs), 2) for cost in costs],
            more={
                "events_per_second": {str(count): round(median(of_size)) for count, of_size in rates.items()},
                "stretch": _stretch(machine),
            },
        )


def _stretch(machine: Machine) -> int:
    """Events of one measurement."""
    return machine.size.rows // 8


def _rates(machine: Machine, kind: Kind, customers: int) -> Iterator[float]:
    """Events a second of each stretch but the first."""
    calls, sales = new_name("calls"), new_name("sales")
    history = History(customers, {"callcenter": calls, "sfa": sales}, before=BEFORE)
    count = _stretch(machine)
    warming = int(machine.size.full)
    stretches = [list(kind.messages(history, count)) for _ in range(machine.size.runs + warming)]
    sealed = {message.stream.partition("/")[0] for of_it in stretches for message in of_it if not message.sequence}
    log = profile.publish(machine, (calls, sales), [])
    with machine.service(kind.block, topic=new_name(kind.block)) as service, plain(service) as connection:
        _fill(connection, kind, history.members, sealed, calls, sales)
        machine.checkpoint()
        for number, messages in enumerate(stretches):
            tell(machine.kafka.client, messages)
            events = [message for message in messages if message.sequence]
            rate = kind.consumed(service, connection, log._replace(events=events))
            if number >= warming:
                yield rate


def _fill(
    connection: psycopg.Connection, kind: Kind, members: Sequence[str], sealed: set[str], calls: str, sales: str
) -> None:
    connection.execute("CREATE UNLOGGED TABLE base (member uuid, number int, sealed boolean)")
    with connection.cursor().copy("COPY base FROM STDIN") as copy:
        for number, member in enumerate(members):
            copy.write_row((member, number, member in sealed))
    values = {"calls": calls, "sales": sales, "before": BEFORE, "began": BEGAN, "rule": profile.RULE.rule}
    for statement in kind.base:
        connection.execute(statement, values)
    connection.execute("DROP TABLE base")
    connection.execute("VACUUM (ANALYZE)")


def _marketing(service: Service, connection: psycopg.Connection, log: profile.Log) -> float:
    return profile.consumed(replace(service, clock=log.clock), connection, log)


def _timeline(service: Service, _: psycopg.Connection, log: profile.Log) -> float:
    with profile.collecting_seldom(), consuming(service, TIMELINE, log.sources[:1]) as (consumer, wait):
        wait(len(log.events))
        return profile.warm(consumer.batches, time.monotonic())


_POSITIONS = """
INSERT INTO position (stream, source, subscription, sequence, event_id)
SELECT 'customer/' || member, %({source})s, 'main', %(before)s, uuidv7() FROM base ORDER BY number
"""
# Those of the customers that are drawn come with the events: only they have to open something.
_KEYS = """
INSERT INTO member_key (member, source, key_id, wrapped)
SELECT member, %(calls)s, substr(md5(member::text), 1, 8), 'test:' || repeat(md5(member::text), 2) || '0123456789abcdef'
FROM base WHERE NOT sealed ORDER BY number
"""
_INTERACTIONS = """
INSERT INTO interaction (stream, source, sequence, occurred, recorded, event_id, type, author, dataschema, data)
SELECT 'customer/' || member, %(calls)s, n, %(began)s - make_interval(hours => n), %(began)s,
       uuidv7(), 'contact.wrapped_up', 'agent', 'urn:crm:contact.wrapped_up:1', convert_to(repeat('x', 200), 'UTF8')
FROM generate_series(1, %(before)s) AS n, base ORDER BY n, number
"""
# Two orders each. Of every twentieth customer the newer one suffices to be in the segment.
_PURCHASES = """
INSERT INTO purchase (member, order_id, occurred, amount, currency)
SELECT member, uuidv7()::text, %(began)s - make_interval(days => 60 * n, secs => number),
       CASE WHEN n = 1 AND number %% 20 = 0 THEN 6000 ELSE 100 END, 'EUR'
FROM generate_series(2, 1, -1) AS n, base ORDER BY n DESC, number
"""
_PROFILES = """
INSERT INTO profile SELECT member, NULL, %(before)s, %(began)s, 0, 4, 1, 0, 0 FROM base ORDER BY number
"""
_SPENDING = """
INSERT INTO spending SELECT member, currency, count(*), sum(amount), min(occurred), max(occurred), 0, 0
FROM purchase GROUP BY member, currency ORDER BY member
"""
_VALUES = """
INSERT INTO published_value SELECT member, member, amount, currency, 365, orders, last_order FROM spending
ORDER BY member
"""
_STAYS = """
INSERT INTO stay SELECT member, occurred, NULL, ARRAY[order_id], '' FROM purchase WHERE amount = 6000 ORDER BY member
"""
_SAID_STAYS = """
INSERT INTO published_stay SELECT cluster, entered, orders, %(rule)s FROM stay ORDER BY cluster
"""
_TIMERS = """
INSERT INTO due (task, key, at, history) SELECT 'standing', member::text, first_order + interval '365 days', false
FROM spending ORDER BY member
"""
_HEADS = "INSERT INTO stream_head SELECT 'customer/' || member, 1 FROM base ORDER BY number"

KINDS = (
    Kind(
        "timeline",
        "sync",
        History.contacts,
        (_POSITIONS.format(source="calls"), _KEYS, _INTERACTIONS),
        _timeline,
    ),
    Kind(
        "profile",
        "marketing",
        History.life,
        (
            *(_POSITIONS.format(source=source) for source in ("calls", "sales")),
            *(_KEYS, _PURCHASES, _PROFILES, _SPENDING, _VALUES, _STAYS, _SAID_STAYS, _TIMERS, _HEADS),
        ),
        _marketing,
    ),
)
FIGURES = (Figure("pipeline.growth", "at most 2 times the cost with 100 times the customers", measure),)
