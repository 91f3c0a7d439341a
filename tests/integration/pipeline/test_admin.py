"""The commands by which a person looks after parked streams and derived tables."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from shared.edge.errors import NotFound
from shared.edge.settings import Settings
from shared.pipeline import admin
from shared.pipeline.subscriptions import Slice, Subscriptions
from shared.pipeline.worker import register
from tests.integration.pipeline.feed import Feed, picky
from tests.integration.pipeline.running import produce
from tests.integration.pipeline.test_parking import by_raising
from tests.probe import RECORD, Pair, new_member, publish, until


def command(pair: Pair, slices: tuple[Slice, ...], *arguments: str) -> int:
    """Run one command of the hearer, with the exit status that its process would have."""
    parser = argparse.ArgumentParser()
    admin.add_commands(parser.add_subparsers(dest="command"))
    settings = Settings(
        service=pair.hearer.name,
        database_url=pair.hearer.engine.url.render_as_string(hide_password=False),
        kafka=dict(pair.hearer.kafka),
        key_encryption_keys="test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        port=1,
        token_issuer="unused",
        jwks_file=Path("unused"),
        parked_share=0.5,
    )
    return admin.run(parser.parse_args(arguments), settings, Subscriptions((pair.publisher.name,), slices))


def registered(pair: Pair, *slices: Slice) -> Feed:
    heard = Subscriptions((pair.publisher.name,), slices)
    pair.hearer.transact(pair.hearer.itself, lambda work: register(work, heard, pair.hearer, 0.5))
    return Feed(pair, slices)


def test_parked_streams_are_listed_and_redriven(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    refused = {"poison"}
    feed = registered(pair, picky(refused, by_raising))
    one, two = new_member(), new_member()
    feed.hear(feed.published((one, "poison"), (two, "poison"), (two, "behind")))
    assert command(pair, feed.slices, "parked") == 0
    listed = capsys.readouterr().out
    assert f"main\t{pair.publisher.name}\tcustomer/{two}\tpoison\t2 events" in listed
    assert "2 streams are parked" in listed
    assert command(pair, feed.slices, "redrive", "--all") == 1
    with pytest.raises(NotFound, match="--source and --stream, or --all"):
        command(pair, feed.slices, "redrive")
    refused.clear()
    source = ("--source", pair.publisher.name)
    assert command(pair, feed.slices, "redrive", *source, "--stream", f"customer/{one}") == 0
    assert command(pair, feed.slices, "redrive", "--all") == 0
    assert feed.notes(two) == ["poison", "behind"]
    assert feed.parked() == {}


def test_an_event_is_skipped_by_whoever_runs_the_command(pair: Pair) -> None:
    feed = registered(pair, picky({"poison"}, by_raising))
    member = new_member()
    feed.hear(feed.published((member, "poison"), (member, "behind")))
    where = ("--source", pair.publisher.name, "--stream", f"customer/{member}")
    assert command(pair, feed.slices, "skip", *where, "--reason", "entered twice") == 0
    assert feed.notes(member) == ["behind"]
    ((reason, author),) = feed.query("SELECT reason, author FROM skipped_event")
    assert reason == "entered twice"
    assert author.startswith("operator:")
    with pytest.raises(NotFound, match="no subscription other"):
        command(pair, feed.slices, "skip", *where, "--reason", "x", "--subscription", "other")


def test_redriving_looks_for_a_key_that_has_come_meanwhile(pair: Pair) -> None:
    feed = registered(pair, RECORD)
    member = new_member()
    publish(pair.publisher, (member, "sealed"))
    ((name, record),) = _key_rows(pair)
    (message,) = feed.drained(with_keys=False)
    feed.hear([message])
    assert command(pair, feed.slices, "redrive", "--all") == 1
    produce(pair.publisher, pair.publisher.keys_topic, [(name.encode(), record)])
    assert command(pair, feed.slices, "redrive", "--all") == 0
    assert feed.notes(member) == ["sealed"]


def test_a_rebuild_is_announced_and_then_done(
    pair: Pair, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.pipeline.consumer.LOOK_SECONDS", 0.2)
    feed = registered(pair, RECORD)
    member = new_member()
    with pair.relaying(), pair.consuming():
        publish(pair.publisher, (member, "one"))
        pair.heard(1)
        assert command(pair, feed.slices, "rebuild") == 0
        assert "would empty seen" in capsys.readouterr().out
        with pair.hearer.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE seen SET note = 'spoiled'")
        assert command(pair, feed.slices, "rebuild", "--yes") == 0
        until(lambda: [note for _, _, note in pair.rows()] == ["one"])


def _key_rows(pair: Pair) -> list[tuple[str, bytes]]:
    with pair.publisher.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT stream, body FROM outbox WHERE sequence IS NULL")
        return [(stream, bytes(body)) for stream, body in rows]
