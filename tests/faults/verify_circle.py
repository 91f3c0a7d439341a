"""Compares the four services with what customers were promised, with the log, and with each other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg

from services.marketing.segments import rules
from services.sync.devices.client import Device
from services.sync.devices.rules import NO_DIGEST
from tests.faults.log import Told
from tests.faults.rest import differences, heads, rows
from tests.faults.rounds import FORBIDDEN, Person, Rounds, territory_of
from tests.faults.servers import Servers
from tests.faults.verify import nothing_is_parked

NEWEST = 5
"""Orders on a card."""


@dataclass
class Found:
    """What is there when all has come to rest."""

    servers: Servers
    rounds: Rounds
    logs: Mapping[str, list[Told]]
    desk: httpx.Client
    devices: Mapping[int, Device]
    databases: dict[str, psycopg.Connection] = field(default_factory=dict)

    @property
    def persons(self) -> list[Person]:
        return self.rounds.everybody()

    def of(self, source: str, *kinds: str) -> Iterator[Told]:
        """The events of these types, those of a stream in their order."""
        return (event for event in self.logs[source] if event.type in kinds)


@dataclass(frozen=True)
class Worth:
    """What a cluster is worth, recomputed from the log."""

    amount: int
    orders: int
    since: datetime | None


def verify(found: Found) -> None:
    """Compare everything. Raises ``AssertionError``."""
    with ExitStack() as stack:
        for service in found.logs:
            found.databases[service] = stack.enter_context(found.servers.direct(service))
        nothing_is_parked(*found.databases.values())
        _logs_are_whole(found)
        _nothing_is_said_twice(found)
        _records(found)
        _clusters(found)
        _orders(found)
        worth = _worth(found)
        _marketing(found, worth)
        _notes(found)
        _cards(found, worth)
        _devices(found, worth)


def _logs_are_whole(found: Found) -> None:
    for service, events in found.logs.items():
        last = {event.stream: event.sequence for event in events if not event.stream.startswith("service/")}
        published = heads(found.servers, service)
        assert last == published, f"the log of {service}: {differences(published, last)}"


def _nothing_is_said_twice(found: Found) -> None:
    """What is derived is said when it differs from what was said last."""
    last: dict[tuple[str, str], object] = {}
    for event in found.of("sync", "customer.assigned"):
        before = last.get((event.stream, "cluster"), event.member)
        assert event.data["cluster"] != before, f"said again: {event}"
        last[event.stream, "cluster"] = event.data["cluster"]
    for event in found.of("marketing", "customer.valued"):
        assert event.data != last.get((event.stream, "value")), f"said again: {event}"
        last[event.stream, "value"] = event.data
    for event in found.of("marketing", "segment.entered", "segment.left"):
        since = event.time if event.type == "segment.entered" else None
        assert since != last.get((event.stream, "segment")), f"said again: {event}"
        last[event.stream, "segment"] = since


def _records(found: Found) -> None:
    """All four fold the same claims to the same records, and all that was acknowledged is among them."""
    members = {member for person in found.persons for cluster in person.clusters for member in cluster}
    claims: dict[str, dict[Any, Any]] = {}
    records: dict[str, dict[Any, Any]] = {}
    for service, connection in found.databases.items():
        known = rows(connection, "SELECT member::text, field, id, value, saw FROM claim")
        claims[service] = {(member, name, id): (value, saw) for member, name, id, value, saw in known}
        folded = rows(connection, "SELECT member::text, states FROM customer_record WHERE registered IS NOT NULL")
        records[service] = dict(folded)
        assert records[service].keys() == members, f"{service} has {len(folded)} customers, there are {len(members)}"
    for service in found.databases:
        assert claims[service] == claims["sync"], f"{service}: {differences(claims['sync'], claims[service])}"
        assert records[service] == records["sync"], f"{service}: {differences(records['sync'], records[service])}"
    edits = Counter((member, name, value) for (member, name, _), (value, _) in claims["sync"].items())
    ids = {id for _, _, id in claims["sync"]}
    for person in found.persons:
        assert all(edits[edit] == 1 for edit in person.values), f"an edit of {person} isn't there once"
        assert ids.issuperset(person.claims), f"a device's edit of {person} is lost"
        for member in person.clusters[0] if person.linked and person.forbids else ():
            state = records["sync"][member].get(FORBIDDEN, {})
            assert state.get("value") == "false", f"{person.member} forbids it, but of {member} stands {state}"


def _clusters(found: Found) -> None:
    expected = {member: cluster[0] for person in found.persons for cluster in person.clusters for member in cluster}
    for service, connection in found.databases.items():
        assigned: dict[str, str] = dict(rows(connection, "SELECT member::text, cluster::text FROM customer_cluster"))
        now = {member: assigned.pop(member, member) for member in expected}
        assert now == expected, f"{service}: {differences(expected, now)}"
        assert not assigned, f"{service} has clusters of unknown members: {assigned}"


def _orders(found: Found) -> None:
    """Every order is once in sales force automation's table and once in the log, in the state that was promised."""
    expected = {id: (o.member, o.state, o.total) for person in found.persons for id, o in person.orders.items()}
    refused = {id: member for person in found.persons for id, member in person.refused.items()}
    sfa = found.databases["sfa"]
    here = {id: of for id, *of in rows(sfa, "SELECT id::text, member::text, state, total FROM sales_order")}
    there = {id: tuple(of) for id, of in here.items()}
    assert there == expected, differences(expected, there)
    for kind, ids in (("placed", expected.keys()), ("refused", refused.keys())):
        told = Counter(event.data["order"] for event in found.of("sfa", f"order.{kind}"))
        assert told == dict.fromkeys(ids, 1), f"order.{kind}: {differences(dict.fromkeys(ids, 1), told)}"
    for kind in ("delivered", "cancelled"):
        told = Counter(event.data["order"] for event in found.of("sfa", f"order.{kind}"))
        ended = dict.fromkeys((id for id, (_, state, _) in expected.items() if state == kind), 1)
        assert told == ended, f"order.{kind}: {differences(ended, told)}"


def _worth(found: Found) -> dict[str, Worth]:
    """What each member's cluster is worth: recomputed from the log's orders, and by the ledger's sums."""
    cancelled = {event.data["order"]: event.time for event in found.of("sfa", "order.cancelled")}
    bought: dict[str, list[rules.Purchase]] = defaultdict(list)
    for event in found.of("sfa", "order.placed"):
        order = event.data["order"]
        bought[event.member].append(rules.Purchase(order, event.time, event.data["total"], cancelled.get(order)))
    worth: dict[str, Worth] = {}
    for person in found.persons:
        for cluster in person.clusters:
            all_of_it = [one for member in cluster for one in bought[member]]
            standing = rules.standing(all_of_it, rules.Definition(), datetime.now(UTC))
            counting = [o.total for o in person.orders.values() if o.member in cluster and o.state != "cancelled"]
            assert standing.amount == sum(counting), f"{person}: {standing}"
            worth |= dict.fromkeys(cluster, Worth(standing.amount, standing.orders, standing.since))
    return worth


def _marketing(found: Found, worth: Mapping[str, Worth]) -> None:
    marketing = found.databases["marketing"]
    expected = {
        id: (order.member, order.total, order.state == "cancelled")
        for person in found.persons
        for id, order in person.orders.items()
    }
    bought = rows(marketing, "SELECT order_id, member::text, amount, cancelled IS NOT NULL FROM purchase")
    purchases = {order: tuple(of) for order, *of in bought}
    assert len(bought) == len(purchases)
    assert purchases == expected, differences(expected, purchases)
    amounts = {member: (w.amount, w.orders) for member, w in worth.items() if w.orders}
    said = {e.member: (e.data["amount"], e.data["orders"]) for e in found.of("marketing", "customer.valued")}
    said = {member: value for member, value in said.items() if value[1]}
    assert said == amounts, f"the last values in the log: {differences(amounts, said)}"
    inside = {member: w.since for member, w in worth.items() if w.since}
    stays: dict[str, datetime | None] = {}
    for event in found.of("marketing", "segment.entered", "segment.left"):
        stays[event.member] = event.time if event.type == "segment.entered" else None
    last = {member: since for member, since in stays.items() if since}
    assert last == inside, f"the last of the segment in the log: {differences(inside, last)}"


def _notes(found: Found) -> None:
    """Each note is once in the timeline and once at the desk."""
    expected = {note: f"customer/{member}" for person in found.persons for note, member in person.notes.items()}
    timeline = rows(
        found.databases["sync"],
        "SELECT convert_from(data, 'UTF8')::json ->> 'note', stream FROM interaction WHERE type = 'note.added'",
    )
    desk = rows(found.databases["callcenter"], "SELECT note, 'customer/' || member FROM insight_note")
    for place, notes in (("timeline", timeline), ("desk", desk)):
        assert len(notes) == len(expected), f"{place}: {len(notes)} notes, {len(expected)} were written"
        assert dict(notes) == expected, f"{place}: {differences(expected, dict(notes))}"


def _cards(found: Found, worth: Mapping[str, Worth]) -> None:
    """At the desk stand the newest orders, the value and the segment of the whole customer."""
    began = {e.data["order"]: e.time for e in found.of("sync", "order.requested")}
    began |= {e.data["order"]: e.time for e in found.of("sfa", "order.placed")}
    for person in found.persons:
        for cluster in person.clusters:
            states = _states(person, cluster)
            newest = sorted(states, key=lambda order: (began[order], order), reverse=True)[:NEWEST]
            for member in cluster:
                answer = found.desk.get(f"/customers/{member}/card")
                assert answer.status_code == 200, answer.text
                card = answer.json()
                assert card["members"] == cluster
                assert [(o["order"], o["state"]) for o in card["orders"]] == [(o, states[o]) for o in newest], person
                value = card["value"] or {"amount": 0, "orders": 0}
                assert (value["amount"], value["orders"]) == (worth[member].amount, worth[member].orders), person
                assert bool(card["segments"]) == (worth[member].since is not None), person


def _devices(found: Found, worth: Mapping[str, Worth]) -> None:
    """A device has what the server has, which is what is known of its customers; all that it wrote is decided."""
    sync = found.databases["sync"]
    records: dict[str, Any] = dict(rows(sync, "SELECT member::text, states FROM customer_record"))
    scopes = {
        scope: (present, bytes(digest).hex())
        for scope, present, digest in rows(sync, "SELECT scope, present, digest FROM feed_scope")
    }
    for number, device in found.devices.items():
        territory = territory_of(number)
        persons = [person for person in found.persons if person.territory == territory]
        device.synchronize()
        scope = f"territory/{territory}"
        assert device.digest(scope) == scopes.get(scope, (0, NO_DIGEST.hex())), f"{scope} differs on device {number}"
        assert not device.pending(), f"device {number} still waits for {device.pending()}"
        assert set(device.refused().values()) <= {"unknown_product"}, device.refused()
        assert len(device.refused()) == sum(len(person.refused) for person in found.rounds.persons[number])
        # Who has no territory of his own has that of the one whom he was found to be.
        expected = {member for p in persons for member in ((p.member, p.other) if p.linked else (p.member,))}
        assert set(device.customers()) == expected, f"device {number} has other customers"
        for person in persons:
            for cluster in person.clusters:
                for member in expected.intersection(cluster):
                    _item(device.customer(member) or {}, person, cluster, records[member], worth[member])


def _item(
    item: Mapping[str, Any], person: Person, cluster: Collection[str], states: Mapping[str, Any], worth: Worth
) -> None:
    """A customer on a device is what the record, the ledger and the recomputation say."""
    member = item["customer"]
    assert item["cluster"] == min(cluster)
    assert item["mates"] == [mate for mate in cluster if mate != member], person
    fields = {name: one["value"] for name, one in item["fields"].items()}
    assert fields == {name: state["value"] for name, state in states.items()}, person
    assert {note["note"] for note in item["notes"]} == {n for n, of in person.notes.items() if of == member}, person
    assert {order["order"]: order["state"] for order in item["orders"]} == _states(person, [member]), person
    assert (item["value"] or {"amount": 0})["amount"] == worth.amount, person
    assert bool(item["segments"]) == (worth.since is not None), person


def _states(person: Person, members: Collection[str]) -> dict[str, str]:
    """The orders of these members with their states; refused ones too."""
    states = {id: order.state for id, order in person.orders.items() if order.member in members}
    return states | {id: "refused" for id, member in person.refused.items() if member in members}
