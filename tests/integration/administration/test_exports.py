"""Files of customers: what may be seen of whom, who took them, and no further than the right to it lasts."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from sqlalchemy.orm import Session

from deploy.local.layout import HOST, free_port
from services.sfa import wiring
from shared.administration.exports import handlers
from shared.administration.exports.reads import exports_of
from tests.builders import done
from tests.integration.sfa.force import Force
from tests.probe import until

ADMIN = ("administrator",)


def taker(force: Force, *fields: str, role: str = "taker", reach: str = "all") -> tuple[str, ...]:
    """A role that may export these fields."""
    grants = [{"action": f"customer.{what}", "reach": reach, "fields": list(fields)} for what in ("read", "export")]
    done(force.post("/roles", {"role": role, "grants": grants}, "adam", ADMIN))
    return (role,)


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def exports(force: Force) -> list[Any]:
    return force.rows("SELECT actor, format, rows, ended IS NOT NULL, complete FROM export ORDER BY at, id")


def test_all_that_may_be_seen_is_in_the_file_and_who_took_it_is_kept(force: Force) -> None:
    members = sorted(force.register(family_name=name, city="=Rome") for name in ("Lovelace", "Hopper", "Noether"))
    answer = force.get("/customers/export")
    rows = table(answer.text)
    assert answer.headers["content-disposition"] == 'attachment; filename="customers.csv"'
    assert [row["customer"] for row in rows] == members
    assert {row["family_name"] for row in rows} == {"Lovelace", "Hopper", "Noether"}
    assert {(row["city"], row["masked"]) for row in rows} == {("'=Rome", "")}
    assert exports(force) == [("mona", "csv", 3, True, True)]
    ((id,),) = force.rows("SELECT id::text FROM export")
    assert answer.headers["crm-export"] == id
    with Session(force.service.engine) as session:
        assert exports_of(session, [members[0]]) == {members[0]: {id}}
    entries = force.rows(
        "SELECT action, outcome, detail FROM audit_entry "
        "WHERE 'export/' || (SELECT id FROM export) = ANY (subjects) ORDER BY n"
    )
    assert [(action, outcome, d["changes"][0]["export"]) for action, outcome, d in entries] == [
        ("customer.export", "changed", "begun"),
        ("customer.export", "changed", "complete"),
    ]


def test_masked_fields_are_named_and_not_there(force: Force) -> None:
    force.register(family_name="Lovelace", phone="+1 555 010 0199")
    role = taker(force, "given_name", "phone")
    (row,) = table(force.get("/customers/export", "tom", role).text)
    assert (row["given_name"], row["family_name"], row["phone"], row["masked"]) == (
        "Ada",
        "",
        "'+15550100199",
        "family_name",
    )
    (line,) = force.get("/customers/export?format=ndjson", "tom", role).text.splitlines()
    told = json.loads(line)
    assert told["values"] == {"given_name": "Ada", "phone": "+15550100199"}
    assert told["masked"] == ["family_name"]


def test_only_who_is_within_reach_is_in_it(force: Force) -> None:
    near = force.market()
    force.register(given_name="Far")
    force.service.standing.refresh()
    role = taker(force, "*", reach="territory")
    assert [row["customer"] for row in table(force.get("/customers/export", "rita", role).text)] == [near]
    assert exports(force) == [("rita", "csv", 1, True, True)]
    assert force.rows("SELECT member::text FROM export_member") == [(near,)]


def test_without_the_right_there_is_nothing(force: Force) -> None:
    assert force.get("/customers/export", "rita", ("rep",)).status_code == 403
    assert force.get("/exports", "rita", ("rep",)).status_code == 403
    assert force.get("/customers/export?format=xls").status_code == 422
    assert exports(force) == []


def test_erased_people_are_in_no_file_and_stay_in_the_list_of_old_ones_by_id(force: Force) -> None:
    gone = force.register()
    force.get("/customers/export")
    with force.service.engine.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE customer_record SET registered = NULL, states = '{{}}' WHERE member = '{gone}'"
        )
    assert table(force.get("/customers/export").text) == []
    assert force.rows("SELECT member::text FROM export_member") == [(gone,)]


def test_exports_are_listed_one_s_own_or_all(force: Force) -> None:
    role = taker(force, "*")
    force.get("/customers/export", "tom", role)
    force.get("/customers/export", "mona")
    assert [one["actor"] for one in force.get("/exports", "tom", role).json()] == ["tom"]
    assert {one["actor"] for one in force.get("/exports", "mona").json()} == {"tom", "mona"}
    assert "complete" in force.page("/exports")


@contextmanager
def serving(force: Force) -> Iterator[str]:
    """The same service at an address of its own, as a process serves it."""
    port = free_port()
    app = wiring.app(force.settings, force.service)
    server = uvicorn.Server(uvicorn.Config(app, host=HOST, port=port, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    try:
        yield f"http://{HOST}:{port}"
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.mark.parametrize(
    ("format", "path", "body"),
    [("csv", "/roles/taker/withdraw", {}), ("ndjson", "/sessions/end", {"subject": "tom"})],
    ids=["role", "session"],
)
def test_a_right_that_is_withdrawn_in_the_middle_ends_the_answer(
    force: Force, format: str, path: str, body: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "PART", 2)
    for _ in range(6):
        force.register()
    role = taker(force, "*")
    begun, withdrawn = threading.Event(), threading.Event()
    first = handlers.part

    def slow(work: Any, id: str, after: str) -> Any:
        if after != handlers.FIRST:
            begun.set()
            assert withdrawn.wait(20)
        return first(work, id, after)

    monkeypatch.setattr(handlers, "part", slow)

    def withdraw() -> None:
        assert begun.wait(20)
        # The third part is asked for with what holds no more: what is under way as it goes is the second.
        done(force.post(path, body, "adam", ADMIN))
        withdrawn.set()

    other = threading.Thread(target=withdraw)
    other.start()
    with serving(force) as url:
        headers = {"authorization": f"Bearer {force.issuer.token('tom', *role)}"}
        with httpx.stream("GET", f"{url}/customers/export?format={format}", headers=headers, trust_env=False) as answer:
            assert answer.status_code == 200
            with pytest.raises(httpx.RemoteProtocolError):
                for _ in answer.iter_bytes():
                    pass
    other.join()
    assert exports(force) == [("tom", format, 4, True, False)]
    assert force.rows("SELECT count(*) FROM export_member") == [(4,)]
    ((actor, subject),) = force.rows("SELECT actor, subjects[1] FROM audit_entry WHERE outcome = 'refused'")
    assert (actor, subject[:7]) == ("tom", "export/")
