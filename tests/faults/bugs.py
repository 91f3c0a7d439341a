"""The bugs that are planted: what is changed, and which tests are to find it."""

from __future__ import annotations

from dataclasses import dataclass

PIPELINE = "tests/integration/pipeline"
FAULTS = "tests/faults"
SYNC = "tests/integration/sync"


@dataclass(frozen=True)
class Edit:
    """One exact replacement in a file."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Bug:
    name: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


def _bug(name: str, tests: str, *edits: tuple[str, str, str]) -> Bug:
    return Bug(name, tuple(Edit(f"shared/pipeline/{path}", old, new) for path, old, new in edits), tuple(tests.split()))


BUGS = (
    _bug(
        "relay reads on from the last id (a plain sequence cursor)",
        f"{PIPELINE}/test_relay.py::test_rows_that_commit_late_with_lower_ids_are_sent_too",
        (
            "relay.py",
            '"SELECT id, stream, sequence, body FROM outbox ORDER BY id LIMIT %s", (ROUND,))',
            '"SELECT id, stream, sequence, body FROM outbox WHERE id > %s ORDER BY id LIMIT %s", (_last[-1], ROUND))',
        ),
        ("relay.py", "            yield rows\n", "            _last.append(rows[-1][0])\n            yield rows\n"),
        ("relay.py", "def _read(", "_last = [0]\n\n\ndef _read("),
    ),
    _bug(
        "rows removed before Kafka acknowledged",
        f"{PIPELINE}/test_relay.py::test_while_kafka_is_away_rows_are_kept_and_sent_later",
        (
            "relay.py",
            '        faults.at("relay.flush", lambda: self._flush(connection, producer, sent))\n',
            "        _note(connection, sent)\n"
            '        faults.at("relay.flush", lambda: self._flush(connection, producer, sent))\n',
        ),
    ),
    _bug(
        "command answered although its commit failed",
        f"{PIPELINE}/test_flow.py::test_a_commit_that_fails_is_not_taken_for_done",
        (
            "service.py",
            "            faults.at(point, session.commit)\n",
            "            try:\n                faults.at(point, session.commit)\n"
            "            except faults.FaultRaised:\n                pass\n",
        ),
    ),
    _bug(
        "no fence",
        f"{PIPELINE}/test_consumer.py::test_a_stale_consumer_s_batch_has_no_effect "
        f"{PIPELINE}/test_flow.py::test_a_rebuild_while_the_consumer_runs_plays_the_log_again_once",
        ("offsets.py", "  AND o.next_offset = n.expected\n", ""),
    ),
    _bug(
        "positions advanced in another transaction than the effect",
        f"{FAULTS}/test_points.py::test_every_point_is_struck_and_nothing_is_lost[raise-before]",
        (
            "receive.py",
            "    positions.write(session, name, outcome.moved)\n"
            "    for message, kind, reason in outcome.parks.values():\n"
            "        parking.park(session, name, message, kind, reason)\n    parking.append(",
            "    with Session(session.get_bind()) as other:\n        positions.write(other, name, outcome.moved)\n"
            "        other.commit()\n    for message, kind, reason in outcome.parks.values():\n"
            "        parking.park(session, name, message, kind, reason)\n    parking.append(",
        ),
        ("receive.py", "import msgspec\n", "import msgspec\nfrom sqlalchemy.orm import Session\n"),
    ),
    _bug(
        "a parked event is overtaken by its stream",
        f"{PIPELINE}/test_parking.py::test_only_the_stream_of_a_poisonous_event_waits_and_goes_on_once_mended "
        f"{FAULTS}/test_flood.py::test_everybody_else_is_served_in_time_and_the_rest_later",
        (
            "receive.py",
            "            outcome.park(message, parking.POISON, bad[place].reason)\n",
            "            outcome.park(message, parking.POISON, bad[place].reason)\n"
            "            outcome.moved[place] = Position(event.sequence, event.id)\n",
        ),
        (
            "receive.py",
            "parks:\n        outcome.behind.append(message)\n        if verdict",
            "parks and place not in parked:\n        outcome.behind.append(message)\n        if verdict",
        ),
    ),
    _bug(
        "relay without leadership",
        f"{FAULTS}/test_leader.py",
        ("relay.py", "    return bool(row and row[0])\n", "    return True\n"),
    ),
    _bug(
        "offsets reset to the earliest",
        f"{FAULTS}/test_restore.py::test_a_log_whose_beginning_is_gone_stops_its_readers",
        ("consumer.py", '"auto.offset.reset": "error"', '"auto.offset.reset": "earliest"'),
    ),
    _bug(
        "heads reused after a restore (no check)",
        f"{FAULTS}/test_restore.py::test_a_restored_database_is_refused_until_recover_was_run",
        ("recovery.py", "    if missing:\n        raise LogAhead(service.name, missing)\n", ""),
    ),
    _bug(
        "effects sent again after a rebuild",
        f"{PIPELINE}/test_intents.py::test_a_rebuild_repeats_no_effect",
        (
            "rebuild.py",
            "    tables = [table.name",
            '    session.execute(text("DELETE FROM intent"))\n    tables = [table.name',
        ),
    ),
    _bug(
        "keys sent after the events that need them",
        f"{FAULTS}/test_points.py::test_every_point_is_struck_and_nothing_is_lost[delay]",
        (
            "relay.py",
            "            for row in keys:\n                self._send_key(producer, row, sent)\n            if keys:\n",
            "            for row in rows:\n                if row[2] is not None:\n"
            "                    self._send_event(producer, row, sent)\n"
            "            producer.flush()\n"
            "            for row in keys:\n                self._send_key(producer, row, sent)\n            if keys:\n",
        ),
        (
            "relay.py",
            "            for row in rows:\n                if row[2] is not None:\n"
            "                    self._send_event(producer, row, sent)\n            sent.ids",
            "            sent.ids",
        ),
    ),
    _bug(
        "an erased member's key accepted again",
        f"{PIPELINE}/test_keys.py",
        (
            "keys.py",
            "        if not record.erased and member not in erased | gone:\n",
            "        if not record.erased:\n",
        ),
    ),
    _bug(
        "personal text not sealed",
        f"{PIPELINE}/test_flow.py::test_personal_text_never_leaves_in_the_clear",
        (
            "sealing.py",
            "    nonce = os.urandom(NONCE_BYTES)\n    sealed = key.cipher",
            "    return text\n    sealed = key.cipher",
        ),
    ),
    _bug(
        "repeated events handled again",
        f"{PIPELINE}/test_relay.py::test_what_is_sent_twice_has_one_effect",
        (
            "gate.py",
            "return Verdict.REPEATED if event_id == position.event_id else",
            "return Verdict.NEXT if event_id == position.event_id else",
        ),
    ),
    _bug(
        "a command sent again is carried out again",
        f"{FAULTS}/test_points.py::test_every_point_is_struck_and_nothing_is_lost[raise-before]",
        ("commands.py", "        if found is not None:\n", "        if found is not None and False:\n"),
    ),
    Bug(
        "a device answer not stored",
        (
            Edit(
                "services/sync/devices/handlers.py",
                "    work.session.execute(mutation.insert(), row)\n",
                "    _ = row\n",
            ),
            Edit("services/sync/devices/handlers.py", "number=next_number - 1, made=made, ", ""),
        ),
        (f"{SYNC}/test_devices.py::test_a_repetition_gets_the_first_answer_whatever_happened_since",),
    ),
    Bug(
        "territory checked at pull only",
        (
            Edit(
                "services/sync/devices/handlers.py",
                "    if problem := check(work, of.rep, content.customer):\n",
                "    if (problem := check(work, of.rep, content.customer)) and False:\n",
            ),
        ),
        (f"{SYNC}/test_devices.py::test_a_customer_that_moved_is_judged_by_where_it_is_at_the_push",),
    ),
)
