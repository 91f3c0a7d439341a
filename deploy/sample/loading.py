"""Loads the sample into the services that run, each by its own API. A repeat changes nothing."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import islice
from typing import Any, TypeVar

from deploy.sample import market, people, purchases
from deploy.sample.bars import bar
from deploy.sample.client import Client

T = TypeVar("T")

FILE_ROWS = 500
MOST = 1_000
"""Orders, or customers of a territory, in one request."""
FIRST_LINE = 2
"""Of a file's rows, below the header."""
MANAGER, IMPORTER = "samuel", "importer"


@dataclass(frozen=True)
class Known:
    """A customer of the sample, as the services know it."""

    member: str
    territory: str


def load_customers(callcenter: Client, today: date, limit: int | None) -> tuple[list[Known], int]:
    """Bring in the customers, then some of them again from another system, as if they had been met twice.

    Gives them in the order of the data, and how many rows couldn't be taken.
    """
    rows = list(people.rows(today, limit))
    members, bad = _import(callcenter, "customers", rows, people.mapping())
    _, bad_twice = _import(callcenter, "met twice", list(people.met_twice(rows)), people.mapping(people.TWICE_ORIGIN))
    known = [Known(members.get(n, ""), market.territory_of(row["postal_code"])) for n, row in enumerate(rows)]
    return known, bad + bad_twice


def _import(
    callcenter: Client, what: str, rows: list[people.Row], mapping: dict[str, Any]
) -> tuple[dict[int, str], int]:
    counts: Counter[str] = Counter()
    bad_lines: list[dict[str, Any]] = []
    members: dict[int, str] = {}
    with bar(what, len(rows)) as advance:
        for begin, part in zip(range(0, len(rows), FILE_ROWS), parts(rows, FILE_ROWS), strict=True):
            report = callcenter.import_customers(people.as_csv(iter(part)), mapping)
            counts.update({name: report[name] for name in ("created", "changed", "unchanged", "bad")})
            members |= {begin + int(line) - FIRST_LINE: member for line, member in report["customers"].items()}
            bad_lines += report["bad_lines"]
            advance(len(part))
    print("  " + ", ".join(f"{number} {name}" for name, number in counts.items()))
    for bad in bad_lines:
        print(f"  line {bad['line']}, {bad['column']}: {bad['reason']}", file=sys.stderr)
    return members, len(bad_lines)


def load_market(sfa: Client) -> None:
    """Products, territories and who looks after them."""
    products, territories = market.products(), market.territories()
    with bar("products and territories", len(products) + len(territories)) as advance:
        for product in products:
            sfa.command("/products", asdict(product), actor=MANAGER)
            advance(1)
        for one in territories:
            body = {"territory": one.territory, "name": one.name, "parent": one.parent}
            sfa.command("/territories", body, actor=MANAGER)
            if one.rep:
                sfa.command(f"/territories/{one.territory}/reps", {"rep": one.rep}, actor=MANAGER)
            advance(1)


def assign_customers(sfa: Client, known: Iterable[Known]) -> None:
    """Put customers that are in no territory yet into that of their postal code."""
    assigned = {member for one in market.territories() for member in _assigned(sfa, one.territory)}
    of: dict[str, list[str]] = {}
    for one in known:
        if one.member and one.member not in assigned:
            of.setdefault(one.territory, []).append(one.member)
    with bar("customers in territories", sum(map(len, of.values()))) as advance:
        for territory, members in of.items():
            for part in parts(members, MOST):
                body = {"territory": territory, "customers": [{"customer": member} for member in part]}
                sfa.command("/territory-assignments", body, actor=MANAGER, hears=True)
                advance(len(part))


def _assigned(sfa: Client, territory: str) -> Iterator[str]:
    after: dict[str, str] = {}
    while page := sfa.get(f"/territories/{territory}/customers", MANAGER, limit=MOST, **after):
        yield from page
        after = {"after": page[-1]}


def load_history(sfa: Client, known: list[Known], today: date) -> None:
    """CDNOW's purchases as orders of the past."""
    of_known = [one for one in purchases.purchases(today, len(known)) if known[one.number].member]
    counts: Counter[str] = Counter()
    with bar("orders of the past", len(of_known)) as advance:
        for part in parts(of_known, MOST):
            orders = [one.body(known[one.number].member) for one in part]
            body = {"origin": purchases.ORIGIN, "orders": orders}
            counts.update(sfa.command("/orders/import", body, actor=IMPORTER, hears=True))
            advance(len(part))
    print("  " + ", ".join(f"{number} {name}" for name, number in counts.items()))


def load_open_orders(sfa: Client, known: list[Known], today: date) -> None:
    """Orders of today in every state, for customers who have none from the desk yet."""
    with bar("orders of today", len(market.OPEN_ORDERS)) as advance:
        for one, order in zip(known, market.OPEN_ORDERS, strict=False):
            _order(sfa, one.member, order, today)
            advance(1)


def _order(sfa: Client, member: str, order: market.OpenOrder, today: date) -> None:
    here = sfa.get("/orders", MANAGER, customer=member, limit=200)
    if not member or any(known["channel"] == "desk" for known in here):
        return
    promised = (today + timedelta(days=order.promised_days)).isoformat()
    lines = [{"product": product} for product in order.products]
    body = {"customer": member, "lines": lines, "promised": promised}
    placed = sfa.command("/orders", body, key=f"sample-{today}-order-{member}", actor=MANAGER, hears=True)
    for step, more in order.steps:
        path = f"/orders/{placed['order']}/{step}"
        sfa.command(path, dict(more), key=f"sample-{placed['order']}-{step}", actor=MANAGER)


def parts(things: Iterable[T], most: int) -> Iterator[list[T]]:
    """The same things, so many at a time."""
    rest = iter(things)
    while part := list(islice(rest, most)):
        yield part


def load(services: Mapping[str, Client], today: date, limit: int | None) -> int:
    """Load whatever services run; gives the exit status."""
    known: list[Known] = []
    bad = 0
    if "callcenter" in services:
        known, bad = load_customers(services["callcenter"], today, limit)
    if sfa := services.get("sfa"):
        load_market(sfa)
        if known:
            assign_customers(sfa, known)
            load_history(sfa, known, today)
            load_open_orders(sfa, known, today)
    return 1 if bad else 0
