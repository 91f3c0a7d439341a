"""Orders of the past: what CDNOW's first customers bought, moved to our day.

The data are 18 months of purchases of 23,570 customers of an online shop for music (``CDNOW_master.txt``, in the
package lifetimes). The first customer there is the first one here, and so on. All dates are moved by the same number of
days, so that the newest purchase was made a few days ago.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import distribution
from pathlib import Path

from deploy.sample.market import MEDIA

ORIGIN = "cdnow"
NEWEST = date(1998, 6, 30)
"""In the data."""
AGO = timedelta(days=4)
"""How long ago the newest purchase was made."""
DELIVERY_DAYS = 3
"""The longest delivery; shorter than ``AGO``."""


@dataclass(frozen=True)
class Purchase:
    """One order of media, delivered."""

    key: str
    number: int
    """Which customer, counted from 0."""
    placed: datetime
    delivered: datetime
    pieces: int
    cents: int

    def body(self, customer: str) -> dict[str, object]:
        """As sales force automation takes orders of the past."""
        return {
            "key": self.key,
            "customer": customer,
            "lines": [{"product": MEDIA, "quantity": self.pieces, "unit_price": self.cents // self.pieces}],
            "total": self.cents,
            "at": self.placed.isoformat(),
            "delivered": self.delivered.isoformat(),
            "how": "remote",
        }


def purchases(today: date, customers: int) -> Iterator[Purchase]:
    """Those of the first ``customers``, customer by customer and in the order of their dates."""
    moved = today - AGO - NEWEST
    of_customer: dict[str, int] = {}
    for line in _file().read_text(encoding="ascii").splitlines()[1:]:
        customer, day, pieces, dollars = line.split()
        if int(customer) > customers:
            break  # they are sorted
        nth = of_customer[customer] = of_customer.get(customer, 0) + 1
        at = datetime.combine(datetime.strptime(day, "%Y%m%d").date() + moved, time(12, nth % 60), UTC)  # noqa: DTZ007
        delivered = at + timedelta(days=1 + (int(customer) + nth) % DELIVERY_DAYS)
        cents = round(float(dollars) * 100)
        yield Purchase(f"{customer}-{nth}", int(customer) - 1, at, delivered, int(pieces), cents)


def _file() -> Path:
    # By the list of installed files: importing lifetimes takes seconds, and only its data are wanted.
    return Path(str(distribution("lifetimes").locate_file("lifetimes/datasets/CDNOW_master.txt")))
