"""Many values as one parameter: whatever text they are, PostgreSQL reads them as they were."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.edge.db import as_json, text_array
from tests.servers import PostgresServer

TEXTS = st.lists(st.text(alphabet="a\"\\,{} \n\t\r'NULé") | st.just("NULL"))


@pytest.fixture(scope="module")
def connection(postgres: PostgresServer) -> Iterator[psycopg.Connection]:
    with postgres.connect() as made:
        yield made


MANY = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@MANY
@given(texts=TEXTS)
def test_an_array_of_any_texts(connection: psycopg.Connection, texts: list[str]) -> None:
    assert connection.execute("SELECT CAST(%s AS text[])", [text_array(texts)]).fetchone() == (texts,)


@MANY
@given(texts=TEXTS)
def test_rows_of_any_texts(connection: psycopg.Connection, texts: list[str]) -> None:
    rows = as_json({"one": text, "number": n} for n, text in enumerate(texts))
    query = "SELECT one FROM json_to_recordset(CAST(%s AS json)) AS r (one text, number int) ORDER BY number"
    assert [one for (one,) in connection.execute(query, [rows])] == texts
