"""Devices show who they are by a key of their own; what is forged isn't let in, what is copied is noticed."""

from __future__ import annotations

import json
import shutil
from base64 import urlsafe_b64encode
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OctKey, OKPKey
from sqlalchemy import text

from services.sync.devices import enrolment
from services.sync.devices.client import OutOfStep
from services.sync.devices.signatures import Said
from shared.access.actions import Action, Reach
from shared.access.grants import Grant
from shared.edge.actor import Actor
from shared.edge.errors import Unauthenticated
from tests.integration.sync.field import Carried, Field, met, same, unknown

PUSHED = json.dumps({"sent": "2026-03-02T12:00:00Z", "mutations": [{"number": 1}]}).encode()

PROBLEM = {"type", "title", "status", "detail", "trace_id"}


def key_of(carried: Carried) -> OKPKey:
    [(key,)] = carried.device._db.execute("SELECT key FROM credential")
    return OKPKey.import_key(json.loads(key))


def said(carried: Carried, what: str, content: bytes = b"", **changes: Any) -> dict[str, Any]:
    """What the device would sign."""
    [(turn,)] = carried.device._db.execute("SELECT turn FROM credential")
    path, method = f"/devices/{carried.device.id}/{what}", "POST" if content else "GET"
    usual = {"device": carried.device.id, "method": method, "path": path, "body": sha256(content).hexdigest()}
    return {**usual, "turn": turn, "request": str(uuid4()), **changes}


def signed(payload: object, key: Any, algorithm: str = "Ed25519", kind: str = "crm-device") -> dict[str, str]:
    text = payload if isinstance(payload, str) else json.dumps(payload)
    signature = jws.serialize_compact({"alg": algorithm, "typ": kind}, text, key, algorithms=[algorithm])
    return {"authorization": f"CRM-Device {signature}", "content-type": "application/json"}


def unsigned(payload: object) -> dict[str, str]:
    _, body, _ = signed(payload, OKPKey.generate_key("Ed25519"))["authorization"].split(".")
    head = urlsafe_b64encode(b'{"alg":"none","typ":"crm-device"}').rstrip(b"=").decode()
    return {"authorization": f"CRM-Device {head}.{body}."}


def accused(field: Field) -> bool:
    return "copied" in field.column("SELECT reason FROM device")


def copy_of(field: Field, carried: Carried, at: Path) -> Carried:
    """Another device of the same file."""
    [(_, _, name)] = carried.device._db.execute("PRAGMA database_list")
    shutil.copy(name, at)
    return field.held(at, carried.clock)


@pytest.fixture
def stored(field: Field, tmp_path: Path) -> Carried:
    """Rita's, in a file."""
    field.territory("north", "rita")
    one = field.held(tmp_path / "rita.sqlite")
    one.device.enrol("tablet", field.token("rita"))
    field.settle()
    return one


# What isn't signed by the device, for this very request, isn't let in.


def test_nothing_else_than_the_device_s_own_signature_is_let_in(field: Field, rita: Carried) -> None:
    sara = field.carried("sara")
    right, own = said(rita, "pull"), key_of(rita)
    public = own.as_dict(private=False)["x"]
    other = OKPKey.generate_key("Ed25519")
    refused: list[dict[str, str]] = [
        {},
        field.headers("rita", "rep"),
        {"authorization": "CRM-Device"},
        {"authorization": "CRM-Device a.b.c"},
        signed(right, other),
        signed(right, key_of(sara)),
        signed(right, OctKey.import_key(str(public)), "HS256"),
        unsigned(right),
        signed(right, own, kind="JWT"),
        signed("[]", own),
        signed({**right, "more": 1}, own),
        signed({**right, "turn": "1"}, own),
        signed({**right, "turn": -1}, own),
        signed({**right, "request": "again"}, own),
        signed(said(rita, "pull", device=sara.device.id), own),
        signed(said(rita, "pull", method="POST"), own),
        signed(said(rita, "push"), own),
        signed(said(rita, "pull?after=1"), own),
        signed(said(rita, "pull", body="0" * 64), own),
    ]
    for headers in refused:
        answer = field.app.get(f"/devices/{rita.device.id}/pull", headers=headers)
        assert (answer.status_code, set(answer.json())) == (401, PROBLEM), headers
    for device in (unknown(), "none", sara.device.id):
        assert field.app.get(f"/devices/{device}/pull", headers=signed(right, own)).status_code == 401
    # None of it has used the turn, or accused anybody.
    assert field.app.get(f"/devices/{rita.device.id}/pull", headers=signed(right, own)).status_code == 200
    assert not accused(field)


def test_what_was_signed_is_that_very_request(field: Field, rita: Carried) -> None:
    member = met(field)
    rita.device.note(member, "mine")
    rita.way.lose = ["request"]
    with pytest.raises(httpx.ConnectError):
        rita.device.push()
    headers = signed(said(rita, "push", PUSHED), key_of(rita))
    url = f"/devices/{rita.device.id}/push"
    changed = PUSHED.replace(b'"number": 1', b'"number": 2')
    assert field.app.post(url, content=changed, headers=headers).status_code == 401
    assert field.app.post(f"{url}?more=1", content=PUSHED, headers=headers).status_code == 401
    assert field.app.post(f"/devices/{rita.device.id}/renew", content=PUSHED, headers=headers).status_code == 401
    assert field.app.get(f"/devices/{rita.device.id}/pull", headers=headers).status_code == 401
    assert field.app.put(url, content=PUSHED, headers=headers).status_code == 405
    assert field.column("SELECT number FROM mutation") == []
    assert field.app.post(url, content=PUSHED, headers=headers).status_code == 200


def test_a_path_and_a_query_are_signed_as_they_are_sent(rita: Carried) -> None:
    answer = rita.device._ask("GET", "pull?scope=device%2F" + rita.device.id + "&epoch=%C3%A9+~")
    assert answer["checkpoint"]["count"] == 0


def test_a_device_s_key_opens_nothing_else(field: Field, rita: Carried) -> None:
    for path in ("/devices", "/quarantine", "/customers"):
        headers = signed(said(rita, "pull", path=path), key_of(rita))
        assert field.app.get(path, headers=headers).status_code in (401, 404, 405)


def test_a_private_key_is_not_taken(field: Field) -> None:
    key = OKPKey.generate_key("Ed25519").as_dict(private=True)
    for bad in (key, {**key, "d": ""}, {"kty": "OKP", "crv": "X25519", "x": key["x"]}, {}):
        answer = field.ask("POST", "/devices", "rita", "rep", {"name": "tablet", "key": bad})
        assert answer.status_code == 422
    assert field.column("SELECT id FROM device") == []


# Turns.


@pytest.mark.parametrize("lost", [["request"], ["answer"], ["answer", "answer"], ["request", "answer", "answer"]])
def test_whatever_is_lost_a_lone_device_goes_on(field: Field, rita: Carried, lost: list[str]) -> None:
    member = met(field)
    for number in range(3):
        rita.device.note(member, f"note {number}")
        rita.way.lose = list(lost)
        for _ in lost:
            with pytest.raises(httpx.TransportError):
                rita.device.synchronize()
    rita.device.synchronize()
    field.settle()
    assert len(field.published("note.added")) == 3
    assert not accused(field)


def test_what_the_network_repeats_late_is_neither_done_nor_held_against_anybody(field: Field, rita: Carried) -> None:
    rita.device.pull()
    old = rita.way.last
    assert old is not None
    assert rita.way.send(old).status_code == 200
    rita.device.pull()
    assert rita.way.send(old).status_code == 409
    rita.device.pull()
    assert not accused(field)


def test_two_processes_on_one_device_are_one_device(field: Field, stored: Carried, tmp_path: Path) -> None:
    """Both read what the file says, whatever comes in between."""
    second = field.held(tmp_path / "rita.sqlite")
    for _ in range(3):
        stored.way.before = [second.device.pull]
        with suppress(httpx.HTTPStatusError):
            stored.device.pull()
        second.device.pull()
    stored.device.pull()
    assert not accused(field)


def test_turns_that_were_used_long_ago_are_forgotten(
    field: Field, rita: Carried, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.sync.devices.rules.KEPT_TURNS", 3)
    for _ in range(4):
        rita.device.pull()
    assert len(field.column("SELECT turn FROM device_turn")) == 3


# Two with one identity.


def test_a_copied_device_is_noticed_and_both_are_set_aside(field: Field, stored: Carried, tmp_path: Path) -> None:
    member = met(field)
    stored.device.synchronize()
    copy = copy_of(field, stored, tmp_path / "copy.sqlite")
    stored.device.pull()
    copy.device.note(member, "of the copy")
    copy.device.push()
    assert accused(field)
    assert copy.device.state(1) == "quarantined"
    # The other's number is used up: it keeps what it has until it is renewed.
    stored.device.note(member, "of the right one")
    with pytest.raises(OutOfStep):
        stored.device.push()
    assert len(stored.device.pending()) == 1
    for one in (stored, copy):
        with pytest.raises(httpx.HTTPStatusError, match="403"):
            one.device.pull()
    field.settle()
    assert [one["reason"] for one in field.published("device.revoked")] == ["copied"]
    assert field.published("note.added") == []
    [shown] = field.operate("GET", "/devices")
    assert shown["reason"] == "copied"
    page = field.app.get("/devices", headers={**field.headers("olga", "operator"), "accept": "text/html"}).text
    assert "There are two of tablet (rita)" in page
    audited = "SELECT origin FROM audit_entry WHERE subjects @> ARRAY[:device] AND detail::text LIKE '%device.revoked%'"
    assert field.column(audited, device=f"device/{stored.device.id}") == [f"device/{stored.device.id}"]


def test_a_copy_that_pulls_gets_nothing(field: Field, stored: Carried, tmp_path: Path) -> None:
    met(field)
    stored.device.synchronize()
    copy = copy_of(field, stored, tmp_path / "copy.sqlite")
    stored.device.pull()
    with pytest.raises(httpx.HTTPStatusError, match="403"):
        copy.device.pull()
    assert accused(field)


STEPS = st.lists(st.tuples(st.booleans(), st.sampled_from(["", "", "request", "answer"])), max_size=8)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS, STEPS, st.booleans())
def test_two_that_both_get_through_are_noticed_and_one_alone_never_is(
    field: Field, tmp_path: Path, alone: list[tuple[bool, str]], together: list[tuple[bool, str]], pending: bool
) -> None:
    field.empty()
    names = [tmp_path / f"{uuid4()}.sqlite" for _ in range(2)]
    first = field.held(names[0])
    first.device.enrol("tablet", field.token("rita"))

    def turn(of: Carried, lost: str) -> bool:
        of.way.lose = [lost]
        with suppress(httpx.TransportError, httpx.HTTPStatusError):
            of.device._ask("GET", "pull")
            return True
        return False

    for _, lost in alone:
        turn(first, lost)
    if pending:
        turn(first, "request")
    elif alone:
        turn(first, "")
    assert not accused(field)
    second = copy_of(field, first, names[1])
    came = {True: False, False: False}
    rest = [(True, ""), (False, ""), (True, ""), (False, "")]
    for which, lost in [*together, *rest]:
        came[which] |= turn(first if which else second, lost)
        if accused(field):
            break
    assert accused(field) or not all(came.values())
    # One of them had to be held up from the beginning: it never got an answer.
    assert accused(field) or pending


# What was put back to an earlier state.


def backed_up(field: Field) -> dict[str, list[Any]]:
    return {name: field.column(f"SELECT to_jsonb(t) FROM {name} t") for name in ("device", "device_turn", "mutation")}


def put_back(field: Field, backup: dict[str, list[Any]]) -> None:
    """As after a restore of the server's database."""
    with field.service.engine.begin() as connection:
        for name, rows in backup.items():
            connection.execute(text(f"TRUNCATE {name}"))
            fill = text(
                f"INSERT INTO {name} SELECT * FROM jsonb_populate_recordset(NULL::{name}, CAST(:rows AS jsonb))"
            )
            connection.execute(fill, {"rows": json.dumps(rows)})


@pytest.mark.parametrize("behind", [0, 1, 2, 5])
def test_after_a_restore_of_the_server_nobody_is_accused(field: Field, rita: Carried, behind: int) -> None:
    member = met(field)
    rita.device.synchronize()
    backup = backed_up(field)
    for _ in range(behind):
        rita.device._ask("GET", "pull")
    put_back(field, backup)
    rita.device.note(member, "kept")
    if behind:
        with pytest.raises(httpx.HTTPStatusError, match="401") as refused:
            rita.device.synchronize()
        assert "renew" in refused.value.response.json()["detail"]
        rita.device.renew(field.token("rita"))
    rita.device.synchronize()
    field.settle()
    assert not accused(field)
    assert len(field.published("note.added")) == 1


def test_after_a_restore_with_an_answer_lost_nobody_is_accused(field: Field, rita: Carried) -> None:
    backup = backed_up(field)
    rita.way.lose = ["answer"]
    with pytest.raises(httpx.ReadError):
        rita.device.pull()
    put_back(field, backup)
    rita.device.pull()
    assert not accused(field)


def test_after_a_restore_a_device_goes_on_behind_what_it_was_answered(field: Field, rita: Carried) -> None:
    member = met(field)
    rita.device.synchronize()
    backup = backed_up(field)
    for words in ("one", "two"):
        rita.device.note(member, words)
        rita.device.synchronize()
        field.settle()
        rita.device.pull()
    assert rita.device.pending() == []
    put_back(field, backup)
    rita.device.note(member, "three")
    with pytest.raises(httpx.HTTPStatusError, match="401"):
        rita.device.synchronize()
    rita.device.renew(field.token("rita"))
    rita.device.synchronize()
    field.settle()
    rita.device.pull()
    assert rita.device.pending() == []
    assert field.column("SELECT number FROM mutation ORDER BY number") == [3]
    assert not accused(field)
    same(field, rita)


def test_a_device_put_back_from_its_own_backup_goes_on_once_it_is_renewed(
    field: Field, stored: Carried, tmp_path: Path
) -> None:
    member = met(field)
    stored.device.synchronize()
    restored = copy_of(field, stored, tmp_path / "backup.sqlite")
    for words in ("one", "two"):
        stored.device.note(member, words)
    stored.device.push()
    restored.device.note(member, "three")
    with pytest.raises(OutOfStep):
        restored.device.push()
    assert accused(field)
    with pytest.raises(httpx.HTTPStatusError, match="403"):
        restored.device.renew(field.token("rita"))
    field.operate("POST", f"/devices/{restored.device.id}/readmit")
    assert field.operate("GET", "/devices")[0]["readmitted"] is True
    # Until then it stays out.
    with pytest.raises(httpx.HTTPStatusError, match="403"):
        stored.device.pull()
    restored.device.renew(field.token("rita"))
    restored.device.note(member, "four")
    restored.device.synchronize()
    field.settle()
    restored.device.pull()
    assert sorted(one["text"] for one in restored.device.customer(member)["notes"]) == ["four", "one", "three", "two"]  # type: ignore[index]
    assert restored.device.pending() == []
    assert field.column("SELECT number FROM mutation ORDER BY number") == [1, 2, 3, 4]
    # The other has the key that is known no longer, and can't disturb it.
    with pytest.raises(httpx.HTTPStatusError, match="401"):
        stored.device.pull()
    restored.device.synchronize()
    same(field, restored)
    assert field.operate("GET", "/devices")[0]["revoked"] is None


# Renewal.


def test_a_renewal_gives_another_key_and_the_rep_s_roles_of_now(field: Field, rita: Carried) -> None:
    member = met(field)
    rita.device.note(member, "before")
    rita.device.synchronize()
    old = said(rita, "pull"), key_of(rita)
    field.define_role("walker", *(Grant(a, Reach.TERRITORY) for a in (Action.DEVICE_PULL, Action.DEVICE_PUSH)))
    field.define_role("holder", Grant(Action.DEVICE_ENROL))
    rita.device.renew(field.issuer.token("rita", "walker", "holder"))
    assert field.column("SELECT roles FROM device") == [["holder", "walker"]]
    assert field.app.get(f"/devices/{rita.device.id}/pull", headers=signed(*old)).status_code == 401
    rita.device.note(member, "after")
    rita.device.synchronize()
    assert field.column("SELECT number FROM mutation ORDER BY number") == [1, 2]
    # What a role means is looked up at each request.
    field.define_role("walker")
    with pytest.raises(httpx.HTTPStatusError, match="403"):
        rita.device.pull()


def test_who_is_renewed_while_a_request_is_on_its_way_has_to_ask_again(field: Field, rita: Carried) -> None:
    right, old = said(rita, "pull"), Actor("rita", roles=frozenset({"rep"}))
    [before] = field.column("SELECT key FROM device")
    rita.device.renew(field.token("rita"))
    [turn] = field.column("SELECT turn FROM device")
    signed_before = enrolment.Signed(old, before, Said(**{**right, "turn": turn}))
    with pytest.raises(Unauthenticated):
        field.service.transact(old, lambda work: enrolment.meet(work, signed_before))


@pytest.mark.parametrize("lost", ["request", "answer"])
def test_a_renewal_whose_answer_was_lost_is_done_again(field: Field, rita: Carried, lost: str) -> None:
    rita.way.lose = [lost]
    with pytest.raises(httpx.TransportError):
        rita.device.renew(field.token("rita"))
    with pytest.raises(OutOfStep, match="renew"):
        rita.device.pull()
    rita.device.renew(field.token("rita"))
    rita.device.pull()
    assert not accused(field)


@pytest.mark.parametrize("lost", ["request", "answer"])
def test_an_enrolment_whose_answer_was_lost_is_done_again(field: Field, lost: str) -> None:
    one = field.held(":memory:")
    one.way.lose = [lost]
    with pytest.raises(httpx.TransportError):
        one.device.enrol("tablet", field.token("rita"))
    one.device.enrol("tablet", field.token("rita"))
    one.device.pull()
    assert len(field.column("SELECT id FROM device")) == 1


def test_a_device_of_before_there_were_keys_is_renewed(field: Field, rita: Carried) -> None:
    with field.service.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE device SET key = NULL, turn = 0, roles = '{}'")
    with pytest.raises(httpx.HTTPStatusError, match="401"):
        rita.device.pull()
    rita.device.renew(field.token("rita"))
    rita.device.pull()


# What ends it.


def test_a_revocation_holds_for_the_next_request_even_of_a_pull_that_goes_on(field: Field, rita: Carried) -> None:
    for _ in range(3):
        met(field)
    first = rita.device._ask("GET", "pull?scope=territory/north&limit=1")
    assert (len(first["rows"]), first["checkpoint"]) == (1, None)
    field.operate("POST", f"/devices/{rita.device.id}/revoke", {"reason": "lost"})
    with pytest.raises(httpx.HTTPStatusError, match="403"):
        rita.device._ask("GET", f"pull?scope=territory/north&limit=1&after=1&epoch={first['epoch']}")
    with pytest.raises(httpx.HTTPStatusError, match="403"):
        rita.device.renew(field.token("rita"))


def test_a_readmitted_device_needs_another_key(field: Field, rita: Carried) -> None:
    key = key_of(rita).as_dict(private=False)
    url = f"/devices/{rita.device.id}"
    assert field.ask("POST", f"{url}/readmit", "olga", "operator").status_code == 409
    field.operate("POST", f"{url}/revoke", {"reason": "lost"})
    field.operate("POST", f"{url}/readmit")
    assert field.ask("POST", f"{url}/renew", "rita", "rep", {"key": key}).status_code == 409
    rita.device.renew(field.token("rita"))
    rita.device.pull()


def test_who_ends_all_sessions_of_a_rep_ends_the_devices_too(field: Field, rita: Carried) -> None:
    field.clock.forward(hours=1)
    ended = f"INSERT INTO ended_session (id, subject, at) VALUES ('{unknown()}', 'rita', '{field.clock().isoformat()}')"
    with field.service.engine.begin() as connection:
        connection.exec_driver_sql(ended)
    with pytest.raises(httpx.HTTPStatusError, match="401"):
        rita.device.pull()
    field.clock.forward(hours=1)
    with field.service.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE device SET renewed = %s", (field.clock(),))
    rita.device.pull()
