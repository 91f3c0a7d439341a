"""The bugs that are planted: what is changed, and which tests are to find it."""

from __future__ import annotations

from dataclasses import dataclass

PIPELINE = "tests/integration/pipeline"
MARKETING = "tests/integration/marketing"
SYNC = "tests/integration/sync"
SFA = "tests/integration/sfa"
FAULTS = "tests/faults"


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
    """``edits``: file, old and new text; a name without a folder is one of shared/pipeline."""
    placed = (Edit(path if "/" in path else f"shared/pipeline/{path}", old, new) for path, old, new in edits)
    return Bug(name, tuple(placed), tuple(tests.split()))


BUGS = (
    _bug(
        "relay reads on from the last id (a plain sequence cursor)",
        f"{PIPELINE}/test_relay.py::test_rows_that_commit_late_with_lower_ids_are_sent_too",
        (
            "relay.py",
            "    return _cursor(connection).execute(_ROWS, (CHUNK,)).fetchall()\n",
            '    beyond = _ROWS.replace("ORDER", f"WHERE id > {_last[-1]} ORDER")\n'
            "    rows = _cursor(connection).execute(beyond, (CHUNK,)).fetchall()\n"
            "    _last.extend(row[0] for row in rows[-1:])\n    return rows\n",
        ),
        ("relay.py", "def _first(", "_last = [0]\n\n\ndef _first("),
    ),
    _bug(
        "rows removed before Kafka acknowledged",
        f"{PIPELINE}/test_relay.py::test_while_kafka_is_away_rows_are_kept_and_sent_later",
        (
            "relay.py",
            '            faults.at("relay.flush", lambda: self._flush(connection, lines.live, batch))\n',
            "            _note(connection, batch)\n"
            '            faults.at("relay.flush", lambda: self._flush(connection, lines.live, batch))\n',
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
            "parks:\n            outcome.behind.append(message)\n            if verdict",
            "parks and place not in parked:\n            outcome.behind.append(message)\n            if verdict",
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
            "            topic = self._service.keys_topic\n",
            "            early = [row for row in rows if row[2] is not None]\n"
            "            self._hand_over(producer, self._service.events_topic, early, batch)\n"
            "            producer.flush()\n"
            "            topic = self._service.keys_topic\n",
        ),
        (
            "relay.py",
            "            events = [row for row in rows if row[2] is not None]\n",
            "            events = []\n",
        ),
    ),
    _bug(
        "a table left out of forgetting",
        "tests/integration/callcenter/test_customers.py::test_nothing_readable_is_left_of_an_erased_person",
        (
            "services/callcenter/customers/erasure.py",
            '        "cases": cases.forget(work, members),\n',
            '        "cases": dict.fromkeys(members, 0),\n',
        ),
    ),
    _bug(
        "an erasure without a second person",
        "tests/circle/test_erasing.py::test_consent_is_for_who_was_seen_and_by_another_person",
        (
            "shared/administration/erasures/handlers.py",
            "    if one.proposed_by == work.actor.id:\n",
            "    if one.proposed_by == work.actor.id and False:\n",
        ),
    ),
    _bug(
        "a device taken at its word too early",
        "tests/circle/test_erasing.py::test_a_device_has_forgotten_once_it_has_read_past_it",
        (
            "services/sync/devices/erasure.py",
            "s.pos BETWEEN e.pos AND f.pos",
            "s.pos <= f.pos",
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
        ("commands.py", "            if not kept:\n", "            if not kept and False:\n"),
    ),
    _bug(
        "a cluster fold without the row's lock (a mark leaves no trace)",
        f"{MARKETING}/test_standings.py::test_what_comes_while_a_customer_is_worked_out_is_not_lost "
        f"{PIPELINE}/test_tasks.py::test_a_change_that_commits_while_its_key_is_worked_out_is_not_lost",
        ("due.py", "excluded.history, version = d.version + 1,\n", "excluded.history,\n"),
    ),
    _bug(
        "two processes at one task",
        f"{PIPELINE}/test_tasks.py::test_one_process_at_a_time_works_on_a_task",
        (
            "tasks.py",
            'if not work.session.scalar(lock, {"name": f"due/{task.name}"}) or not caught_up(',
            "if not caught_up(",
        ),
    ),
    _bug(
        "a link that counts twice",
        f"{MARKETING}/test_standings.py::test_members_of_one_customer_have_one_value_as_long_as_they_are_one",
        (
            "services/marketing/segments/standings.py",
            "[one for m in sorted(of_it) for one in of[m]]",
            "[one for m in sorted(of_it) + sorted(set(of_it) - {cluster}) for one in of[m]]",
        ),
    ),
    _bug(
        "an opt-out not written to all members of those linked later",
        f"{SYNC}/test_identity.py::test_an_opt_out_reaches_all_members_when_linked_before_or_after",
        ("services/sync/identity/consent.py", "for mate in customer:\n", "for mate in customer[:1]:\n"),
    ),
    _bug(
        "an opt-out not written to all members where it's edited",
        f"{PIPELINE}/test_edits.py::test_an_opt_out_is_written_for_all_mates_and_may_be_taken_back_at_any_of_them",
        (
            "edits.py",
            "    for mate in mates:\n        repeat_consent(work, made_here,",
            "    for mate in mates[:1]:\n        repeat_consent(work, made_here,",
        ),
    ),
    _bug(
        "a derived fact published again on a rebuild",
        f"{MARKETING}/test_standings.py::test_a_rebuild_says_nothing_again",
        (
            "services/marketing/subscriptions.py",
            "derived=(profile, spending, purchase, stay),",
            "derived=(profile, spending, purchase, stay, published_value, published_stay),",
        ),
        (
            "services/marketing/subscriptions.py",
            "from services.marketing.segments.tables import stay\n",
            "from services.marketing.segments.tables import published_stay, published_value, stay\n",
        ),
    ),
    _bug(
        "a device answer not stored",
        f"{SYNC}/test_device_pushes.py::test_a_repetition_gets_the_first_answer_whatever_happened_since",
        (
            "services/sync/devices/handlers.py",
            "    work.session.execute(mutation.insert(), row)\n",
            "    _ = row\n",
        ),
        ("services/sync/devices/handlers.py", "number=next_number - 1, made=made, ", ""),
    ),
    _bug(
        "territory checked at pull only",
        f"{SYNC}/test_device_pushes.py::test_a_customer_that_moved_is_judged_by_where_it_is_at_the_push",
        (
            "services/sync/devices/handlers.py",
            "    if problem := check(work, of.rep, content.customer):\n        return problem\n",
            "",
        ),
    ),
    _bug(
        "two devices of one key taken for one that is late",
        f"{SYNC}/test_device_keys.py::test_a_copy_that_pulls_gets_nothing",
        ("services/sync/devices/rules.py", '        return "copied"\n', '        return "late"\n'),
    ),
    _bug(
        "checkpoint of a masked device worked out without the mask",
        f"{SYNC}/test_device_masks.py::test_every_page_of_a_pull_is_masked_and_the_checkpoint_is_of_all",
        (
            "services/sync/devices/reads.py",
            "    if shown.all:\n        return at.present",
            "    if True:\n        return at.present",
        ),
    ),
    _bug(
        "territory of a requested order not checked where it's placed",
        f"{SFA}/test_requests.py::test_a_request_that_can_t_become_an_order_is_refused_with_the_reason",
        ("services/sfa/requests/rules.py", "    if not at.in_territory:\n", "    if False:\n"),
    ),
)
