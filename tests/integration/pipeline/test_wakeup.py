"""Whoever waits for commits hears of them at once."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest
from sqlalchemy import text

from shared.edge.wakeup import Ear
from tests.probe import Pair, new_member, publish


def url(pair: Pair) -> str:
    return pair.publisher.engine.url.render_as_string(hide_password=False)


def test_an_ear_hears_a_commit_at_once_also_one_from_before_it_waited(offline: Pair) -> None:
    with Ear(url(offline)) as ear:
        publish(offline.publisher, (new_member(), "before"))
        began = time.monotonic()
        ear.wait(20)
        threading.Timer(0.1, publish, (offline.publisher, (new_member(), "while"))).start()
        ear.wait(20)
        assert time.monotonic() - began < 10


def test_an_ear_waits_no_longer_than_it_is_told_and_hears_many_commits_as_one(offline: Pair) -> None:
    with Ear(url(offline)) as ear:
        for n in range(20):
            publish(offline.publisher, (new_member(), str(n)))
        time.sleep(0.2)
        ear.wait(20)
        began = time.monotonic()
        ear.wait(0.3)
        assert 0.2 < time.monotonic() - began < 10


def test_an_ear_does_not_hear_what_only_open_pages_are_told_of(offline: Pair) -> None:
    with Ear(url(offline)) as ear:
        offline.publisher.transact(offline.publisher.itself, lambda work: work.touch("agent/anna"))
        began = time.monotonic()
        ear.wait(0.5)
        assert time.monotonic() - began > 0.4


def test_a_lost_connection_is_told(offline: Pair) -> None:
    with Ear(url(offline)) as ear, offline.publisher.engine.connect() as other:
        listening = "query = 'LISTEN committed' AND datname = current_database()"
        other.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {listening}"))
        with pytest.raises(psycopg.Error):
            ear.wait(20)
