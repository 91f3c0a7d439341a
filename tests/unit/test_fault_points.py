"""Every commit, send and acknowledgement of the product goes through a named fault point, so that tests can break
it. Finds, in the syntax trees of shared/ and services/, one that doesn't.

An operation passes when it stands inside the arguments of ``faults.at``, or in a function that is only ever named
there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shared.edge.faults import POINTS

ROOT = Path(__file__).parents[2]

ALLOWED = {
    ("shared/pipeline/attempt.py", "_try", "commit"): "releases a savepoint; the batch commits in transact",
    ("shared/pipeline/worker.py", "_begin", "begin"): "no transaction: notes where the log ends, by transact",
    ("services/sync/devices/handlers.py", "_try", "commit"): "releases a savepoint; the push commits in transact",
    (
        "services/sync/devices/api.py",
        "pull",
        "transact",
    ): "notes how far a device has come, in an answer that changes nothing else; a repeat says the same",
    (
        "services/sync/devices/api.py",
        "offered",
        "transact",
    ): "notes that a device asked, in an answer that changes nothing else; a repeat says the same",
    ("shared/pipeline/migrate.py", "_upgrade", "begin"): "creates tables, before anything is on its way",
    ("shared/pipeline/sending.py", "close", "flush"): "after purge nothing is left to be acknowledged",
    (
        "services/sync/verification/compare.py",
        "_put_back",
        "transact",
    ): "a person's command, a repeat of which changes nothing; commits at consumer.commit",
    (
        "services/sync/verification/compare.py",
        "_hand_again",
        "transact",
    ): "the same",
    ("services/callcenter/streams/app.py", "_begin", "commit"): "offsets in Kafka, set anew at each start",
    (
        "services/callcenter/streams/intake.py",
        "take",
        "transact",
    ): "no command: commits at signal.commit",
    (
        "services/callcenter/streams/intake.py",
        "_session",
        "transact",
    ): "no command: commits at signal.commit",
    ("services/sync/notices/handlers.py", "notify", "post"): "a performer: runs at intent.perform",
    (
        "services/callcenter/imports/handlers.py",
        "_transact",
        "transact",
    ): "many transactions to one answer, a repeat of which changes nothing; each commits at transact.commit",
    (
        "shared/pipeline/service.py",
        "look",
        "commit",
    ): "notes a look before it is answered; what fails here isn't answered, and asked again is noted again",
    ("shared/pipeline/application.py", "refused", "commit"): "notes a refusal before it is answered, likewise",
    ("shared/pipeline/application.py", "end", "commit"): "ends a session, once more if it is told once more",
    (
        "services/callcenter/desk/pulse.py",
        "beat",
        "transact",
    ): "no command: notes who has a page open, and the next beat does so again",
    ("shared/pipeline/rights.py", "grant", "begin"): "grants rights, before anything is on its way",
    ("shared/edge/sign_in.py", "begin", "begin"): "no transaction: the beginning of signing in",
    (
        "shared/administration/erasures/log.py",
        "look",
        "begin",
    ): "notes what a topic still holds; a repeat reads it anew",
}
"""(file, function, operation) -> why it needs no point of its own."""

COMMITS = {"commit", "begin", "transaction"}
SENDS = {"produce"}
ACKNOWLEDGEMENTS = {"flush"}
REQUESTS = {"request", "get", "post", "put", "patch", "delete"}
NOTIFY = re.compile(r"\bpg_notify\b|^\s*NOTIFY\s+\w+\s*(,|;|$)")

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Module:
    """What one file does at fault points, and what it does beside them."""

    name: str
    points: set[str] = field(default_factory=set)
    unguarded: list[tuple[str, str, int]] = field(default_factory=list)
    """(function, operation, line)."""


def look_at(name: str, source: str) -> Module:
    """Read one file."""
    tree = ast.parse(source)
    inside = set(_within_fault_points(tree))
    only_inside = _named_only(tree, inside)
    module = Module(name, set(_points(tree)))
    sends_http = any(a.name == "httpx" for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names)
    for function, node in _with_function(tree, "", guarded=False, only_inside=only_inside):
        operation = _operation(node, name, sends_http=sends_http)
        if operation and node not in inside:
            module.unguarded.append((function, operation, node.lineno))
    return module


def _is_at(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in ("faults.at", "at")


def _is_live_send(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in ("live.send", "send")


def _within_fault_points(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (_is_at(node) or _is_live_send(node)):
            for argument in node.args:
                yield from ast.walk(argument)


def _named_only(tree: ast.AST, inside: set[ast.AST]) -> set[str]:
    """Functions of this file that are named inside of fault points and nowhere else."""
    named: dict[str, bool] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            called = node.id if isinstance(node, ast.Name) else node.attr
            named[called] = named.get(called, True) and node in inside
    return {called for called, only in named.items() if only}


def _with_function(
    node: ast.AST, function: str, *, guarded: bool, only_inside: set[str]
) -> Iterator[tuple[str, ast.expr]]:
    """Every expression that no guarded function has, with the function it stands in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FunctionNode):
            inner = guarded or child.name in only_inside
            yield from _with_function(child, child.name, guarded=inner, only_inside=only_inside)
            continue
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue  # a docstring
        if isinstance(child, ast.expr) and not guarded:
            yield function, child
        yield from _with_function(child, function, guarded=guarded, only_inside=only_inside)


def _operation(node: ast.expr, file: str, *, sends_http: bool) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and NOTIFY.search(node.value):
        return "notify"
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Name):
        return "server-sent event" if node.func.id == "ServerSentEvent" else ""
    if not isinstance(node.func, ast.Attribute):
        return ""
    called, owner = node.func.attr, ast.unparse(node.func.value)
    if called == "flush" and owner.endswith("session"):
        return ""  # SQLAlchemy's: writes inside the transaction
    if called in COMMITS | SENDS | ACKNOWLEDGEMENTS or (sends_http and called in REQUESTS and _is_client(owner)):
        return called
    if called == "transact" and file.startswith("services/"):
        return called  # a command is answered by Command.run
    return ""


def _is_client(owner: str) -> bool:
    return owner == "httpx" or "client" in owner.lower()


def _points(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            first = node.args[:1] if _is_at(node) else []
            named = [k.value for k in node.keywords if k.arg == "point"]
            yield from _texts([*first, *named])
        if isinstance(node, FunctionNode):
            pairs = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            yield from _texts(default for argument, default in pairs if argument.arg == "point" and default)


def _texts(nodes: Iterable[ast.expr]) -> Iterator[str]:
    return (n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str))


def product() -> list[Module]:
    files = sorted(p for folder in ("shared", "services") for p in (ROOT / folder).rglob("*.py"))
    assert len(files) > 50
    return [look_at(p.relative_to(ROOT).as_posix(), p.read_text(encoding="utf-8")) for p in files]


def test_nothing_is_committed_sent_or_acknowledged_beside_the_fault_points() -> None:
    found = {(m.name, function, op): line for m in product() for function, op, line in m.unguarded}
    missing = [f"{name}:{line} {op} in {function}" for (name, function, op), line in found.items()]
    allowed = [
        f"{name}:{found[name, function, op]} {op} in {function}" for name, function, op in ALLOWED.keys() & found
    ]
    assert sorted(set(missing) - set(allowed)) == []
    assert ALLOWED.keys() - found.keys() == set(), "no longer there"


def test_every_point_that_is_passed_exists_and_every_one_that_exists_is_passed() -> None:
    assert {point for m in product() for point in m.points} == set(POINTS)


PLANTED = {
    "session.commit()": "commit",
    "with Session(engine) as session, session.begin(): session.execute(insert)": "begin",
    "with connection.transaction(): connection.execute('DELETE FROM outbox')": "transaction",
    "producer.produce('topic', value=b'')": "produce",
    "producer.flush()": "flush",
    "connection.execute('NOTIFY committed')": "notify",
    "connection.execute('SELECT pg_notify(%s, %s)', ('committed', ''))": "notify",
    "httpx.post('https://example.org')": "post",
    "service.transact(actor, body)": "transact",
    "yield ServerSentEvent(event='changed')": "server-sent event",
}


@pytest.mark.parametrize(("statement", "operation"), PLANTED.items())
def test_a_planted_operation_is_found(statement: str, operation: str) -> None:
    planted = look_at("services/x/handlers.py", f"import httpx\ndef handle():\n    {statement}\n")
    assert [(function, op) for function, op, _ in planted.unguarded] == [("handle", operation)]


@pytest.mark.parametrize("statement", [s for s in PLANTED if not s.startswith(("with", "yield"))])
def test_the_same_inside_of_a_fault_point_passes(statement: str) -> None:
    for body in (
        f"faults.at('transact.commit', lambda: {statement})",
        f"faults.at('transact.commit', inner)\ndef inner():\n    {statement}",
    ):
        assert look_at("services/x/handlers.py", f"import httpx\n{body}\n").unguarded == []


def test_a_function_that_is_also_called_beside_a_fault_point_doesn_t_pass() -> None:
    source = "def inner():\n    session.commit()\nfaults.at('transact.commit', inner)\ninner()\n"
    assert look_at("shared/x.py", source).unguarded == [("inner", "commit", 2)]


def test_an_event_handed_to_live_send_passes() -> None:
    source = "def stream():\n    for event in send(ServerSentEvent(event='changed')):\n        yield event\n"
    assert look_at("services/x/pages.py", source).unguarded == []
