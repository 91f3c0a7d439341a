"""Commands: one transaction each, repeated where PostgreSQL asks for it, carried out once for each key."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Request, Response
from fastapi.testclient import TestClient
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from shared.edge.actor import Actor
from shared.edge.errors import Conflict
from shared.pipeline import commands
from shared.pipeline.commands import Command
from shared.pipeline.service import REPEATS
from shared.pipeline.tables import command_result
from shared.pipeline.work import Work
from tests.probe import ANNA, Pair, new_member, seen, wrapped_up

KEY = "0123456789"


def register_contact(work: Work) -> dict[str, str]:
    return {"event": work.publish(f"customer/{new_member()}", wrapped_up("x"))}


def run(pair: Pair, *, actor: Actor = ANNA, key: str | None = KEY, fingerprint: bytes = b"body") -> bytes:
    command = Command(pair.publisher, actor, key, fingerprint)
    return bytes(command.run(register_contact, status=201).body)


def test_a_command_sent_again_is_answered_the_same_and_done_once(offline: Pair) -> None:
    assert run(offline) == run(offline) == run(offline)
    assert offline.scalar(offline.publisher, "SELECT count(*) FROM outbox WHERE sequence IS NOT NULL") == 1


def test_a_key_that_was_used_for_another_request_is_refused(offline: Pair) -> None:
    run(offline)
    with pytest.raises(Conflict, match="Idempotency-Key"):
        run(offline, fingerprint=b"another body")


def test_commands_without_a_key_of_other_actors_or_with_other_keys_are_commands_of_their_own(offline: Pair) -> None:
    answers = [
        run(offline),
        run(offline, key="another key"),
        run(offline, actor=Actor("bert")),
        run(offline, key=None),
        run(offline, key=None),
    ]
    assert len(set(answers)) == 5


def test_the_same_command_sent_several_times_at_once_is_done_once(offline: Pair) -> None:
    answers: list[bytes] = []
    threads = [threading.Thread(target=lambda: answers.append(run(offline))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(answers) == 6
    assert len(set(answers)) == 1
    assert offline.scalar(offline.publisher, "SELECT count(*) FROM outbox WHERE sequence IS NOT NULL") == 1


def test_a_command_that_was_refused_may_be_sent_again(offline: Pair) -> None:
    command = Command(offline.publisher, ANNA, KEY, b"body")

    def refused(work: Work) -> None:
        raise Conflict("not yet")

    with pytest.raises(Conflict, match="not yet"):
        command.run(refused)
    assert command.run(register_contact).status_code == 200


def test_a_repeat_is_answered_even_where_what_was_done_forbids_it_now(offline: Pair) -> None:
    done: list[bytes] = []

    def once(work: Work) -> dict[str, str]:
        if done:
            raise Conflict("it is done already")
        return register_contact(work)

    command = Command(offline.publisher, ANNA, KEY, b"body")
    done.append(bytes(command.run(once, status=201).body))
    again = command.run(once, status=201)
    assert (again.status_code, bytes(again.body)) == (201, done[0])
    with pytest.raises(Conflict, match="already"):
        Command(offline.publisher, ANNA, "another key", b"body").run(once)


def test_answers_are_forgotten_after_their_time(offline: Pair) -> None:
    run(offline)
    run(offline, key="another key")
    with offline.publisher.engine.begin() as connection:
        old = update(command_result).where(command_result.c.key == KEY).values(at=text("now() - interval '8 days'"))
        connection.execute(old)
    assert offline.publisher.transact(ANNA, commands.forget_old) == 1
    with offline.publisher.engine.connect() as connection:
        assert connection.scalars(select(command_result.c.key)).all() == ["another key"]


@contextmanager
def client(pair: Pair) -> Iterator[TestClient]:
    """An application with one command, and Anna at it."""
    app = FastAPI()
    Run = Annotated[Command, Depends(commands.commands(pair.publisher))]

    @app.middleware("http")
    async def anna(request: Request, call_next: Callable[[Request], Any]) -> Any:
        request.state.actor = ANNA
        return await call_next(request)

    @app.exception_handler(Conflict)
    def conflict(request: Request, error: Conflict) -> Response:
        return Response(str(error), status_code=409)

    def contacts(command: Run) -> Response:
        return command.run(register_contact, status=201)

    contacts.__annotations__["command"] = Run
    app.post("/contacts", response_model=None)(contacts)
    with TestClient(app) as made:
        yield made


def test_over_http_route_query_and_body_make_the_request(offline: Pair) -> None:
    with client(offline) as http:
        headers = {"Idempotency-Key": KEY}
        first = http.post("/contacts", json={"a": 1}, headers=headers)
        again = http.post("/contacts", json={"a": 1}, headers=headers)
        assert (first.status_code, again.content) == (201, first.content)
        assert http.post("/contacts", json={"a": 2}, headers=headers).status_code == 409
        assert http.post("/contacts?dry_run=true", json={"a": 1}, headers=headers).status_code == 409
        assert http.post("/contacts", json={"a": 1}, headers={"Idempotency-Key": "short"}).status_code == 422
        assert http.post("/contacts", json={"a": 1}).status_code == 201


def test_a_deadlock_repeats_the_whole_transaction(offline: Pair) -> None:
    service = offline.publisher
    row = {"source": "s", "stream": "x", "event_id": "e", "note": ""}
    with service.engine.begin() as connection:
        connection.execute(seen.insert(), [row | {"sequence": 1}, row | {"sequence": 2}])
    both, tries = threading.Barrier(2), []

    def crosswise(first: int) -> Callable[[Work], None]:
        def body(work: Work) -> None:
            tries.append(first)
            for n, sequence in enumerate((first, 3 - first)):
                if n and tries.count(first) == 1:
                    both.wait(10)  # each holds one row now
                work.session.execute(
                    update(seen).where(seen.c.sequence == sequence).values(note=seen.c.note + str(first))
                )
            work.publish(f"customer/{new_member()}", wrapped_up(str(first)))

        return body

    threads = [threading.Thread(target=service.transact, args=(ANNA, crosswise(n))) for n in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(tries) >= 3
    with service.engine.connect() as connection:
        assert {"".join(sorted(note)) for note in connection.scalars(select(seen.c.note))} == {"12"}
    assert offline.scalar(service, "SELECT count(*) FROM outbox WHERE sequence IS NOT NULL") == 2


@pytest.mark.parametrize(
    ("statement", "error", "times"),
    [
        ("DO $$ BEGIN RAISE serialization_failure; END $$", DBAPIError, REPEATS),
        ("INSERT INTO seen (source) VALUES (NULL)", IntegrityError, 1),
    ],
)
def test_only_what_may_pass_is_repeated_and_not_for_ever(
    offline: Pair, statement: str, error: type[Exception], times: int
) -> None:
    tries = []

    def body(work: Work) -> None:
        tries.append(work)
        work.publish(f"customer/{new_member()}", wrapped_up("x"))
        work.session.execute(text(statement))

    with pytest.raises(error):
        offline.publisher.transact(ANNA, body)
    assert len(tries) == times
    assert offline.unsent() == 0
