"""Customers in a service's database as if each had been registered there: records, claims, keys."""

from __future__ import annotations

import psycopg

from services.callcenter.customers import handlers
from shared.pipeline.sealing import new_key
from shared.pipeline.service import Service
from tests.builders import actor

REGION = "ES"
FIRST = 600_000_000
"""The national number of the first customer."""
TEXTS = {"given_name": "Given", "family_name": "Family00000", "email": "someone00000@example.com"}

_COPY_RECORDS = """
INSERT INTO customer_record (member, registered, states, name, phone, email)
SELECT n.member, r.registered, replace(r.states::text, r.phone, n.phone)::jsonb, r.name, n.phone, r.email
FROM customer_record r, fresh n WHERE r.member = %(of)s
"""
_COPY_CLAIMS = """
INSERT INTO claim (member, field, id, value, saw, occurred, source, author)
SELECT n.member, c.field, c.id, CASE c.field WHEN 'phone' THEN n.phone ELSE c.value END, c.saw, c.occurred, c.source,
    c.author
FROM claim c, fresh n WHERE c.member = %(of)s
"""
_COPY_HEADS = "INSERT INTO stream_head (stream, sequence) SELECT 'customer/' || member, 1 FROM fresh"


def number(of: int) -> str:
    """The phone number of a customer."""
    return f"+34{FIRST + of}"


def fill(service: Service, connection: psycopg.Connection, members: list[str]) -> None:
    """Register one customer as the service does, and copy what that wrote for the others, each with its own number
    and key."""
    changes = {**TEXTS, "phone": "+34699999999", "contact_allowed.phone": "true"}
    command = handlers.Register(changes, origin="import")
    [of] = service.transact(actor("import", "importer"), lambda work: handlers.register(work, [command], REGION))
    connection.execute("CREATE TABLE fresh (member uuid, phone text)")
    with connection.cursor().copy("COPY fresh FROM STDIN") as copy:
        for place, member in enumerate(members):
            copy.write_row((member, number(place)))
    for statement in (_COPY_RECORDS, _COPY_CLAIMS, _COPY_HEADS):
        connection.execute(statement, {"of": of})
    with connection.cursor().copy("COPY member_key (member, source, key_id, wrapped) FROM STDIN") as copy:
        for member in members:
            key_id, key = new_key()
            copy.write_row((member, service.name, key_id, service.keks.wrap(key, source=service.name, member=member)))
    connection.execute("DROP TABLE fresh")
    connection.execute("VACUUM (ANALYZE)")
