"""Statements that go straight to the driver belong to the session's transaction, and to its savepoints."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared.edge.statements import run
from tests.servers import PostgresServer


@pytest.fixture(scope="module")
def engine(postgres: PostgresServer) -> Engine:
    made = create_engine(postgres.database("statements"))
    with made.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE thing (id int PRIMARY KEY)")
    return made


INSERT = "INSERT INTO thing VALUES (%(id)s)"


def ids(session: Session) -> list[int]:
    return [row[0] for row in run(session, "SELECT id FROM thing ORDER BY id", {})]


def test_what_fails_in_a_savepoint_is_undone_alone(engine: Engine) -> None:
    with Session(engine) as session:
        run(session, INSERT, {"id": 1})
        savepoint = session.begin_nested()
        run(session, INSERT, {"id": 2})
        with pytest.raises(IntegrityError):
            run(session, INSERT, {"id": 1})
        savepoint.rollback()
        run(session, INSERT, {"id": 3})
        assert ids(session) == [1, 3]


def test_what_a_savepoint_keeps_goes_on_in_the_transaction(engine: Engine) -> None:
    with Session(engine) as session:
        for number in (1, 2):
            with session.begin_nested():
                run(session, INSERT, {"id": number})
        run(session, INSERT, {"id": 3})
        assert ids(session) == [1, 2, 3]


def test_the_next_transaction_of_a_session_has_its_own_connection(engine: Engine) -> None:
    with Session(engine) as session:
        run(session, INSERT, {"id": 1})
        session.rollback()
        assert ids(session) == []
